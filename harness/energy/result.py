"""What an energy is: joules, what they cover, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Energy of one window of time. Uncertainties are half widths of about 95 %."""

    start_s: float
    end_s: float
    rails: tuple[str, ...]
    scope: str  # module, board, wall, package: what the rails feed
    gross_j: float | None  # over `covered_s`; None where nothing was measured
    covered_s: float
    gaps: int  # holes in the samples, or resets of a counter
    gap_s: float  # the window's time that nothing covers
    samples: int  # within the window
    sensor_j: float  # the sensor's accuracy
    sampling_j: float  # what may have happened between samples
    gap_j: float  # what the gaps may hold on top of `gross_j`
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def mean_power_w(self) -> float | None:
        """Over what is covered."""
        return None if self.gross_j is None or not self.covered_s else self.gross_j / self.covered_s

    @property
    def uncertainty_j(self) -> float | None:
        """Independent errors in quadrature; gaps are no error but a lack, and add in full."""
        return None if self.gross_j is None else math.hypot(self.sensor_j, self.sampling_j) + self.gap_j


def joined(energies: Sequence[Energy]) -> Energy:
    """The sum over windows of one witness that do not overlap. Raises `ValueError` for none at all.

    A sensor errs alike in all of them; what happened between samples is independent.
    """
    if not energies:
        raise ValueError("no window")
    known = [each.gross_j for each in energies if each.gross_j is not None]
    return Energy(
        start_s=min(each.start_s for each in energies),
        end_s=max(each.end_s for each in energies),
        rails=energies[0].rails,
        scope=energies[0].scope,
        gross_j=math.fsum(known) if known else None,
        covered_s=math.fsum(each.covered_s for each in energies),
        gaps=sum(each.gaps for each in energies),
        gap_s=math.fsum(each.gap_s for each in energies),
        samples=sum(each.samples for each in energies),
        sensor_j=math.fsum(each.sensor_j for each in energies),
        sampling_j=math.hypot(*(each.sampling_j for each in energies)),
        gap_j=math.fsum(each.gap_j for each in energies),
        warnings=tuple(dict.fromkeys(warning for each in energies for warning in each.warnings)),
    )
