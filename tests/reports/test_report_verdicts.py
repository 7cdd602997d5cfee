"""The rule that sets a published number beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.statistics import Estimate
from reports.verdicts import UNKNOWN, Claim, judge, load_claims, show

PUBLISHED = Path(__file__).parents[2] / "reports" / "quick" / "published.csv"


def claim(value: float | None, bound: str = "up to", unit: str = "%") -> Claim:
    return Claim(
        system="S",
        quantity="q",
        value=value,
        bound=bound,
        unit=unit,
        model=UNKNOWN,
        dataset=UNKNOWN,
        source="s",
        evidence="e",
    )


SURE = Estimate  # value, low, high


@pytest.mark.parametrize(
    ("value", "bound", "measured", "state"),
    [
        (-82, "up to", SURE(-82.0), "reproduced"),
        (-82, "up to", SURE(-78.0), "reproduced"),  # within 5 %
        (-82, "up to", SURE(-77.0), "differs"),
        (-82, "up to", SURE(-77.0, -79.0, -75.0), "reproduced"),  # the interval meets it
        (-82, "up to", SURE(-88.0), "better"),
        (-82, "up to", SURE(-88.0, -92.0, -84.0), "reproduced"),  # not surely beyond
        (100, "up to", SURE(95.0), "reproduced"),
        (100, "up to", SURE(94.0), "differs"),
        (2.0, "exact", SURE(2.09), "reproduced"),
        (2.0, "exact", SURE(2.2), "better"),
        (2.0, "exact", SURE(-3.0), "differs"),
        (-82, "up to", None, "not comparable"),
        (None, "exact", SURE(-40.0), "not comparable"),
    ],
)
def test_rule(value: float | None, bound: str, measured: Estimate | None, state: str) -> None:
    assert judge(claim(value, bound), {"tensor": measured}).state == state


def test_a_figure_without_an_interval_says_so() -> None:
    assert "one repeat, so no interval" in judge(claim(-82), {"tensor": Estimate(-82.0)}).why
    assert "interval" not in judge(claim(-82), {"tensor": Estimate(-82.0, -83.0, -81.0, 5)}).why


def test_an_obstacle_comes_before_any_number() -> None:
    verdict = judge(claim(-94), {"time (virtual)": Estimate(-99.0)}, obstacle="virtual seconds")
    assert (verdict.state, verdict.why) == ("not comparable", "virtual seconds")


def test_the_levels_that_reach_the_number_are_named() -> None:
    values = {"tensor": -60.0, "process above floor": -51.0, "process gross": -20.0}
    verdict = judge(claim(-50), {level: Estimate(value) for level, value in values.items()})
    assert verdict.state == "better"
    assert "reached at: tensor and process above floor; not at: process gross" in verdict.why


@pytest.mark.parametrize(
    ("value", "unit", "text"), [(-94, "%", "−94\u00a0%"), (100, "fold", "100-fold"), (2.02, "x", "2.02x")]
)
def test_headlines_read_as_printed(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


def test_the_published_numbers_are_those_of_the_abstracts() -> None:
    found = {(c.system, c.quantity): (c.value, c.bound) for c in load_claims(PUBLISHED)}
    assert found["SmartSplit", "memory saving"] == (100, "up to")
    assert found["SmartSplit", "peak latency"] == (-94, "up to")
    assert found["SmartFreeze", "average memory"] == (-82, "up to")
    assert found["SmartFreeze", "training speed"] == (2.02, "up to")
    assert found["SmartSplit", "adapts to a changing memory budget by recomputation"][0] is None
    assert all(c.model == c.dataset == UNKNOWN for c in load_claims(PUBLISHED))
