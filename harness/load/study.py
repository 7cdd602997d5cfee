"""Study files as cells: each block of a study.yaml stands for the product of its methods, batches and repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from fl_core.catalogue import DATASETS, METHODS, MODELS
from harness.errors import BadInput, Problem
from harness.load.document import read_yaml
from harness.load.fields import BudgetMb, Count, Keys, Number, Seconds, Text, Whole, as_mapping, checked, field, one_of
from harness.plugins import outside
from harness.study import Cell, Fleet, Study
from harness.units import bytes_from_mib

FORMAT = 1

PARTITIONS = {"iid": (), "dirichlet": ("alpha",)}  # kind of split over the clients -> the numbers that it needs

DEFAULTS: dict[str, Any] = {
    "partition": {"kind": "iid"},
    "batches_per_round": None,
    "local_epochs": 1,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "seed": [1],
    "threads": 1,
    "budget_mb": None,
    "allocator": "fixed",
    "timeout_s": 600.0,
    "repeats": 1,
    "fleet": None,
}
REQUIRED = ("group", "methods", "model", "dataset", "batch", "rounds")
MAY_BE_NULL = ("batches_per_round", "budget_mb")


def _named(raw: Any) -> Any:
    """A method is given by its name, or as {name, options}."""
    return {"name": raw} if isinstance(raw, str) else raw


def _listed(raw: Any) -> Any:
    return raw if isinstance(raw, list) else [raw]


def _partition(raw: Any) -> Any:
    """The kind is known, and its numbers are there and above 0."""
    if not isinstance(raw, dict) or "kind" not in raw:
        raise ValueError
    kind = raw["kind"]
    if not isinstance(kind, str) or kind not in PARTITIONS:
        raise PydanticCustomError("unknown_name", "", {"kind": "partition", "known": list(PARTITIONS), "given": kind})
    numbers = {key: value for key, value in raw.items() if key != "kind"}
    if set(numbers) != set(PARTITIONS[kind]):
        raise ValueError
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and n > 0 for n in numbers.values()):
        raise ValueError
    return raw


class _Method(Keys):
    name: Annotated[Text, one_of("method", [*METHODS, *outside()])]
    options: dict[str, JsonValue] = Field(default_factory=dict)


def _range(raw: tuple[float, float]) -> tuple[float, float]:
    """From above 0 up to something larger."""
    if not 0 < raw[0] < raw[1]:
        raise ValueError
    return raw


class _Fleet(Keys):
    """Simulated clients: see `harness.study.Fleet`."""

    clients: Count = 100
    cohort: Count | None = None
    samples: Count | None = None
    test_samples: Count | None = None
    memory_mb: Annotated[tuple[Number, Number], AfterValidator(_range)] | None = None
    full_mb: Annotated[Number, Field(gt=0)] | None = None
    speeds: dict[Text, dict[Text, Number]] | None = None
    peaks: bool = False


class _Block(Keys):
    """One entry of `cells:`, and `defaults:`."""

    group: Text | None = field("a short name for the block", "memory")
    methods: Annotated[list[Annotated[_Method, BeforeValidator(_named)]], Field(min_length=1)] | None = field(
        "a list of methods, each a name or {name, options}", "[fedavg, {name: freeze, options: {}}]"
    )
    model: Annotated[Text, one_of("model", MODELS)] | None = field("a model", "resnet18")
    dataset: Annotated[Text, one_of("dataset", DATASETS)] | None = field("a dataset", "digits")
    partition: Annotated[dict[str, Any], BeforeValidator(_partition)] | None = field(
        "{kind: iid} or {kind: dirichlet, alpha: a number above 0}", "{kind: dirichlet, alpha: 0.5}"
    )
    batch: Annotated[list[Count], BeforeValidator(_listed), Field(min_length=1)] | None = field(
        "a whole number above 0, or a list of such", "[16, 32]"
    )
    rounds: Count | None = field("a whole number above 0", 3)
    batches_per_round: Count | None = field("a whole number above 0, or null for all", 8)
    local_epochs: Count | None = field("a whole number above 0", 1)
    learning_rate: Annotated[Number, Field(gt=0)] | None = field("a number above 0", 0.05)
    momentum: Annotated[Number, Field(ge=0, lt=1)] | None = field("a number from 0 to below 1", 0.9)
    weight_decay: Annotated[Number, Field(ge=0)] | None = field("a number, 0 or more", 0.0005)
    seed: Annotated[list[Annotated[Whole, Field(ge=0)]], BeforeValidator(_listed), Field(min_length=1)] | None = field(
        "a whole number, 0 or more, or a list of such", "[1, 2, 3]"
    )
    threads: Count | None = field("a whole number above 0", 1)
    budget_mb: BudgetMb | None = field("a whole number of MB, 64 or more, or null for the board's own", 768)
    allocator: Annotated[Text, one_of("allocator", ("fixed", "default"))] | None = field("an allocator", "fixed")
    timeout_s: Seconds | None = field("a number of seconds above 0", 600)
    repeats: Count | None = field("a whole number above 0", 3)
    fleet: _Fleet | None = field("a setting of simulated clients", "{clients: 100, memory_mb: [100, 900]}")


class _Top(Keys):
    title: Text | None = field("one line for the report's head", "Memory of four methods on five boards")
    defaults: dict[str, Any] | None = field("a mapping", "{rounds: 3}")
    cells: Annotated[list[dict[str, Any]], Field(min_length=1)] | None = field("a list of blocks", "[{group: memory}]")


def load_study(path: str | Path) -> Study:
    """The study in a YAML file, named after its folder. Raises `BadInput` with every mistake in it."""
    path = Path(path)
    raw = read_yaml(path)
    _check_format(raw.pop("format", None), path)
    problems: list[Problem] = []
    raw = as_mapping(raw, "", problems)
    top, found = checked(_Top, raw, "")
    problems += found
    problems += [_missing(key, "") for key in ("title", "cells") if top.get(key) is None]
    defaults, found = _block(_as_block(top.get("defaults")), "defaults")
    problems += found
    cells: list[Cell] = []
    for index, block in enumerate(_as_list(top.get("cells"))):
        own, found = _block(block, f"cells[{index}]")
        values = {**DEFAULTS, **defaults, **own}
        found += [_missing(key, f"cells[{index}].") for key in REQUIRED if key not in values]
        problems += found
        if not problems:
            cells += _cells(values)
    problems += _twice(cells)
    if problems:
        raise BadInput(str(path), problems)
    name = path.resolve().parent.name if path.stem == "study" else path.stem
    return Study(name=name, title=top["title"], templates=tuple(cells))


def _check_format(given: Any, source: Path) -> None:
    """Raises `BadInput` for a file of another format: whatever else looks wrong in it may be right there."""
    if not isinstance(given, int) or isinstance(given, bool):
        what, remedy = "no format number", f"write `format: {FORMAT}` as the first line"
    elif given > FORMAT:
        what, remedy = f"format {given} is too new; this FedRack reads {FORMAT}", "update FedRack"
    elif given < FORMAT:
        what, remedy = f"format {given} is too old; this FedRack reads {FORMAT}", f"bring it to format {FORMAT}"
    else:
        return
    raise BadInput(str(source), [Problem(path="format", what=what, remedy=remedy)])


def _block(raw: dict[str, Any], path: str) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    values, found = checked(_Block, as_mapping(raw, path, problems), path)
    return {key: value for key, value in values.items() if value is not None or key in MAY_BE_NULL}, problems + found


def _as_block(raw: Any) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _as_list(raw: Any) -> list[dict[str, Any]]:
    return raw if isinstance(raw, list) else []


def _missing(key: str, path: str) -> Problem:
    info = {**_Block.model_fields, **_Top.model_fields}[key]
    where = " here or under defaults" if path else ""
    return Problem(path=f"{path}{key}", what="missing", remedy=f"write `{key}: {(info.examples or [''])[0]}`{where}")


def _cells(values: dict[str, Any]) -> list[Cell]:
    """The product methods x batch x seeds x repeats, in this order."""
    values = dict(values)
    methods, batches, seeds, repeats = (values.pop(name) for name in ("methods", "batch", "seed", "repeats"))
    budget_mb, fleet = values.pop("budget_mb"), values.pop("fleet")
    budget_bytes = None if budget_mb is None else bytes_from_mib(budget_mb)
    return [
        Cell(
            method=method["name"],
            options=method.get("options", {}),
            batch=batch,
            seed=seed,
            repeat=repeat,
            fleet=None if fleet is None else Fleet(**fleet),
            budget_bytes=budget_bytes,
            boards=(),
            **values,
        )
        for method in methods
        for batch in batches
        for seed in seeds
        for repeat in range(1, repeats + 1)
    ]


def _twice(cells: list[Cell]) -> list[Problem]:
    """A cell's id is its identity: the same cell twice would be run once and counted twice."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for cell in cells:
        if cell.cell_id in seen:
            repeated[f"{cell.label} (seed {cell.seed}) is asked for twice"] = None
        seen.add(cell.cell_id)
    return [Problem(path="cells", what=what, remedy="use `repeats`, or another group name") for what in repeated]
