"""Nothing secret in anything that is written down: the whole way, on real boards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.boards import boards
from harness.cli.doctor import doctor
from harness.cli.provision import provision_command
from harness.load import load_inventory

VIRTUAL = str(Path(__file__).parents[2] / "inventories" / "virtual.yaml")
REPOSITORY = Path(__file__).parents[2]
# What a secret looks like: private keys, passwords in Ansible's keys or in addresses, tokens of forges and clouds.
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|ansible_(?:ssh_|sudo_|become_)?pass(?:word)?\s*[=:]\s*\S"
    r"|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bAKIA[0-9A-Z]{16}\b"
)


def leaks(folder: Path, *but: str) -> list[str]:
    """Files below with something secret in them; the rack's own keys, which stand for the boards' disks, left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return [str(path) for path in files if SECRETS.search(path.read_bytes().decode(errors="replace"))]


@pytest.mark.parametrize(
    "text", ["-----BEGIN OPENSSH PRIVATE KEY-----", "ansible_become_password: hunter2", "https://me:token@host/simple"]
)
def test_the_scanner_finds_what_it_should(tmp_path: Path, text: str) -> None:
    (tmp_path / "artefact.json").write_text(json.dumps({"evidence": text}))
    assert leaks(tmp_path) == [str(tmp_path / "artefact.json")]


def test_no_command_writes_a_secret(tmp_path: Path) -> None:
    options = ["--inventory", VIRTUAL, "--devices", "nano-01", "--results", str(tmp_path)]
    commands = ((provision_command, "--json"), (provision_command, "--sudoers"), (doctor, "--json"), (boards, "--live"))
    said = "".join(CliRunner().invoke(command, [*options, how]).output for command, how in commands)
    assert "nano-01" in said and not SECRETS.search(said)
    assert leaks(tmp_path, "login_key", "host_key") == []
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*_key")} == {0}


def test_what_is_shipped_holds_none() -> None:
    for folder in ("device_images", "inventories", "harness", "docs"):
        assert leaks(REPOSITORY / folder) == []


def test_passwords_have_no_place_in_an_inventory(tmp_path: Path) -> None:
    """A password is no key of ours: what holds one is Ansible's alone, and never reaches a board's description."""
    (tmp_path / "rack.yaml").write_text(
        "all: {hosts: {a: {board_class: phone, server_address: 192.0.2.1, ansible_become_password: hunter2}}}\n"
    )
    assert "hunter2" not in repr(load_inventory(tmp_path / "rack.yaml"))
