"""What the report states, as data: savings, missing values, equality, and what must never be put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.units import MIB
from reports.data import Figure, Paragraph, Report, Table, plain
from reports.quick.sections import build
from reports.read import read_run
from reports.tables import show_change

pytestmark = pytest.mark.usefixtures("sketches")

Make = Callable[..., Path]
Row = dict[str, Any]
REAL = {"board_class": "raspberry-pi-4", "virtual": None}
NANO = {"board_class": "jetson-nano", "virtual": "embedded"}


def report(folder: Path) -> Report:
    return build(read_run(folder))


def tables(made: Report, caption: str) -> list[list[Row]]:
    """Tables whose caption has `caption`, each as rows of column name -> entry."""
    blocks = [block for section in made.sections for block in section.blocks]
    found = [block for block in blocks if isinstance(block, Table) and caption in block.caption]
    return [
        [{c.name: entry for c, entry in zip(table.columns, row, strict=True)} for row in table.rows] for table in found
    ]


def row(rows: list[Row], **wanted: str) -> Row:
    matches = [r for r in rows if all(r[name].text == text for name, text in wanted.items())]
    assert len(matches) == 1, matches
    return matches[0]


def findings(made: Report, label: str) -> str:
    return " ".join(finding.text for finding in made.findings if finding.label == label)


def test_savings_name_their_level(whole: Report) -> None:
    (memory,) = tables(whole, "Peak memory, group memory")
    freeze = row(memory, method="freeze")
    assert freeze["Δ tensor"].value == pytest.approx(0.45 - 1)
    assert freeze["Δ process above floor"].value == pytest.approx(0.45 - 1, abs=1e-6)
    gross = (218 + 260 * 0.45 * 1.1) / (218 + 260 * 1.1) - 1
    assert freeze["Δ process gross"].value == pytest.approx(gross, abs=1e-6)
    assert freeze["process above floor, MiB"].text == "128.7"


def test_how_far_the_process_follows_the_tensors_is_said(whole: Report) -> None:
    text = str(plain(whole)["sections"][1])
    assert "split: the tensor peak is 247\\xa0MiB below fedavg's; 110.0\\xa0% of that shows in the process peak" in text


def test_the_average_of_the_stages_is_what_smartfreeze_is_measured_by(whole: Report) -> None:
    (stages,) = tables(whole, "Peak memory of each stage, group memory")
    mean = row(stages, stage="mean over stages")
    assert mean["Δ tensor"].value == pytest.approx((0.45 + 0.29 + 0.23 + 0.43) / 4 - 1, abs=1e-6)
    (published,) = tables(whole, "Published headline numbers")
    freeze = row(published, claim="SmartFreeze: average memory")
    assert freeze["tensor"].value == pytest.approx(-65.0, abs=1e-4)
    assert freeze["verdict"].value == "differs"


def test_a_missing_stage_leaves_no_average(make_run: Make) -> None:
    folder = make_run()
    run = read_run(folder)
    run.rounds.loc[run.rounds["stage"] == "block2", "peak_tensor_bytes"] = None
    (stages,) = tables(build(run), "Peak memory of each stage, group memory")
    assert row(stages, stage="mean over stages")["tensor, MiB"].text == "–"


def test_the_split_fold_is_fedavg_over_split(whole: Report) -> None:
    (published,) = tables(whole, "Published headline numbers")
    fold = row(published, claim="SmartSplit: memory saving")
    assert fold["tensor"].text == "20-fold" and fold["published"].text == "up to 100-fold"


def test_virtual_seconds_are_marked_and_never_judged(whole: Report) -> None:
    (published,) = tables(whole, "Published headline numbers")
    speed = row(published, claim="SmartFreeze: training speed")
    assert (speed["time"].text, speed["verdict"].text) == ("2x (virtual)", "not comparable")
    for table in tables(whole, "Median round"):
        times = [name for name in table[0] if ", s" in name or ", J" in name if name != "±, J"]
        assert len(times) == 6 and all(name.endswith("(virtual)") for name in times)
    captions = [b.caption for s in whole.sections for b in s.blocks if isinstance(b, Figure) and "seconds" in b.caption]
    assert captions and all("seconds (virtual)" in caption for caption in captions)


def test_real_seconds_are_judged_and_not_called_virtual(make_run: Make) -> None:
    made = report(make_run(boards={"pi-01": REAL}))
    (published,) = tables(made, "Published headline numbers")
    speed = row(published, claim="SmartFreeze: training speed")
    assert (speed["time"].text, speed["verdict"].text) == ("2x", "reproduced")
    assert "(virtual)" not in str(plain(made))


def test_in_a_mixed_rack_each_virtual_second_is_marked(make_run: Make) -> None:
    made = report(make_run(boards={"pi-01": REAL, "nano-01": NANO}))
    rounds = tables(made, "Median round")[0]
    name = "round time, s (virtual where marked)"
    assert row(rounds, board="pi-01", method="fedavg")[name].text == "4.000"
    assert row(rounds, board="nano-01", method="fedavg")[name].text == "4.000 (virtual)"
    # The real board's verdict counts; each headline is counted once.
    assert "differs: SmartSplit memory saving, SmartSplit peak latency" in findings(made, "Published")
    assert findings(made, "Published").endswith("not comparable: 3.")


def test_missing_is_a_dash_and_never_zero(whole: Report) -> None:
    (latency, *_) = tables(whole, "Median round")
    fedavg = row(latency, method="fedavg")
    for name in ("exchange, s", "energy a round, J"):
        assert (fedavg[f"{name} (virtual)"].text, fedavg[f"{name} (virtual)"].value) == ("–", None)
    (budget,) = tables(whole, "Peak memory, group budget")
    assert row(budget, method="fedavg")["tensor, MiB"].text == "–"
    assert row(budget, method="freeze")["Δ tensor"].text == "–"  # its baseline ran out of memory


def test_energy_stands_by_round_with_its_uncertainty_and_its_doubts(make_run: Make) -> None:
    def measured(cells: list[dict[str, Any]], manifest: dict[str, Any]) -> None:
        for cell in cells:
            cell |= {"energy_j": 120.0, "energy_uncertainty_j": 6.0, "energy_warnings": None}
        cells[1]["energy_warnings"] = "idle power moved from 2 W to 3 W"

    made = report(make_run(boards={"pi-01": REAL}, groups=("accuracy",), change=measured))
    rounds = tables(made, "Median round")[0]
    energies = [(each["energy a round, J"].text, each["±, J"].text) for each in rounds]
    assert energies == [("30.00", "1.50"), ("30.00 (?)", "1.50"), ("30.00", "1.50"), ("30.00", "1.50")]
    assert "(?): with warnings" in str(plain(made))


def test_out_of_memory_is_a_result(whole: Report) -> None:
    (outcomes,) = tables(whole, "What did not complete")
    assert row(outcomes, group="budget", method="fedavg")["outcome"].text == "out of memory"
    assert "freeze, split and recompute fit; fedavg: out of memory" in findings(whole, "Fits")


def test_equality_by_digest(make_run: Make) -> None:
    def change(cells: list[Row], _: Row) -> None:
        for cell in cells:
            if cell["group"] == "memory" and cell["method"] == "split":
                cell["parameters_sha256"] = "f" * 64

    made = report(make_run(change=change))
    (equality,) = tables(made, "Final parameters")
    assert row(equality, group="memory", method="split")["identical"].text == "differs"
    assert row(equality, group="memory", method="recompute")["identical"].text == "identical"
    assert row(equality, group="budget", method="split")["identical"].text == "–"  # fedavg did not complete
    assert "in 3 of 4 comparisons" in findings(made, "Equality")


@pytest.mark.parametrize("column", ["seed", "threads", "allocator", "batch", "torch_version", "budget_bytes"])
def test_other_circumstances_are_no_baseline(make_run: Make, column: str) -> None:
    def change(cells: list[Row], _: Row) -> None:
        for cell in cells:
            if cell["method"] == "fedavg":
                cell[column] = "other" if isinstance(cell[column], str) else cell[column] + MIB

    made = report(make_run(groups=("memory",), methods=("fedavg", "split"), change=change))
    (memory,) = tables(made, "Peak memory, group memory")
    assert {entry["Δ tensor"].text for entry in memory} == {"–"}
    assert "No saving can be stated" in findings(made, "Memory")


def test_repeats_are_merged_and_seeds_are_not(make_run: Make) -> None:
    def heavier(cells: list[Row], _: Row) -> None:
        for cell in cells:
            cell["peak_process_bytes"] += (0, 10, 26)[cell["repeat"]] * MIB

    (memory,) = tables(report(make_run(groups=("memory",), repeats=3, change=heavier)), "Peak memory, group memory")
    fedavg = row(memory, method="fedavg")
    assert fedavg["process above floor, MiB"].text == "296.0" and fedavg["repeats"].value == 3
    assert fedavg["spread (process above floor)"].value == pytest.approx(26 / 296)

    def seeds(cells: list[Row], _: Row) -> None:
        for cell in cells:
            cell["seed"] = cell["repeat"]

    (memory,) = tables(report(make_run(groups=("memory",), repeats=3, change=seeds)), "Peak memory, group memory")
    names = {entry["method"].text for entry in memory}
    assert len(memory) == 12 and {"split (seed 0)", "split (seed 1)", "split (seed 2)"} <= names


def test_options_tell_two_cells_of_a_method_apart(make_run: Make) -> None:
    def change(_: list[Row], manifest: Row) -> None:
        split = [cell for cell in manifest["cells"] if cell["method"] == "split"]
        for place, cell in enumerate(split):
            cell["options"] = {"cut": f"block{place + 1}", "chunk": 4}

    (memory,) = tables(report(make_run(groups=("memory",), repeats=2, change=change)), "Peak memory, group memory")
    assert {"split (cut=block1)", "split (cut=block2)", "fedavg"} <= {entry["method"].text for entry in memory}


def test_a_partly_failed_repeat_is_said(make_run: Make) -> None:
    def change(cells: list[Row], _: Row) -> None:
        next(c for c in cells if c["method"] == "split" and c["repeat"] == 1)["outcome"] = "crashed"

    (matrix,) = tables(report(make_run(groups=("memory",), repeats=2, change=change)), "What fits which board")
    assert matrix[0]["split"].text == "fits 1 of 2"


def test_boards_that_agree_share_a_row(make_run: Make) -> None:
    boards = {f"nano-{place}": NANO for place in range(8)}
    made = report(make_run(groups=("memory",), boards=boards))
    (matrix,) = tables(made, "What fits which board")
    assert [entry["board"].text for entry in matrix] == ["nano-0, nano-1, nano-2 and 5 more (virtual)"]
    (memory,) = tables(made, "Peak memory, group memory")
    assert len(memory) == 8 * 4  # the table still has every board


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.5834, "−58.3\u00a0%"), (0.03, "+3.0\u00a0%"), (0.0, "±0.0\u00a0%"), (-0.0002, "±0.0\u00a0%")],
)
def test_changes_carry_their_sign(value: float, text: str) -> None:
    assert show_change(value) == text


def test_levels_that_disagree_are_said(make_run: Make) -> None:
    def apart(cells: list[dict[str, Any]], manifest: dict[str, Any]) -> None:
        for row in cells:
            if row["method"] == "split" and row["group"] == "memory":
                row["peak_process_bytes"] = row["floor_bytes"] + 2 * row["peak_tensor_bytes"]

    report = build(read_run(make_run(change=apart)))
    memory = next(section for section in report.sections if section.slug == "memory")
    said = [block.text for block in memory.blocks if isinstance(block, Paragraph) and "differ by more" in block.text]
    assert len(said) == 1 and "split (13.0\xa0MiB more in the process)" in said[0] and "fedavg" not in said[0]


@pytest.mark.parametrize(("warmth", "doubts"), [("not_waited_for", 0), ("unknown", 0), ("within", 0), ("timed_out", 1)])
def test_only_a_board_that_stayed_hot_is_a_doubt(make_run: Make, warmth: str, doubts: int) -> None:
    run = read_run(make_run())
    run.circumstances.loc[run.circumstances["name"] == "warmth", "value"] = warmth
    said = [finding.text for finding in build(run).findings if "warmth" in finding.text]
    assert len(said) == doubts
