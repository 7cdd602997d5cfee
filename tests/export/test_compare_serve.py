"""Two runs side by side, and the results in a browser of this machine."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from harness.cli.serve import server
from harness.errors import FedRackError
from reports.between import pairs
from reports.read import read_run
from tests.export.conftest import RUN, Give, finished

LATER = "20261122-104500-cd34"
Row = dict[str, Any]


def later(tmp_path: Path, **how: Any) -> Path:
    return finished(tmp_path / "results" / "quick" / LATER, groups=("memory",), **how)


def slower(cells: list[Row], _: Row) -> None:
    for place, cell in enumerate(cells):
        if cell["method"] == "split":
            cell["round_s"] *= 1.2 + 0.001 * place


def another_torch(cells: list[Row], _: Row) -> None:
    for cell in cells:
        cell["torch_version"] = "2.3.0"


def test_what_differs_is_told_with_its_interval(tmp_path: Path, give: Give) -> None:
    first = finished(tmp_path / "results" / "quick" / RUN, groups=("memory",), repeats=3)
    second = later(tmp_path, repeats=3, change=slower)
    found = pairs(read_run(first), read_run(second))
    differing = [pair for pair in found if pair.verdict == "differs"]
    assert [(pair.cell.split(",")[0], pair.metric) for pair in differing] == [("memory: split", "round_s")]
    ratio = differing[0].ratio
    assert ratio is not None and ratio.low is not None and 1.19 < ratio.low <= ratio.value
    assert {pair.verdict for pair in found} == {"differs", "same"}
    result = give("compare", RUN, LATER)
    assert result.exit_code == 4 and "differs: 1" in result.output
    assert give("compare", RUN, RUN).exit_code == 0


def test_other_circumstances_are_never_compared(run: Path, tmp_path: Path) -> None:
    found = pairs(read_run(run), read_run(later(tmp_path, change=another_torch)))
    assert {(pair.verdict, pair.why) for pair in found} == {("not comparable", "torch version differs")}


def test_work_of_one_run_only_has_its_row(run: Path, tmp_path: Path) -> None:
    found = pairs(read_run(run), read_run(later(tmp_path, methods=("fedavg", "split"))))
    alone = {pair.cell.split(",")[0] for pair in found if pair.why == "completed in the first run only"}
    assert alone == {"memory: freeze", "memory: recompute"}


def test_the_results_are_served_to_this_machine_alone(run: Path, tmp_path: Path) -> None:
    (run / "report.html").write_text("the page")
    with server(tmp_path / "results", 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        host, port = serving.server_address[:2]
        assert host == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            front = answer.read().decode()
        assert f'href="quick/{RUN}/report.html"' in front
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/quick/{RUN}/report.html") as answer:
            assert answer.read() == b"the page"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/../../etc/passwd")
        with pytest.raises(FedRackError, match="Address already in use"):
            server(tmp_path / "results", port)
        serving.shutdown()
