"""Supplies that a chip on the board measures, read as power: what all readers of INA chips have in common."""

import time
from typing import NamedTuple, Optional, Sequence

from .sources import About, OpenFile, Reading, Sensors, open_if_there

_SHUNT_STEP_V = 40e-6  # of an INA3221: one count of its 13 bit converter across the shunt
_BUS_STEP_V = 8e-3


class RailFiles(NamedTuple):
    """Where one rail is shown: by power in uW, or by voltage in mV and current in mA."""

    name: str
    chip: str  # bus and address
    voltage: str = ""
    current: str = ""
    power: str = ""
    max_alarm: str = ""
    crit_alarm: str = ""
    shunt_ohm: Optional[float] = None


class _Rail:
    def __init__(self, root: str, source: str, files: RailFiles) -> None:
        self.name = files.name
        self.about: About = {"chip": files.chip}
        self._power = open_if_there(root, files.power) if files.power else None
        self._voltage = None if self._power else OpenFile(root, files.voltage)
        self._current = None if self._power else OpenFile(root, files.current)
        self.files = [opened for opened in (self._power, self._voltage, self._current) if opened]
        self._power_key = f"{source}/{files.name}/power_w"
        self._voltage_key = f"{source}/{files.name}/voltage_v"
        if files.shunt_ohm:
            self.about["current_step_a"] = round(_SHUNT_STEP_V / files.shunt_ohm, 6)
            self.about["voltage_step_v"] = _BUS_STEP_V

    def read_into(self, values: Reading) -> float:
        """Each file is a transaction of its own on the bus, so voltage and current follow each other directly."""
        if self._power:
            power_w = self._power.number() * 1e-6
        else:
            assert self._voltage and self._current
            voltage_mv = self._voltage.number()
            power_w = voltage_mv * self._current.number() * 1e-6
            values[self._voltage_key] = voltage_mv / 1000.0
        values[self._power_key] = round(power_w, 6)
        return power_w


class Rails(Sensors):
    """Rails, and their total where a rule says which of them add up; the total is missing when one of those is."""

    def __init__(self, root: str, name: str, files: Sequence[RailFiles], total: Sequence[str], about: About) -> None:
        self.name = name
        self._rails = [_Rail(root, name, rail_files) for rail_files in files]
        super().__init__(*(opened for rail in self._rails for opened in rail.files))
        self._total = frozenset(total)
        self._about = about

    def read(self) -> Reading:
        values: Reading = {}
        total_w, in_total = 0.0, 0
        began = time.monotonic()
        for rail in self._rails:
            try:
                power_w = rail.read_into(values)
            except (OSError, ValueError) as error:
                self.failed[f"{self.name}/{rail.name}"] = str(error)
                continue
            if rail.name in self._total:
                total_w += power_w
                in_total += 1
        if values:  # a bus takes milliseconds: the middle of these readings is not that of the whole sample
            values[f"{self.name}/reading/t_s"] = round((began + time.monotonic()) / 2, 6)
        if in_total and in_total == len(self._total):
            values[f"{self.name}/total/power_w"] = round(total_w, 6)
        return values

    def about(self) -> About:
        return dict(self._about, rails={rail.name: rail.about for rail in self._rails})
