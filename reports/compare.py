"""Which measurements may stand beside each other. Runs that differ in circumstance are never put together."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.labels import WORK, with_labels
from reports.read import Run
from reports.statistics import Estimate, ratio

BASELINE = "fedavg"

# Two rows may be compared only where all of these agree; a missing value agrees with a missing value only.
CIRCUMSTANCE = (
    "board",
    "board_class",
    "virtual",
    *WORK,
    "budget_bytes",
    "budget_kind",
    "torch_version",
    "circumstances_id",
)
SUBJECT = ("method", "options", "variant", "label")

# The three levels of a memory figure, never confused: column -> words.
LEVELS = {"tensor_bytes": "tensor", "above_bytes": "process above floor", "gross_bytes": "process gross"}
TIMES = ("round_s", "download_s", "compute_s", "exchange_s", "upload_s", "total_s", "worst_s", "energy_j")
ENERGIES = ("round_energy_j", "round_energy_uncertainty_j")
TRAFFIC = ("download_bytes", "upload_bytes", "exchange_bytes")
EACH = "each_"  # prefix of the columns that hold all repeats
MEASURED = (*LEVELS, "analytic_bytes", "floor_bytes", *TIMES, *ENERGIES, *TRAFFIC, "accuracy")


def prepared(run: Run) -> pd.DataFrame:
    """The run's cells x boards with the three memory levels, the rounds' total and worst time, and labels."""
    cells = _as_planned(run)
    cells["tensor_bytes"] = cells["peak_tensor_bytes"]
    cells["gross_bytes"] = cells["peak_process_bytes"]
    cells["above_bytes"] = cells["peak_process_bytes"] - cells["floor_bytes"]
    for name in ("energy_j", "energy_uncertainty_j"):
        cells[f"round_{name}"] = cells[name] / cells["rounds_done"]
    times = run.rounds.groupby(["cell_id", "board"])["round_s"]
    whole = times.count() == times.size()  # a total with a round missing would be too small
    spans = pd.DataFrame({"total_s": times.sum().where(whole), "worst_s": times.max()}).reset_index()
    return _in_order(with_labels(cells.merge(spans, on=["cell_id", "board"], how="left"), run.manifest))


def _as_planned(run: Run) -> pd.DataFrame:
    """The cells in the order of the study: they ran shuffled."""
    places = {cell.get("cell_id"): place for place, cell in enumerate(run.manifest.get("cells") or [])}
    order = run.cells["cell_id"].map(places).to_numpy(dtype=float, na_value=len(places))
    return run.cells.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def completed(cells: pd.DataFrame) -> pd.DataFrame:
    """Only what ran to its end: a peak of a run that was killed says nothing about the method."""
    return cells[(cells["outcome"] == "completed").fillna(False)]


def merged(cells: pd.DataFrame) -> pd.DataFrame:
    """Completed repeats of one thing under the same circumstances as their median, with `repeats` and `spread`.

    `spread` is (max - min) / median of the process peak above the floor; `each_<column>` has the repeats' values,
    `cell_id` is the first of them, and `energy_doubted` whether the energy of one has warnings.
    """
    groups = completed(cells).groupby([*CIRCUMSTANCE, *SUBJECT], dropna=False, sort=False)
    out = groups[list(MEASURED)].median()
    for name in MEASURED:
        out[f"{EACH}{name}"] = groups[name].agg(_known)
    out["cell_id"] = groups["cell_id"].first()
    out["repeats"] = groups.size()
    out["energy_doubted"] = groups["energy_warnings"].count() > 0
    peaks = groups["above_bytes"]
    out["spread"] = (peaks.max() - peaks.min()) / peaks.median()
    return out.reset_index()


def _known(values: pd.Series) -> Any:  # Any: pandas-stubs knows of no tuple in a cell
    return tuple(values.dropna())


def beside(rows: pd.DataFrame, baseline: str = BASELINE) -> pd.DataFrame:
    """Each row with the baseline's figures as `base_<column>`; missing where no baseline shares its circumstances."""
    keys = list(CIRCUMSTANCE)
    # Two baselines under the same circumstances (other options) would be a choice; we make none.
    base = rows[(rows["method"] == baseline).fillna(False)].drop_duplicates(keys, keep=False)
    figures = [*MEASURED, *(f"{EACH}{name}" for name in MEASURED)]
    renamed = base[[*keys, *figures]].rename(columns={name: f"base_{name}" for name in figures})
    return rows.merge(renamed, on=keys, how="left")


def against(row: Any, column: str) -> Estimate | None:
    """A row of `beside` over its baseline, as a ratio with its interval; None where either side is missing."""
    ours, base = row[f"{EACH}{column}"], row[f"base_{EACH}{column}"]
    return ratio(ours, base) if isinstance(ours, tuple) and isinstance(base, tuple) else None


def with_failed(cells: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` and, with missing figures, whatever never completed; `tries` counts both, `outcome` is the first one."""
    keys = [*CIRCUMSTANCE, *SUBJECT]
    asked = cells.groupby(keys, dropna=False, sort=False)
    every = asked["outcome"].first().to_frame()
    every["tries"] = asked.size()
    every["cell_id"] = asked["cell_id"].first()
    every = every.reset_index().merge(rows.drop(columns="cell_id"), on=keys, how="left")
    every.loc[every["repeats"].notna(), "outcome"] = "completed"
    return _in_order(every)


def workload(rows: pd.DataFrame) -> str:
    """`resnet18 on synthetic-cifar, batch 32`, naming every value that occurs."""

    def every(column: str) -> str:
        return "/".join(str(value) for value in rows[column].dropna().unique()) or "–"

    return f"{every('model')} on {every('dataset')}, batch {every('batch')}"


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Group by group, board by board, the baseline first, and otherwise as the rows came."""
    order = pd.DataFrame({name: pd.factorize(rows[name])[0] for name in ("group", "board", "method")})
    order.loc[(rows["method"] == BASELINE).fillna(False).to_numpy(dtype=bool), "method"] = -1
    places = order.sort_values(["group", "board", "method"], kind="stable").index
    return rows.take(places.to_numpy()).reset_index(drop=True)
