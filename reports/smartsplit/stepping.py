"""The worker's memory while its budget steps, with the on-device manager and without."""

from __future__ import annotations

import json

import pandas as pd
from matplotlib.figure import Figure as Canvas

from harness.units import MIB
from reports.data import Figure, Paragraph, Section
from reports.decimate import extremes
from reports.figures import INK, METHODS, WIDTH_IN, draw
from reports.quick.facts import Facts
from reports.smartsplit.facts import TRACE

TITLE = "Memory under a budget that steps"


def section(facts: Facts) -> Section:
    """Both on the first board that has them."""
    cells = facts.cells[(facts.cells["group"] == TRACE) & (facts.cells["outcome"] == "completed").fillna(False)]
    lines = {managed: _trace(facts, cells, managed) for managed in (True, False)}
    if any(line.empty for line in lines.values()):
        missing = Paragraph("The cells of group 'trace' left no readings with and without the manager.", "warn")
        return Section(slug="stepping", title=TITLE, blocks=(missing,))
    board = str(cells["board"].iloc[0])
    figure = Figure(
        name="stepping",
        caption=f"Resident memory of the worker on {board}. The budget, in MiB of tensors for each batch: "
        f"{_script(cells)}; a batch of a rehearsal counts. Without the manager the device keeps all activations.",
        alt="With the manager memory falls and rises with the budget; without it stays where it is.",
        svg=draw("stepping", lambda: _paint(lines)),
    )
    return Section(slug="stepping", title=TITLE, blocks=(figure,))


def managed(options: str) -> bool:
    """Whether the on-device manager was at work."""
    return bool(json.loads(options).get("on_device", True))


def _trace(facts: Facts, cells: pd.DataFrame, with_manager: bool) -> pd.DataFrame:
    own = cells[cells["options"].map(managed) == with_manager].head(1)[["cell_id", "board"]]
    return facts.run.samples.merge(own, on=["cell_id", "board"])[["t_s", "rss_bytes"]].dropna()


def _script(cells: pd.DataFrame) -> str:
    """`160 (4 batches), 70 (4 batches), 160`, from the options."""
    steps = json.loads(cells["options"].iloc[0]).get("budget_mb") or []
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][0] == step:
            runs[-1][1] += 1
        else:
            runs.append([step, 1])
    return ", ".join(f"{size} ({count} batches)" if count > 1 else f"{size}" for size, count in runs)


def _paint(lines: dict[bool, pd.DataFrame]) -> Canvas:
    canvas = Canvas(figsize=(WIDTH_IN, 2.6), layout="constrained")
    axes = canvas.subplots()
    for with_manager, line in lines.items():
        t_s, mib = line["t_s"].to_numpy(float), line["rss_bytes"].to_numpy(float) / MIB
        kept = extremes(mib)
        name = "with the on-device manager" if with_manager else "without"
        axes.plot(
            t_s[kept] - t_s[0], mib[kept], color=INK if with_manager else METHODS["split"], linewidth=1.1, label=name
        )
    axes.set_xlabel("s since the first reading")
    axes.set_ylabel("resident memory, MiB")
    axes.set_ylim(bottom=0)
    canvas.legend(loc="outside upper left", ncols=2)
    return canvas
