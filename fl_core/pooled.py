"""A job at scale: hundreds of clients on a few trainers, with the same rounds and the same result as on boards.

Run as `python3 -m fl_core.pooled --job FILE --data DIR [--processes N | --actors N [--ray ADDRESS]] [--speeds FILE]`;
events on stdout. Without processes or actors everything runs in this one. With the speeds of board classes a round
takes the time that it would take on boards (virtual time): it orders reports, and who is beyond its deadline or not
needed is dropped as there.
"""

import argparse
import json
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

import numpy as np
from torch import Tensor

from fl_core import lifeline
from fl_core.coordinator import Coordinator, Emit
from fl_core.data.dataset import batch_count
from fl_core.data.partition import deal
from fl_core.errors import BadJob, BadUpdate, CoreError
from fl_core.job import Job
from fl_core.ledger.analytic import analytic_bytes
from fl_core.ledger.work import full_work, stage_work
from fl_core.link.encoding import PLAIN
from fl_core.process_pool import ProcessPool
from fl_core.rounds import ClientFacts, Now, Report, RoundPlan, Stage, Task
from fl_core.tally import Tally
from fl_core.tensors import to_arrays
from fl_core.trainer import Order, Played, Pool, Trainer
from fl_core.virtual_time import BoardSpeed, speeds_from_json


class Wire(NamedTuple):
    """Bytes of one client's round."""

    download: int
    upload: int


class HerePool(Pool):
    """One trainer, in this process."""

    def __init__(self, job: Job, data_folder: str) -> None:
        self._trainer = Trainer(job, data_folder)

    def play(self, orders: Iterable[Order]) -> Iterator[Played]:
        return (self._trainer.play(order) for order in orders)


