"""The board's model and the wire's: pure functions, so that what traces look like can be said exactly."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from harness.board_classes import BOARD_CLASSES
from harness.inventory import Link
from harness.lab import model, procfs
from harness.lab.model import State, Surroundings
from harness.lab.shapes import SHAPES, Shape
from harness.lab.user_link import QUEUE_S, Direction

NANO = SHAPES["jetson-nano"]
CORES = BOARD_CLASSES["jetson-nano"].cores


def after(shape: Shape, seconds: float, state: State | None = None, **around: object) -> State:
    """The state after steps of 0.1 s with all cores busy, unless said otherwise."""
    state = model.at_boot(shape) if state is None else state
    surroundings = Surroundings(**{"busy_cores": CORES, "clock_range_hz": shape.clock_hz, **around})  # type: ignore[arg-type]
    for _ in range(round(seconds / 0.1)):
        state = model.step(shape, CORES, state, surroundings, 0.1)
    return state


@pytest.mark.parametrize("board_class", SHAPES)
def test_a_busy_board_settles_where_the_constants_say(board_class: str) -> None:
    shape, cores = SHAPES[board_class], BOARD_CLASSES[board_class].cores
    state = model.at_boot(shape)
    around = Surroundings(float(cores), shape.clock_hz)
    for _ in range(2000):
        state = model.step(shape, cores, state, around, 0.1)
    assert state.busy_w == pytest.approx(cores * shape.core_w)
    assert state.temperature_c == pytest.approx(model.AMBIENT_C + model.FULL_RISE_C, abs=0.1)
    assert state.clock_hz == shape.clock_hz[1] and not state.throttled and state.flags == 0


def test_power_follows_the_load_at_once_and_temperature_lags() -> None:
    idle = after(NANO, 1.0, busy_cores=0.0)
    busy = after(NANO, 0.1, idle)
    assert idle.busy_w == 0.0 and busy.busy_w == pytest.approx(CORES * NANO.core_w)
    assert 0 < busy.temperature_c - idle.temperature_c < 0.5
    assert after(NANO, 20, busy).temperature_c > busy.temperature_c + 20


def test_steps_of_any_length_end_at_the_same_temperature() -> None:
    around = Surroundings(CORES, NANO.clock_hz)
    settled = after(NANO, 0.1)  # at its clock
    one = model.step(NANO, CORES, settled, around, 10.0)
    assert after(NANO, 10.0, settled).temperature_c == pytest.approx(one.temperature_c)


def test_heat_takes_the_clock_back_until_the_board_has_cooled_down() -> None:
    hot = after(NANO, 0.2, overheated=True)
    assert hot.throttled and hot.clock_hz == NANO.clock_hz[1] * model.THROTTLED_CLOCK_SHARE
    assert hot.busy_w == pytest.approx(CORES * NANO.core_w * model.THROTTLED_CLOCK_SHARE**2)
    cooled = after(NANO, 60.0, hot, busy_cores=0.0)
    assert not cooled.throttled and after(NANO, 0.1, cooled).clock_hz == NANO.clock_hz[1]
    assert cooled.flags == (model.CAPPED | model.THROTTLED) << 16  # since boot: stays


def test_a_weak_supply_raises_its_flag_and_lowers_the_voltage() -> None:
    weak = after(NANO, 0.1, under_voltage=True)
    assert weak.flags & 0xFFFF == model.UNDER_VOLTAGE | model.CAPPED and weak.volt_share < 1
    assert after(NANO, 0.1, weak).flags == (model.UNDER_VOLTAGE | model.CAPPED) << 16


def test_the_texts_of_proc_keep_their_length() -> None:
    stat = "inactive_file 4096\nactive_file 8192\nshmem 0\n"
    texts = [procfs.meminfo(4 << 30, used, stat, True) for used in (0, 123 << 20, 4 << 30)]
    assert len({len(text) for text in texts}) == 1 and "NvMapMemUsed" in texts[0]
    assert len({len(procfs.stat(4, up, busy)) for up, busy in ((0.1, 0.0), (1e6, 3e6))}) == 1


def test_cpuinfo_has_the_boards_processors_and_a_pis_revision() -> None:
    machine = "processor\t: 0\nflags\t: a b\n\nprocessor\t: 1\nflags\t: a b\n\n"
    text = procfs.cpuinfo(machine, 4, "c03115", "Raspberry Pi 4")
    assert [line for line in text.splitlines() if line.startswith("processor")] == [
        f"processor\t: {n}" for n in range(4)
    ]
    assert text.count("flags") == 4 and "Revision\t: c03115" in text


def sent(link: Link, count: int, size: int = 1250, every_s: float = 0.0) -> list[float]:
    """When each of these frames arrives, in order of their sending; dropped ones are left out."""
    direction = Direction(link, random.Random(1))
    for number in range(count):
        direction.take(number.to_bytes(4, "big") + bytes(size - 4), number * every_s)
    return [frame.due_s for frame in sorted(direction.waiting, key=lambda frame: frame.content[:4])]


def test_a_rate_spaces_frames_and_drops_what_would_wait_too_long() -> None:
    due = sent(Link(rate_mbit=10), 1000)
    assert {round(later - earlier, 9) for earlier, later in pairwise(due)} == {0.001}
    assert len(due) == pytest.approx(QUEUE_S / 0.001, abs=2)


def test_delay_jitter_and_loss_hold_for_each_frame() -> None:
    due = sent(Link(delay_ms=20, jitter_ms=5), 2000, every_s=1.0)
    late = [at - number for number, at in enumerate(due)]
    assert min(late) == pytest.approx(0.015, abs=1e-4) and max(late) == pytest.approx(0.025, abs=1e-4)
    assert len(sent(Link(loss_pct=20), 10_000, every_s=1.0)) == pytest.approx(8000, abs=150)
