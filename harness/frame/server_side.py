"""What the FL server said of a cell, read from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from harness.frame.readings import Row


class ServerSide(NamedTuple):
    rounds: Mapping[int, Row]
    analytic_bytes: Mapping[str, int | None]  # by stage
    peak_tensor_bytes: Mapping[str, int | None]  # by stage; of simulated clients, boards tell their own

    def of_round(self, index: int) -> Row:
        """The columns of a round that are the global model's and the method's."""
        said = self.rounds.get(index, {})
        notes = said.get("notes") or {}
        return {
            "accuracy": said.get("accuracy"),
            "test_loss": said.get("test_loss"),
            "perturbation": notes.get("perturbation"),
            "ended": "; ".join(f"{stage}: {reason}" for stage, _, reason in notes.get("ended") or ()) or None,
        }

    @property
    def final_accuracy(self) -> float | None:
        return self.rounds[max(self.rounds)].get("accuracy") if self.rounds else None


def server_side(events: Iterable[Row]) -> ServerSide:
    said = list(events)
    rounds = {event["round"]: event for event in said if event.get("event") == "round" and "round" in event}
    return ServerSide(rounds, _by_stage(said, "reckoned", "analytic_bytes"),
                      _by_stage(said, "rehearsal", "peak_tensor_bytes"))  # fmt: skip


def _by_stage(said: list[Row], event: str, name: str) -> dict[str, Any]:
    return {each.get("stage", ""): each.get(name) for each in said if each.get("event") == event}
