"""How much the block that is trained still moves, round by round, and when its stage ended."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from reports.data import Block, Column, Figure, Paragraph, Section, Table
from reports.figures import INK, WIDTH_IN, draw
from reports.study.facts import MAIN, Facts
from reports.tables import count, word


def section(facts: Facts) -> Section:
    own = facts.curves[(facts.curves["method"] == facts.method) & facts.curves["group"].isin(MAIN)]
    if own["perturbation"].notna().sum() == 0:
        blocks: tuple[Block, ...] = (Paragraph(f"{facts.method} followed no block in this run.", "warn"),)
    else:
        blocks = (_figure(facts, own), _ends(facts, own))
    return Section(slug="pace", title="When blocks were frozen", blocks=blocks)


def _figure(facts: Facts, own: pd.DataFrame) -> Figure:
    group = str(own["group"].iloc[0])
    shown = own[own["group"] == group]
    return Figure(
        name="pace",
        caption=f"Block perturbation (effective movement) of the live block, {group}, one line per seed. Dots: a stage "
        "ended after the round before.",
        alt="Lines between 0 and 1 that fall within each stage; the rounds of the dots are in the table below.",
        svg=draw("pace", lambda: _paint(shown, facts.colours, facts.method)),
    )


def _paint(shown: pd.DataFrame, colours: Mapping[str, str], method: str) -> Canvas:
    canvas = Canvas(figsize=(WIDTH_IN, 2.6), layout="constrained")
    panel = canvas.subplots()
    for place, (_, curve) in enumerate(shown.groupby("seed")):
        known = curve.dropna(subset=["perturbation"])
        for _, stage in known.groupby("stage", sort=False):
            panel.plot(
                stage["round"].astype(float),
                stage["perturbation"].astype(float),
                color=colours[method],
                linestyle=("-", "--", ":")[place % 3],
                linewidth=1.2,
            )
        ends = curve[curve["ended"].notna()]
        panel.plot(ends["round"].astype(float), [0.02 + 0.03 * place] * len(ends), "o", color=INK, markersize=3.5)
    panel.set(xlabel="round", ylabel="perturbation", ylim=(0, 1.05))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.tick_params(length=0)
    sns.despine(ax=panel)
    return canvas


def _ends(facts: Facts, own: pd.DataFrame) -> Table:
    ends = own[own["ended"].notna()]
    columns = (
        Column("data"),
        Column("seed", "number"),
        Column("after round", "number"),
        Column("which ended, and why"),
    )
    rows = tuple(
        (word(row["group"]), count(row["seed"]), count(row["round"] - 1), word(row["ended"]))
        for _, row in ends.iterrows()
    )
    return Table(
        caption="Stages that ended",
        columns=columns,
        rows=rows,
        note="Converged: the series became flat. Stage maximum reached: the threshold never fired.",
    )
