"""SmartFreeze (arXiv 2408.09101, IWQoS 2024): blocks are trained front to back behind an output module, then frozen.

Stage t: blocks 1..t-1 frozen, block t live, one surrogate convolution per later block and the head as output module,
trained along (`output: fc`, the ablation: a pooled linear exit instead). Later blocks are not on the device. What
travels: the frozen prefix down once per stage; block t and the output module down and up in every round.

Pace controller: block perturbation and the regression rule (`fl_core.pace`; the paper gives it in words, the formula is
its sibling ProFL's). Participant selector: boards whose memory holds the stage, every community of similar classifier
updates by its share of the data, the most useful and fastest within (`fl_core.selection.communities`; RL-CD's details
are unknown). Communities are found again every `regroup_rounds` rounds.

OURS: the hand-over of the output module (shared by all stages, as in ProFL's code), frozen batch norm in eval mode, the
prefix in micro-batches of `micro_batch` samples, and, where `cache_folder` names a folder on the board, its output kept
on disk (`fl_core.prefix_cache`).
"""

from typing import List, Mapping, Optional

import numpy as np
import torch
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import Batch, Exchange, Method, Setup
from fl_core.methods.lean import DEFAULTS as LEAN_DEFAULTS
from fl_core.methods.lean import LeanSteps, hold_frozen
from fl_core.methods.learner import Learner
from fl_core.methods.progressive import DEFAULTS, Progressive, Step
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.models.repartition import repartitioned, stand_ins, unit_ends
from fl_core.prefix_cache import PrefixCache
from fl_core.rounds import Now, RoundPlan, Stage, Task
from fl_core.selection.candidate import MIB
from fl_core.selection.communities import communities


def drawn_anew(setup: Setup) -> Setup:
    """The setup with block boundaries of our own, where `ends` names them or `fit_mib` a budget for them."""
    ends, fit_mib = setup.options["ends"], setup.options["fit_mib"]
    if ends is not None and fit_mib is not None:
        raise BadJob("give ends or fit_mib, not both")
    if fit_mib is not None:
        from fl_core.ledger.boundaries import fitting_ends  # needs a newer torch than boards have

        ends = fitting_ends(setup.spec, setup.batch, int(fit_mib * MIB))
    return setup if ends is None else setup._replace(spec=repartitioned(setup.spec, ends))


class Server(Progressive):
    def __init__(self, setup: Setup) -> None:
        if setup.options["output"] not in ("conv", "fc"):
            raise BadJob("output must be conv or fc, not {!r}".format(setup.options["output"]))
        drawn = drawn_anew(setup)
        self._drawn = drawn is not setup
        super().__init__(drawn)
        self.memory.update(groups=[], grouped=0)

    def initial(self) -> BlockedModel:
        conv = self.options["output"] == "conv"
        return BlockedModel(self.spec, whole(self.spec, surrogates=conv, exits=not conv))

    def all_steps(self) -> List[Step]:
        names = self.spec.block_names
        shape = {"ends": unit_ends(self.spec)} if self._drawn else {}
        return [Step(Stage(name, self.part(at), shape=shape), name) for at, name in enumerate(names)]

    def part(self, at: int) -> Part:
        names = self.spec.block_names
        last, conv = at == len(names) - 1, self.options["output"] == "conv"
        return Part(
            live=names[at : at + 1],
            frozen=names[:at],
            surrogates=stand_ins(self.spec, at, thin=self._drawn) if conv else (),
            head=conv or last,
            exits=() if conv or last else names[at : at + 1],
        )

    def plan(self, now: Now) -> RoundPlan:
        stage = self.current.stage
        able = self.able(now, stage.device)
        if self.options["selection"] == "communities":
            self._group(now.round_index)
        chosen = self.pick(now, able, self.memory["groups"])
        return self.round(stage.name, {name: Task(stage) for name in chosen}, stage.device)._replace(
            notes=self.notes(now)
        )

    def see(self, client: str, task: Task, update: Mapping[str, np.ndarray], state: Mapping[str, Tensor]) -> None:
        """Remember how the client moved the classifier: its profile."""
        key = next(key for key in sorted(update) if key.startswith(("head.", "exits.")) and key.endswith("weight"))
        self.kept["profile." + client] = torch.from_numpy(update[key] - state[key].numpy()).reshape(-1)

    def entered(self, state: Mapping[str, Tensor]) -> None:
        super().entered(state)
        self.memory["grouped"] = 0  # group anew: updates of the new stage tell more
        if self.options["output"] == "fc":  # classifiers of different depths have different lengths
            self._forget_profiles()

    def _forget_profiles(self) -> None:
        for key in [key for key in self.kept if key.startswith("profile.")]:
            del self.kept[key]

    def _group(self, round_index: int) -> None:
        profiles = {
            key[len("profile.") :]: value.numpy() for key, value in self.kept.items() if key.startswith("profile.")
        }
        due = round_index - self.memory["grouped"] >= self.options["regroup_rounds"] or not self.memory["grouped"]
        if due and len(profiles) > 1:
            self.memory["groups"] = communities(profiles, self.setup.seed)
            self.memory["grouped"] = round_index


