"""The report on SmartFreeze: from a run's frames to its findings and sections."""

from __future__ import annotations

from pathlib import Path

from reports.data import Report
from reports.read import Run
from reports.study.stages import AVERAGE
from reports.study.whole import build_study

NOTES = (
    "Plain stages keep the whole block's activations, and the first block has the largest maps: it sets the peak. "
    "Recomputation inside the live block and gradients that are released one by one take most of that away; what "
    "is left in the last stage of ResNet18 is weights, of which three quarters lie in block 4 and its momentum "
    "with them.",
    "The paper gives the pace controller and the communities in words; the published sibling's formula and our "
    "own communities stand in (docs/methods.md).",
)


def build(run: Run) -> Report:
    """The whole report as data."""
    published = Path(__file__).with_name("published.csv")
    return build_study(run, "smartfreeze", "SmartFreeze under memory classes", published, AVERAGE, NOTES)
