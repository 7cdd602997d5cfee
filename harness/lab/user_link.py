"""`python -m harness.lab.user_link NAMESPACE TAP NAMESPACE TAP LINK`: a cable with rate, delay, jitter and loss.

For kernels without netem. Joins two TAP devices; every frame waits until the line before it has sent all that came
earlier, then for the delay. LINK is an `inventory.Link` as JSON; it holds in each direction by itself.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.inventory import Link
from harness.lab import kernel

QUEUE_S = 0.2  # OURS: a frame that would have to wait longer for the line is dropped, as by tbf's latency
_NICE = -10  # a cable does not wait for those who use it
_FRAME_BYTES = 65536
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class _Frame(NamedTuple):
    due_s: float
    number: int  # keeps the order of frames that are due at once
    content: bytes


@dataclass
class Direction:
    """One direction of the cable. Times are monotonic seconds."""

    link: Link
    chance: random.Random = field(default_factory=random.Random)
    waiting: list[_Frame] = field(default_factory=list)
    free_s: float = 0.0  # when the line has sent all that it took
    taken: int = 0

    def take(self, content: bytes, now_s: float) -> None:
        """A frame that came in; it is dropped or will be due."""
        start_s = max(now_s, self.free_s)
        if start_s - now_s > QUEUE_S or self.chance.random() * 100 < self.link.loss_pct:
            return
        if self.link.rate_mbit:
            self.free_s = start_s + len(content) * 8 / (self.link.rate_mbit * 1e6)
            start_s = self.free_s
        jitter_ms = self.chance.uniform(-1, 1) * self.link.jitter_ms
        self.taken += 1
        due_s = start_s + max(0.0, self.link.delay_ms + jitter_ms) / 1e3
        heapq.heappush(self.waiting, _Frame(due_s, self.taken, content))

    def due(self, now_s: float) -> list[bytes]:
        """Frames that arrive by now."""
        found = []
        while self.waiting and self.waiting[0].due_s <= now_s:
            found.append(heapq.heappop(self.waiting).content)
        return found


def main() -> None:
    near, near_tap, far, far_tap, link = sys.argv[1:]
    os.nice(_NICE)
    shape = Link(**json.loads(link))
    ends = [_tap(near, near_tap), _tap(far, far_tap)]
    carry({ends[0]: Direction(shape), ends[1]: Direction(shape)}, {ends[0]: ends[1], ends[1]: ends[0]})


def _tap(namespace: str, device: str) -> int:
    """The device's frames, from this thread's then namespace on; a descriptor stays in its own."""
    kernel.join_network(namespace)
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(opened, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TAP | _IFF_NO_PI))
    return opened


def carry(directions: dict[int, Direction], other: dict[int, int]) -> None:
    """Does not return. `directions` by the end where a frame comes in, `other` the end where it goes out."""
    selector = selectors.DefaultSelector()
    for end in directions:
        selector.register(end, selectors.EVENT_READ)
    while True:
        waits = [direction.waiting[0].due_s for direction in directions.values() if direction.waiting]
        for key, _ in selector.select(max(0.0, min(waits) - time.monotonic()) if waits else None):
            _take_all(key.fd, directions[key.fd])
        for end, direction in directions.items():
            for content in direction.due(time.monotonic()):
                _send(other[end], content)


def _take_all(end: int, direction: Direction) -> None:
    try:
        while True:
            direction.take(os.read(end, _FRAME_BYTES), time.monotonic())
    except BlockingIOError:
        return


def _send(end: int, content: bytes) -> None:
    try:
        os.write(end, content)
    except OSError:
        return  # the device is down or full: a frame lost on the wire


if __name__ == "__main__":
    main()
