"""Trainers in child processes of this one: a simulation on one machine, without Ray.

Children are forked, so torch is imported once and pages are shared until somebody writes to them. A child holds one
order at a time, and a model travels to it once a round, however many clients it plays. What passes through the pipes
is pickled: both ends are the same program on the same machine.
"""

import multiprocessing
from collections import deque
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, Deque, Dict, Iterable, Iterator, List

from fl_core.errors import CoreError
from fl_core.job import Job
from fl_core.trainer import Order, Played, Pool, Trainer


class TrainerLost(CoreError):
    """A child of a simulation has ended."""


class ProcessPool(Pool):
    def __init__(self, job: Job, data_folder: str, processes: int) -> None:
        context = multiprocessing.get_context("fork")
        self._lines: List[Connection] = []
        self._children: List[Any] = []
        self._held: Dict[Connection, Any] = {}  # the dictionary of tensors that a child was given last
        for _ in range(processes):
            ours, theirs = context.Pipe()
            self._lines.append(ours)
            child = context.Process(target=_train, args=(job, data_folder, theirs, list(self._lines)), daemon=True)
            child.start()
            theirs.close()
            self._children.append(child)

    def play(self, orders: Iterable[Order]) -> Iterator[Played]:
        idle: Deque[Connection] = deque(self._lines)
        running: List[Connection] = []
        for order in orders:
            if not idle:
                yield self._next(running, idle)
            line = idle.popleft()
            known = self._held.get(line) is order.tensors
            self._held[line] = order.tensors
            with _both_alive():
                line.send((order._replace(tensors={}), None if known else order.tensors))
            running.append(line)
        while running:
            yield self._next(running, idle)

    def close(self) -> None:
        for line in self._lines:
            line.close()
        for child in self._children:
            child.join()

    def _next(self, running: List[Connection], idle: Deque[Connection]) -> Played:
        line = wait(running)[0]
        assert isinstance(line, Connection)
        running.remove(line)
        idle.append(line)
        with _both_alive():
            said = line.recv()
        if isinstance(said, Exception):
            raise said
        return said


@contextmanager
def _both_alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise TrainerLost("a process that trains has ended, perhaps for memory: ask for fewer processes")


def _train(job: Job, data_folder: str, line: Connection, others: List[Connection]) -> None:
    """Play orders until the parent is gone; `others`: its ends of the lines, which a fork inherits."""
    for other in others:
        other.close()
    try:
        trainer = Trainer(job, data_folder)
        held: Any = {}
        while True:
            order, tensors = line.recv()
            held = held if tensors is None else tensors
            line.send(trainer.play(order._replace(tensors=held)))
    except EOFError:
        pass
    except Exception as error:
        line.send(error)
