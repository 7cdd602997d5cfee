"""Which boards may take part in a run: not those in quarantine, unless they pass a health check now."""

from __future__ import annotations

from collections.abc import Sequence

from harness.connect import connect
from harness.doctor.examine import examine_all
from harness.doctor.health import remember
from harness.errors import Quarantined
from harness.inventory import BoardSpec
from harness.payload import Payload
from harness.provision.pins import images_of
from harness.states import State, States
from harness.wheels.cache import default_folder

HEALTH_CHECK_S = 150.0  # torch included


def refusals(specs: Sequence[BoardSpec], states: States, code: Payload) -> dict[str, Quarantined]:
    """Board -> why it is left out. A board that the rule took out is examined first: well, it is on probation."""
    suspects = [spec for spec in specs if _out(spec, states) and not states[spec.name].by_hand]
    images = images_of(suspects, default_folder())
    remember(states, examine_all(suspects, images, connect, code, HEALTH_CHECK_S) if suspects else [])
    return {spec.name: _refusal(spec, states) for spec in specs if _out(spec, states)}


def _out(spec: BoardSpec, states: States) -> bool:
    return states[spec.name].state is State.QUARANTINED


def _refusal(spec: BoardSpec, states: States) -> Quarantined:
    record = states[spec.name]
    who = " by hand" if record.by_hand else ""
    message = f"skipped: quarantined{who} since {record.since_utc}: {record.evidence}"
    return Quarantined(spec.name, message, remedy=record.remedy)
