"""Page, paper and data hold the same points: read back from the page's script and from the strokes of the PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pypdf
import pytest
from pypdf.generic import ContentStream

from reports.build import Built, build_report
from reports.html import _themed
from tests.reports.conftest import write_run

Row = dict[str, Any]
PIXEL = 0.004  # of a figure's width: how far a stroke may lie from its point


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A report whose lines all differ."""
    folder = write_run(tmp_path_factory.mktemp("run"), groups=("accuracy", "memory"))
    samples = pd.read_parquet(folder / "samples.parquet")
    number = samples.groupby(["cell_id", "board"], sort=False).ngroup()
    samples["rss_bytes"] += (number * 7_000_000 + (samples["t_s"] * number).astype(int) * 300_000).astype("Int64")
    samples.to_parquet(folder / "samples.parquet")
    return build_report(folder)


def blocks(built: Built, *kinds: str) -> list[Row]:
    data = json.loads(built.json.read_text(encoding="utf-8"))
    return [block for section in data["sections"] for block in section["blocks"] if block["kind"] in kinds]


def test_the_page_holds_every_point_and_every_picture_of_the_data(drawn: Built) -> None:
    page = drawn.html.read_text(encoding="utf-8")
    pictures = blocks(drawn, "figure", "traces")
    assert len(pictures) >= 5 and all(_themed(block["svg"]) in page for block in pictures)
    (held,) = re.findall(r'<script type="application/json" id="traces-data">(.*?)</script>', page, flags=re.DOTALL)
    lines = {block["name"]: block["lines"] for block in blocks(drawn, "traces")}
    assert {name: traces["lines"] for name, traces in json.loads(held).items()} == lines


def test_the_paper_draws_every_point_of_every_trace(drawn: Built) -> None:
    strokes = list(_strokes(drawn.pdf))
    for block in blocks(drawn, "traces"):
        for line in block["lines"]:
            points = np.array([line["x"], line["y"]]).T
            alike = [path for colour, path in strokes if colour == line["colour"] and _same(path, points)]
            assert len(alike) == 1, (block["name"], line["method"], len(alike))


def _same(path: np.ndarray, points: np.ndarray) -> bool:
    """Whether a path is these points in another scale, upside down or not; `path` may lack some that lie on a line."""
    if len(path) < 4:
        return False  # of a legend
    ours, theirs = _unit(points), _unit(path)
    return _close(theirs, ours) or _close(theirs * [1, -1] + [0, 1], ours)


def _unit(points: np.ndarray) -> np.ndarray:
    """Shifted and scaled into the unit square, axis by axis."""
    low, high = points.min(axis=0), points.max(axis=0)
    unit: np.ndarray = (points - low) / np.where(high > low, high - low, 1.0)
    return unit


def _close(path: np.ndarray, points: np.ndarray) -> bool:
    return bool(np.abs(np.interp(points[:, 0], path[:, 0], path[:, 1]) - points[:, 1]).max() < PIXEL)


def _strokes(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Every stroked path of the file: its colour, and its vertices (n, 2) in the units of its drawing."""
    reader = pypdf.PdfReader(file)
    for page in reader.pages:
        yield from _in_stream(reader, page["/Resources"], page["/Contents"].get_object())


def _in_stream(reader: pypdf.PdfReader, resources: Any, stream: Any) -> Iterator[tuple[str, np.ndarray]]:
    colour, path = "", []
    for operands, operator in ContentStream(stream, reader).operations:
        if operator == b"Do":
            form = resources["/XObject"][operands[0]].get_object()
            if form["/Subtype"] == "/Form":
                yield from _in_stream(reader, form.get("/Resources", {}), form)
        elif operator == b"SCN":
            colour = "#" + "".join(f"{round(float(part) * 255):02x}" for part in operands)
        elif operator == b"m":
            path = [operands]
        elif operator == b"l":
            path.append(operands)
        elif operator == b"S" and path:
            yield colour, np.array(path, dtype=float)
            path = []
