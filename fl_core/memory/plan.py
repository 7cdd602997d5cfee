"""The fastest plan within a memory budget, exactly: a dynamic programme over sub-chains and bytes.

After Beaumont et al., "Optimal checkpointing for heterogeneous chains: how to train deep neural networks with limited
memory" (arXiv 1911.13214, the rotor line of work), generalised to several ways of recording a unit. T(s, t, m) is the
least time to run units s..t forward and back in m bytes beside the input of s. Either s is recorded in one of its
modes and s+1..t follows in what is left; or s..s'-1 run without saving, s'..t is solved in what their output leaves,
and s..s'-1 is solved again afterwards. As in rotor, what is stored stays stored until its backward.

Gradients of parameters of later units are live in every backward; where they are released this is nothing.

One table answers every budget, so that a changed budget costs a walk through it (milliseconds). Memory is counted in
slots, sizes rounded up: a plan never exceeds its budget, and may miss the optimum of a budget that is one slot per
stored tensor larger. Its peak and time come from `simulate`, in bytes.
"""

import math
from typing import List, Sequence, Tuple

import numpy as np

from fl_core.errors import BudgetTooSmall
from fl_core.memory.profile import ModeCost, Profile
from fl_core.memory.schedule import BACKWARD, CHECKPOINT, PASS, RECORD, Op, Plan, simulate

CELLS = 5_000_000  # of the table: 20 MB; 500 slots for 100 units, 4096 for fewer than 35
MOST_SLOTS = 4096
BARELY = 16  # a size less than 1/16 slot above a whole number of slots is rounded down, and that reserved once for all


class Planner:
    """Plans of one chain for any budget. `modes`: the ways to record that may be used, all of them in the profile."""

    def __init__(self, profile: Profile, modes: Sequence[str]) -> None:
        self.profile = profile
        self._modes = tuple(modes)
        self._sizes = _Sizes(profile, modes)
        self.slot_bytes = self._sizes.slot_bytes  # the grain of budgets
        self._count = len(profile.units)
        shape = (self._count, self._count, self._sizes.slots + 1)
        self._time = np.full(shape, np.inf, np.float32)  # T(s, t, m)
        self._behind = np.full(shape, np.inf, np.float32)  # T(s, t, m - input of s)
        self._passes = np.concatenate([[0.0], np.cumsum([unit.pass_s for unit in profile.units])]).astype(np.float32)
        for length in range(self._count):
            for start in range(self._count - length):
                self._fill(start, start + length)
        self._least = int(np.isfinite(self._time[0, -1]).argmax())  # slots that the whole chain needs

    def plan(self, budget_bytes: int) -> Plan:
        """The fastest plan whose tensor peak is at most `budget_bytes`."""
        memory = self._sizes.slots_within(budget_bytes)
        if memory >= self._least:
            return self._at(memory)
        smallest = self.smallest()
        if smallest.peak_bytes > budget_bytes:
            raise BudgetTooSmall(
                "no plan for {} units fits {:.1f} MiB; the smallest that works is {:.1f} MiB".format(
                    self._count, budget_bytes / 2**20, math.ceil(smallest.peak_bytes / 2**20 * 10) / 10
                )
            )
        return smallest

    def smallest(self) -> Plan:
        """The fastest plan of the smallest peak."""
        return self._at(self._least)

    def _at(self, memory: int) -> Plan:
        ops: List[Op] = []
        self._walk(0, self._count - 1, memory, ops)
        return simulate(self.profile, ops)

    def _fill(self, s: int, t: int) -> None:
        best = self._time[s, t]
        for mode in self._modes:
            _lower(best, *self._recorded(s, t, mode))
        if t > s:
            np.minimum(best, self._checkpointed(s, t).min(0), out=best)
        if s > 0:
            stored = self._sizes.output[s - 1]
            self._behind[s, t, stored:] = best[: len(best) - stored]

    def _recorded(self, s: int, t: int, mode: str) -> Tuple[int, np.ndarray]:
        """(least memory, times from there on) with s recorded first."""
        cost = self.profile.units[s].modes[mode]
        time_s = np.float32(cost.forward_s + cost.backward_s)
        needed = self._sizes.needed_to_record(s, t, cost)
        if s == t:
            return needed, np.full(max(0, self._sizes.slots + 1 - needed), time_s)
        held = self._sizes.held[mode][s]
        needed = min(max(needed, held), self._sizes.slots + 1)
        return needed, time_s + self._time[s + 1, t, needed - held : max(0, self._sizes.slots + 1 - held)]

    def _checkpointed(self, s: int, t: int) -> np.ndarray:
        """Times by (s' - s - 1, memory) with s..s'-1 run first without saving."""
        times = self._behind[s + 1 : t + 1, t] + self._time[s, s:t]
        times += (self._passes[s + 1 : t + 1] - self._passes[s])[:, None]
        for row, needed in enumerate(self._sizes.needed_to_pass(s, t)):
            times[row, :needed] = np.inf
        return times

    def _walk(self, s: int, t: int, memory: int, ops: List[Op]) -> None:
        """The operations behind T(s, t, memory)."""
        found = []
        for mode in self._modes:
            needed, times = self._recorded(s, t, mode)
            if memory >= needed:
                found.append((times[memory - needed], mode, 0))
        if t > s:
            times = self._checkpointed(s, t)[:, memory]
            row = int(times.argmin())
            found.append((times[row], "", s + 1 + row))
        _, mode, cut = min(found)
        if cut:
            ops.append(Op(CHECKPOINT, s))
            ops.extend(Op(PASS, index) for index in range(s + 1, cut))
            self._walk(cut, t, memory - self._sizes.output[cut - 1], ops)
            self._walk(s, cut - 1, memory, ops)
            return
        ops.append(Op(RECORD, s, mode))
        if t > s:
            self._walk(s + 1, t, memory - self._sizes.held[mode][s], ops)
        ops.append(Op(BACKWARD, s))


