"""What holds around the cells on a board: set once for the run, waited for, read before and after each cell."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from harness.circumstances import Circumstances, circumstances
from harness.errors import CommandFailed, UnknownName
from harness.facts.base import Fact, Found, Runner, read
from harness.facts.clocks import cpu_policies, jetson_clocks
from harness.facts.power_mode import POWER_MODE
from harness.facts.swap import SWAPS
from harness.facts.temperature import hottest_c, temperatures
from harness.facts.throttle import THROTTLED, Throttle
from harness.inventory import BoardSpec
from harness.settings import Target, applied
from harness.thermal import Warmth, wait_for_window

ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class _Before:
    """What was read when the cell was about to begin."""

    warmth: Warmth
    throttle: Found[Throttle]
    facts: dict[str, Found[Any]]


class Surroundings:
    """One board, for the length of a run. `restore` gives back what was set."""

    def __init__(self, spec: BoardSpec, runner: Runner, system: str) -> None:
        self._spec = spec
        self._runner = runner
        self._system = system
        self._settings = ExitStack()
        self._baseline_c: float | None = None
        self._before: _Before | None = None
        self._sudo = "" if spec.user == ROOT else "sudo -n "

    def settle(self) -> None:
        """Set what the inventory wants. Raises `CommandFailed`, with all restored."""
        target = Target(board=self._spec.name, runner=self._runner, sudo=self._sudo)
        try:
            self._settings.enter_context(applied(target, self._spec.wanted))
        except UnknownName as error:
            raise CommandFailed(self._spec.name, error.message, remedy=error.remedy) from error
        self._baseline_c = self._temperature_c()

    def before_cell(self) -> None:
        """Wait until the board has cooled down, then read what may differ from cell to cell."""
        warmth = wait_for_window(self._temperature_c, self._baseline_c, self._spec.observation.cool_down_s)
        wanted: dict[str, Fact[Any]] = {
            "power_mode": POWER_MODE,
            "clocks": jetson_clocks(self._sudo),
            "policies": cpu_policies(),
            "swaps": SWAPS,
        }
        facts = {name: read(self._runner, fact) for name, fact in wanted.items()}
        self._before = _Before(warmth=warmth, throttle=read(self._runner, THROTTLED), facts=facts)

    def after_cell(self, torch: Found[str], python: Found[str]) -> Circumstances | None:
        """The cell's circumstances; None where it was never about to begin. `torch` and `python` as the worker said."""
        before, self._before = self._before, None
        if before is None:
            return None
        watched = self._spec.observation
        rates = f"{watched.rate_hz:g} Hz" + (f", memory {watched.burst_hz:g} Hz" if watched.burst_hz else "")
        return circumstances(
            self._spec.name,
            virtual=self._spec.virtual,
            image=self._spec.image,
            system=self._system,
            torch=torch,
            python=python,
            throttle=(before.throttle, read(self._runner, THROTTLED)),
            warmth=before.warmth,
            sampling=", ".join([rates, *sorted(watched.sidecars)]),
            **before.facts,
        )

    def restore(self) -> None:
        """Raises `CommandFailed` where a setting did not go back."""
        self._settings.close()

    def _temperature_c(self) -> float | None:
        zones = read(self._runner, temperatures()).value
        return hottest_c(zones) if zones else None
