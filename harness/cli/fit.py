"""`fedrack fit`: the largest batch that fits each board, predicted and then found on the boards themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.bench import waking
from harness.board.board import Board
from harness.cli.paths import DEVICES, INVENTORY, RESULTS
from harness.errors import FedRackError
from harness.fit.forecast import Choice, Holder, forecast
from harness.fit.probe import SAMPLES, Answer, Prober
from harness.fit.search import Bracket, next_batch
from harness.load import load_inventory
from harness.payload import code_payload
from harness.rack import Rack
from harness.store import RunFolder, write_json
from harness.units import bytes_from_mib, show_bytes

LEAST_BATCH = 2  # batch norm needs two samples
METHODS = ("fedavg", "recompute", "fedhybrid")  # those that have a batch to find: the whole model on the board


@click.command()
@INVENTORY
@DEVICES
@RESULTS
@click.option("--model", required=True, help="A model of the catalogue.")
@click.option("--method", "methods", multiple=True, default=METHODS, show_default=True, type=click.Choice(METHODS))
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=LEAST_BATCH),
              help="Where the prediction is made.")  # fmt: skip
@click.option("--budget", "budget_mib", type=float, help="Process memory in MiB, instead of the boards' own budgets.")
def fit(
    inventory: Path, devices: str, results: Path, model: str, methods: tuple[str, ...], batch: int,
    budget_mib: float | None,
) -> None:  # fmt: skip
    """Find each method's largest batch on boards under their memory budget, and set the prediction beside it.

    Bisection with real cells of one round on random images; a worker that runs out of memory is an answer.
    """
    console = Console()
    boards = load_inventory(inventory).select(devices)
    given = None if budget_mib is None else bytes_from_mib(budget_mib)
    budgets = {board.name: given or board.memory_budget_bytes for board in boards}
    _refuse_boundless(budgets)
    holders = [Holder(budget_bytes=size) for size in budgets.values()]
    predicted = dict(zip(budgets, forecast(model, batch, holders), strict=True))
    folder = RunFolder.new(results, "fit")
    table = Table("board", "method", "budget", "largest predicted", "found", "its process", "predicted", title=model)
    with waking(boards, results / ".virtual") as rack:
        code = code_payload()
        rack.prepare(folder.run_id, [code], lambda board: _say_failure(console, board))
        prober = Prober(rack, code, folder, model, given)
        for method in methods:
            choices = {name: _of_method(found, method) for name, found in predicted.items()}
            found, answers = _search(console, rack, prober, method, choices)
            write_json(folder.path / f"{method}.json", {name: asdict(bracket) for name, bracket in found.items()})
            for name, bracket in found.items():
                table.add_row(name, method, show_bytes(budgets[name]),
                              *_row(choices[name], bracket, answers.get(name), batch))  # fmt: skip
    console.print(table)
    console.print(f"Cells: {folder.path}", soft_wrap=True, highlight=False)


def _say_failure(console: Console, board: Board) -> None:
    if board.failure is not None:
        console.print(f"left out: {board.failure.message}", style="yellow", markup=False)


def _refuse_boundless(budgets: Mapping[str, int | None]) -> None:
    boundless = [name for name, size in budgets.items() if size is None]
    if boundless:
        remedy = "give --budget, or memory_budget_mb in the inventory"
        raise FedRackError(f"no memory budget to fit into: {', '.join(boundless)}", remedy=remedy)


def _of_method(choices: list[Choice], method: str) -> Choice:
    return next(choice for choice in choices if choice.method == method)


def _search(
    console: Console, rack: Rack, prober: Prober, method: str, choices: Mapping[str, Choice]
) -> tuple[dict[str, Bracket], dict[str, Answer]]:
    """Each board's bracket, and its answer at the largest batch that fitted. A board that fails leaves the search."""
    most = SAMPLES // len(choices)
    found = {
        name: Bracket(
            guess=max(LEAST_BATCH, min(most, choice.largest_batch or LEAST_BATCH)), least=LEAST_BATCH, most=most
        )
        for name, choice in choices.items()
        if rack.boards[name].usable
    }
    best: dict[str, Answer] = {}
    while (batch := next_batch(found.values())) is not None:
        for name, answer in prober.ask(method, batch).items():
            if name not in found:
                continue
            if answer.fits is None:
                console.print(f"{name}: left out of {method}: {answer.detail}", style="yellow", markup=False)
                del found[name]
                continue
            console.print(
                f"{name}: {method} at batch {batch}: {'fits' if answer.fits else answer.detail}", markup=False
            )
            found[name] = found[name].told(batch, answer.fits)
            if answer.fits and found[name].fits == batch:
                best[name] = answer
    return found, best


def _bracket(choice: Choice, most: int) -> Bracket:
    guess = max(LEAST_BATCH, min(most, choice.largest_batch or LEAST_BATCH))
    return Bracket(guess=guess, least=LEAST_BATCH, most=most)


def _row(choice: Choice, bracket: Bracket, answer: Answer | None, forecast_batch: int) -> tuple[str, ...]:
    predicted = "–" if choice.largest_batch is None else f"{choice.largest_batch}"
    if bracket.fits is None or answer is None:
        return predicted, f"none: {bracket.fails} is too large", "–", "–"
    more = f"{bracket.fits}, and {bracket.fails} does not" if bracket.fails else f"{bracket.fits} (all there is)"
    return (
        predicted, more, show_bytes(answer.peak_process_bytes),
        show_bytes(choice.process_bytes_at(bracket.fits, forecast_batch)),
    )  # fmt: skip