class _Sizes:
    """A profile's bytes in slots."""

    def __init__(self, profile: Profile, modes: Sequence[str]) -> None:
        units = profile.units
        first = modes[0]
        count = len(units)
        self._units = units
        self._static_bytes = profile.static_bytes
        self._handed = [unit.output_bytes for unit in units[:-1]] + [
            0
        ]  # gradient that a sub-chain's backward starts from
        gradients = np.cumsum([0] + [unit.gradient_bytes for unit in reversed(units)])[::-1]
        self._later = [int(size) for size in gradients[1:]]  # gradients of the parameters of units behind
        whole = sum(u.modes[first].held_bytes + u.gradient_bytes for u in units) + max(
            max(u.modes[first].backward_peak_bytes, u.modes[first].forward_peak_bytes) for u in units
        )
        most = min(MOST_SLOTS, CELLS // count**2)
        self.slot_bytes = 1
        while self.slot_bytes * most < whole:
            self.slot_bytes *= 2  # a power of two: most tensors are then whole slots
        self.slots = -(-whole // self.slot_bytes)
        self._reserve_bytes = 0
        self.output = [self._stored(unit.output_bytes) for unit in units]
        self.held = {mode: [self._stored(unit.modes[mode].held_bytes) for unit in units] for mode in modes}

    def slots_within(self, budget_bytes: int) -> int:
        return min(self.slots, (budget_bytes - self._static_bytes - self._reserve_bytes) // self.slot_bytes)

    def needed_to_record(self, s: int, t: int, cost: ModeCost) -> int:
        forward = cost.forward_peak_bytes + self._handed[t] + self._later[t]
        return self._up(max(forward, cost.backward_peak_bytes + self._later[s]))

    def needed_to_pass(self, s: int, t: int) -> List[int]:
        """By the last unit passed, s..t-1; the input of s is not counted."""
        inputs = [0] + [unit.output_bytes for unit in self._units[s : t - 1]]
        peaks = [size + unit.pass_peak_bytes for size, unit in zip(inputs, self._units[s:t])]
        handed = self._handed[t] + self._later[t]
        return [self._up(int(peak) + handed) for peak in np.maximum.accumulate(peaks)]

    def _stored(self, size_bytes: int) -> int:
        slots, rest = divmod(size_bytes, self.slot_bytes)
        if rest * BARELY < self.slot_bytes:
            self._reserve_bytes += rest
            return slots
        return slots + 1

    def _up(self, size_bytes: int) -> int:
        return -(-size_bytes // self.slot_bytes)


def _lower(best: np.ndarray, first: int, times: np.ndarray) -> None:
    """best[first:] = min(best[first:], times)"""
    np.minimum(best[first:], times, out=best[first:])
