"""The split optimisers on the profiles that this run measured: cut and bandwidth, mode and batch, time and energy."""

from __future__ import annotations

import itertools

from fl_core.optimise import hybrid, pareto
from fl_core.optimise.bandwidth import alternating, best_rates, optimal
from fl_core.optimise.profile import Allocation, Board, CutProfile
from reports.data import Block, Column, Entry, Paragraph, Section, Table
from reports.quick.facts import Facts
from reports.smartsplit.facts import CUTS, CutRow, by_board, cut_rows, local
from reports.smartsplit.latency import LINKS_BYTES_PER_S
from reports.tables import count, number, quantity, word

CONVERGENCE = hybrid.Convergence(base=20.0, noise=100.0, drift=15.0)  # OURS: an assumption until a study fits it
START_S = 0.02  # of each batch; OURS
BATCHES = (4, 32)
MOST_BOARDS = 4  # of the exhaustive search

INTRO = (
    "Decisions of the optimisers on this run's profiles, each beside exhaustive search over the same profiles. “All” "
    "among the cuts is full training on the board. Their formulas are in the papers named in the code; what they need "
    "beside measured seconds and bytes is ours and named."
)


def section(facts: Facts) -> Section:
    rows = cut_rows(facts)
    boards = by_board(rows)
    if not boards:
        missing = Paragraph("No cell of group 'memory' completed: there is no profile to optimise on.", "warn")
        return Section(slug="optimisers", title="Optimisers", blocks=(missing,))
    chosen = dict(itertools.islice(boards.items(), MOST_BOARDS))
    blocks: list[Block] = [Paragraph(INTRO), _bandwidth(chosen)]
    modes = _modes(chosen)
    if modes:
        blocks.append(_hybrid(modes))
    blocks.append(_front(facts))
    return Section(slug="optimisers", title="Optimisers", blocks=tuple(blocks))


def profiles(boards: dict[str, list[CutRow]]) -> list[Board]:
    """Everything that was measured of each board, as the optimisers take it."""
    return [
        Board(
            name,
            tuple(
                CutProfile(_name(row), row.compute_s + row.exchange_s, row.exchange_bytes + row.model_bytes)
                for row in rows
            ),
        )
        for name, rows in boards.items()
    ]


def _name(row: CutRow) -> str:
    if not row.cut:
        return "all"
    return f"{row.method} {row.cut}" + ("" if row.micro_batches == 1 else f" in {row.micro_batches}")


def _bandwidth(boards: dict[str, list[CutRow]]) -> Table:
    some = profiles(boards)
    rows = []
    for link, rate in LINKS_BYTES_PER_S.items():
        turned, best = alternating(some, rate), optimal(some, rate)
        every = itertools.product(*(board.cuts for board in some))
        searched = min(Allocation(cuts, best_rates(cuts, rate)).round_s for cuts in every)
        cuts = ", ".join(f"{board.name}: {cut.cut}" for board, cut in zip(some, best.cuts, strict=True))
        shares = ", ".join(f"{share / rate:.0%}" for share in best.bytes_per_s)
        seconds = (turned.round_s, best.round_s, searched)
        rows.append((word(link), word(cuts), word(shares), *(quantity(s, 3) for s in seconds)))
    return Table(
        caption=f"Cut and bandwidth together: {len(some)} boards that share one link",
        columns=(
            Column("link"), Column("cuts of the optimum", "prose"), Column("shares of the link"),
            Column("alternating, s", "number"), Column("optimum, s", "number"), Column("exhaustive, s", "number"),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _modes(boards: dict[str, list[CutRow]]) -> list[hybrid.Modes]:
    """Each board's seconds in both modes, at 100 Mb/s and the study's batch, with its quickest cut."""
    rate, samples = LINKS_BYTES_PER_S["100 Mb/s"], BATCHES[1]
    found = []
    for name, rows in boards.items():
        full, cuts = local(rows), [row for row in rows if row.cut]
        if full is None or not cuts:
            continue
        split = min(cuts, key=lambda row: row.compute_s + row.exchange_s + row.exchange_bytes / rate)
        sample_s = (split.compute_s + split.exchange_s + split.exchange_bytes / rate) / samples
        federated = (full.model_bytes / rate, full.compute_s / samples)
        found.append(hybrid.Modes(name, samples, *federated, split.model_bytes / rate, sample_s, START_S, *BATCHES))
    return found


def _hybrid(modes: list[hybrid.Modes]) -> Table:
    found = hybrid.descent(modes, CONVERGENCE)
    small = modes[:2]
    gap = hybrid.total_s(small, CONVERGENCE, hybrid.descent(small, CONVERGENCE)) / hybrid.total_s(
        small, CONVERGENCE, hybrid.exhaustive(small, CONVERGENCE)
    )
    rows: list[tuple[Entry, ...]] = [
        (word(board.name), word(mode), count(batch), quantity(hybrid.board_s(board, mode, batch), 2))
        for board, mode, batch in zip(modes, *found, strict=True)
    ]
    return Table(
        caption="Hybrid split and federated mode with batch sizes, by block coordinate descent, at 100 Mb/s",
        columns=(Column("board"), Column("mode"), Column("batch", "number"), Column("round, s", "number")),
        rows=tuple(rows),
        note=f"To the target: {hybrid.total_s(modes, CONVERGENCE, found):.0f} s by an assumed convergence (base "
        f"{CONVERGENCE.base:g}, noise {CONVERGENCE.noise:g}, drift {CONVERGENCE.drift:g}; ours). On the first "
        f"{len(small)} boards: {gap:.3f} of the exhaustive optimum's time.",
    )


def _front(facts: Facts) -> Block:
    """Time and energy over the ways that were measured with energy."""
    rows = facts.rows[(facts.rows["group"] == CUTS) & facts.rows["round_energy_j"].notna()]
    boards = [
        [
            pareto.Way(str(row["label"]), "as it was", float(row["round_s"]), number(row["round_energy_j"]) or 0.0)
            for _, row in own.iterrows()
        ]
        for _, own in rows.groupby("board", sort=False)
    ]
    if not boards:
        return Paragraph(
            "Time against energy: no board of this run has a sensor for its whole energy: there is no front to show. "
            "The optimiser is tested against all combinations and NSGA-II on made-up profiles.",
            "warn",
        )
    return Table(
        caption="Time against energy over cuts: the exact Pareto front",
        columns=(Column("round, s", "number"), Column("energy of all boards, J", "number")),
        rows=tuple((quantity(p.round_s, 3), quantity(p.energy_j, 2)) for p in pareto.exact_front(boards)),
    )
