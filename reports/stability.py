"""What makes the numbers of a run doubtful, said aloud: spread, outliers, late ticks, throttling, clocks, warming up.

The limits are OURS, but for the outlier rule (modified z-score above 3.5: Iglewicz and Hoaglin, How to Detect and
Handle Outliers, 1993) and the 2 % of the control workload, which is the project's figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from harness.control import GROUP as CONTROL
from harness.control import LIMIT as CONTROL_LIMIT
from harness.control import spread
from reports.compare import CIRCUMSTANCE, SUBJECT, completed
from reports.data import Block, Column, Entry, Finding, Paragraph, Section, Table
from reports.read import Run
from reports.tables import MINUS, listed, percent, quantity, row_mark, virtual_mark, word

SPREAD_LIMIT = 0.05  # (max - min) / median of repeats
OUTLIER_SCORE = 3.5
LATE_LIMIT = 0.005  # of the samples
DRIFT_LIMIT_PPM = 200.0
WATCHED = {"compute_s": "compute time", "above_bytes": "process peak above floor"}
# Of a circumstance that tells of throttling; of warmth, all that harness.thermal says but timed_out.
CALM = ("none", "no", "false", "0", "within", "colder", "unknown", "not_waited_for")
THROTTLES = ("throttled", "under_voltage", "warmth")


class Doubt(NamedTuple):
    """One thing that a reader should know before trusting a number."""

    board: str
    cell: str
    what: str
    found: str
    limit: str


def stability(run: Run, cells: pd.DataFrame) -> Section:
    """The doubts, then cold beside sustained rounds."""
    found = doubts(run, cells)
    said: Block = Paragraph("No limit was passed: spread, outliers, late samples, throttling and clocks were in order.")
    if found:
        said = _table(found)
    return Section(slug="stability", title="Stability", blocks=(said, *_cold_and_sustained(run, cells)))


def finding(run: Run, cells: pd.DataFrame) -> Finding | None:
    """One sentence for the summary; None where nothing is doubtful."""
    kinds = Counter(doubt.what for doubt in doubts(run, cells))
    if not kinds:
        return None
    parts = listed(f"{what} ({count} times)" if count > 1 else what for what, count in kinds.items())
    return Finding("Unstable", f"Handle with care: {parts}. See Stability.", "warn")


def doubts(run: Run, cells: pd.DataFrame) -> list[Doubt]:
    """Everything that passes a limit, in the order of the sentences above."""
    done = completed(cells)
    rules = (_spread(done), _control(done), _late(run, cells), _throttled(run, cells), _clock(cells))
    return [doubt for rule in rules for doubt in rule]


def _spread(done: pd.DataFrame) -> Iterator[Doubt]:
    keys = [*CIRCUMSTANCE, *SUBJECT]
    repeated = done[(done["group"] != CONTROL) & done.duplicated(keys, keep=False)]
    for _, own in repeated.groupby(keys, dropna=False, sort=False):
        first = own.iloc[0]
        for column, words in WATCHED.items():
            values = [float(value) for value in own[column].dropna()]
            wide = spread(values)
            if wide is not None and wide > SPREAD_LIMIT:
                yield Doubt(first["board"], first["label"], f"spread of the {words}", percent(wide),
                            percent(SPREAD_LIMIT))  # fmt: skip
            for value in outliers(values):
                yield Doubt(first["board"], first["label"], f"outlier of the {words}", f"{value:.4g}",
                            f"score {OUTLIER_SCORE}")  # fmt: skip


def outliers(values: list[float]) -> list[float]:
    """Values with a modified z-score above `OUTLIER_SCORE`: 0.6745 times the distance from the median, in MADs."""
    series = pd.Series(values, dtype=float)
    away = (series - series.median()).abs()
    scale = away.median()
    return [] if len(values) < 4 or not scale else series[0.6745 * away / scale > OUTLIER_SCORE].tolist()


def _control(done: pd.DataFrame) -> Iterator[Doubt]:
    for board, own in done[done["group"] == CONTROL].groupby("board", sort=False):
        wide = spread([float(value) for value in own["compute_s"].dropna()])
        if wide is not None and wide > CONTROL_LIMIT:
            yield Doubt(str(board), "all", "control workload does not repeat", percent(wide), percent(CONTROL_LIMIT))


def _late(run: Run, cells: pd.DataFrame) -> Iterator[Doubt]:
    counts = run.samples.groupby(["cell_id", "board"]).size()
    for _, row in cells.iterrows():
        ticks = int(counts.get((row["cell_id"], row["board"]), 0))
        for column in ("late_ticks", "missed_ticks"):
            if ticks and not pd.isna(row[column]) and row[column] > LATE_LIMIT * ticks:
                what = f"{column.removesuffix('_ticks')} samples"
                yield Doubt(row["board"], row["label"], what, percent(row[column] / ticks), percent(LATE_LIMIT))


def _throttled(run: Run, cells: pd.DataFrame) -> Iterator[Doubt]:
    told = run.circumstances[run.circumstances["name"].isin(THROTTLES)].dropna(subset=["value"])
    named = told.merge(cells[["cell_id", "board", "label"]], on=["cell_id", "board"])
    for _, row in named[~named["value"].str.lower().isin(CALM)].iterrows():
        yield Doubt(row["board"], row["label"], str(row["name"]).replace("_", " "), row["value"], "none")


def _clock(cells: pd.DataFrame) -> Iterator[Doubt]:
    for _, row in cells.iterrows():
        drift = row["clock_drift_ppm"]
        if pd.isna(drift) and not pd.isna(row["clock_offset_s"]):
            yield Doubt(row["board"], row["label"], "clock stepped or was read once", "no drift to tell", "none")
        elif not pd.isna(drift) and abs(drift) > DRIFT_LIMIT_PPM:
            text = f"{drift:.0f} ppm".replace("-", MINUS)
            yield Doubt(row["board"], row["label"], "clock drift", text, f"{DRIFT_LIMIT_PPM:.0f} ppm")


def _table(found: list[Doubt]) -> Table:
    columns = (Column("board"), Column("method"), Column("doubt", "prose"), Column("found"), Column("limit"))
    rows = tuple(
        (word(each.board), word(each.cell), word(each.what, "warn"), word(each.found), word(each.limit))
        for each in found
    )
    return Table(caption="What passes a limit", columns=columns, rows=rows)


def _cold_and_sustained(run: Run, cells: pd.DataFrame) -> Iterator[Table]:
    """The first round beside the median of the last half: heat and caches make them differ."""
    rows: list[tuple[Entry, ...]] = []
    done = completed(cells)
    rounds = dict(iter(run.rounds.groupby(["cell_id", "board"], sort=False)))
    for _, row in done.drop_duplicates(["board", "label", "group"]).iterrows():
        found = cold_and_sustained(rounds.get((row["cell_id"], row["board"])))
        if found:
            cold, sustained = found
            mark = row_mark(done, row)
            rows.append((word(row["group"]), word(row["board"]), word(row["label"]), quantity(cold, 3, mark=mark),
                         quantity(sustained, 3, mark=mark), quantity(sustained / cold, 2)))  # fmt: skip
    mark = virtual_mark(done)
    columns = (Column("group"), Column("board"), Column("method"), Column(f"cold, s{mark}", "number"),
               Column(f"sustained, s{mark}", "number"), Column("sustained / cold", "number"))  # fmt: skip
    if rows:
        note = "Computing time of a round. Cold: the first after the rehearsal. Sustained: median of the last half."
        yield Table(caption="Cold and sustained rounds", columns=columns, rows=tuple(rows), note=note)


def cold_and_sustained(rounds: Any) -> tuple[float, float] | None:
    """Seconds of computing in the first round and in the last half of one stage; None of fewer than four rounds."""
    if rounds is None:
        return None
    alike = rounds[rounds["stage"] == rounds["stage"].iloc[0]]["compute_s"].dropna()
    if len(alike) < 4 or not alike.iloc[0]:
        return None
    return float(alike.iloc[0]), float(alike.iloc[len(alike) // 2 :].median())
