"""A bounded queue with an end: what bounds the buffers of a conversation, whoever carries it."""

import threading
import time
from collections import deque
from typing import Deque, Optional

from fl_core.errors import LinkClosed, LinkError, LinkTimeout
from fl_core.link.base import Message

ROOM = 2  # messages that may wait: one is being used, the next is there


class Pipe:
    """`put` waits for room and `get` for a message. After `end` what is inside is still given out, then the error."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._messages: Deque[Message] = deque()
        self._error: Optional[LinkError] = None
        self._changed = threading.Condition()

    def put(self, message: Message) -> None:
        """Raises `LinkClosed` where the pipe has ended, also while it waits."""
        with self._changed:
            while self._error is None and len(self._messages) >= ROOM:
                self._changed.wait()
            if self._error is not None:
                raise LinkClosed("{} is gone".format(self._peer))
            self._messages.append(message)
            self._changed.notify_all()

    def get(self, timeout_s: Optional[float] = None) -> Message:
        """Raises `LinkTimeout`, or the error that the pipe ended with."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._messages:
                if self._error is not None:
                    raise self._error
                left_s = None if deadline_s is None else deadline_s - time.monotonic()
                if left_s is not None and left_s <= 0:
                    raise LinkTimeout("nothing from {} within {} s".format(self._peer, timeout_s))
                self._changed.wait(left_s)
            message = self._messages.popleft()
            self._changed.notify_all()
            return message

    def end(self, error: Optional[LinkError] = None) -> None:
        """The first error stays."""
        with self._changed:
            if self._error is None:
                self._error = error or LinkClosed("{} ended the conversation".format(self._peer))
            self._changed.notify_all()
