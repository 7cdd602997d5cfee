"""The pure parsers against recorded-style output."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from harness.agent.sidecars.tegrastats_parse import parse
from harness.agent.sidecars.vcgencmd_parse import error_of, pmic, throttled
from tests.sidecars.conftest import RECORDED


@pytest.mark.parametrize("case", sorted(RECORDED.glob("*.txt")), ids=lambda path: str(path.stem))
def test_tegrastats_of_each_jetpack(case: Path) -> None:
    line = case.read_text().splitlines()[-1]
    expected = json.loads(case.with_suffix(".json").read_text())
    assert parse(line) == expected
    shouted = parse(line.upper())
    assert {key.lower() for key in shouted} == {key.lower() for key in expected}, "case does not matter"


@pytest.mark.parametrize(
    "line", ["", "tegrastats: command failed", "RAM 12/MB", "CPU [off,off]", "VDD_IN 5008mW", "cpu@-256C", "a/b c@d"]
)
def test_what_is_no_reading_is_absent(line: str) -> None:
    assert parse(line) == {}


def test_a_torn_line_gives_what_is_whole() -> None:
    line = (RECORDED / "jetpack5-orin-nx.txt").read_text()
    torn = parse(line[: line.index("VDD_SOC 14") + 10])
    assert torn["VDD_IN/power_w"] == 5.008
    assert "VDD_SOC/power_w" not in torn


def test_throttle_flags_by_name() -> None:
    flags = throttled("throttled=0x50005\n")
    assert {name for name, raised in flags.items() if raised} == {
        "throttle/under_voltage",
        "throttle/throttled",
        "throttle/under_voltage_since_boot",
        "throttle/throttled_since_boot",
    }
    with pytest.raises(ValueError, match="not an answer of get_throttled"):
        throttled("VCHI initialization failed")


def test_pmic_rails_their_sum_and_the_published_fit() -> None:
    values = pmic(
        "   3V3_SYS_A current(1)=0.20000000A\n  VDD_CORE_A current(7)=1.5A\n"
        "   3V3_SYS_V volt(9)=3.30000000V\n  VDD_CORE_V volt(15)=0.8V\n  EXT5V_V volt(24)=5.15V\n"
    )
    assert values["VDD_CORE/power_w"] == 1.2
    assert math.isclose(values["pmic_rails/power_w"], 1.86)
    assert math.isclose(values["board_by_published_fit/power_w"], 1.1451 * 1.86 + 0.5879)
    assert values["EXT5V/voltage_v"] == 5.15
    assert "EXT5V/power_w" not in values, "a voltage alone is no power"


@pytest.mark.parametrize("text", ["", "3V3_SYS_A current(1)=0.2A", "3V3_SYS_A current(1)=0.2V"])
def test_pmic_without_a_whole_rail(text: str) -> None:
    with pytest.raises(ValueError, match="not an answer of pmic_read_adc"):
        pmic(text)


def test_the_firmwares_complaint() -> None:
    assert error_of('error=1 error_msg="Command not registered"') == "Command not registered"
    assert error_of("throttled=0x0") == ""
