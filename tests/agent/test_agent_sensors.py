"""Sensors whose set varies by board: from a recorded tree to the figures, and what each does with a bad file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.agent.catalogue import EVERY_SECOND, POWER
from harness.agent.sources import Sensors, Site, battery, cgroup, cpu_clock, jetson_power, meminfo, rapl, temperature
from harness.agent.sources.battery import Calibration, calibrate, drawn_w, refresh_period_s
from harness.agent.sources.throttle import pi_flags

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))
RECORDED = Path(__file__).resolve().parents[1] / "recorded"
Change = Callable[[str, str], None]


@pytest.fixture
def board(tmp_path: Path) -> Callable[[str], tuple[Site, Change]]:
    """A copy of a recorded tree, and what changes a file of it as a whole."""

    def copy(name: str) -> tuple[Site, Change]:
        root = tmp_path / name
        shutil.copytree(next(RECORDED.glob(f"{name}-*")), root, symlinks=True)
        return Site(str(root), 1, None, list), lambda path, text: replace(root / path, text)

    return copy


def replace(path: Path, text: str) -> None:
    """As a careful writer does: readers see the old file or the new one."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.rename(path)


def found(module: Any, site: Site) -> Sensors:
    source = module.find(site)
    assert isinstance(source, Sensors)
    return source


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_recorded_board_reads_as_expected(case: Path) -> None:
    site = Site(str(RECORDED / case.stem), 1, None, list)
    assert (RECORDED / case.stem / "README.md").read_text().startswith("made from documented layout, not recorded")
    sensors, about = {}, {}
    for module in (*POWER, *EVERY_SECOND):
        source = module.find(site)
        if isinstance(source, Sensors):
            sensors.update(source.read())
            about[source.name] = source.about()
            assert source.failed == {}
            source.close()
    times = {key: sensors.pop(key) for key in list(sensors) if key.endswith("/reading/t_s")}
    memory = meminfo.find(site)
    assert memory
    expected = json.loads(case.read_text())
    assert sensors == pytest.approx(expected["sensors"])
    assert about == expected["about"]
    assert memory.read() == expected["flat"]
    assert set(times) == {f"{name}/reading/t_s" for name in about if name in ("jetson_power", "hwmon_power")}


def test_every_key_has_a_source_a_sensor_and_a_quantity() -> None:
    for case in CASES:
        for key in json.loads(case.read_text())["sensors"]:
            assert key.count("/") == 2 and " " not in key, key


ORIN = "sys/devices/platform/c240000.i2c/i2c-1/1-0040/hwmon/hwmon3"
AGX = "sys/devices/platform/c240000.i2c/i2c-1/1-0040/hwmon/hwmon3"


def test_a_total_without_one_of_its_rails_is_missing(board: Callable[[str], tuple[Site, Change]]) -> None:
    site, change = board("agx-orin-jetpack6.2")
    source = found(jetson_power, site)
    assert source.read()["jetson_power/total/power_w"] == pytest.approx(6.04)
    change(f"{AGX}/curr2_input", "-40\n")
    assert source.read()["jetson_power/total/power_w"] == pytest.approx(4.52), "below zero at idle is a reading"
    for text in ("", "garbage\n", "12 34\n"):
        change(f"{AGX}/curr2_input", text)
        values = source.read()
        assert "jetson_power/total/power_w" not in values and "jetson_power/VDD_CPU_CV/power_w" not in values
        assert values["jetson_power/VDD_GPU_SOC/power_w"] == pytest.approx(2.28)
        assert list(source.failed) == ["jetson_power/VDD_CPU_CV"]
    change(f"{AGX}/curr2_input", "40\n")
    assert source.read()["jetson_power/total/power_w"] == pytest.approx(6.04)


def test_a_chip_that_does_not_answer_leaves_no_total(board: Callable[[str], tuple[Site, Change]]) -> None:
    site, _ = board("agx-xavier-jetpack4.6")
    os.unlink(f"{site.root}/sys/bus/i2c/drivers/ina3221x/1-0041")
    os.unlink(f"{site.root}/sys/bus/i2c/devices/1-0041")
    source = found(jetson_power, site)
    assert {key for key in source.read() if key.endswith("power_w")} == {
        f"jetson_power/{rail}/power_w" for rail in ("GPU", "CPU", "SOC")
    }
    assert source.about()["total"] == [] and "no rule" in source.about()["why"]


PACKAGE = "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0"


def test_energy_grows_through_a_wrap(board: Callable[[str], tuple[Site, Change]]) -> None:
    site, change = board("x86-debian12")
    source = found(rapl, site)
    before = source.read()["rapl/total/energy_j"]
    change(f"{PACKAGE}/energy_uj", "2000000\n")
    assert source.read()["rapl/total/energy_j"] - before == pytest.approx(2 + 0.32885)
    change(f"{PACKAGE}/energy_uj", "5000000\n")
    assert source.read()["rapl/total/energy_j"] - before == pytest.approx(5 + 0.32885)


