"""What holds around the cells on a board: set once for the run, waited for, read before and after each cell."""

from __future__ import annotations

from contextlib import ExitStack

from harness.circumstances import Circumstances, Held, Told, circumstances
from harness.errors import CommandFailed, UnknownName
from harness.facts.base import Runner, read
from harness.facts.clocks import cpu_policies, jetson_clocks
from harness.facts.power_mode import POWER_MODE
from harness.facts.swap import SWAPS
from harness.facts.temperature import hottest_c, temperatures
from harness.facts.throttle import THROTTLED
from harness.inventory import BoardSpec
from harness.settings import Target, applied, put_back
from harness.thermal import Warmth, wait_for_window

ROOT = "root"
SETTINGS = "settings"  # folder below the board's root


class Surroundings:
    """One board, for the length of a run. `restore` gives back what was set."""

    def __init__(self, spec: BoardSpec, runner: Runner, system: str, image: str) -> None:
        self._spec = spec
        self._runner = runner
        self._system = system
        self._image = image
        self._settings = ExitStack()
        self._baseline_c: float | None = None
        self._before: tuple[Warmth, Held] | None = None
        self._sudo = "" if spec.user == ROOT else "sudo -n "

    def settle(self) -> tuple[str, ...]:
        """Set what the inventory wants; answers what an earlier run had left set, which is restored first.

        Raises `CommandFailed`, with all restored.
        """
        folder = f"{self._spec.root}/{SETTINGS}"
        target = Target(board=self._spec.name, runner=self._runner, folder=folder, sudo=self._sudo)
        left = put_back(target)
        try:
            self._settings.enter_context(applied(target, self._spec.wanted))
        except UnknownName as error:
            raise CommandFailed(self._spec.name, error.message, remedy=error.remedy) from error
        self._baseline_c = self._temperature_c()
        return left

    def before_cell(self) -> None:
        """Wait until the board has cooled down, then read what may differ from cell to cell."""
        warmth = wait_for_window(self._temperature_c, self._baseline_c, self._spec.observation.cool_down_s)
        self._before = warmth, self._held()

    def after_cell(self, told: Told) -> Circumstances | None:
        """The cell's circumstances; None where it was never about to begin."""
        if self._before is None:
            return None
        (warmth, before), self._before = self._before, None
        watched = self._spec.observation
        rates = f"{watched.rate_hz:g} Hz" + (f", memory {watched.burst_hz:g} Hz" if watched.burst_hz else "")
        return circumstances(
            self._spec.name,
            virtual=self._spec.virtual,
            image=self._image,
            system=self._system,
            before=before,
            after=self._held(),
            told=told,
            warmth=warmth,
            rates=rates,
            sidecars=watched.sidecars,
        )

    def restore(self) -> None:
        """Raises `CommandFailed` where a setting did not go back."""
        self._settings.close()

    def _held(self) -> Held:
        return Held(
            power_mode=read(self._runner, POWER_MODE),
            clocks=read(self._runner, jetson_clocks(self._sudo)),
            policies=read(self._runner, cpu_policies()),
            swaps=read(self._runner, SWAPS),
            throttle=read(self._runner, THROTTLED),
        )

    def _temperature_c(self) -> float | None:
        zones = read(self._runner, temperatures()).value
        return hottest_c(zones) if zones else None
