"""A phone's battery: voltage and current of its fuel gauge.

The current is kept raw, because its sign and unit differ by vendor: the kernel's rule says negative is discharging, but
inverted and unsigned gauges exist, and some count mA. `calibrate` finds both from readings under load.
"""

import time
from typing import NamedTuple, Optional, Sequence, Tuple

from . import About, OpenFile, Reading, Sensors, Site, Source, key_part, line, open_if_there

_FOLDERS = ("battery", "bms", "main")
_LEAST_LOADED_UA = 10000  # a phone at work draws more than 10 mA: a smaller count must be of mA
_DISCHARGING = b"Discharging"


class Calibration(NamedTuple):
    """What one count of current_now means; positive is drawn from the battery."""

    sign: int
    unit_a: float


def calibrate(discharging_under_load: Sequence[int]) -> Calibration:
    """From raw counts read while the status was Discharging and a load ran. Raises ValueError without a current."""
    middle = _median(discharging_under_load) or 0
    if middle == 0:
        raise ValueError("no current was shown under load")
    return Calibration(1 if middle > 0 else -1, 1e-3 if abs(middle) < _LEAST_LOADED_UA else 1e-6)


def drawn_w(voltage_v: float, current_raw: int, calibration: Calibration) -> float:
    """Power out of the battery; hold it against the status, since an unsigned gauge shows charging as drawing."""
    return voltage_v * current_raw * calibration.sign * calibration.unit_a


class Battery(Sensors):
    name = "battery"

    def __init__(self, folder: str, voltage: OpenFile, current: OpenFile, status: Optional[OpenFile]) -> None:
        super().__init__(voltage, current, status)
        self._gauge = key_part(folder)
        self._voltage, self._current, self._status = voltage, current, status
        self._last: Optional[Tuple[int, int]] = None
        self._changed_s: Optional[float] = None

    def read(self) -> Reading:
        prefix = f"{self.name}/{self._gauge}/"
        voltage_uv, current_raw = self._voltage.number(), self._current.number()
        values: Reading = {prefix + "voltage_v": round(voltage_uv * 1e-6, 6), prefix + "current_raw": current_raw}
        if self._status:
            values[prefix + "discharging"] = int(self._status.read(64).strip() == _DISCHARGING)
        refreshed_s = self._refreshed((voltage_uv, current_raw), time.monotonic())
        if refreshed_s is not None:
            values[prefix + "refreshed_s"] = refreshed_s
        return values

    def _refreshed(self, shown: Tuple[int, int], now: float) -> Optional[float]:
        """Time since the value before, on the reading that first shows a new one: gauges renew every 0.25 to 30 s."""
        last, self._last = self._last, shown
        if last is None or shown == last:
            return None
        changed_s, self._changed_s = self._changed_s, now
        return None if changed_s is None else round(now - changed_s, 6)

    def about(self) -> About:
        return {
            "scope": "battery of the whole phone, while it is discharging",
            "total": [],
            "error": "current_raw needs the board's calibration; windows shorter than 20 refreshes carry nothing",
        }


def refresh_period_s(refreshed_s: Sequence[float]) -> Optional[float]:
    """From a trace's `refreshed_s`: their median, since a value that came back unchanged hides a refresh."""
    return _median(refreshed_s)


def _median(values: Sequence[float]) -> Optional[float]:
    """The lower one of two; the statistics module would cost the agent more memory than all its sources."""
    return sorted(values)[(len(values) - 1) // 2] if values else None


def find(site: Site) -> Optional[Source]:
    for folder in _FOLDERS:
        path = f"sys/class/power_supply/{folder}"
        if line(site.root, path, "voltage_now") and line(site.root, path, "current_now"):
            voltage, current = (OpenFile(site.root, path, name) for name in ("voltage_now", "current_now"))
            return Battery(folder, voltage, current, open_if_there(site.root, path, "status"))
    return None
