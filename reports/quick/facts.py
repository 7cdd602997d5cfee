"""What every section of the quick report starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from reports.read import Run


@dataclass(frozen=True, kw_only=True)
class Facts:
    run: Run
    cells: pd.DataFrame  # compare.prepared: cells x boards, whatever their outcome
    rows: pd.DataFrame  # completed repeats merged, each beside its baseline (base_*)
    colours: Mapping[str, str]  # method -> colour, one for the whole report
