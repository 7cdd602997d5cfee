"""Many boards at once: each is surveyed, planned and changed in a thread of its own; one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import BoardError, CommandFailed, FedRackError
from harness.images import Image
from harness.inventory import BoardSpec
from harness.provision.apply import Connect, apply
from harness.provision.plan import Plan, plan
from harness.provision.steps import Step
from harness.provision.survey import assumed, survey
from harness.side_by_side import side_by_side
from harness.states import BoardRecord, State, States
from harness.wheels import Cache

Told = Callable[[str, Step], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    board: str
    plan: Plan | None
    failure: BoardError | None = None
    step: Step | None = None  # that failed

    @property
    def well(self) -> bool:
        return self.failure is None and self.plan is not None and not self.plan.refusals


def plan_offline(specs: Sequence[BoardSpec], images: Mapping[str, Image]) -> list[Plan]:
    """What each board would need fresh from its image's README. Connects to none."""
    return [plan(spec, images[spec.image], assumed(spec, images[spec.image])) for spec in specs]


def provision(
    specs: Sequence[BoardSpec],
    images: Mapping[str, Image],
    connect: Connect,
    cache: Cache,
    states: States,
    *,
    dry_run: bool,
    told: Told,
) -> list[Outcome]:
    """Every board's outcome, in the order of `specs`. What happened is written into `states`."""

    def one(spec: BoardSpec) -> Outcome:
        outcome = _one(spec, images[spec.image], connect, cache, dry_run, told)
        states[spec.name] = _record(outcome, states, dry_run)
        return outcome

    return side_by_side(specs, one)


def _one(spec: BoardSpec, image: Image, connect: Connect, cache: Cache, dry_run: bool, told: Told) -> Outcome:
    made: Plan | None = None
    current: list[Step] = []

    def on_step(step: Step) -> None:
        current[:] = [step]
        told(spec.name, step)

    try:
        made = _planned(spec, image, connect, cache)
        if not dry_run and not made.refusals:
            apply(made, spec, connect, cache, on_step)
    except BoardError as error:
        return Outcome(board=spec.name, plan=made, failure=error, step=current[0] if current else None)
    except FedRackError as error:  # the cache's: it is not the board's fault, but this board cannot go on
        failure = CommandFailed(spec.name, error.message, remedy=error.remedy)
        return Outcome(board=spec.name, plan=made, failure=failure, step=current[0] if current else None)
    return Outcome(board=spec.name, plan=made)


def _planned(spec: BoardSpec, image: Image, connect: Connect, cache: Cache) -> Plan:
    connection = connect(spec)
    try:
        found = survey(connection, spec, image)
    finally:
        connection.close()
    made = plan(spec, image, found)
    size_bytes = cache.size_bytes(push.file for push in made.pushes)
    return plan(spec, image, found, size_bytes) if size_bytes else made


def _record(outcome: Outcome, states: States, dry_run: bool) -> BoardRecord:
    before = states[outcome.board]
    if outcome.failure is not None:
        return before.failed(outcome.failure.message, outcome.failure.remedy)
    assert outcome.plan is not None
    if outcome.plan.refusals:
        return before.failed("; ".join(outcome.plan.refusals), "")
    done = not dry_run or not outcome.plan.steps
    return before.seen(State.PROVISIONED if done else State.REACHABLE)
