"""What is set on a board for a run: set, verified by reading back, and restored however the run ends.

What it was before is kept on the board itself until it is restored: after a cut line the next run puts it back.
No exit code is trusted: nvpmodel answers 0 for a mode that it did not take, jetson_clocks always ends with 0. The order
is power mode, governor, clocks, for each changes what the next may do; restoring goes the other way round.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import CommandFailed, UnknownName
from harness.facts.base import Fact, Runner, T, read
from harness.facts.clocks import Clock, CpuPolicy, cpu_policies, jetson_clocks, locked
from harness.facts.power_mode import POWER_MODE, POWER_MODES, PowerMode
from harness.inventory import Wanted

DEADLINE_S = 30.0  # nvpmodel takes seconds where it switches cores off
_POWER_MODE, _GOVERNORS, _CLOCKS = "power_mode", "governors", "clocks"
_CLOCKS_STORED = "clocks.stored"  # jetson_clocks' own form
_WANTS_REBOOT = re.compile(r"reboot", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The board that is set: how commands get there, and how they become root."""

    board: str
    runner: Runner
    folder: str  # on the board, where what was set is remembered
    sudo: str = "sudo -n "
    sysfs: str = "/sys"

    def ask(self, fact: Fact[T]) -> T:
        """A fact that must be there. Raises `CommandFailed`."""
        found = read(self.runner, fact, DEADLINE_S)
        if found.value is None:
            raise CommandFailed(self.board, found.fault or f"no {fact.name}: `{fact.command}` is not there")
        return found.value

    def do(self, command: str) -> str:
        """All that a command said; nothing that it asks is answered."""
        result = self.runner.run(f"{self.sudo}{command} </dev/null 2>&1", DEADLINE_S)
        return result.text + result.error_text

    def file(self, name: str) -> str:
        return shlex.quote(f"{self.folder}/{name}")

    def keep(self, name: str, fact: Fact[Any]) -> None:
        """Write down on the board what the fact is now, in the board's own words. Raises `CommandFailed`."""
        fresh = self.file(f"{name}.part")
        write = f"mkdir -p {shlex.quote(self.folder)} && ({fact.command}) >{fresh} && mv {fresh} {self.file(name)}"
        result = self.runner.run(write, DEADLINE_S)
        if result.exit_code != 0:
            what = f"its {fact.name} could not be written down, and was left as it is: {_last(result.error_text)}"
            raise CommandFailed(self.board, what, remedy=f"is there space in {self.folder}, and is it ours?")

    def kept(self) -> list[str]:
        """Names of what was written down and not restored."""
        return self.runner.run(f"ls {shlex.quote(self.folder)} 2>/dev/null; true", DEADLINE_S).text.split()

    def kept_fact(self, name: str, fact: Fact[T]) -> Fact[T]:
        return Fact(name=fact.name, command=f"cat {self.file(name)}", parse=fact.parse)

    def forget(self, name: str) -> None:
        self.do(f"rm -f {self.file(name)}")


def put_back(target: Target) -> tuple[str, ...]:
    """Restore what an earlier run had set and could not restore; answers what that was. Raises `CommandFailed`."""
    kept = target.kept()
    if _CLOCKS in kept:
        _restore_clocks(target, target.ask(target.kept_fact(_CLOCKS, jetson_clocks(target.sudo))))
    if _GOVERNORS in kept:
        _restore_governors(target, target.ask(target.kept_fact(_GOVERNORS, cpu_policies(target.sysfs))))
    if _POWER_MODE in kept:
        _restore_power_mode(target, target.ask(target.kept_fact(_POWER_MODE, POWER_MODE)))
    return tuple(name for name in (_CLOCKS, _GOVERNORS, _POWER_MODE) if name in kept)


@contextmanager
def applied(target: Target, wanted: Wanted) -> Iterator[None]:
    """The board as wanted while inside. Raises `CommandFailed` or `UnknownName` where it cannot be, all restored."""
    with ExitStack() as stack:
        if wanted.power_mode is not None:
            stack.enter_context(_power_mode(target, wanted.power_mode))
        if wanted.governor is not None:
            stack.enter_context(_governor(target, wanted.governor))
        if wanted.lock_clocks:
            stack.enter_context(_locked_clocks(target))
        yield


@contextmanager
def _power_mode(target: Target, name: str) -> Iterator[None]:
    before: PowerMode = target.ask(POWER_MODE)
    if before.name == name:
        yield
        return
    modes = target.ask(POWER_MODES)
    if name not in modes:
        raise UnknownName(f"power mode of {target.board}", name, modes)
    target.keep(_POWER_MODE, POWER_MODE)
    try:
        _set_power_mode(target, name, modes[name])
        yield
    finally:
        _restore_power_mode(target, before)


