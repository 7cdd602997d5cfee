"""The command `fedrack`: one file per command; one `main` turns an error into its words and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys

import click
from rich.console import Console

from harness import __version__
from harness.errors import FedRackError

# A command's module is loaded when the command is asked for: `bench` and `overhead` take seconds of pandas and scipy,
# which `doctor` would have to wait for.
COMMANDS = {
    "bench": "harness.cli.bench:bench",
    "boards": "harness.cli.boards:boards",
    "compare": "harness.cli.compare:compare",
    "doctor": "harness.cli.doctor:doctor",
    "export": "harness.cli.export:export",
    "fit": "harness.cli.fit:fit",
    "lab": "harness.cli.lab:lab",
    "nightly": "harness.cli.nightly:nightly",
    "overhead": "harness.cli.overhead:overhead",
    "plan": "harness.cli.plan:plan",
    "provision": "harness.cli.provision:provision_command",
    "report": "harness.cli.report:report",
    "serve": "harness.cli.serve:serve",
    "simulate": "harness.cli.simulate:simulate",
    "trust": "harness.cli.trust:trust",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="fedrack")
def commands() -> None:
    """Measure which memory-efficient federated-learning method fits which board."""


def main() -> None:
    """Entry point."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # a closed terminal and a job's end clean up like Ctrl-C
    try:
        sys.exit(commands.main(standalone_mode=False))
    except FedRackError as error:
        _print_error(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _print_error(error: FedRackError) -> None:
    console = Console(stderr=True)
    console.print(error.message, style="red", markup=False, highlight=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  {error.remedy}", markup=False, highlight=False, soft_wrap=True)
