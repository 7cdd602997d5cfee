"""A server half that goes through stages, each until its block has converged: what SmartFreeze and ProFL share.

When a stage ends: `pace: perturbation` follows the live block by `fl_core.pace` and keeps at least `least_rounds` for
every stage to come (OURS: the papers' jobs have no fixed end); `pace: shares` and `pace: parameters` divide the job's
rounds beforehand, equally or by parameters (the ablations).
"""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import torch

from fl_core.errors import BadJob
from fl_core.methods.base import Setup
from fl_core.methods.memory_aware import DEFAULTS as MEMORY_DEFAULTS
from fl_core.methods.memory_aware import MemoryAware
from fl_core.models.blocks import BlockedModel
from fl_core.pace.perturbation import perturbation, snapshot
from fl_core.pace.regression import Rule, reason_to_freeze
from fl_core.pace.shares import shares
from fl_core.rounds import Now, Outcome, Stage

DEFAULTS: Mapping[str, Any] = {
    **MEMORY_DEFAULTS,
    "pace": "perturbation",
    "window": 20,  # updates in the perturbation
    "fit_points": 20,  # values in the line
    "evaluations": 15,
    "threshold": 0.2,
    "normalised": True,
    "least_rounds": 30,
    "most_rounds": 300,
}
SNAPSHOTS = "pace.snapshots"  # (window + 1, scalars) float32


class Step(NamedTuple):
    """One stage, and the block whose movement ends it or the rounds that it always lasts."""

    stage: Stage
    followed: Optional[str]
    rounds: int = 0


class Progressive(MemoryAware):
    """Options: `DEFAULTS`. Remembers the stage, its rounds, the series of perturbations and why stages ended."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.steps = self.all_steps()
        self.memory.update(at=0, rounds=0, series=[], ended=[])
        if self.options["pace"] not in ("perturbation", "shares", "parameters"):
            raise BadJob("pace must be perturbation, shares or parameters, not {!r}".format(self.options["pace"]))
        self._fixed = None if self.options["pace"] == "perturbation" else self._divided()
        shortest = len(self.steps) if self._fixed else self._least(self.steps)
        if setup.rounds < shortest:
            raise BadJob("{} stages need {} rounds, not {}".format(len(self.steps), shortest, setup.rounds))

    def all_steps(self) -> List[Step]:
        """The stages in order."""
        raise NotImplementedError

    @property
    def current(self) -> Step:
        return self.steps[self.memory["at"]]

    def entered(self, state: Mapping[str, torch.Tensor]) -> None:
        """A new stage begins with this global model."""
        self.memory.update(rounds=0, series=[])
        self.kept.pop(SNAPSHOTS, None)

    def notes(self, now: Now) -> Dict[str, Any]:
        """For the record, as of the round before: how much the block still moved, and which stage ended and why."""
        ended = [entry for entry in self.memory["ended"] if entry[1] == now.round_index - 1]
        return {"perturbation": self.memory["series"][-1] if self.memory["series"] else None, "ended": ended}

    def learn(self, outcome: Outcome) -> None:
        super().learn(outcome)
        if not outcome.reports:
            return  # nothing moved: no evidence
        self.memory["rounds"] += 1
        if self.current.followed is not None:
            self._follow(self.current.followed, outcome.state)
        reason = self._reason(outcome.round_index)
        if reason is not None and self.memory["at"] < len(self.steps) - 1:
            self.memory["ended"].append([self.current.stage.name, outcome.round_index, reason])
            self.memory["at"] += 1
            self.entered(outcome.state)

    def _follow(self, block: str, state: Mapping[str, torch.Tensor]) -> None:
        now = torch.from_numpy(snapshot(dict(state), block, self.setup.seed))[None]
        kept = torch.cat([self.kept[SNAPSHOTS], now]) if SNAPSHOTS in self.kept else now
        self.kept[SNAPSHOTS] = kept[-(self.options["window"] + 1) :]
        if len(kept) > 1:
            self.memory["series"].append(perturbation(list(self.kept[SNAPSHOTS].numpy())))

    def _reason(self, round_index: int) -> Optional[str]:
        rounds, options = self.memory["rounds"], self.options
        if self._fixed is not None:
            return "share of the rounds" if rounds >= self._fixed[self.memory["at"]] else None
        if self.current.followed is None:
            return "done" if rounds >= self.current.rounds else None
        left = self.setup.rounds - round_index - self._least(self.steps[self.memory["at"] + 1 :])
        most = min(options["most_rounds"], rounds + left)
        rule = Rule(
            options["fit_points"],
            options["evaluations"],
            options["threshold"],
            options["normalised"],
            options["least_rounds"],
            most,
        )
        return reason_to_freeze(self.memory["series"], rounds, rule)

    def _least(self, steps: List[Step]) -> int:
        """Rounds that these take at the least."""
        return sum(self.options["least_rounds"] if step.followed else step.rounds for step in steps)

    def _divided(self) -> List[int]:
        if self.options["pace"] == "shares":
            return shares(self.setup.rounds, [1.0] * len(self.steps))
        return shares(self.setup.rounds, [self._parameters(step.stage) for step in self.steps])

    def _parameters(self, stage: Stage) -> float:
        blocks = BlockedModel(self.spec, stage.device).blocks
        return float(sum(p.numel() for name in stage.device.live for p in blocks[name].parameters()) or 1)
