"""How a board's power, temperature and clock follow its load. Pure; a step is a function from state to state.

Power is what the board draws idle, and for each busy core a share that falls with the square of its clock (voltage and
clock sink together). Temperature goes to ambient + power * resistance like a charged capacitor. Above its limit the
board takes its clock back until it has cooled down by a hysteresis. All constants are OURS.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness.lab.shapes import Shape

AMBIENT_C = 25.0
FULL_RISE_C = 45.0  # of a board with all its cores busy, above ambient
TIME_CONSTANT_S = 20.0
HYSTERESIS_C = 5.0
THROTTLED_CLOCK_SHARE = 0.5
BROWN_OUT_VOLT_SHARE = 0.9  # of a supply that is too weak

UNDER_VOLTAGE, CAPPED, THROTTLED = 1 << 0, 1 << 1, 1 << 2  # a Raspberry Pi's flags; since boot: 16 bits higher
_SINCE_BOOT = 16


class Surroundings(NamedTuple):
    """What comes from outside of the board, its faults included."""

    busy_cores: float
    clock_range_hz: tuple[int, int]  # as power mode and locked clocks leave it
    overheated: bool = False
    under_voltage: bool = False


class State(NamedTuple):
    temperature_c: float
    clock_hz: int
    busy_w: float  # of the cores, beside the board's idle_w
    volt_share: float  # of a supply's nominal voltage
    throttled: bool
    flags: int  # those of now, and 16 bits higher those since boot


def at_boot(shape: Shape) -> State:
    return State(AMBIENT_C, shape.clock_hz[0], 0.0, 1.0, False, 0)


def step(shape: Shape, cores: int, state: State, around: Surroundings, passed_s: float) -> State:
    """The state after `passed_s` seconds in these surroundings."""
    low_hz, high_hz = around.clock_range_hz
    load = min(1.0, around.busy_cores / cores)
    most_hz = max(low_hz, int(high_hz * THROTTLED_CLOCK_SHARE)) if state.throttled else high_hz
    clock_hz = min(most_hz, int(low_hz + (high_hz - low_hz) * min(1.0, 2 * load)))
    busy_w = around.busy_cores * shape.core_w * (clock_hz / shape.clock_hz[1]) ** 2
    rise_c = FULL_RISE_C * (shape.idle_w + busy_w) / (shape.idle_w + cores * shape.core_w)
    settled = 1.0 - math.exp(-passed_s / TIME_CONSTANT_S)
    temperature_c = state.temperature_c + (AMBIENT_C + rise_c - state.temperature_c) * settled
    if around.overheated:
        temperature_c = shape.throttle_c + 1.0
    limit_c = shape.throttle_c - (HYSTERESIS_C if state.throttled else 0.0)
    throttled = temperature_c > limit_c
    now = (UNDER_VOLTAGE | CAPPED if around.under_voltage else 0) | (CAPPED | THROTTLED if throttled else 0)
    return State(
        temperature_c=temperature_c,
        clock_hz=clock_hz,
        busy_w=busy_w,
        volt_share=BROWN_OUT_VOLT_SHARE if around.under_voltage else 1.0,
        throttled=throttled,
        flags=now | now << _SINCE_BOOT | state.flags >> _SINCE_BOOT << _SINCE_BOOT,
    )