class PooledServer(Coordinator):
    def __init__(
        self,
        job: Job,
        data_folder: str,
        pool: Pool,
        emit: Emit,
        speeds: Optional[Mapping[str, BoardSpeed]] = None,
        checkpoint_file: Optional[str] = None,
    ) -> None:
        """Raises `BadJob` for what only a link can do."""
        super().__init__(job, job.load_data(data_folder), emit, checkpoint_file)
        if self.method.edge is not None and self.method.edge.shared:
            raise BadJob("{} shares one model on an edge server: run it on boards".format(self.method.name))
        if (job.wire_model, job.wire_smashed) != (PLAIN, PLAIN):
            raise BadJob("a simulation has no wire: leave wire_model and wire_smashed at {}".format(PLAIN))
        self._pool = pool
        self._speeds = speeds
        self._works: List[Tuple[Stage, float]] = []
        self._reckoned: Set[str] = set()  # names of stages
        self._held: Dict[str, Tuple[Stage, Dict[str, int]]] = {}  # by client: its stage, and its frozen tensors' rounds
        self._know_clients()

    def _know_clients(self) -> None:
        """What workers would say when they join."""
        labels, classes = self.data.train_labels, self.data.classes
        parts = deal(labels, len(self.job.clients), self.job.seed, self.job.partition)
        for client, indices in zip(self.job.clients, parts):
            counts = np.bincount(labels[indices], minlength=classes).tolist() if self.method.wants_labels else None
            self.facts[client] = self.facts[client]._replace(samples=len(indices), label_counts=counts)
            if self._speeds is not None and self.facts[client].board_class not in self._speeds:
                raise BadJob("{}: no speed for board class {}".format(client, self.facts[client].board_class))

    def free_clients(self, round_index: int) -> Dict[str, ClientFacts]:
        return dict(self.facts)

    def carry_out(self, now: Now, plan: RoundPlan) -> Tuple[Tally, Dict[str, Any]]:
        started_s = time.monotonic()
        tally = Tally(now, plan, self.half)
        orders = self._orders(now, plan)
        if self.job.rehearse_batches:
            self._reckon(plan)
        wire = {order.client: self._wire_bytes(order) for order in orders}
        arrivals = self._arrivals(orders, wire)
        wanted = self._wanted(plan, arrivals, tally.lost)
        for played in self._pool.play(order for order in orders if order.client in wanted):
            phases = arrivals[played.client]
            report = Report(played.samples, played.train_loss, played.facts, phases, sum(phases.values()))
            if played.peak_tensor_bytes is not None:
                stage = plan.tasks[played.client].stage.name
                self.emit({"event": "rehearsal", "stage": stage, "peak_tensor_bytes": played.peak_tensor_bytes})
            try:
                tally.fold(played.client, report, played.update)
            except BadUpdate as error:
                tally.reject(played.client, error)
        tally.finish()
        facts: Dict[str, Any] = {
            "round_s": time.monotonic() - started_s,
            "clients": {
                client: _told(plan.tasks[client], report, wire[client]) for client, report in tally.reports.items()
            },
        }
        if self._speeds is not None:
            facts["virtual_s"] = max([sum(arrivals[client].values()) for client in wanted] + self._waits(plan, tally))
        return tally, facts

    def _reckon(self, plan: RoundPlan) -> None:
        """Tell what stages need that have not been met before, as the server of boards does."""
        for stage in (task.stage for task in plan.tasks.values()):
            if stage.name not in self._reckoned:
                self._reckoned.add(stage.name)
                needed = analytic_bytes(self.job, self.half.spec, stage)
                self.emit({"event": "reckoned", "stage": stage.name, "analytic_bytes": needed})

    def _orders(self, now: Now, plan: RoundPlan) -> List[Order]:
        """Clients with equal tasks share one dictionary of tensors."""
        shared: List[Tuple[Task, Dict[str, np.ndarray]]] = []
        orders = []
        for client, task in plan.tasks.items():
            tensors = next((known for other, known in shared if other == task), None)
            if tensors is None:
                tensors = to_arrays(self._tensors(task))
                shared.append((task, tensors))
            orders.append(Order(client, now.round_index, task, tensors))
        return orders

    def _tensors(self, task: Task) -> Dict[str, Tensor]:
        parts = [task.stage.device] + ([task.stage.edge] if task.stage.edge else [])
        held: Dict[str, Tensor] = {}
        for key, value in self.state.items():
            if any(part.holds(key) for part in parts):
                region = self.half.region(task, key)
                held[key] = value if region is None else value[region].contiguous()
        return held

    def _wire_bytes(self, order: Order) -> Wire:
        """Payload, as on boards: trained tensors always, frozen ones where the client's are not the present ones."""
        device, client = order.task.stage.device, order.client
        stage, held = self._held.get(client, (None, {}))
        if stage != order.task.stage:
            held = {}
        sizes = {key: array.nbytes for key, array in order.tensors.items() if device.holds(key)}
        up = sum(size for key, size in sizes.items() if device.trained(key))
        present = {key: self._changed.get(key, 0) for key in sizes if not device.trained(key)}
        frozen = sum(sizes[key] for key, changed in present.items() if held.get(key) != changed)
        self._held[client] = (order.task.stage, present)
        return Wire(download=up + frozen, upload=up)

    def _arrivals(self, orders: List[Order], wire: Mapping[str, Wire]) -> Dict[str, Dict[str, float]]:
        """Each client's seconds by phase on its board; nothing where there are no speeds."""
        if self._speeds is None:
            return {order.client: {} for order in orders}
        return {order.client: self._phases(order, self._speeds, wire[order.client]) for order in orders}

    def _phases(self, order: Order, speeds: Mapping[str, BoardSpeed], wire: Wire) -> Dict[str, float]:
        job, facts = self.job, self.facts[order.client]
        assert facts.board_class is not None and facts.samples is not None
        size = min(job.batch, facts.samples)
        samples = size * batch_count(facts.samples, job.batch, job.local_epochs, job.batches_per_round)
        work = self._work(order.task.stage)
        return speeds[facts.board_class].seconds(samples, work, wire.download, wire.upload)

    def _work(self, stage: Stage) -> float:
        """Its multiply-adds relative to full training."""
        known = next((work for other, work in self._works if other == stage), None)
        if known is None:
            client = self.method.client(self.job.setup(self.spec))
            known = stage_work(client, stage, self.job.batch) / full_work(self.spec, self.job.batch)
            self._works.append((stage, known))
        return known

    def _wanted(
        self, plan: RoundPlan, arrivals: Mapping[str, Mapping[str, float]], lost: Dict[str, str]
    ) -> Dict[str, float]:
        """Who reports in time and is waited for, with its seconds; the others are noted as lost and need not train."""
        seconds = {client: sum(phases.values()) for client, phases in arrivals.items()}
        for client, task in plan.tasks.items():
            if seconds[client] > self._deadline_s(task):
                lost[client] = "late: nothing after {:.1f} s".format(self._deadline_s(task))
        first = sorted((client for client in seconds if client not in lost), key=lambda client: seconds[client])
        for client in first[plan.enough :] if plan.enough is not None else []:
            lost[client] = "not waited for: {} reports were enough".format(plan.enough)
        return {client: seconds[client] for client in first[: plan.enough]}

    def _waits(self, plan: RoundPlan, tally: Tally) -> List[float]:
        """The deadlines that the server would have waited for in vain; who is rejected has answered."""
        if tally.complete:
            return [0.0]
        silent = (client for client in tally.lost if client not in tally.rejected)
        return [0.0] + [self._deadline_s(plan.tasks[client]) for client in silent]

    def _deadline_s(self, task: Task) -> float:
        return self.job.round_timeout_s if task.deadline_s is None else task.deadline_s


