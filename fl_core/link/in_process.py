"""The link inside one process: two queues. Arrays are copied, so that both ends may go on with theirs."""

import queue
import threading
from typing import Dict, Optional, Tuple

import numpy as np

from fl_core.errors import LinkClosed, LinkTimeout
from fl_core.link.base import Channel, Listener, Message, Serve, serve_quietly

_END = None
_listeners: Dict[str, "InProcessListener"] = {}


class InProcessChannel(Channel):
    def __init__(self, outgoing: "queue.Queue[Optional[Message]]", incoming: "queue.Queue[Optional[Message]]") -> None:
        self.peer = "in-process"
        self._outgoing = outgoing
        self._incoming = incoming
        self._closed = threading.Event()

    def send(self, message: Message) -> None:
        if self._closed.is_set():
            raise LinkClosed("the conversation is over")
        copied = {name: np.array(array, copy=True) for name, array in message.tensors.items()}
        self._outgoing.put(Message(message.kind, message.meta, copied))

    def receive(self, timeout_s: Optional[float] = None) -> Message:
        try:
            message = self._incoming.get(timeout=timeout_s)
        except queue.Empty:
            raise LinkTimeout("nothing from {} within {} s".format(self.peer, timeout_s))
        if message is _END:
            self._closed.set()
            self._incoming.put(_END)  # the next receive shall see it too
            raise LinkClosed("{} ended the conversation".format(self.peer))
        return message

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._incoming.put(_END)
        self._outgoing.put(_END)


def channel_pair() -> Tuple[InProcessChannel, InProcessChannel]:
    """Two ends of one conversation."""
    first: "queue.Queue[Optional[Message]]" = queue.Queue()
    second: "queue.Queue[Optional[Message]]" = queue.Queue()
    return InProcessChannel(first, second), InProcessChannel(second, first)


class InProcessListener(Listener):
    def __init__(self, serve: Serve) -> None:
        self.address = "in-process:{}".format(id(self))
        self._serve = serve
        _listeners[self.address] = self

    def accept(self) -> Channel:
        ours, theirs = channel_pair()
        threading.Thread(target=serve_quietly, args=(self._serve, ours), daemon=True).start()
        return theirs

    def close(self) -> None:
        _listeners.pop(self.address, None)


def connect(address: str) -> Channel:
    if address not in _listeners:
        raise LinkClosed("nobody listens at {}".format(address))
    return _listeners[address].accept()
