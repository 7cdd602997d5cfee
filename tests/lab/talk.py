"""`python talk.py INVENTORY budget|link FOLDER`: enters the lab and talks to its boards; answers as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from harness.board.deploy import deploy
from harness.connect.ssh import SshConnection
from harness.inventory import BoardSpec
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.payload import code_payload

BUDGET_BYTES = 64 * 1024**2
PAYLOAD_BYTES = 4_000_000
EXCHANGES = 10


def main() -> None:
    inventory, what, folder = sys.argv[1:]
    boards = load_inventory(inventory).boards
    enter_lab(boards)
    answer = {"budget": budget, "link": link}[what]
    print(json.dumps({board.name: answer(board, Path(folder)) for board in boards}))


def budget(board: BoardSpec, folder: Path) -> dict[str, Any]:
    """The agent's verdict on a program: on the nano one that wants more than its budget, elsewhere less."""
    want_bytes = BUDGET_BYTES * (2 if board.name == "nano" else 0.5)
    with SshConnection(board) as connection:
        code = code_payload()
        deploy(connection, board, [code])
        agent = f"PYTHONPATH={code.folder} exec {board.python} -m agent --root ."
        stream = connection.open(f"cd {board.root} && {agent}")
        grow = f"import time; x = bytearray({int(want_bytes)}); time.sleep(0.3)"
        stream.write_line(json.dumps({"id": 1, "do": "hello", "holder": {}, "lease_s": 20}))
        stream.write_line(
            json.dumps({"id": 2, "do": "start", "argv": [board.python, "-c", grow], "env": {}, "cwd": ".", "out": "out",
                        "budget_bytes": BUDGET_BYTES, "rate_hz": 10, "pss_rate_hz": 0})
        )  # fmt: skip
        while '"exit"' not in (stream.read_line(20) or "the agent ended"):
            continue
        stream.close()
        connection.get(f"{board.root}/out/exit.json", folder / f"{board.name}.json")
        verdict: dict[str, Any] = json.loads((folder / f"{board.name}.json").read_text())
        return verdict


def link(board: BoardSpec, folder: Path) -> dict[str, float]:
    """The rate of a copy to the board, a lower bound of the link's, and the least round trip of a line."""
    payload = folder / "payload"
    payload.write_bytes(bytes(PAYLOAD_BYTES))
    with SshConnection(board) as connection:
        begun_s = time.monotonic()
        if board.name == "pi":
            connection.put(payload, "payload")
        took_s = time.monotonic() - begun_s
        stream = connection.open("exec cat")
        trips = []
        for number in range(EXCHANGES):
            sent_s = time.monotonic()
            stream.write_line(str(number))
            stream.read_line(5)
            trips.append(time.monotonic() - sent_s)
        stream.close()
    return {"rate_mbit": PAYLOAD_BYTES * 8 / took_s / 1e6, "round_trip_s": min(trips)}


if __name__ == "__main__":
    main()
