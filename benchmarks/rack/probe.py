"""`python -m benchmarks.rack.probe INVENTORY fan_out|budget|link`: measures from within a lab; answers as JSON."""

from __future__ import annotations

import json
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.board.deploy import deploy
from harness.connect.ssh import SshConnection
from harness.errors import BoardError
from harness.inventory import BoardSpec
from harness.lab.enter import enter_lab
from harness.lab.plan import CONTROLLER
from harness.lab.wire import CARD
from harness.load import load_inventory
from harness.payload import code_payload

COMMAND = "echo here"
BUDGET_BYTES = 256 * 1024**2
SEND_S, EXCHANGES = 3.0, 100
# What a board of the link figures runs: it answers bytes one by one, then takes all that comes.
ANSWER = """
import socket
s = socket.create_connection(("{0}", {1})); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range({2}): s.sendall(s.recv(1))
while s.recv(1 << 20): pass
"""


def main() -> None:
    inventory, what = sys.argv[1:]
    boards = load_inventory(inventory).boards
    enter_lab(boards)
    measure: Callable[[tuple[BoardSpec, ...]], Any] = {"fan_out": fan_out, "budget": budget, "link": link}[what]
    print(json.dumps(measure(boards)))


def fan_out(boards: tuple[BoardSpec, ...]) -> dict[str, Any]:
    """One command to all boards at once: first with the logins, then over the connections that stand."""
    connections: dict[str, SshConnection] = {}

    def first(board: BoardSpec) -> str:
        connections[board.name] = SshConnection(board)
        return connections[board.name].run(COMMAND).text

    def again(board: BoardSpec) -> str:
        return connections[board.name].run(COMMAND).text

    def timed(action: Callable[[BoardSpec], str]) -> dict[str, tuple[float, str]]:
        begun_s = time.monotonic()

        def one(board: BoardSpec) -> tuple[float, str]:
            try:
                said = action(board).strip()
            except (BoardError, KeyError) as error:
                said = type(error).__name__
            return time.monotonic() - begun_s, said

        with ThreadPoolExecutor(len(boards)) as pool:
            return dict(zip([board.name for board in boards], pool.map(one, boards), strict=True))

    with_login, standing = timed(first), timed(again)
    rss_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"with_login": with_login, "standing": standing, "rss_bytes": rss_bytes}


def budget(boards: tuple[BoardSpec, ...]) -> dict[str, Any]:
    """The agents' verdicts: the first board's program wants twice its budget, the others' half of it, all at once."""

    def one(board: BoardSpec) -> dict[str, Any]:
        factor = 2.0 if board is boards[0] else 0.5
        with SshConnection(board) as connection, tempfile.TemporaryDirectory() as folder:
            code = code_payload()
            deploy(connection, board, [code])
            agent = f"PYTHONPATH={code.folder} exec {board.python} -m agent --root ."
            stream = connection.open(f"cd {board.root} && {agent}")
            grow = f"import time; x = bytearray({int(BUDGET_BYTES * factor)}); time.sleep(2)"
            stream.write_line(json.dumps({"id": 1, "do": "hello", "holder": {}, "lease_s": 20}))
            order = {"argv": [board.python, "-c", grow], "env": {}, "cwd": ".", "out": "out", "rate_hz": 10}
            order |= {"pss_rate_hz": 0, "budget_bytes": BUDGET_BYTES}
            stream.write_line(json.dumps({"id": 2, "do": "start", **order}))
            while '"exit"' not in (stream.read_line(30) or "the agent ended"):
                continue
            connection.get(f"{board.root}/out/exit.json", Path(folder) / "exit.json")
            verdict: dict[str, Any] = json.loads((Path(folder) / "exit.json").read_text())
            return verdict

    with ThreadPoolExecutor(len(boards)) as pool:
        return dict(zip([board.name for board in boards], pool.map(one, boards), strict=True))


def link(boards: tuple[BoardSpec, ...]) -> dict[str, Any]:
    """Of each board's link, one after the other: the rate of frames towards it, and the median round trip."""
    return {board.name: _link(board) for board in boards}


def _link(board: BoardSpec) -> dict[str, float]:
    with SshConnection(board) as connection, socket.create_server((str(CONTROLLER), 0)) as listener:
        program = ANSWER.format(CONTROLLER, listener.getsockname()[1], EXCHANGES)
        stream = connection.open(f"exec {board.python} -c '{program}'")
        peer = listener.accept()[0]
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips_s = sorted(_exchange(peer) for _ in range(EXCHANGES))
        ended = threading.Event()
        sender = threading.Thread(target=_send, args=(peer, ended))
        sender.start()
        time.sleep(1.0)  # until the window is open
        begun_s, begun_bytes = _received(connection)
        time.sleep(SEND_S)
        ended_s, ended_bytes = _received(connection)
        rate_bit = (ended_bytes - begun_bytes) * 8 / (ended_s - begun_s)
        ended.set()
        peer.close()
        sender.join()
        stream.close()
    return {"rate_mbit": rate_bit / 1e6, "round_trip_s": trips_s[len(trips_s) // 2]}


def _exchange(peer: socket.socket) -> float:
    begun_s = time.monotonic()
    peer.sendall(b"x")
    peer.recv(1)
    return time.monotonic() - begun_s


def _send(peer: socket.socket, ended: threading.Event) -> None:
    block = bytes(65536)
    try:
        while not ended.is_set():
            peer.sendall(block)
    except OSError:
        return


def _received(connection: SshConnection) -> tuple[float, int]:
    """When, and what the board's network card had received by then, headers included; it is not in the board's own
    /sys, but in its /proc. The clock is the board's: the question queues behind what it asks about."""
    uptime, *lines = connection.run("cat /proc/uptime /proc/net/dev").text.splitlines()
    card = next(line for line in lines if line.strip().startswith(CARD))
    return float(uptime.split()[0]), int(card.split(":")[1].split()[0])


if __name__ == "__main__":
    main()
