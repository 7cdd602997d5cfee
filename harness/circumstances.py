"""Under what circumstances a cell ran on a board, whether they spoil it, and which cells may be averaged.

Cells may be averaged when every circumstance but the FIGURES agrees. Not having a thing (no nvpmodel on a Pi) is an
answer like any other; a thing that would not be read agrees with nothing, not even with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from harness.facts.base import Found
from harness.facts.clocks import Clock, CpuPolicy, locked
from harness.facts.power_mode import PowerMode
from harness.facts.swap import Swap
from harness.facts.throttle import Throttle, in_words, throttled_between
from harness.thermal import Warmth

UNREADABLE = "unreadable"
FIGURES = frozenset({"temperature_c", "baseline_c"})  # kept to be seen; never the same twice


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a board said of itself at one moment."""

    power_mode: Found[PowerMode]
    clocks: Found[tuple[Clock, ...]]
    policies: Found[tuple[CpuPolicy, ...]]
    swaps: Found[tuple[Swap, ...]]
    throttle: Found[Throttle]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a cell's own files tell."""

    torch: Found[str]
    python: Found[str]
    raised: tuple[str, ...] | None  # throttle flags that the agent saw; None: it has no such sensor
    silent: Mapping[str, str]  # sidecars that did not run to the end, and in a word why: absent, failed


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """One board, one cell. None: the board has no such thing. UNREADABLE: it has, and did not tell."""

    board: str
    virtual: str | None  # level of a virtual board
    image: str | None  # its name and hash, and the digest of what was installed
    system: str | None  # kernel and release
    power_mode: str | None  # by name
    clocks_locked: bool | str | None
    governor: str | None
    cpu_max_hz: tuple[int, ...] | str | None  # by CPU
    torch: str | None  # version and hash of its build
    python: str | None
    swap: tuple[str, ...] | str | None  # kinds: zram, partition, file; sizes differ by boot
    changed: tuple[str, ...] | str  # what was another after the cell than before, as sentences
    warmth: str | None  # verdict of the temperature window
    temperature_c: float | None  # when the cell began
    baseline_c: float | None  # at rest, when the run began
    throttled: tuple[str, ...] | str | None  # what was raised during the cell
    sampling: str | None  # rates and sidecars of the observer


def objections(cell: Circumstances) -> tuple[str, ...]:
    """Why the numbers of a cell do not stand by themselves, as sentences; empty: nothing is known against them."""
    found = []
    if cell.throttled and cell.throttled != UNREADABLE:
        found.append(f"the board reported {in_words(cell.throttled)} during the cell")
    if cell.changed and cell.changed != UNREADABLE:
        found.append(f"not the same before and after the cell: {', '.join(cell.changed)}")
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
    before: Held,
    after: Held,
    told: Told,
    warmth: Warmth,
    rates: str,
    sidecars: Iterable[str],
) -> Circumstances:
    """From what was read before and after a cell, and what its own files tell. `rates`: the observer's, in words."""
    began, ended = _settled(before), _settled(after)
    both = {name: (value, ended[name]) for name, value in began.items()}
    known = {name: values for name, values in both.items() if UNREADABLE not in values}
    return Circumstances(
        board=board,
        virtual=virtual,
        image=image,
        system=system,
        **{name: known[name][0] if name in known else UNREADABLE for name in both},
        changed=tuple(f"{name}: {one} / {other}" for name, (one, other) in known.items() if one != other),
        torch=told.torch.value or _lacking(told.torch),
        python=told.python.value or _lacking(told.python),
        warmth=warmth.verdict,
        temperature_c=warmth.temperature_c,
        baseline_c=warmth.baseline_c,
        throttled=_throttled(before.throttle, after.throttle, told.raised),
        sampling=", ".join([rates, *_watching(sidecars, told.silent)]),
    )


def _watching(sidecars: Iterable[str], silent: Mapping[str, str]) -> list[str]:
    return [f"{name} {silent[name]}" if name in silent else name for name in sorted(sidecars)]


def _settled(held: Held) -> dict[str, Any]:
    """The circumstances that a board says itself, as values to compare."""
    policies, clocks, swaps = held.policies, held.clocks, held.swaps
    governors = sorted({policy.governor for policy in policies.value or ()})
    return {
        "power_mode": held.power_mode.value.name if held.power_mode.value else _lacking(held.power_mode),
        "clocks_locked": locked(clocks.value) if clocks.value else _lacking(clocks),
        "governor": "+".join(governors) if governors else _lacking(policies),
        "cpu_max_hz": tuple(policy.max_hz for policy in policies.value) if policies.value else _lacking(policies),
        "swap": _kinds(swaps.value) if swaps.value is not None else _lacking(swaps),
    }


def _throttled(
    before: Found[Throttle], after: Found[Throttle], raised: tuple[str, ...] | None
) -> tuple[str, ...] | str | None:
    """All that either witness saw; UNREADABLE where nothing was seen, and the one that would not tell may have."""
    seen = set(raised or ())
    if before.value is not None and after.value is not None:
        seen.update(throttled_between(before.value, after.value))
    if seen:
        return tuple(sorted(seen))
    if before.fault or after.fault:
        return UNREADABLE
    return None if raised is None and after.value is None else ()


def as_json(cell: Circumstances) -> dict[str, Any]:
    return asdict(cell)


def from_json(value: Mapping[str, Any]) -> Circumstances:
    """What a JSON file made lists is tuples again; fields that an older version did not know are UNREADABLE."""
    known: dict[str, Any] = {
        field.name: value.get(field.name, None if field.name in FIGURES else UNREADABLE)
        for field in fields(Circumstances)
    }
    for name, each in known.items():
        known[name] = tuple(each) if isinstance(each, list) else each
    return Circumstances(**known)


def _lacking(found: Found[Any]) -> str | None:
    return UNREADABLE if found.fault else None


def _kinds(swaps: tuple[Swap, ...]) -> tuple[str, ...]:
    return tuple(sorted({"zram" if swap.zram else swap.kind for swap in swaps}))
