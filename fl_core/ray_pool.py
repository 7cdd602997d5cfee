"""Trainers as Ray actors, on this machine or on a cluster. Ray is an extra: `pip install 'fedrack[ray]'`.

A model is put into Ray's object store once per round and read from there by all actors; each actor has one client's
work waiting while it does another's, and no more.
"""

import os
from collections import deque
from typing import Any, Deque, Dict, Iterable, Iterator, Optional

from fl_core.errors import CoreError
from fl_core.job import Job
from fl_core.trainer import Order, Played, Pool, Trainer

WAITING = 2  # orders an actor holds


class RayMissing(CoreError):
    """Ray is not installed."""


class _Actor:
    """Runs in Ray's process."""

    def __init__(self, job: Dict[str, Any], data_folder: str) -> None:
        self._trainer = Trainer(Job.from_json(job), data_folder)

    def play(self, tensors: Any, order: Order) -> Played:
        return self._trainer.play(order._replace(tensors=tensors))


class RayPool(Pool):
    """Without an address a Ray of our own is started on loopback, and ended by `close`."""

    def __init__(self, job: Job, data_folder: str, actors: int, address: Optional[str] = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise RayMissing("Ray is not installed: pip install 'fedrack[ray]', or simulate without actors")
        self._ray = ray
        threads = {"OMP_NUM_THREADS": str(job.threads)}
        if address is None:
            ray.init(num_cpus=actors, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
        else:
            ray.init(address=address, log_to_driver=False)
        remote = ray.remote(num_cpus=1, runtime_env={"env_vars": threads})(_Actor)
        self._actors = [remote.remote(job.to_json(), data_folder) for _ in range(actors)]

    def play(self, orders: Iterable[Order]) -> Iterator[Played]:
        stored: Dict[int, Any] = {}  # by identity of the dictionary: clients with equal tasks share theirs
        running: Dict[Any, Any] = {}  # what an actor will return -> the actor
        idle: Deque[Any] = deque(self._actors * WAITING)
        for order in orders:
            if not idle:
                yield self._next(running, idle)
            key = id(order.tensors)
            if key not in stored:
                stored[key] = self._ray.put(order.tensors)
            actor = idle.popleft()
            running[actor.play.remote(stored[key], order._replace(tensors={}))] = actor
        while running:
            yield self._next(running, idle)

    def close(self) -> None:
        self._ray.shutdown()

    def _next(self, running: Dict[Any, Any], idle: Deque[Any]) -> Played:
        [done], _ = self._ray.wait(list(running), num_returns=1)
        idle.append(running.pop(done))
        return self._ray.get(done)
