"""The server's side of its workers: orders go out and answers come in, each worker's without waiting for another's."""

import queue
import threading
from typing import Dict, NamedTuple, Optional, Set, Union

from fl_core.errors import LinkError
from fl_core.link.base import Channel, Message
from fl_core.rounds import Stage


class Joined(NamedTuple):
    """A worker is ready for its first task."""

    ready: Message


class Lost(NamedTuple):
    """A worker is gone; why."""

    reason: str


class Event(NamedTuple):
    """One entry of the server's inbox. Without a session it was told from outside."""

    client: str
    session: Optional["Session"]
    what: Union[Joined, Lost, Message]


class Session:
    """One worker, from its hello until its line ends. What it holds belongs to the thread that gives the orders."""

    def __init__(self, client: str, channel: Channel, inbox: "queue.Queue[Event]") -> None:
        self.client = client
        self.busy = False  # between a task and the end of its report
        self.stage: Optional[Stage] = None  # whose model it has built
        self.held: Dict[str, int] = {}  # frozen tensors that it holds, and in which round the server last changed them
        self.rehearsed: Set[str] = set()  # names of stages
        self._channel = channel
        self._inbox = inbox
        self._orders: "queue.Queue[Optional[Message]]" = queue.Queue()

    def order(self, message: Message) -> None:
        """Queue a message to the worker."""
        self._orders.put(message)

    def end(self, last_words: Optional[Message] = None) -> None:
        """Hang up once everything ordered has been sent."""
        if last_words is not None:
            self._orders.put(last_words)
        self._orders.put(None)

    def listen(self) -> None:
        """Put everything that the worker says into the inbox, until its line ends."""
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        try:
            while True:
                said = self._channel.receive()
                if said.kind == "update":
                    self._orders.put(Message("ack"))
                self._inbox.put(Event(self.client, self, Joined(said) if said.kind == "ready" else said))
        except LinkError as error:
            self._inbox.put(Event(self.client, self, Lost(str(error))))
        finally:
            self.end()
            writer.join()

    def _write(self) -> None:
        """Send orders in turn. A line that breaks ends `listen`, which then says so."""
        try:
            while True:
                order = self._orders.get()
                if order is None:
                    break
                self._channel.send(order)
        except LinkError:
            pass
        self._channel.close()
