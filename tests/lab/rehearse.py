"""`python rehearse.py INVENTORY RESULTS PHASE FAULTS TIMEOUT_S`: one cell on a lab, with faults that begin in PHASE.

FAULTS is {board: kind} as JSON; the boards named get theirs at once, when the phase begins. Answers the cell's verdict,
and what its raw files say of sensors, as JSON. It is `fedrack bench` without the report, with a hand on the lab.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from harness.bench import waking
from harness.datasets import find
from harness.fault_kinds import FaultKind
from harness.lab import faults, needs
from harness.lab.plan import read_plan
from harness.launch import run_cell
from harness.load import load_inventory, load_study
from harness.payload import code_payload, data_payload
from harness.rack import Said
from harness.store import RunFolder, read_json, read_lines

STUDY = """
format: 1
title: A rehearsal
cells:
  - group: rehearsal
    methods: [fedavg]
    model: cnn
    dataset: digits
    batch: 16
    rounds: {rounds}
    batches_per_round: 2
    timeout_s: {timeout_s}
"""

# After round 1 enough of the cell must be left for a fault to show.
ROUNDS = {"provision": 1, "round": 6, "collect": 1}


def main() -> None:
    inventory, results, phase, wanted, timeout_s = sys.argv[1:]
    boards = load_inventory(inventory).boards
    study = Path(results) / "study.yaml"
    study.parent.mkdir(parents=True)
    study.write_text(STUDY.format(timeout_s=timeout_s, rounds=ROUNDS[phase]))
    (cell,) = load_study(study).cells(tuple(board.name for board in boards))
    files = find(cell.dataset)
    code, data = code_payload(), data_payload(cell.dataset, files.files)
    folder = RunFolder.new(Path(results), "rehearsal")
    begun_s = time.monotonic()

    def begin() -> None:
        lab = read_plan(boards[0].lab or "")
        assert lab is not None
        for name, kind in json.loads(wanted).items():
            faults.begin(lab.board(name), FaultKind(kind), needs.require())

    def follow(said: Said) -> None:
        if phase == "round" and said.event["event"] == "round" and said.event["round"] == 1:
            begin()
        if phase == "collect" and said.event["event"] == "done":
            begin()

    with waking(boards, Path(results)) as rack:
        if phase == "provision":
            begin()
        rack.prepare(folder.run_id, [code, data], lambda board: None)
        verdict = run_cell(cell, rack, folder, code, files, data, follow)
    raw = folder.cell(cell.cell_id) / "raw"
    print(json.dumps({
        "took_s": round(time.monotonic() - begun_s, 1),
        "state": verdict["state"],
        "boards": {name: {**board, **_sensed(raw / name)} for name, board in verdict["boards"].items()},
    }))  # fmt: skip


def _sensed(raw: Path) -> dict[str, Any]:
    """What the samples hold: the last of each sensor, which sources failed, and the largest gap of the clock."""
    last: dict[str, Any] = {}
    for sample in read_lines(raw / "samples.jsonl"):
        last.update(sample.get("sensors", {}))
    failed = read_json(raw / "exit.json")["faults"] if (raw / "exit.json").is_file() else []
    return {"sensors": last, "sensor_faults": failed}


if __name__ == "__main__":
    main()