def _told(task: Task, report: Report, wire: Wire) -> Dict[str, Any]:
    """One client's share of the event of a round."""
    return {
        "stage": task.stage.name,
        "samples": report.samples,
        "train_loss": report.train_loss,
        "seconds": dict(report.seconds),
        "bytes": wire._asdict(),
    }


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="fl_core.pooled")
    parser.add_argument("--job", required=True)
    parser.add_argument("--data", required=True)
    trainers = parser.add_mutually_exclusive_group()
    trainers.add_argument("--processes", type=int, default=0, help="children that train; 0: this process")
    trainers.add_argument("--actors", type=int, default=0, help="processes that train, through Ray")
    parser.add_argument("--ray", help="address of a Ray cluster; without it one is started here, for this job")
    parser.add_argument("--speeds", help="JSON file: board class -> the fields of a BoardSpeed")
    parser.add_argument("--checkpoint", help="file to write after each round, and to go on from")
    options = parser.parse_args(arguments)
    try:
        with open(options.job) as file:
            job = Job.from_json(json.load(file))
        speeds = None
        if options.speeds:
            with open(options.speeds) as file:
                speeds = speeds_from_json(json.load(file))
        with opened_pool(job, options.data, options.processes, options.actors, options.ray) as pool:
            lifeline.hold()  # not before children are forked: a fork among threads may hang
            server = PooledServer(job, options.data, pool, lifeline.emit, speeds, options.checkpoint)
            lifeline.emit(server.run_rounds())
    except CoreError as error:
        lifeline.emit({"event": "failed", "reason": str(error)})
        return 1
    return 0


@contextmanager
def opened_pool(
    job: Job, data_folder: str, processes: int = 0, actors: int = 0, address: Optional[str] = None
) -> Iterator[Pool]:
    """The trainers, for as long as they are needed. Ray is imported only where it is asked for."""
    pool: Pool
    if actors:
        from fl_core.ray_pool import RayPool

        pool = RayPool(job, data_folder, actors, address)
    else:
        pool = ProcessPool(job, data_folder, processes) if processes else HerePool(job, data_folder)
    try:
        yield pool
    finally:
        pool.close()


if __name__ == "__main__":
    lifeline.leave(main())
