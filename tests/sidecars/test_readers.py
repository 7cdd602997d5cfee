"""Each reader against programs and modules that behave as documented."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.sidecars.conftest import RECORDED, Reader

Read = Callable[..., Reader]


def test_tegrastats_gives_rails_and_a_total_by_our_rule(read: Read) -> None:
    reader = read("tegrastats")
    reader.trace.until(lambda trace: len(trace.samples()) >= 3)
    about, values = reader.trace.about(), reader.trace.merged()
    assert about["total"] == ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]
    assert about["scope"] == "module"
    assert values["tegrastats/total/power_w"] == pytest.approx(5.139 + 0.79 + 4.536)
    assert values["tegrastats/VDDQ_VDD2_1V8AO/power_w"] == 1.01
    times = [record["t_s"] for record in reader.trace.samples()]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert reader.trace.samples()[0]["sensors"]["tegrastats/own/cpu_s"] > 0
    assert reader.hang_up() == 0


def test_tegrastats_that_ends_is_a_fault_by_name(read: Read) -> None:
    reader = read("tegrastats", TEGRASTATS_END="exit", TEGRASTATS_LINES=str(RECORDED / "jetpack7-thor.txt"))
    assert reader.process.wait(5) == 1
    assert reader.trace.faults() == ["tegrastats ended by itself (exit code 3)"]
    assert reader.trace.merged()["tegrastats/total/power_w"] == 24.18


def test_tegrastats_that_hangs_is_told_once(read: Read) -> None:
    reader = read("tegrastats", TEGRASTATS_END="hang")
    reader.trace.until(lambda trace: trace.faults())
    assert reader.trace.faults() == ["no line for 1.15 s"]
    assert reader.hang_up() == 0


def test_tegrastats_that_talks_nonsense(read: Read, tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = tmp_path_factory.mktemp("lines") / "nonsense.txt"
    lines.write_text("gpu: permission denied\n\nPOM_5V_IN 1750/1628\n")
    reader = read("tegrastats", TEGRASTATS_LINES=str(lines))
    reader.trace.until(lambda trace: trace.samples())
    assert reader.trace.faults()[0] == "not a line of tegrastats: 'gpu: permission denied'"
    assert reader.trace.merged() == {"tegrastats/POM_5V_IN/power_w": 1.75, "tegrastats/total/power_w": 1.75}


def test_a_pi_5(read: Read) -> None:
    reader = read("vcgencmd")
    reader.trace.until(lambda trace: len(trace.samples()) >= 4)
    about, values = reader.trace.about(), reader.trace.merged()
    assert about["total"] == ["3V7_WL_SW", "3V3_SYS", "VDD_CORE"]
    assert "fitted on one board" in about["fits"]["board_by_published_fit"]
    assert "1c3ae82a" in about["version"]
    assert values["vcgencmd/pmic_rails/power_w"] == pytest.approx(0.37 + 0.66 + 1.2)
    assert values["vcgencmd/throttle/under_voltage"] == 1
    assert reader.trace.faults() == []


def test_a_pi_4_has_no_power_and_that_is_no_fault(read: Read) -> None:
    reader = read("vcgencmd", PI="4")
    reader.trace.until(lambda trace: trace.samples())
    assert reader.trace.about()["missing"] == {"pmic_read_adc": "pmic_read_adc: Command not registered"}
    assert reader.trace.about()["scope"] == "no power sensor"
    assert {key.split("/")[1] for key in reader.trace.merged()} == {"throttle"}
    assert reader.trace.faults() == []


def test_a_pi_whose_firmware_answers_nothing(read: Read) -> None:
    reader = read("vcgencmd", PI="4", GARBAGE="1")
    assert reader.process.wait(5) == 1
    assert reader.trace.faults()[0].startswith("the firmware answers neither")


def test_jtop_in_si_units_with_our_total(read: Read) -> None:
    reader = read("jtop")
    reader.trace.until(lambda trace: trace.samples())
    assert reader.trace.merged() == {
        **{f"jtop/{rail}/voltage_v": 5.0 for rail in ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO")},
        "jtop/VDD_GPU_SOC/power_w": 1.0,
        "jtop/VDD_GPU_SOC/current_a": 0.2,
        "jtop/VDD_CPU_CV/power_w": 2.0,
        "jtop/VDD_CPU_CV/current_a": 0.4,
        "jtop/VIN_SYS_5V0/power_w": 4.0,
        "jtop/VIN_SYS_5V0/current_a": 0.8,
        "jtop/VDDQ_VDD2_1V8AO/power_w": 8.0,
        "jtop/VDDQ_VDD2_1V8AO/current_a": 1.6,
        "jtop/total/power_w": 7.0,
        "jtop/cpu/temperature_c": 45.5,
        "jtop/ga10b/load_share": 0.125,
        "jtop/ga10b/frequency_hz": 306000000,
        "jtop/ram/total_bytes": 4096000,
        "jtop/ram/used_bytes": 1024000,
        "jtop/ram/shared_bytes": 102400,
        "jtop/emc/load_share": 0.07,
        "jtop/emc/frequency_hz": 2133000000,
        "jtop/pid7/gpu_bytes": 412340 * 1024,
    }
    assert reader.trace.about()["nvpmodel"] == "MAXN"
    assert reader.hang_up() == 0


def test_jtop_adapts_to_the_interval_that_came_first(read: Read) -> None:
    reader = read("jtop", 20.0, JTOP_STAND_IN="interval_ignored")
    reader.trace.until(lambda trace: trace.samples())
    assert reader.trace.about()["service_interval_s"] == 1.0
    assert reader.trace.faults() == []


def test_jtop_is_thinned_where_the_service_is_faster(read: Read) -> None:
    reader = read("jtop", 4.0, JTOP_STAND_IN="fast")
    reader.trace.until(lambda trace: len(trace.samples()) >= 4)
    times = [record["t_s"] for record in reader.trace.samples()]
    assert all(later - earlier > 0.2 for earlier, later in pairwise(times))


def test_jtop_that_ends_silently_is_a_fault_and_is_asked_again(read: Read) -> None:
    reader = read("jtop", JTOP_STAND_IN="silent_end")
    reader.trace.until(lambda trace: len(trace.samples()) > 3)
    assert reader.trace.faults()[0] == "the stream of jtop's service ended without a word (ok() returned False)"


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("mismatch", "pip install 'jetson-stats==7.2.*'"),
        ("no_access", "I can't access jtop.service. add the user to group jtop, then log in anew"),
        ("no_socket", "The jtop.service is not active. sudo systemctl start jtop"),
    ],
)
def test_jtop_that_never_starts_says_why(read: Read, mode: str, told: str) -> None:
    reader = read("jtop", JTOP_STAND_IN=mode)
    assert reader.process.wait(5) == 1
    (fault,) = reader.trace.faults()
    assert told in fault
