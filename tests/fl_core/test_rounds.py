"""Rounds under bad clients: late, lost, refused, not needed, back again. Workers here are scripts over a link."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fl_core.errors import LinkError, NobodyLeft
from fl_core.job import Job
from fl_core.link import in_process
from fl_core.link.base import Channel, Message
from fl_core.protocol import VERSION, task_from_json
from fl_core.server import Server

MakeJob = Callable[..., Job]
Script = Callable[[Message, dict[str, np.ndarray]], dict[str, Any]]  # task, its tensors -> what to do differently


class Rack:
    """A server and scripted workers: each adds 1 to what it was sent, unless its script says otherwise."""

    def __init__(self, job: Job, folder: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.tasks: list[tuple[str, int, tuple[str, ...]]] = []  # client, round, names of the tensors it was sent
        self.most_uploads = 0  # at the same time
        self._uploads = 0
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[], object]] = {}
        self.server = Server(job, job.load_data(folder), self._note)
        self.server.half.see = lambda *update: self._uploading(-1)  # type: ignore[method-assign]
        self.listener = in_process.InProcessListener(self.server.serve)

    def when(self, event: str, action: Callable[[], object]) -> None:
        """Do this when the server says so."""
        self._actions[event] = action

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._actions.get(event["event"], lambda: None)()

    def _uploading(self, change: int) -> None:
        with self._lock:
            self._uploads += change
            self.most_uploads = max(self.most_uploads, self._uploads)

    def worker(self, name: str, script: Script = lambda task, tensors: {}) -> threading.Thread:
        channel = in_process.connect(self.listener.address)
        thread = threading.Thread(target=self._work, args=(name, channel, script), daemon=True)
        thread.start()
        return thread

    def run(self) -> list[dict[str, Any]]:
        try:
            self.server.run()
        finally:
            self.listener.close()
        return [event for event in self.events if event["event"] == "round"]

    def _work(self, name: str, channel: Channel, script: Script) -> None:
        try:
            channel.send(Message("hello", {"version": VERSION, "client": name}))
            channel.receive(5).expect("welcome")
            channel.send(Message("ready", {"samples": 10, "label_counts": None}))
            while True:
                task = channel.receive().expect("task", "finish")
                if task.kind == "finish":
                    return
                self.tasks.append((name, task.meta["round"], tuple(task.tensors)))
                told = script(task, task.tensors)
                if told.get("leave"):
                    return
                report = {"samples": 10, "train_loss": 1.0, "facts": {}, "seconds": {}, "exchanged": {}}
                channel.send(Message("trained", report))
                if channel.receive().expect("upload", "skip").kind == "upload":
                    self._uploading(+1)
                    live = task_from_json(task.meta["task"]).stage.device.trained
                    update = {key: value + value.dtype.type(1) for key, value in task.tensors.items() if live(key)}
                    channel.send(Message("update", {}, {**update, **told.get("send", {})}))
                    channel.receive().expect("ack")
        except LinkError:
            pass
        finally:
            channel.close()


@pytest.fixture
def rack(make_job: MakeJob, digits_folder: str) -> Callable[..., Rack]:
    def make(method: str = "fedavg", **changes: Any) -> Rack:
        return Rack(make_job(method, rehearse_batches=0, **changes), digits_folder)

    return make


def in_round(*rounds: int, **told: Any) -> Script:
    return lambda task, tensors: told if task.meta["round"] in rounds else {}


def poisoned(task: Message, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"send": {"head.2.bias": tensors["head.2.bias"] * np.float32("nan")}} if task.meta["round"] == 2 else {}


def misshapen(task: Message, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"send": {"head.2.bias": np.zeros(3, "float32")}} if task.meta["round"] == 2 else {}


@pytest.mark.parametrize(("script", "why"), [(poisoned, "not finite"), (misshapen, r"has shape (3,), expected (10,)")])
def test_an_update_that_cannot_be_used_is_refused_counted_and_flagged(
    script: Script, why: str, rack: Callable[..., Rack]
) -> None:
    job = rack()
    for name in "abc":
        job.worker(name, script if name == "b" else lambda task, tensors: {})
    rounds = job.run()
    assert [event["reported"] for event in rounds] == [["a", "b", "c"], ["a", "c"], ["a", "b", "c"]]
    assert why in rounds[1]["lost"]["b"]
    assert [job.server.facts[name].rejected for name in "abc"] == [0, 1, 0]
    assert all(bool(value.isfinite().all()) for value in job.server.state.values())


def test_who_is_late_is_not_waited_for_and_joins_again_when_it_has_answered(rack: Callable[..., Rack]) -> None:
    job, answer = rack(rounds=4, round_timeout_s=0.4), threading.Event()

    def slow(task: Message, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        if task.meta["round"] == 2:
            answer.wait(10)
        return {}

    def patient(task: Message, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        if task.meta["round"] == 3:
            answer.set()
            time.sleep(0.2)  # the late answer arrives in this round
        return {}

    job.worker("a", patient), job.worker("b", slow), job.worker("c")
    rounds = job.run()
    assert [event["reported"] for event in rounds] == [["a", "b", "c"], ["a", "c"], ["a", "c"], ["a", "b", "c"]]
    assert rounds[1]["lost"]["b"].startswith("late: nothing after 0.4") and 0.4 <= rounds[1]["round_s"] < 2
    assert rounds[2]["lost"] == {}  # it was not asked


def test_spare_clients_are_asked_and_the_slowest_not_waited_for(rack: Callable[..., Rack]) -> None:
    job, over = rack(rounds=1, cohort=2, spare=1), threading.Event()

    def slow(task: Message, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        over.wait(10)
        return {}

    job.worker("a"), job.worker("b", slow), job.worker("c")
    [only] = job.run()
    over.set()
    assert only["reported"] == ["a", "c"] and only["lost"] == {"b": "not waited for: 2 reports were enough"}
    assert set(only["clients"]["b"]["bytes"]) == {"model"} and only["clients"]["a"]["bytes"]["update"] > 0


def test_too_few_reports_change_nothing(rack: Callable[..., Rack]) -> None:
    job = rack(rounds=2, minimum_reports=2)
    before = {key: value.clone() for key, value in job.server.state.items()}
    job.worker("a"), job.worker("b", in_round(1, leave=True)), job.worker("c", in_round(1, leave=True))
    rounds = job.run()
    assert [event["reported"] for event in rounds] == [["a"], ["a"]]
    assert all(value.equal(before[key]) for key, value in job.server.state.items())


def test_a_client_that_comes_back_joins_the_next_round_with_all_it_needs(rack: Callable[..., Rack]) -> None:
    job = rack(method="freeze", clients=["a"], rounds=6, rejoin_timeout_s=10.0)  # two rounds for each of three blocks
    job.when("dropped", lambda: job.worker("a"))
    job.worker("a", in_round(5, leave=True))
    rounds = job.run()
    assert [event["reported"] for event in rounds] == [["a"]] * 4 + [[], ["a"]]
    sent = {round_index: {name.split(".")[1] for name in names} for _, round_index, names in job.tasks}
    assert "block1" not in sent[4]  # frozen since round 3, and held
    assert {"block1", "block2", "block3"} <= sent[6]


def test_nobody_left_is_a_verdict(rack: Callable[..., Rack]) -> None:
    job = rack()
    for name in "abc":
        job.worker(name, in_round(2, leave=True))
    with pytest.raises(NobodyLeft, match="round 3: no client left"):
        job.run()
    assert [event["reported"] for event in job.events if event["event"] == "round"] == [["a", "b", "c"], []]


def test_another_version_is_refused_with_both_named(rack: Callable[..., Rack]) -> None:
    job = rack()
    channel = in_process.connect(job.listener.address)
    channel.send(Message("hello", {"version": 1, "client": "a"}))
    why = channel.receive(5).expect("refused").meta["why"]
    assert (
        why == f"it speaks protocol 1 of the data plane, the FL server speaks {VERSION}: deploy the same code to both"
    )
    job.listener.close()


def test_few_updates_are_asked_for_at_a_time_however_many_clients_there_are(rack: Callable[..., Rack]) -> None:
    names = [f"c{i}" for i in range(40)]
    job = rack(clients=names, rounds=1)
    for name in names:
        job.worker(name)
    [only] = job.run()
    assert len(only["reported"]) == 40 and job.most_uploads <= 2
