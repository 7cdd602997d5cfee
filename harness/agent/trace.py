"""The files a run leaves: one JSON line a sample, a verdict at the end, and every fault by name, once."""

import json
import os
import time
from typing import Any, Callable, Dict, List, Set

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Faults:
    """What went wrong while sampling. Each source is reported once: to the controller, in the next sample, and in
    exit.json."""

    def __init__(self, report: Callable[[Dict[str, Any]], None]) -> None:
        self.all: List[Dict[str, Any]] = []
        self._known: Set[str] = set()
        self._unwritten: List[Dict[str, Any]] = []
        self._report = report

    def note(self, source: str, what: str) -> None:
        if source not in self._known:
            self._known.add(source)
            fault = {"source": source, "what": what, "t_s": round(time.monotonic(), 6)}
            self.all.append(fault)
            self._unwritten.append(fault)
            self._report({"event": "fault", "source": source, "what": what})

    def take_unwritten(self) -> List[Dict[str, Any]]:
        fresh, self._unwritten = self._unwritten, []
        return fresh


class TraceFile:
    """Appends lines a second's worth at a time, in one write: encoding and writing cost a third of a tick otherwise. An
    agent that is killed costs the lines since the last write, and at most one that is torn."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self._records: List[Dict[str, Any]] = []
        self._torn = False
        self.lost = 0  # lines that are not whole in the file

    def append(self, record: Dict[str, Any]) -> None:
        """Nobody may change it from now on."""
        self._records.append(record)

    def flush(self) -> None:
        """Raises OSError when the disk is full; a torn line is then ended before the next one."""
        if not self._records:
            return
        records, self._records = self._records, []
        rest = "".join(["\n" if self._torn else ""] + [_encode(record) + "\n" for record in records])
        try:
            while rest:
                written = os.write(self._fd, rest.encode())  # json.dumps is ASCII: bytes are characters
                self._torn = rest[written - 1] != "\n"
                rest = rest[written:]
        finally:
            self.lost += min(len(records), rest.count("\n"))

    def close(self) -> None:
        """Raises nothing: what could not be written is counted."""
        try:
            self.flush()
        except OSError:
            pass
        os.close(self._fd)


def write_atomically(path: str, content: Dict[str, Any]) -> None:
    """Never half a file, not even after the power went."""
    with open(path + ".part", "w") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path + ".part", path)
