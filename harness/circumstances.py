"""Under what circumstances a cell ran on a board, whether they spoil it, and which cells may be averaged.

Cells may be averaged when every circumstance agrees. Not having a thing (no nvpmodel on a Pi) is an answer like any
other; a thing that would not be read agrees with nothing, not even with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from harness.facts.base import Found
from harness.facts.clocks import Clock, CpuPolicy, locked
from harness.facts.power_mode import PowerMode
from harness.facts.swap import Swap
from harness.facts.throttle import Throttle, throttled_between
from harness.thermal import Warmth

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """One board, one cell. None: the board has no such thing. UNREADABLE: it has, and did not tell."""

    board: str
    virtual: str | None  # level of a virtual board
    image: str | None  # hash or name
    system: str | None  # kernel and release
    power_mode: str | None  # by name
    clocks_locked: bool | str | None
    governor: str | None
    cpu_max_hz: tuple[int, ...] | str | None  # by CPU
    torch: str | None  # version and hash of its build
    python: str | None
    swap: tuple[str, ...] | str | None  # kinds: zram, partition, file; sizes differ by boot
    warmth: str | None  # verdict of the temperature window
    throttled: tuple[str, ...] | str | None  # what came up during the cell
    sampling: str | None  # sources and rates of the observer


@dataclass(frozen=True, kw_only=True)
class Difference:
    name: str
    one: Any
    other: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.one} / {self.other}"


def differences(one: Circumstances, other: Circumstances) -> tuple[Difference, ...]:
    """All that keeps two cells apart; empty: they may be averaged."""
    found = []
    for field in fields(Circumstances):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if a != b or a == UNREADABLE:
            found.append(Difference(name=field.name, one=a, other=b))
    return tuple(found)


def may_average(cells: Sequence[Circumstances]) -> bool:
    return all(not differences(cells[0], each) for each in cells[1:])


def groups(cells: Iterable[Circumstances]) -> list[list[int]]:
    """Indices of cells that may be averaged with each other, in order of their first."""
    found: list[list[int]] = []
    known: list[Circumstances] = []
    for index, cell in enumerate(cells):
        known.append(cell)
        home = next((group for group in found if not differences(known[group[0]], cell)), None)
        if home is None:
            found.append([index])
        else:
            home.append(index)
    return found


def objections(cell: Circumstances) -> tuple[str, ...]:
    """Why the numbers of a cell do not stand by themselves, as sentences; empty: nothing is known against them."""
    found = []
    if cell.throttled and cell.throttled != UNREADABLE:
        found.append(f"the board reported {', '.join(cell.throttled)} during the cell")
    if cell.swap and cell.swap != UNREADABLE:
        found.append(f"swap was on ({', '.join(cell.swap)}): running out of memory may show as running slowly")
    if cell.warmth == "timed_out":
        found.append("the board had not cooled down when the cell began")
    unread = [field.name for field in fields(Circumstances) if getattr(cell, field.name) == UNREADABLE]
    if unread:
        found.append(f"the board did not tell its {', '.join(unread).replace('_', ' ')}")
    return tuple(found)


def circumstances(
    board: str,
    *,
    virtual: str | None,
    image: str | None,
    system: str | None,
    power_mode: Found[PowerMode],
    clocks: Found[tuple[Clock, ...]],
    policies: Found[tuple[CpuPolicy, ...]],
    torch: Found[str],
    python: Found[str],
    swaps: Found[tuple[Swap, ...]],
    throttle: tuple[Found[Throttle], Found[Throttle]],
    warmth: Warmth | None,
    sampling: str | None,
) -> Circumstances:
    """From facts read around a cell; `throttle` before and after it."""
    before, after = throttle
    throttled: tuple[str, ...] | str | None = UNREADABLE if before.fault or after.fault else None
    if before.value is not None and after.value is not None:
        throttled = throttled_between(before.value, after.value)
    governors = sorted({policy.governor for policy in policies.value or ()})
    return Circumstances(
        board=board,
        virtual=virtual,
        image=image,
        system=system,
        power_mode=power_mode.value.name if power_mode.value else _lacking(power_mode),
        clocks_locked=locked(clocks.value) if clocks.value else _lacking(clocks),
        governor="+".join(governors) if governors else _lacking(policies),
        cpu_max_hz=tuple(policy.max_hz for policy in policies.value) if policies.value else _lacking(policies),
        torch=torch.value or _lacking(torch),
        python=python.value or _lacking(python),
        swap=_kinds(swaps.value) if swaps.value is not None else _lacking(swaps),
        warmth=warmth.verdict if warmth else None,
        throttled=throttled,
        sampling=sampling,
    )


def as_json(cell: Circumstances) -> dict[str, Any]:
    return asdict(cell)


def from_json(value: Mapping[str, Any]) -> Circumstances:
    """What a JSON file made lists is tuples again; fields that an older version did not know are UNREADABLE."""
    known: dict[str, Any] = {field.name: value.get(field.name, UNREADABLE) for field in fields(Circumstances)}
    for name, each in known.items():
        known[name] = tuple(each) if isinstance(each, list) else each
    return Circumstances(**known)


def _lacking(found: Found[Any]) -> str | None:
    return UNREADABLE if found.fault else None


def _kinds(swaps: tuple[Swap, ...]) -> tuple[str, ...]:
    return tuple(sorted({"zram" if swap.zram else swap.kind for swap in swaps}))
