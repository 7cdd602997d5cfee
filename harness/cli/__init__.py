"""The command `fedrack`: one file per command; one `main` turns an error into its words and an exit code."""

from __future__ import annotations

import signal
import sys

import click
from rich.console import Console

from harness import __version__
from harness.cli.bench import bench
from harness.cli.boards import boards
from harness.cli.overhead import overhead
from harness.cli.plan import plan
from harness.cli.report import report
from harness.errors import FedRackError


@click.group()
@click.version_option(__version__, prog_name="fedrack")
def commands() -> None:
    """Measure which memory-efficient federated-learning method fits which board."""


for command in (bench, boards, overhead, plan, report):
    commands.add_command(command)


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
