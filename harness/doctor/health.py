"""What an examination means for a board's state: a failed health check takes a board that was in service out of it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.doctor.base import Finding
from harness.doctor.examine import Examined
from harness.states import BoardRecord, State, States

MENDED_BY_PROVISIONING = "image"  # it breaks a board, but is no illness
MENDED_BY_WAITING = "users"  # nor does it break one


def remember(states: States, examined: Sequence[Examined]) -> None:
    for each in examined:
        states[each.board] = judged(states[each.board], each)


def judged(before: BoardRecord, examined: Examined) -> BoardRecord:
    """The record after an examination."""
    if examined.well:
        return before.after_health_check("")
    failed = {finding.check: finding for finding in reversed(examined.failures)}
    failed.pop(MENDED_BY_WAITING, None)
    unprovisioned = failed.pop(MENDED_BY_PROVISIONING, None)
    if failed:
        first = next(reversed(failed.values()))
        return before.after_health_check(_words(first), first.remedy)
    after = before.after_health_check("") if before.state is State.QUARANTINED else before.seen(State.REACHABLE)
    return after.failed(_words(unprovisioned), unprovisioned.remedy) if unprovisioned else after


def _words(finding: Finding) -> str:
    return f"{finding.check}: {finding.evidence}"
