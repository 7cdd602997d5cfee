"""A run folder is read whole, or says in a sentence what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FedRackError
from harness.frame.schema import FRAMES
from reports.read import read_run

Make = Callable[..., Path]


def with_manifest(folder: Path, **changes: Any) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def test_frames_have_the_columns_of_the_schema(make_run: Make) -> None:
    run = read_run(make_run())
    for name, columns in FRAMES.items():
        frame = getattr(run, name)
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {c.name: c.dtype for c in columns}
    assert run.gaps == ()


@pytest.mark.parametrize(
    ("version", "sentence"), [(0, "too old"), (2, "too new"), (None, "no format version"), ("1", "no format version")]
)
def test_a_foreign_format_is_refused_with_its_own_sentence(make_run: Make, version: object, sentence: str) -> None:
    folder = with_manifest(make_run(), format=version)
    with pytest.raises(FedRackError, match=sentence) as raised:
        read_run(folder)
    assert raised.value.remedy


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FedRackError, match=r"manifest\.json: no such file"):
        read_run(tmp_path)


def test_a_manifest_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(FedRackError, match="not JSON"):
        read_run(tmp_path)


def test_missing_and_broken_frames_are_empty_and_said(make_run: Make) -> None:
    folder = make_run()
    (folder / "samples.parquet").unlink()
    (folder / "rounds.parquet").write_text("not a parquet file")
    run = read_run(folder)
    assert (run.samples.empty, run.rounds.empty, run.cells.empty) == (True, True, False)
    assert sorted(gap.split()[0] for gap in run.gaps) == ["rounds.parquet", "samples.parquet"]