def _restore_power_mode(target: Target, before: PowerMode) -> None:
    if target.ask(POWER_MODE).name != before.name:
        _set_power_mode(target, before.name, target.ask(POWER_MODES).get(before.name, before.number))
    target.forget(_POWER_MODE)


def _set_power_mode(target: Target, name: str, number: int | None) -> None:
    said = target.do(f"nvpmodel -m {number}")
    now = target.ask(POWER_MODE).name
    if now == name:
        return
    if _WANTS_REBOOT.search(said):
        remedy = f"reboot it in that mode: `sudo nvpmodel -m {number}`, answer YES, then start again"
        raise CommandFailed(target.board, f"power mode {name} needs a reboot; it stays in {now}", remedy=remedy)
    raise CommandFailed(target.board, f"power mode {name} was not taken, it is {now}: {_last(said)}")


@contextmanager
def _governor(target: Target, name: str) -> Iterator[None]:
    before = target.ask(cpu_policies(target.sysfs))
    if not before:
        raise CommandFailed(target.board, "no CPU of it has a governor", remedy="take `governor` out of the inventory")
    offered = sorted({each for policy in before for each in policy.available})
    if name not in offered:
        raise UnknownName(f"governor of {target.board}", name, offered)
    target.keep(_GOVERNORS, cpu_policies(target.sysfs))
    try:
        _set_governors(target, {policy.cpu: name for policy in before})
        yield
    finally:
        _restore_governors(target, before)


def _restore_governors(target: Target, before: tuple[CpuPolicy, ...]) -> None:
    _set_governors(target, {policy.cpu: policy.governor for policy in before})
    target.forget(_GOVERNORS)


def _set_governors(target: Target, wanted: dict[int, str]) -> None:
    cpus = f"{target.sysfs}/devices/system/cpu"
    writes = [f"echo {shlex.quote(name)} > {cpus}/cpu{cpu}/cpufreq/scaling_governor" for cpu, name in wanted.items()]
    said = target.do(f"sh -c {shlex.quote('; '.join(writes))}")
    now: tuple[CpuPolicy, ...] = target.ask(cpu_policies(target.sysfs))
    # A core that went offline has no policy, one that came online in between is none of ours: neither can be wrong.
    wrong = [policy for policy in now if wanted.get(policy.cpu, policy.governor) != policy.governor]
    if wrong:
        names = ", ".join(sorted(set(wanted.values())))
        found = ", ".join(f"cpu{policy.cpu} {policy.governor}" for policy in wrong)
        raise CommandFailed(target.board, f"governor {names} was not taken: {found}; {_last(said)}")


@contextmanager
def _locked_clocks(target: Target) -> Iterator[None]:
    fact = jetson_clocks(target.sudo)
    before = target.ask(fact)
    target.keep(_CLOCKS, fact)
    try:
        stored = target.do(f"jetson_clocks --store {target.file(_CLOCKS_STORED)}")  # asks for a file that exists
        if "rror" in stored:
            raise CommandFailed(target.board, f"its clocks could not be stored: {_last(stored)}")
        said = target.do("jetson_clocks")
        if not locked(target.ask(fact)):
            raise CommandFailed(target.board, f"its clocks were not locked: {_last(said)}")
        yield
    finally:
        _restore_clocks(target, before)


def _restore_clocks(target: Target, before: tuple[Clock, ...]) -> None:
    said = target.do(f"jetson_clocks --restore {target.file(_CLOCKS_STORED)}")
    changed = _changed(before, target.ask(jetson_clocks(target.sudo)))
    if changed:
        raise CommandFailed(
            target.board,
            f"its clocks were not restored: {', '.join(changed)}; {_last(said)}",
            remedy="reboot it before it is used again",
        )
    target.forget(_CLOCKS_STORED)
    target.forget(_CLOCKS)


def _changed(before: tuple[Clock, ...], after: tuple[Clock, ...]) -> list[str]:
    """Clocks whose range is another; what they run at right now is their own business."""
    ranges = {clock.name: _range(clock) for clock in before}
    return [clock.name for clock in after if ranges.get(clock.name, _range(clock)) != _range(clock)]


def _range(clock: Clock) -> tuple[int, int, str | None]:
    return clock.min_hz, clock.max_hz, clock.governor


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
