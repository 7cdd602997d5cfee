"""The report on NeuLite: from a run's frames to its findings and sections."""

from __future__ import annotations

from pathlib import Path

from reports.data import Report
from reports.read import Run
from reports.study.stages import PEAK
from reports.study.whole import build_study

NOTES = (
    "The projection (3.69 M weights at the published widths) is held, trained and sent in every stage: on "
    "ResNet18 that is 14 MiB of weights, as much of gradients and of momentum, which at batch 32 is a sixth of "
    "full training. For the narrow model of the small study its widths are an eighth, as the channels are.",
    "The weights of the curriculum are not published; those used are ours (docs/methods.md).",
)


def build(run: Run) -> Report:
    """The whole report as data."""
    published = Path(__file__).with_name("published.csv")
    return build_study(run, "neulite", "NeuLite under memory classes", published, PEAK, NOTES)
