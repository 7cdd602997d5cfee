"""The report on ProFL: from a run's frames to its findings and sections."""

from __future__ import annotations

from pathlib import Path

from reports.data import Report
from reports.read import Run
from reports.study.stages import PEAK
from reports.study.whole import build_study

NOTES = (
    "Published: 57.4 % off the peak. The authors' own table of stages (full 840, first block 506 MB) gives 39.8 % "
    "for the first block, which every plain schedule must train: our plain stages give about the same. No stage "
    "of that table other than the first is the peak, so 57.4 % must come from another model than the ResNet18 of "
    "their example, or from a first block that is cut smaller.",
    "Their 100 MB for block 4 is no sum of maps: by the rule that explains the other entries (every output and "
    "its gradient, batch 64, no weights) it would be 52 MiB. Those maps and the whole model's fp32 weights together "
    "are 99.2 decimal MB, but counted so the full model takes 930, not the published 840. It is also the smallest "
    "memory that they deal to a client, so that everybody can train the last block.",
)


def build(run: Run) -> Report:
    """The whole report as data."""
    published = Path(__file__).with_name("published.csv")
    return build_study(run, "profl", "ProFL under memory classes", published, PEAK, NOTES)
