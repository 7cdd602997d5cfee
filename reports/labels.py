"""What tells two cells apart, in words: `split`, or `split (cut=block2)` where the study has several splits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.units import show_bytes

# What a cell was asked to do, beside its method.
WORK = ("group", "model", "dataset", "batch", "rounds", "seed", "threads", "allocator")


def with_labels(cells: pd.DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Add `options` (JSON), `variant` (what differs within the group and method) and `label` (both in words)."""
    options = {cell.get("cell_id"): cell.get("options") or {} for cell in manifest.get("cells") or []}
    cells["options"] = [json.dumps(options.get(cell, {}), sort_keys=True) for cell in cells["cell_id"]]
    variants = {index: text for _, rows in groups(cells) for index, text in _variants(rows).items()}
    cells["variant"] = [variants.get(index, "") for index in cells.index]
    pairs = zip(cells["method"], cells["variant"], strict=True)
    cells["label"] = [f"{method} ({variant})" if variant else str(method) for method, variant in pairs]
    return cells.astype({"options": "string", "variant": "string", "label": "string"})


def groups(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The study's blocks, in the order in which they occur."""
    return [(str(name), rows[rows["group"] == name]) for name in rows["group"].dropna().unique()]


def _variants(rows: pd.DataFrame) -> dict[Any, str]:
    """Row index -> variant, for the rows of one group."""
    columns = [name for name in (*WORK[1:], "budget_bytes") if _varies(rows, name)]
    out = {}
    for _, same in rows.groupby("method"):
        own = [json.loads(text) for text in same["options"]]
        keys = _differing(own)
        for (index, row), option in zip(same.iterrows(), own, strict=True):
            words = [_option(key, option[key]) for key in keys if key in option]
            out[index] = ", ".join(words + [_circumstance(name, row[name]) for name in columns])
    return out


def _varies(rows: pd.DataFrame, column: str) -> bool:
    """Whether one board saw several values: boards may differ from each other without needing a longer label."""
    return bool((rows.groupby("board")[column].nunique(dropna=False) > 1).any())


def _differing(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Options whose values are not the same everywhere."""
    keys = sorted({key for own in options for key in own})
    return [key for key in keys if len({json.dumps(own.get(key)) for own in options}) > 1]


def _option(key: str, value: Any) -> str:
    """A switch by its name; what a cell does not set is not said."""
    if isinstance(value, bool):
        return key if value else f"no {key}"
    return f"{key}={value}"


def _circumstance(name: str, value: Any) -> str:
    if name == "budget_bytes":
        return "no budget" if pd.isna(value) else f"budget {show_bytes(int(value))}"
    return f"{name} {'–' if pd.isna(value) else value}"