@pytest.mark.parametrize("text", ["1000000\n", "", "garbage\n"])
def test_a_counter_that_was_set_back_is_given_up(board: Callable[[str], tuple[Site, Change]], text: str) -> None:
    site, change = board("x86-debian12")
    change(f"{PACKAGE}/energy_uj", "60000000000\n")
    source = found(rapl, site)
    source.read()
    change(f"{PACKAGE}/energy_uj", text)
    for _ in range(2):
        assert set(source.read()) == {"rapl/package-0.core/energy_j", "rapl/package-0.dram/energy_j"}
        change(f"{PACKAGE}/energy_uj", "70000000000\n")
    assert list(source.failed) == ["rapl/package-0"]


def test_cores_come_and_go(board: Callable[[str], tuple[Site, Change]]) -> None:
    site, change = board("tx2-jetpack4.6")
    source = found(cpu_clock, site)
    assert set(source.read()) == {f"cpu_clock/cpu{core}/frequency_hz" for core in (0, 3, 4, 5)}
    for core in (1, 2):
        os.symlink("../cpufreq/policy1", f"{site.root}/sys/devices/system/cpu/cpu{core}/cpufreq")
    change("sys/devices/system/cpu/online", "0-5\n")
    assert source.read()["cpu_clock/cpu2/frequency_hz"] == 1113600000
    change("sys/devices/system/cpu/online", "0\n")
    assert source.read() == {"cpu_clock/cpu0/frequency_hz": 345600000}
    change("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "<unknown>\n")
    assert source.read() == {} and list(source.failed) == ["cpu_clock/cpu0"]


def test_a_zone_that_is_switched_off_is_absent_and_no_fault(board: Callable[[str], tuple[Site, Change]]) -> None:
    site, change = board("orin-nx-jetpack6.2")
    source = found(temperature, site)
    change("sys/devices/virtual/thermal/thermal_zone1/temp", "-256000\n")
    assert "temperature/gpu-thermal/temperature_c" not in source.read() and not source.failed
    change("sys/devices/virtual/thermal/thermal_zone1/temp", "-3500\n")
    assert source.read()["temperature/gpu-thermal/temperature_c"] == -3.5
    os.unlink(f"{site.root}/sys/devices/virtual/thermal/thermal_zone1/temp")
    assert len(source.read()) == 3 and list(source.failed) == ["temperature/gpu-thermal"]


def test_a_battery_tells_when_it_refreshed(
    board: Callable[[str], tuple[Site, Change]], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, change = board("phone-android14")
    source = found(battery, site)
    now_s = 0.0
    monkeypatch.setattr(battery.time, "monotonic", lambda: now_s)
    shown = []
    for step in range(40):
        now_s = step * 0.1
        change("sys/class/power_supply/battery/current_now", f"{600 + step // 10}\n")
        shown.append(source.read().get("battery/battery/refreshed_s"))
    periods = [period for period in shown if period is not None]
    assert periods == pytest.approx([1.0, 1.0])
    assert refresh_period_s(periods) == pytest.approx(1.0) and refresh_period_s([]) is None
    change("sys/class/power_supply/battery/status", "Charging\n")
    assert source.read()["battery/battery/discharging"] == 0


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([-612000, -700000, -500000], Calibration(-1, 1e-6)),  # the kernel's rule
        ([612000, 700000, 500000], Calibration(1, 1e-6)),  # inverted, or without a sign
        ([612, 700, 500], Calibration(1, 1e-3)),  # mA
        ([-612, 0, -700], Calibration(-1, 1e-3)),
    ],
)
def test_a_battery_is_calibrated_under_load(raw: list[int], expected: Calibration) -> None:
    calibration = calibrate(raw)
    assert calibration == expected
    assert drawn_w(4.0, raw[0], calibration) == pytest.approx(4.0 * 0.612, rel=0.01)


def test_a_battery_without_a_current_has_no_calibration() -> None:
    for raw in ([], [0, 0, 5]):
        with pytest.raises(ValueError, match="no current"):
            calibrate(raw)


def test_pi_flags() -> None:
    raised = {name for name, flag in pi_flags("throttled=0x50005\n").items() if flag}
    assert raised == {"under_voltage", "throttled", "under_voltage_since_boot", "throttled_since_boot"}
    assert pi_flags("80000\n")["soft_temperature_limit_since_boot"] == 1
    assert not any(pi_flags("0\n").values())
    with pytest.raises(ValueError):
        pi_flags("VCHI initialization failed")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"memory.current": "10\n", "memory.peak": "20\n", "memory.events": "low 0\noom 3\noom_kill 2\n"},
            {"cgroup_bytes": 10, "cgroup_peak_bytes": 20, "cgroup_oom_kills": 2},
        ),
        (
            {"memory.usage_in_bytes": "10\n", "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
            {"cgroup_bytes": 10, "cgroup_oom_kills": 1},
        ),
        ({"memory.usage_in_bytes": "10\n", "memory.oom_control": "under_oom 0\n"}, {"cgroup_bytes": 10}),
    ],
)
def test_kills_of_the_group_are_counted(tmp_path: Path, files: dict[str, str], expected: dict[str, int]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    source = cgroup.find(Site("/", 1, str(tmp_path), list))
    assert source and source.read() == expected
