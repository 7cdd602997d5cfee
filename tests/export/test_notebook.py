"""The notebook of the docs runs from top to bottom on an export, and what it works out is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from tests.export.conftest import RUN, Give
from tests.reports.conftest import METHODS, SHARES

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tidy.ipynb"


@pytest.mark.usefixtures("sketches", "run")
def test_the_notebook_runs_on_an_export(give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert give("export", RUN, "--out", str(tmp_path / "export")).exit_code == 0
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
    ratios = names["ratios"].set_index(["quantity", "method"])["ratio"]
    assert [ratios["peak_tensor_bytes", name] for name in METHODS] == pytest.approx([SHARES[name] for name in METHODS])
    assert len(names["axes"].lines) == len(METHODS)
