"""Accuracy over rounds and over virtual time, and where it ends: median and interval over the seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from reports.data import Block, Column, Entry, Figure, Finding, Paragraph, Section, Table
from reports.figures import WIDTH_IN, draw
from reports.statistics import Estimate, estimate
from reports.study.facts import LIMITED, MAIN, UNLIMITED, Facts, methods_in_order
from reports.tables import MISSING, count, listed, share, word

INTRO = (
    "Accuracy of the global model on the test split; for methods with stages, of the part that the stage trains. Lines "
    "are medians over the seeds of the best accuracy so far. Time is virtual: seconds from assumed speeds of board "
    "classes, a stage's multiply-adds and the bytes it moves; a round lasts until its slowest report. "
    f"{UNLIMITED} and fedprox know no memory limit: they could not be run under the classes. {LIMITED} is {UNLIMITED} "
    "among the clients whose memory holds the whole model."
)
NOTHING = "No simulated clients in this run: fedrack simulate runs the study of accuracy, time and who takes part."


def section(facts: Facts) -> Section:
    blocks: list[Block] = [Paragraph(NOTHING, "warn")]
    groups = [group for group in MAIN if (facts.curves["group"] == group).any()]
    if groups:
        blocks = [Paragraph(INTRO)]
        for group in groups:
            blocks += [_figure(facts, group), _table(facts, group)]
    return Section(slug="accuracy", title="Accuracy over rounds and time", blocks=tuple(blocks))


def finals(facts: Facts, group: str, method: str) -> dict[int, float]:
    """Seed -> best accuracy of the group's cell."""
    own = facts.curves[(facts.curves["group"] == group) & (facts.curves["method"] == method)]
    return {int(str(seed)): float(value) for seed, value in own.groupby("seed")["best"].max().dropna().items()}


def gaps(facts: Facts, group: str, base: str = LIMITED) -> list[float]:
    """Best accuracy of the report's method less the baseline's, by seed."""
    ours, theirs = finals(facts, group, facts.method), finals(facts, group, base)
    return [ours[seed] - theirs[seed] for seed in sorted(set(ours) & set(theirs))]


def findings(facts: Facts) -> Iterator[Finding]:
    for group in MAIN:
        found = estimate(gaps(facts, group))
        if found is not None:
            ours = estimate(list(finals(facts, group, facts.method).values()))
            assert ours is not None
            text = f"{group}: {facts.method} reaches {_shown(ours)}, {points(found)} against {LIMITED}."
            yield Finding("Accuracy", text, "good" if found.value > 0 else "warn")


def points(found: Estimate) -> str:
    """`+3.2 points (+1.0 to +5.1)`."""
    text = f"{100 * found.value:+.1f} points"
    if found.low is not None and found.high is not None:
        text += f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return text.replace("-", "−")


def _shown(found: Estimate) -> str:
    return f"{100 * found.value:.1f} %"


def _table(facts: Facts, group: str) -> Table:
    columns = (
        Column("method"),
        Column("best accuracy", "number"),
        Column("95 % interval", "number"),
        Column("seeds", "number"),
        Column("clients that ever took part", "number"),
    )
    rows = tuple(_row(facts, group, method) for method in methods_in_order(facts, group))
    return Table(
        caption=f"Accuracy, {group}",
        columns=columns,
        rows=rows,
        note="Median over seeds, with a percentile bootstrap. A dash: it could not run; see Outcomes.",
    )


def _row(facts: Facts, group: str, method: str) -> tuple[Entry, ...]:
    values = list(finals(facts, group, method).values())
    found = estimate(values)
    cells = facts.studied[(facts.studied["group"] == group) & (facts.studied["method"] == method)]
    part = share(float((cells["rounds_done"].fillna(0) > 0).mean()))
    if found is None:
        return word(method), MISSING, MISSING, count(0), part
    interval = MISSING if found.low is None else Entry(f"{100 * found.low:.1f} to {100 * (found.high or 0):.1f} %")
    return word(method), share(found.value), interval, count(len(values)), part


def _figure(facts: Facts, group: str) -> Figure:
    own = facts.curves[facts.curves["group"] == group]
    names = [name for name in methods_in_order(facts, group) if (own["method"] == name).any()]
    return Figure(
        name=f"accuracy-{group}",
        caption=f"Best accuracy so far over rounds and over virtual time, {group}; medians over the seeds.",
        alt=f"Curves of {listed(names)}; where they end is in the table below.",
        svg=draw(f"accuracy-{group}", lambda: _paint(own, names, facts.colours, facts.method)),
    )


def _paint(own: pd.DataFrame, names: list[str], colours: Mapping[str, str], method: str) -> Canvas:
    canvas = Canvas(figsize=(WIDTH_IN, 3.4), layout="constrained")
    panels = canvas.subplots(1, 2, sharey=True)
    strokes = _strokes(sorted(names, key=lambda name: name != method), colours)
    for name in names:
        curve = own[own["method"] == name].groupby("round")[["best", "time_s"]].median().astype(float)
        look = {
            "color": colours[name],
            "linewidth": 2.4 if name == method else 1.2,
            "linestyle": strokes[name],
            "label": name,
        }
        panels[0].plot(curve.index, 100 * curve["best"], **look)
        panels[1].plot(curve["time_s"], 100 * curve["best"], **look)
    panels[0].set(xlabel="round", ylabel="best accuracy so far, %")
    panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[1].set(xlabel="virtual time, s")
    for panel in panels:
        panel.tick_params(length=0)
        sns.despine(ax=panel)
    handles, labels = panels[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper left", ncols=5, columnspacing=1.2)
    return canvas


def _strokes(names: list[str], colours: Mapping[str, str]) -> dict[str, str]:
    """There are fewer colours than methods: the second of a colour is dashed, the third dotted."""
    laps = {name: [colours[other] for other in names[:place]].count(colours[name]) for place, name in enumerate(names)}
    return {name: ("-", "--", ":")[min(lap, 2)] for name, lap in laps.items()}