class Client(Learner):
    """Frozen prefix without autograd, in micro-batches, or from disk; the rest under autograd, as leanly as asked."""

    _cache: Optional[PrefixCache] = None
    _cached: Optional[Stage] = None
    _steps: Optional[LeanSteps] = None

    def build(self, stage: Stage) -> BlockedModel:
        spec = repartitioned(self.spec, stage.shape["ends"]) if stage.shape else self.spec
        model = BlockedModel(spec, stage.device)
        hold_frozen(model, self.options["bf16"])
        lean = any(self.options[name] for name in LEAN_DEFAULTS)
        self._steps = LeanSteps(model, self.options) if lean else None
        return model

    def cost(self, model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
        self.optimiser(model)  # gradients may be released to it
        super().cost(model, inputs, labels)

    def optimiser(self, model: BlockedModel) -> SGD:
        self._optimiser = super().optimiser(model)
        return self._optimiser

    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        folder = self.options["cache_folder"]
        if folder is not None and task.stage != self._cached:
            if self._cache is not None:
                self._cache.close()
            self._cache = PrefixCache(folder) if task.stage.device.frozen else None
            self._cached = task.stage

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        if self._steps is None:
            return super().step(model, batch, edge)
        loss = self._steps.step(self.prefix(model, batch), batch.labels, self._optimiser)
        self.note(loss * loss, len(batch.labels))  # of the mean: the samples' own losses are not kept apart
        return loss

    def objective(self, model: BlockedModel, batch: Batch) -> Tensor:
        hidden = self.prefix(model, batch)
        for unit in model.live_units():
            hidden = unit(hidden)
        return self.cross_entropy(hidden, batch.labels)

    def prefix(self, model: BlockedModel, batch: Batch) -> Tensor:
        """The frozen prefix's output: float32, or bfloat16 where frozen blocks are held so and nothing is cached."""

        def compute() -> Tensor:
            held_half = self.options["bf16"] and model.part.frozen
            inputs = batch.inputs.bfloat16() if held_half else batch.inputs
            return model.frozen_prefix(inputs, self.options["micro_batch"])

        return compute() if self._cache is None else self._cache.output(batch.indices, lambda: compute().float())


METHOD = Method(
    "smartfreeze",
    Server,
    Client,
    defaults={
        **DEFAULTS,
        "selection": "communities",
        "regroup_rounds": 20,
        "output": "conv",
        "micro_batch": 8,
        "cache_folder": None,
        "ends": None,  # after which units blocks end, instead of after the architecture
        "fit_mib": None,
        **LEAN_DEFAULTS,
    },
)
