"""`fedrack trust`: look at a board's host key, and pin it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from harness.cli.paths import INVENTORY
from harness.connect.trust import fingerprint_of, pin, pins_file
from harness.errors import HostKeyRefused
from harness.inventory import BoardSpec
from harness.load import load_inventory


@click.command()
@INVENTORY
@click.argument("devices")
@click.option("--fingerprint", help="SHA256:... as the board's own console shows it; then nothing is asked.")
def trust(inventory: Path, devices: str, fingerprint: str | None) -> None:
    """Show the host keys of DEVICES, and pin each that you say is right.

    On the board's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    console = Console()
    for spec in load_inventory(inventory).select(devices):
        if spec.connection != "ssh" or spec.virtual == "embedded":
            _print(console, f"{spec.name}: has no host key of its own")
        elif spec.host_key is not None:
            _print(console, f"{spec.name}: pinned in the inventory")
        else:
            _trust(console, spec, fingerprint)


def _trust(console: Console, spec: BoardSpec, expected: str | None) -> None:
    key, found = fingerprint_of(spec)
    _print(console, f"{spec.name} ({spec.where}) offers {key.get_name()} {found}")
    if expected is not None and expected != found:
        remedy = "another machine answers there, or the fingerprint is another board's"
        raise HostKeyRefused(spec.name, f"it offers {found}, not {expected}", remedy=remedy)
    if expected is None and not click.confirm("  Is that what the board's own console shows?", default=False):
        _print(console, "  not pinned")
        return
    news = "pinned in" if pin(spec, key) else "was pinned in"
    _print(console, f"  {news} {pins_file(spec)}")


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
