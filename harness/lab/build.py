"""From an inventory to a lab that stands, with the inventory for the other commands; or to nothing."""

from __future__ import annotations

from pathlib import Path

from harness.emulated.debian import debian
from harness.emulated.needs import require_translator
from harness.fault_kinds import FaultKind
from harness.lab import faults, lab, needs
from harness.lab.plan import Lab
from harness.lab.written import write_inventory
from harness.load import load_inventory


def build(name: str, source: Path, inventory: Path, jtop_python: str | None = None) -> Lab:
    """The lab `name` of the boards for a lab in `source`, and the file `inventory` about it.

    Raises `FedRackError`; what was made until then is removed again.
    """
    specs = load_inventory(source).boards
    made = lab.plan(name, inventory, specs, jtop_python)
    machine = needs.require()
    if any(board.emulated_cpu for board in made.boards):
        require_translator()
        debian()
    lab.claim(made)
    try:
        lab.up(made, machine)
        write_inventory(made, source)
        wanted = {spec.name: spec.faults for spec in specs}
        for board in made.boards:
            for kind in wanted[board.name]:
                faults.begin(board, FaultKind(kind), machine)
    except BaseException:
        lab.down(name)
        raise
    return made
