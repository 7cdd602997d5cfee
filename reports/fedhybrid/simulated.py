"""The small study with simulated clients: what each method learns under memory budgets, over virtual time.

`fedrack simulate --report fedhybrid --study reports/fedhybrid/simulated.yaml ...` writes it beside the runs; the newest
one is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seaborn as sns
from matplotlib.figure import Figure as Canvas

from harness.store import read_json, read_lines
from harness.units import show_bytes
from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.figures import INK, SPARE, WIDTH_IN, draw
from reports.tables import MISSING, count, quantity, share, word

FOLDERS = "simulated-*"
TARGET = 0.9  # OURS: time to accuracy is read at this share of the reference's best accuracy
REFERENCE = "exclusivefl (selection=random)"
NOTHING = (
    "No study with simulated clients lies beside this run: `fedrack simulate --report fedhybrid --study "
    "reports/fedhybrid/simulated.yaml` makes one (see the head of that file)."
)
INTRO = (
    "Every client has a tensor budget drawn from one range. exclusivefl and FedProx train on those whose budget holds "
    "the full model; FedHybrid on those whose budget holds its smallest plan. Virtual seconds are a model of board "
    "classes, not a measurement."
)


@dataclass(frozen=True, kw_only=True)
class Played:
    """One method's curve."""

    name: str
    seed: int
    job: Any
    accuracy: tuple[float, ...]  # after each round
    time_s: tuple[float, ...]  # virtual, since the beginning; empty where the study had no speeds
    clients: int  # that took part at all

    def reached_s(self, accuracy: float) -> float | None:
        """When it first was as accurate as that."""
        return next((at for at, seen in zip(self.time_s, self.accuracy, strict=False) if seen >= accuracy), None)


def newest(results: Path) -> list[Played]:
    """The curves of the newest study below a report's results; none where there is none."""
    folders = sorted(results.glob(FOLDERS))
    return [_played(path) for path in sorted(folders[-1].glob("*.jsonl"))] if folders else []


def _played(events: Path) -> Played:
    job = read_json(events.with_suffix(".json"))
    rounds = [event for event in read_lines(events) if event.get("event") == "round"]
    options = ", ".join(f"{key}={value}" for key, value in sorted(job["options"].items()))
    times, now = [], 0.0
    for event in rounds:
        now += event.get("virtual_s") or 0.0
        times.append(now)
    return Played(
        name=f"{job['method']} ({options})" if options else job["method"],
        seed=job["seed"],
        job=job,
        accuracy=tuple(event["accuracy"] for event in rounds),
        time_s=tuple(times) if now else (),
        clients=len({name for event in rounds for name in event["reported"]}),
    )


def target(found: Sequence[Played]) -> float | None:
    """The accuracy at which times are compared; None where the reference is not there."""
    reference = [played for played in found if played.name == REFERENCE]
    return TARGET * max(reference[0].accuracy) if reference else None


def section(found: Sequence[Played]) -> Section:
    blocks: tuple[Block, ...] = (Paragraph(NOTHING, "warn"),)
    if found:
        blocks = (Paragraph(INTRO), _figure(found), _table(found))
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
        x = played.time_s or range(1, len(played.accuracy) + 1)
        line = [100 * value for value in played.accuracy]
        panel.plot(x, line, color=SPARE[place % len(SPARE)], label=played.name, linewidth=1.5)
    panel.set(xlabel="virtual time, s" if found[0].time_s else "round", ylabel="accuracy, %")
    panel.legend(loc="lower right")
    panel.tick_params(length=0, colors=INK)
    sns.despine(ax=panel)
    return canvas


def _table(found: Sequence[Played]) -> Table:
    first, wanted = found[0].job, target(found)
    budgets = [facts.get("memory_budget_bytes") for facts in first["client_facts"].values()]
    known = [size for size in budgets if size is not None]
    limits = f"budgets {show_bytes(min(known))} to {show_bytes(max(known))}" if known else "no budgets"
    return Table(
        caption=f"{first['model']} on {first['dataset']}, {len(budgets)} clients, {limits}",
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
