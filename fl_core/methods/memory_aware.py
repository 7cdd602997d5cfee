"""A server half that knows what its stages need and asks only clients whose budget holds that.

A stage needs its tensor peak from the ledger (momentum SGD, fp32, the job's batch) plus `floor_mib`, what interpreter
and torch take on a board; with the default 0 the accounting is tensors alone, as the papers' is (OURS).
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from torch import Tensor

from fl_core.methods.base import ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole
from fl_core.rounds import Now, Outcome
from fl_core.selection.candidate import MIB, Candidate, eligible, refuse_empty
from fl_core.selection.choose import check_rule, choose

Step = Callable[[BlockedModel, Tensor, Tensor], None]  # of the ledger: forward and backward of a batch

DEFAULTS: Mapping[str, Any] = {"selection": "random", "floor_mib": 0.0}


class MemoryAware(ServerHalf):
    """Options: `DEFAULTS`. What it remembers between rounds: when each client last took part."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        check_rule(self.options["selection"])
        self.memory["last_round"] = {}
        self._needs: Dict[Tuple[int, Part], int] = {}

    def need_bytes(self, part: Part, step: Optional[Step] = None, spec: Optional[ModelSpec] = None) -> int:
        """What training this part takes on a device; `spec` where it is another model than the global one."""
        from fl_core.ledger.stage import plain, stage_cost  # needs a newer torch than boards have

        model = spec or self.spec
        known = (model.blocks[-1].out_channels, part)
        if known not in self._needs:
            peak = stage_cost(model, part, self.setup.batch, step or plain).peak_bytes
            self._needs[known] = peak + int(self.options["floor_mib"] * MIB)
        return self._needs[known]

    def candidates(self, now: Now) -> List[Candidate]:
        """What is known of the clients that can be asked."""
        return [
            Candidate(
                name=name,
                samples=facts.samples or 0,
                memory_bytes=facts.memory_budget_bytes,
                mean_square_loss=facts.last.facts.get("mean_square_loss") if facts.last else None,
                duration_s=facts.last.round_s if facts.last else None,
                last_round=self.memory["last_round"].get(name),
                times_chosen=facts.rounds,
            )
            for name, facts in now.clients.items()
        ]

    def able(self, now: Now, part: Part, step: Optional[Step] = None) -> List[Candidate]:
        """Those who can train this part. Raises `BadJob` naming the smallest budget where nobody can."""
        known, need = self.candidates(now), self.need_bytes(part, step)
        able = eligible(known, need)
        what = ", ".join(part.live) or "the mapping of " + part.frozen[-1]
        refuse_empty(able, known, need, "{} of {} at batch {}".format(what, self.spec.name, self.setup.batch))
        return able

    def pick(self, now: Now, able: List[Candidate], groups: Optional[List[List[str]]] = None) -> List[str]:
        """Names for this round by the study's rule: the cohort and its spare, or all."""
        count = len(able) if self.setup.cohort is None else self.setup.cohort + self.setup.spare
        rule, chance = self.options["selection"], self.random(now.round_index)
        full_bytes = self.need_bytes(whole(self.spec)) if rule == "ucb" else 0
        return [c.name for c in choose(rule, able, count, now.round_index, chance, full_bytes, groups or [])]

    def learn(self, outcome: Outcome) -> None:
        self.memory["last_round"].update(dict.fromkeys(outcome.reports, outcome.round_index))
