"""What the data plane promises, whoever carries it: ordered messages, deadlines, and buffers free after `send`."""

import time
from typing import Any, Callable, Dict, Optional

import numpy as np

from fl_core.errors import LinkClosed, ProtocolError
from fl_core.link.encoding import ENCODINGS, PLAIN


class Message:
    """A kind, small JSON-able facts, and named arrays. Times are on this process's monotonic clock.

    `encoding` says how float32 arrays travel (`fl_core.link.encoding`); they arrive as float32 again.
    """

    def __init__(
        self,
        kind: str,
        meta: Optional[Dict[str, Any]] = None,
        tensors: Optional[Dict[str, np.ndarray]] = None,
        encoding: str = PLAIN,
    ) -> None:
        self.kind = kind
        self.meta = meta or {}
        self.tensors = tensors or {}
        self.encoding = encoding
        self.started_s = self.ended_s = time.monotonic()  # first and last byte, where the link knows them

    @property
    def wire_bytes(self) -> int:
        """Bytes of the arrays as they travel, without framing."""
        return sum(self.bytes_of(array) for array in self.tensors.values())

    def bytes_of(self, array: np.ndarray) -> int:
        """What one array takes on the wire of this message."""
        encoded = array.dtype == np.float32
        return array.size * (np.dtype(ENCODINGS[self.encoding].dtype).itemsize if encoded else array.itemsize)

    def expect(self, *kinds: str) -> "Message":
        """Itself, or `ProtocolError` where it is none of these kinds."""
        if self.kind not in kinds:
            raise ProtocolError("expected a message {}, got {!r}".format(" or ".join(kinds), self.kind))
        return self


class Channel:
    """One conversation with one peer. `send` and `receive` may be called from different threads."""

    peer = "?"

    def send(self, message: Message) -> None:
        """Returns when the arrays may be changed again. Raises `LinkClosed`."""
        raise NotImplementedError

    def receive(self, timeout_s: Optional[float] = None) -> Message:
        """The next message; waits for ever without a deadline. Raises `LinkClosed`, `LinkTimeout`, `LinkCorrupt`."""
        raise NotImplementedError

    def close(self) -> None:
        """End the conversation; the peer's `receive` raises `LinkClosed`. Closing twice is fine."""
        raise NotImplementedError


class Listener:
    """Accepts conversations: each runs `serve(channel)` in a thread of its own and ends with it."""

    address = "?"

    def close(self) -> None:
        raise NotImplementedError


Serve = Callable[[Channel], None]


def serve_quietly(serve: Serve, channel: Channel) -> None:
    """Run one conversation; a peer that leaves is no error of ours."""
    try:
        serve(channel)
    except LinkClosed:
        pass
    finally:
        channel.close()
