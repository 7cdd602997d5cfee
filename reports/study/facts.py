"""A run as the study's sections want it: one curve per cell, beside what the cell was asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from reports.compare import prepared
from reports.figures import palette
from reports.read import Run

MEMORY = "memory"  # group of the cells that show each stage's memory
MAIN = ("dirichlet", "iid")  # groups in which methods are held against each other; the others leave a part out
UNLIMITED = "fedavg"  # knows no memory limit
LIMITED = "exclusivefl"  # the same under the memory classes: only who holds the whole model takes part


@dataclass(frozen=True, kw_only=True)
class Facts:
    run: Run
    method: str  # that the report is about
    cells: pd.DataFrame  # compare.prepared: cells x boards (simulated clients among them)
    curves: pd.DataFrame  # a row per cell and round; see `curves`
    colours: Mapping[str, str]

    @property
    def studied(self) -> pd.DataFrame:
        """Cells x simulated clients, without those on memory."""
        rows = self.cells
        return rows[(rows["virtual"] == "simulated").fillna(False) & (rows["group"] != MEMORY)]


def facts_of(run: Run, method: str) -> Facts:
    cells = prepared(run)
    return Facts(
        run=run,
        method=method,
        cells=cells,
        curves=curves(run, cells),
        colours=palette(cells["method"].dropna().unique()),
    )


def curves(run: Run, cells: pd.DataFrame) -> pd.DataFrame:
    """Per cell and round: group, method, seed, stage, accuracy, `best` so far, `time_s` (virtual) since the beginning.

    A round lasts until the last report that it uses. `best` is what is compared, for the accuracy of skewed data jumps
    from round to round, and NeuLite's from stage to stage.
    """
    simulated = cells[(cells["virtual"] == "simulated").fillna(False) & (cells["group"] != MEMORY)]
    named = simulated.drop_duplicates("cell_id")[["cell_id", "group", "method", "seed"]]
    columns = {"stage": "first", "accuracy": "first", "perturbation": "first", "ended": "first", "round_s": "max"}
    rounds = run.rounds.groupby(["cell_id", "round"]).agg(columns).reset_index()
    out = named.merge(rounds, on="cell_id", how="inner")
    grouped = out.groupby("cell_id", sort=False)
    out["best"] = grouped["accuracy"].cummax()
    out["time_s"] = grouped["round_s"].cumsum()
    return out


def methods_in_order(facts: Facts, group: str) -> list[str]:
    """Of a group, in the order of the study."""
    return list(facts.studied.loc[facts.studied["group"] == group, "method"].dropna().unique())
