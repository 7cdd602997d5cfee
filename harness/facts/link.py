"""The link from a board to the FL server's machine: round trip and rate, measured by a script against our listener."""

from __future__ import annotations

import json
import shlex
import statistics
from dataclasses import dataclass

from harness.facts.base import Fact

PINGS = 10
RATE_BYTES = 1 << 20  # an answer in half a second at 20 Mbit/s
_SCRIPT = """
import json, socket, sys, time
host, port, pings, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
line = socket.create_connection((host, port), 5)
line.settimeout(20)
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def ask(data):
    begin = time.monotonic()
    line.sendall(data)
    if not line.recv(1):
        raise OSError("the listener hung up")
    return time.monotonic() - begin
trips = [ask(b"p") for _ in range(pings)]
ask(b"r")
print(json.dumps({"trips_s": trips, "rate_s": ask(bytes(size)), "size": size}))
"""


@dataclass(frozen=True, kw_only=True)
class Link:
    round_trip_s: float  # median
    best_s: float
    rate_bytes_per_s: float  # board to server


def parse_link(text: str) -> Link:
    """The one line of JSON of our script."""
    said = json.loads(text)
    trips = said["trips_s"]
    return Link(
        round_trip_s=statistics.median(trips), best_s=min(trips), rate_bytes_per_s=said["size"] / said["rate_s"]
    )


def link(python: str, host: str, port: int) -> Fact[Link]:
    """`host` and `port`: the listener of `harness.doctor.listener` as the board sees it."""
    words = [python, "-S", "-c", _SCRIPT, host, str(port), str(PINGS), str(RATE_BYTES)]
    return Fact(name="link", command=shlex.join(words), parse=parse_link)
