"""JSON lines over two descriptors, such that a client that reads nothing can never stall the sampling."""

import json
import os
from typing import Any, Dict, List

from .errors import Refused

_LINE_LIMIT = 1 << 20
_BACKLOG_LIMIT = 1 << 16


class HungUp(Exception):
    """The other end is gone."""


class Channel:
    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self.writer = writer
        self.open = True  # for reading
        self._broken = False  # for writing
        self._incoming = b""
        self._outgoing = b""
        self._was_blocking = os.get_blocking(writer)
        os.set_blocking(writer, False)

    @property
    def pending(self) -> bool:
        return bool(self._outgoing)

    @property
    def congested(self) -> bool:
        """Time to leave further requests in the pipe: this client asks, but does not read the answers."""
        return len(self._outgoing) > _BACKLOG_LIMIT

    def send(self, message: Dict[str, Any]) -> None:
        """Queue what must arrive: answers, exits, faults. Once the other end is gone, that is said a single time."""
        if not self._broken:
            self._outgoing += _encoded(message)
            self.flush()

    def offer(self, message: Dict[str, Any]) -> None:
        """Send a courtesy, or drop it when earlier lines still wait."""
        if not self._outgoing and not self._broken:
            line = _encoded(message)
            written = self._write(line)
            self._outgoing = line[written:] if written else b""

    def flush(self) -> None:
        if self._outgoing:
            self._outgoing = self._outgoing[self._write(self._outgoing) :]

    def receive(self) -> List[bytes]:
        """Whole lines read so far; call it when the reader is ready. Sets `open` to False at the end."""
        chunk = os.read(self.reader, 65536)
        self.open = bool(chunk)
        *lines, self._incoming = (self._incoming + chunk).split(b"\n")
        if len(self._incoming) > _LINE_LIMIT:
            lines, self._incoming = [*lines, self._incoming], b""
        return lines

    def close(self) -> None:
        """A last try to deliver, then leave the descriptor as it was found: a terminal is shared with its shell."""
        try:
            self.flush()
        except HungUp:
            pass
        os.set_blocking(self.writer, self._was_blocking)

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self.writer, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._outgoing = b""
            self._broken = True
            raise HungUp(str(error))


def _encoded(message: Dict[str, Any]) -> bytes:
    return (json.dumps(message) + "\n").encode()


def decoded(line: bytes) -> Dict[str, Any]:
    """A request, or Refused with code `bad_request`."""
    try:
        message = json.loads(line.decode())
    except ValueError as error:
        raise Refused("bad_request", f"not a line of JSON: {error}")
    if not isinstance(message, dict) or not isinstance(message.get("do"), str):
        raise Refused("bad_request", 'a request is a JSON object with a text under "do"')
    return message
