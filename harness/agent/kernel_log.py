"""What the kernel said of memory while a worker ran: a kill that no cgroup counts is explained here, or nowhere.

`/dev/kmsg` may be read by root, and by others where kernel.dmesg_restrict is off. Where it may not, the log is empty:
the verdict then rests on what else is known.
"""

import os
from typing import Iterator, List

_WORDS = (b"oom", b"out of memory", b"killed process", b"lowmemorykiller")
_SLACK_S = 1.0  # the log's clock and the monotonic clock may differ by a little
_LINES = 40


def since(root: str, started_s: float) -> List[str]:
    """Lines on running out of memory from that moment of the monotonic clock on, oldest first, the last few."""
    found = []
    for record in _records(os.path.join(root, "dev/kmsg")):
        head, _, text = record.partition(b";")
        fields = head.split(b",")
        if len(fields) < 3 or not fields[2].isdigit() or int(fields[2]) / 1e6 < started_s - _SLACK_S:
            continue
        if any(word in text.lower() for word in _WORDS):
            found.append(text.decode("utf-8", "replace"))
    return found[-_LINES:]


def _records(path: str) -> Iterator[bytes]:
    """One line each; continuation lines of a record begin with a blank, and are left out by the caller."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        while True:
            try:
                chunk = os.read(fd, 8192)
            except BrokenPipeError:  # the kernel overwrote what came next
                continue
            except OSError:  # EAGAIN: that was all
                return
            if not chunk:
                return
            for line in chunk.splitlines():
                yield line
    finally:
        os.close(fd)
