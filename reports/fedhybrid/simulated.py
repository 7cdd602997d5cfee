"""The small study with simulated clients: what each method learns under memory budgets, over virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas

from reports.compare import workload
from reports.data import Block, Column, Entry, Figure, Finding, Paragraph, Section, Table
from reports.figures import INK, SPARE, WIDTH_IN, draw
from reports.read import Run
from reports.tables import MISSING, budget, count, quantity, share, word

GROUP = "accuracy"
TARGET = 0.9  # OURS: time to accuracy is read at this share of the reference's best accuracy
REFERENCE = "exclusivefl (selection=random)"
NOTHING = "No simulated clients in this run: `fedrack simulate --report fedhybrid` runs the study of accuracy and time."
INTRO = (
    "Every client has a tensor budget drawn from one range. exclusivefl and FedProx train on those whose budget holds "
    "the full model; FedHybrid on those whose budget holds its smallest plan. Time is virtual: assumed speeds of board "
    "classes, multiply-adds (a second forward for plans), and bytes; a round lasts until its slowest report."
)


@dataclass(frozen=True, kw_only=True)
class Played:
    """One method's curve with one seed."""

    name: str
    seed: int
    accuracy: tuple[float, ...]  # after each round
    time_s: tuple[float, ...]  # virtual, since the beginning
    clients: int  # that took part at all

    def reached_s(self, accuracy: float) -> float | None:
        """When it first was as accurate as that."""
        return next((at for at, seen in zip(self.time_s, self.accuracy, strict=True) if seen >= accuracy), None)


def studied(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells x simulated clients."""
    return cells[(cells["virtual"] == "simulated").fillna(False) & (cells["group"] == GROUP)]


def curves(run: Run, cells: pd.DataFrame) -> list[Played]:
    """In the order of the study; a cell without a round has none."""
    every = [_played(run.rounds, own) for _, own in studied(cells).groupby("cell_id", sort=False)]
    return [played for played in every if played.accuracy]


def _played(rounds: pd.DataFrame, own: pd.DataFrame) -> Played:
    """`own`: one cell's rows, one for each client."""
    told = rounds[rounds["cell_id"] == own["cell_id"].iloc[0]].groupby("round")
    line = told.agg({"accuracy": "first", "round_s": "max"}).dropna().astype(float)
    return Played(
        name=str(own["label"].iloc[0]),
        seed=int(own["seed"].iloc[0]),
        accuracy=tuple(line["accuracy"]),
        time_s=tuple(line["round_s"].cumsum()),
        clients=int((own["rounds_done"].fillna(0) > 0).sum()),
    )


def target(found: Sequence[Played]) -> float | None:
    """The accuracy at which times are compared; None where the reference is not there."""
    reference = [played for played in found if played.name == REFERENCE]
    return TARGET * max(reference[0].accuracy) if reference else None


def findings(found: Sequence[Played]) -> list[Finding]:
    """The best that each method reached."""
    best = {played.name: f"{max(played.accuracy):.1%}" for played in found}
    text = ", ".join(f"{name} {accuracy}" for name, accuracy in best.items())
    return [Finding("Study", f"best accuracy (simulated clients): {text}.")] if found else []


def section(cells: pd.DataFrame, found: Sequence[Played]) -> Section:
    blocks: tuple[Block, ...] = (Paragraph(NOTHING, "warn"),)
    if found:
        blocks = (Paragraph(INTRO), _figure(found), _table(studied(cells), found))
    return Section(slug="study", title="Accuracy under memory budgets (simulated clients)", blocks=blocks)


def _figure(found: Sequence[Played]) -> Figure:
    return Figure(
        name="study",
        caption="Accuracy of the global model over virtual time (simulated clients).",
        alt="Accuracy curves; their ends are in the table.",
        svg=draw("study", lambda: _paint(found)),
    )


def _paint(found: Sequence[Played]) -> Canvas:
    canvas = Canvas(figsize=(WIDTH_IN, 2.9), layout="constrained")
    panel = canvas.subplots()
    for place, played in enumerate(found):
        line = [100 * value for value in played.accuracy]
        panel.plot(played.time_s, line, color=SPARE[place % len(SPARE)], label=played.name, linewidth=1.5)
    panel.set(xlabel="virtual time, s", ylabel="accuracy, %")
    panel.legend(loc="lower right")
    panel.tick_params(length=0, colors=INK)
    sns.despine(ax=panel)
    return canvas


def _table(cells: pd.DataFrame, found: Sequence[Played]) -> Table:
    wanted, limits = target(found), cells["budget_bytes"]
    return Table(
        caption=f"{workload(cells)}, {cells['board'].nunique()} clients, "
        f"budgets {budget(limits.min())} to {budget(limits.max())}",
        columns=(
            Column("method"), Column("seed", "number"), Column("clients that took part", "number"),
            Column("best accuracy", "number"), Column("last accuracy", "number"),
            Column("virtual s to the reference's accuracy", "number"),
        ),
        rows=tuple(_row(played, wanted) for played in found),
        note=f"The reference's accuracy: {TARGET:.0%} of the best that {REFERENCE} reaches.",
    )  # fmt: skip


def _row(played: Played, wanted: float | None) -> tuple[Entry, ...]:
    reached = None if wanted is None else played.reached_s(wanted)
    return (
        word(played.name), count(played.seed), count(played.clients), share(max(played.accuracy)),
        share(played.accuracy[-1]), MISSING if reached is None else quantity(reached, 1, mark=" (virtual)"),
    )  # fmt: skip
