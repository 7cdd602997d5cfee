"""What a cell's own files tell of its circumstances, whole or damaged."""

from __future__ import annotations

import json
from pathlib import Path

from harness.told import told

START = {"event": "start", "torch": "1.10.0", "torch_build": "0123", "python": "3.6.9"}
SAMPLES = [{"t_s": 1.0, "sensors": {"throttle/pi/under_voltage": value}} for value in (0, 1, 0)]
EXIT = {"sidecars_absent": {"jtop": "no module jtop"}, "faults": [{"source": "nvml", "what": "ended with code 1"}]}


def write(folder: Path, name: str, *records: object) -> None:
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))


def test_whole_files(tmp_path: Path) -> None:
    write(tmp_path, "events.jsonl", START, {"event": "end"})
    write(tmp_path, "samples.jsonl", {"sensors_about": {}}, *SAMPLES)
    write(tmp_path, "exit.json", EXIT)
    found = told(tmp_path)
    assert (found.torch.value, found.python.value) == ("1.10.0 0123", "3.6.9")
    assert found.raised == ("under_voltage",)
    assert found.silent == {"jtop": "absent", "nvml": "failed"}


def test_damaged_lines_tell_nothing_and_end_nothing(tmp_path: Path) -> None:
    write(tmp_path, "events.jsonl", {"t_s": 1.0}, {"event": "start", "torch": "1.10.0"})
    write(tmp_path, "samples.jsonl", {"t_s": 1.0, "sensors": {"throttle/pi/under_voltage": None}}, {"sensors": 7}, 3)
    (tmp_path / "exit.json").write_text('{"faults": [')
    found = told(tmp_path)
    assert found.torch.fault and found.python.fault
    assert (found.raised, found.silent) == (None, {})


def test_no_files_at_all(tmp_path: Path) -> None:
    assert told(tmp_path).torch.fault and told(tmp_path).raised is None
