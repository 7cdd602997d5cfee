"""The rule that sets a published number beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("value", "bound", "measured", "state"),
    [
        (-82, "up to", -82.0, "reproduced"),
        (-82, "up to", -85.0, "reproduced"),  # further than the bound reaches it too
        (-82, "up to", -81.9, "differs"),
        (100, "up to", 100.0, "reproduced"),
        (100, "up to", 99.0, "differs"),
        (2.0, "exact", 2.09, "reproduced"),
        (2.0, "exact", 2.2, "differs"),
        (-50, "exact", -85.0, "differs"),  # better than an exact number is still another number
        (-82, "up to", None, "not comparable"),
        (None, "exact", -40.0, "not comparable"),
    ],
)
def test_rule(value: float | None, bound: str, measured: float | None, state: str) -> None:
    assert judge(claim(value, bound), {"tensor": measured}).state == state


def test_an_obstacle_comes_before_any_number() -> None:
    verdict = judge(claim(-94), {"time (virtual)": -99.0}, obstacle="virtual seconds")
    assert (verdict.state, verdict.why) == ("not comparable", "virtual seconds")


def test_the_levels_that_reach_the_number_are_named() -> None:
    verdict = judge(claim(-50), {"tensor": -60.0, "process above floor": -55.0, "process gross": -20.0})
    assert verdict.state == "reproduced"
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
