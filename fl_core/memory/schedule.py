"""A recompute plan as a straight line of operations, and what it costs.

The operations are those of Beaumont et al., "Optimal checkpointing for heterogeneous chains: how to train deep neural
networks with limited memory" (arXiv 1911.13214): a forward either keeps nothing (and its input or not), or records
what backward needs; here recording has several modes. `simulate` gives a plan's exact peak and time by the profile.
"""

from typing import Dict, NamedTuple, Sequence, Tuple

from fl_core.memory.profile import Profile

CHECKPOINT, PASS, RECORD, BACKWARD = "checkpoint", "pass", "record", "backward"


class Op(NamedTuple):
    """`checkpoint`: forward, keep the input alone. `pass`: forward, keep nothing. `record`: forward, keep what the mode
    keeps. `backward`: of a recorded unit."""

    kind: str
    unit: int
    mode: str = ""


class Plan(NamedTuple):
    ops: Tuple[Op, ...]
    peak_bytes: int  # predicted tensor peak of a step: weights, momentum, gradients, input and activations
    step_s: float  # predicted; without the optimiser

    @property
    def modes(self) -> Dict[str, int]:
        """How many units are kept in which way in the first forward: the plan's mix in one line."""
        count: Dict[str, int] = {}
        seen = set()
        for op in self.ops:
            if op.kind != BACKWARD and op.unit not in seen:
                seen.add(op.unit)
                how = op.mode if op.kind == RECORD else "recompute"
                count[how] = count.get(how, 0) + 1
        return count


def simulate(profile: Profile, ops: Sequence[Op]) -> Plan:
    """Walk through the operations as the executor does, counting live bytes and seconds."""
    units = profile.units
    live = peak = profile.static_bytes
    step_s = 0.0
    own: Dict[int, int] = {}  # bytes that go when the input of this unit is dropped
    recorded: Dict[int, str] = {}
    gradient = 0  # bytes of the gradient that is handed from unit to unit
    for kind, index, mode in ops:
        unit = units[index]
        if kind in (CHECKPOINT, PASS):
            peak = max(peak, live + unit.pass_peak_bytes)
            step_s += unit.pass_s
            own[index + 1] = unit.output_bytes
            live += unit.output_bytes - (own.pop(index, 0) if kind == PASS else 0)
        elif kind == RECORD:
            cost = unit.modes[mode]
            recorded[index] = mode
            peak = max(peak, live + cost.forward_peak_bytes)
            step_s += cost.forward_s
            own[index + 1] = cost.held_bytes - cost.kept_bytes
            live += cost.held_bytes
        else:
            cost = unit.modes[recorded.pop(index)]
            live -= own.pop(index + 1, 0) + cost.kept_bytes + gradient
            peak = max(peak, live + cost.backward_peak_bytes)
            step_s += cost.backward_s
            gradient = units[index - 1].output_bytes if index else 0
            live += gradient + unit.gradient_bytes - own.pop(index, 0)
    return Plan(tuple(ops), peak, step_s)


def keep_all(count: int, mode: str = "keep") -> Tuple[Op, ...]:
    """Plain training: record everything, then walk back."""
    forward = [Op(RECORD, i, mode) for i in range(count)]
    return (*forward, *(Op(BACKWARD, i) for i in reversed(range(count))))
