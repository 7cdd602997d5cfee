"""A worker's end is known where its board could not keep a file of it: the agent says it on the line, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.outcome import judge
from harness.store import read_mapping
from harness.verdict import keep_exit

SAID = {"event": "exit", "returncode": 12, "signal": None, "oom_kills": 0, "budget_bytes": 1 << 28}


@pytest.mark.parametrize("left", [None, "", '{"returncode": 1', "[]", "\xff"])
def test_what_was_said_stands_in_for_what_was_not_written(tmp_path: Path, left: str | None) -> None:
    file = tmp_path / "exit.json"
    if left is not None:
        file.write_text(left, encoding="latin-1")
    assert read_mapping(file) is None
    keep_exit(file, None)
    assert read_mapping(file) is None, "nothing was said, nothing is made up"
    keep_exit(file, SAID)
    assert judge(read_mapping(file), []).name == "out_of_memory"


def test_what_the_board_kept_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "exit.json"
    kept: dict[str, Any] = {"returncode": 0}
    file.write_text(json.dumps(kept))
    keep_exit(file, SAID)
    assert read_mapping(file) == kept
