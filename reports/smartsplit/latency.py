"""Round latency against cut and link rate, and under a memory limit: measured seconds, and a model of what is missing.

The run's own wire is faster than a board's, so a link's time is added to what was measured: bytes over rate. The
baseline under a memory limit trains everything on the board, and what of its peak is beyond the limit goes to swap and
comes back in every batch. Rates are OURS: assumptions by which a reader may see when which way wins.
"""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.figure import Figure as Canvas

from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.figures import WIDTH_IN, draw
from reports.quick.facts import Facts
from reports.smartsplit.facts import CutRow, by_board, cut_rows, local
from reports.tables import change, count, quantity, word

LINKS_BYTES_PER_S = {"10 Mb/s": 1.25e6, "100 Mb/s": 12.5e6, "1 Gb/s": 125e6}
SWAP_BYTES_PER_S = 40e6  # a memory card's order of magnitude
LIMIT_SHARE = 0.25  # of full training's tensor peak
BATCHES = 1  # of a round in this study's group


class Limited(NamedTuple):
    """The best cut under the memory limit beside local training that swaps, on one board over one link."""

    board: str
    link: str
    local_s: float
    best: CutRow
    best_s: float

    @property
    def saved(self) -> float:
        return self.best_s / self.local_s - 1


def over_link(row: CutRow, bytes_per_s: float) -> float:
    """Seconds of a round at this rate, in which nothing overlaps."""
    return row.compute_s + row.exchange_s + (row.exchange_bytes + row.model_bytes) / bytes_per_s


def limited(rows: list[CutRow]) -> list[Limited]:
    """Of each board and link; boards without both sides are left out."""
    found = []
    for board, own in by_board(rows).items():
        full = local(own)
        if full is None or not full.tensor_bytes:
            continue
        limit = LIMIT_SHARE * full.tensor_bytes
        fitting = [row for row in own if row.cut and row.tensor_bytes and row.tensor_bytes <= limit]
        swap_s = BATCHES * 2 * (full.tensor_bytes - limit) / SWAP_BYTES_PER_S
        for link, rate in LINKS_BYTES_PER_S.items():
            if fitting:
                best = min(fitting, key=lambda row: over_link(row, rate))
                found.append(Limited(board, link, over_link(full, rate) + swap_s, best, over_link(best, rate)))
    return found


def section(facts: Facts) -> Section:
    rows = cut_rows(facts)
    if not rows:
        missing = Paragraph("No cell of group 'memory' completed: latency against the cut is not known.", "warn")
        return Section(slug="latency", title="Round latency against cut and link", blocks=(missing,))
    intro = Paragraph(
        "A round is the measured seconds (device, edge server and this run's own wire) and what the named link would "
        "add, bytes over rate, nothing overlapped. Seconds of virtual boards are this machine's, on which device and "
        "edge server are equally fast."
    )
    board, own = next(iter(by_board(rows).items()))
    blocks: list[Block] = [intro, _figure(board, own, facts), _table(rows)]
    under = limited(rows)
    if under:
        blocks += [Paragraph(_baseline()), _limited_table(under)]
    return Section(slug="latency", title="Round latency against cut and link", blocks=tuple(blocks))


def _baseline() -> str:
    return (
        f"Under a limit of {LIMIT_SHARE:.0%} of full training's tensor peak the baseline is a model: local training, "
        f"whose excess is written to swap and read back in every batch at {SWAP_BYTES_PER_S / 1e6:.0f} MB/s (ours, an "
        "assumption). What the paper's baseline was is not known here."
    )


def _figure(board: str, rows: list[CutRow], facts: Facts) -> Figure:
    def paint() -> Canvas:
        canvas = Canvas(figsize=(WIDTH_IN, 2.7), layout="constrained")
        panels = canvas.subplots(1, len(LINKS_BYTES_PER_S))
        for axes, (link, rate) in zip(panels, LINKS_BYTES_PER_S.items(), strict=True):
            for method in ("split", "smartsplit"):
                own = sorted(
                    (row.cut, over_link(row, rate)) for row in rows if row.method == method and row.micro_batches == 1
                )
                if own:
                    axes.plot(*zip(*own, strict=True), "-o", color=facts.colours[method], label=method, markersize=4)
            full = local(rows)
            if full is not None:
                line = (0, (4, 2))
                axes.axhline(over_link(full, rate), color=facts.colours[full.method], linestyle=line, label=full.method)
            axes.set_title(link)
            axes.set_xticks(sorted({row.cut for row in rows if row.cut}))
            axes.set_xlabel("units on the device")
            axes.set_ylim(bottom=0)
        panels[0].set_ylabel(f"s a round{' (virtual)' if rows[0].virtual else ''}")
        handles, names = panels[0].get_legend_handles_labels()
        canvas.legend(handles, names, loc="outside upper left", ncols=3)
        return canvas

    return Figure(
        name="cuts-latency",
        caption=f"A round against the cut over three links, on {board}. Line: training everything on the board.",
        alt="Round seconds for three cuts and three links; the numbers are in the table.",
        svg=draw("cuts-latency", paint),
    )


def _table(rows: list[CutRow]) -> Table:
    mark = " (virtual)" if any(row.virtual for row in rows) else ""
    measured = ("compute", "exchange")
    return Table(
        caption=f"Seconds of a round{mark}",
        columns=(
            Column("board"), Column("method"), Column("units on device", "number"),
            *(Column(f"{name}, s", "number") for name in measured),
            *(Column(f"round over {link}, s", "number") for link in LINKS_BYTES_PER_S),
        ),
        rows=tuple(_row(row) for row in rows),
    )  # fmt: skip


def _row(row: CutRow) -> tuple[Entry, ...]:
    return (
        word(row.board),
        word(row.way),
        count(row.cut) if row.cut else word("all"),
        quantity(row.compute_s),
        quantity(row.exchange_s),
        *(quantity(over_link(row, rate)) for rate in LINKS_BYTES_PER_S.values()),
    )


def _limited_table(rows: list[Limited]) -> Table:
    return Table(
        caption="A round under the memory limit: the best cut that fits beside local training that swaps (model)",
        columns=(
            Column("board"), Column("link"), Column("local with swap, s", "number"), Column("best cut that fits"),
            Column("round, s", "number"), Column("change", "number"),
        ),
        rows=tuple(
            (
                word(row.board), word(row.link), quantity(row.local_s),
                word(f"{row.best.way}, units on device: {row.best.cut}"),
                quantity(row.best_s), change(row.saved),
            )
            for row in rows
        ),
    )  # fmt: skip
