"""Each file under cases/ is a case. A bad one ends with the mistakes it must be refused for, one `# mistake:` a line;
a good inventory has a .json beside it with what must come out (of each board only the fields of interest)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.load import load_inventory, load_study

CASES = Path(__file__).parent / "cases"
LOADERS = {"inventory": load_inventory, "study": load_study}


def case_files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(CASES)) for path in CASES.glob(pattern) if "good_" not in path.name)


@pytest.mark.parametrize("case", [*case_files("*/*.yaml"), *case_files("*/*.ini")])
def test_every_mistake_is_listed_at_once(case: str) -> None:
    path = CASES / case
    expected = re.findall(r"^# mistake: (.*)$", path.read_text(), flags=re.MULTILINE)
    assert expected
    with pytest.raises(BadInput) as caught:
        LOADERS[path.parent.name](path)
    found = [re.sub(r"known: .*", "known: ...", str(problem)) for problem in caught.value.problems]
    assert found == expected


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("inventory/good_*.yaml")))
def test_good_inventory(case: str) -> None:
    expected = json.loads((CASES / "inventory" / f"{case}.json").read_text())
    inventory = load_inventory(CASES / "inventory" / f"{case}.yaml")
    assert {name: list(boards) for name, boards in inventory.groups.items()} == expected["groups"]
    boards = {board.name: board for board in inventory.boards}
    for name, fields in expected["boards"].items():
        got = {field: plain(getattr(boards[name], field)) for field in fields}
        assert got == fields, name


def plain(value: object) -> object:
    """As JSON would have it."""
    return json.loads(json.dumps(value, default=asdict))
