"""Methods that must not change the result: the same parameters as the baseline, bit by bit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.compare import BASELINE, completed
from reports.data import Column, Entry, Paragraph, Section, Table
from reports.labels import WORK
from reports.quick.facts import Facts
from reports.tables import MISSING, count, listed, word

EXACT = ("recompute", "split")
INTRO = (
    f"Recomputation and splitting only move work: after the last round they must give {BASELINE}'s parameters bit by "
    "bit. Compared are SHA-256 digests of the global parameters, for cells of the same group, model, data, batch, "
    "rounds, seed, threads, allocator, boards and repeat."
)


def pairs(facts: Facts) -> pd.DataFrame:
    """Each exact cell with the baseline's digest (`base_digest`) and `identical`; missing where none is comparable."""
    digests = _digests(facts.cells)
    keys = [*WORK, "repeat", "torch", "boards"]
    base = digests[digests["method"] == BASELINE].drop_duplicates(keys, keep=False)
    ours = digests[digests["method"].isin(EXACT)]
    out = ours.merge(base[[*keys, "digest"]].rename(columns={"digest": "base_digest"}), on=keys, how="left")
    out["identical"] = (out["digest"] == out["base_digest"]).astype("boolean")
    out.loc[out["digest"].isna() | out["base_digest"].isna(), "identical"] = pd.NA
    return out


def section(facts: Facts) -> Section:
    """Yes or no for each comparable pair."""
    found = pairs(facts)
    if found.empty:
        text = f"No cell of {listed(EXACT)} completed: equality with {BASELINE} could not be checked."
        return Section(slug="equality", title="Equality", blocks=(Paragraph(INTRO), Paragraph(text, "warn")))
    names = ("group", "method", "model", "batch", "seed", "threads", "allocator", "repeat")
    numeric = ("batch", "seed", "threads", "repeat")
    columns = [Column(name, "number" if name in numeric else "text") for name in names]
    table = Table(
        caption=f"Final parameters against {BASELINE}",
        columns=(
            *columns,
            Column("digest", "code"),
            Column(f"{BASELINE}'s digest", "code"),
            Column("identical", "chip"),
        ),
        rows=tuple(_row(row) for _, row in found.iterrows()),
        note=f"Digests are cut to 12 digits here. A dash: {BASELINE} did not complete under the same circumstances, "
        "or no digest was recorded.",
    )
    return Section(slug="equality", title="Equality", blocks=(Paragraph(INTRO), table))


def _digests(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per cell; its boards trained one global model, so their digests must agree to count as one.

    A board that dropped out changes that model, so the rounds that each board took part in are compared too.
    """
    some = cells[cells["cell_id"].isin(completed(cells)["cell_id"])]
    some = some.assign(part=[f"{b}:{n}" for b, n in zip(some["board"], some["rounds_done"], strict=True)])
    grouped = some.groupby("cell_id", sort=False)
    out = grouped[[*WORK, "method", "label", "repeat"]].first()
    out["boards"] = grouped["part"].agg(lambda names: ", ".join(sorted(names)))
    out["torch"] = grouped["torch_version"].agg(lambda names: ", ".join(sorted(names.dropna().unique())))
    digests = grouped["parameters_sha256"]
    out["digest"] = digests.first().where(digests.nunique() == 1)
    return out.reset_index()


def _row(row: Any) -> tuple[Entry, ...]:
    return (
        word(row["group"]),
        word(row["label"]),
        word(row["model"]),
        count(row["batch"]),
        count(row["seed"]),
        count(row["threads"]),
        word(row["allocator"]),
        count(row["repeat"]),
        _digest(row["digest"]),
        _digest(row["base_digest"]),
        _yes_no(row["identical"]),
    )


def _digest(value: Any) -> Entry:
    return MISSING if pd.isna(value) else Entry(str(value)[:12], str(value))


def _yes_no(value: Any) -> Entry:
    if pd.isna(value):
        return MISSING
    return Entry("identical", True, "good") if value else Entry("differs", False, "bad")
