"""Payloads, run folders and data files: what is finished, what is the same, what is missing."""

from __future__ import annotations

import hashlib
import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from harness import datasets
from harness.errors import FedRackError, UnknownName
from harness.payload import code_payload, data_payload
from harness.store import RunFolder, read_json, read_lines, read_mapping, read_records, write_json


def test_the_same_code_has_the_same_hash_and_holds_agent_and_core() -> None:
    first, second = code_payload(), code_payload()
    assert first == second and first.folder == f"code/{first.digest}"
    names = zipfile.ZipFile(BytesIO(first.archive)).namelist()
    assert {"agent/__main__.py", "fl_core/worker.py"} <= set(names)
    assert all(name.startswith(("agent/", "fl_core/")) and "__pycache__" not in name for name in names)
    assert len(first.archive) < 1_000_000


def test_changed_content_changes_the_hash(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("1")
    before = data_payload("d", {"x": file})
    file.write_text("2")
    assert data_payload("d", {"x": file}).digest != before.digest


def test_a_cell_is_finished_when_its_verdict_is_there(tmp_path: Path) -> None:
    run = RunFolder.new(tmp_path, "quick")
    (run.cell("c1") / "raw").mkdir(parents=True)
    assert not run.finished("c1") and run.verdicts() == []
    write_json(run.verdict_file("c1"), {"cell_id": "c1", "started_utc": "2026-01-01T00:00:00Z"})
    assert run.finished("c1") and [v["cell_id"] for v in run.verdicts()] == ["c1"]


def test_the_manifest_has_a_checksum_of_every_file_but_the_report(tmp_path: Path) -> None:
    run = RunFolder.new(tmp_path, "quick")
    write_json(run.verdict_file("c1"), {"a": 1})
    (run.path / "report.html").write_text("<p>")
    with pytest.raises(FedRackError, match=r"no manifest\.json: the run was cut off"):
        run.read_manifest()
    run.write_manifest({"state": "finished"})
    files = run.read_manifest()["files"]
    assert files == {"cells/c1/cell.json": hashlib.sha256(run.verdict_file("c1").read_bytes()).hexdigest()}


def test_an_unknown_run_lists_the_known(tmp_path: Path) -> None:
    (tmp_path / "quick" / "20260101-000000-aaaa").mkdir(parents=True)
    with pytest.raises(UnknownName) as caught:
        RunFolder.find(tmp_path, "quick", "20260101-000000-aaab")
    assert "did you mean '20260101-000000-aaaa'" in caught.value.remedy


def test_a_line_that_was_cut_off_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"a": 1}) + "\n[1]\n" + '{"a": 2')
    assert list(read_lines(file)) == [{"a": 1}] and list(read_lines(tmp_path / "none")) == []


def test_bytes_that_are_no_text_cost_their_line_only(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"a": 1}\n{"a": \xff\xfe}\n{"a": "\xff"}\n')
    assert [record and list(record) for record in read_records(file)] == [["a"], None, ["a"]]
    assert len(list(read_lines(file))) == 2


@pytest.mark.parametrize("content", [b"", b'{"a', b'{"a": "\xff"}', None, b"[]"])
def test_a_broken_file_is_missing_or_says_which_it_is(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "exit.json"
    if content is not None:
        file.write_bytes(content)
    assert read_mapping(file) is None
    if content not in (None, b"[]"):
        with pytest.raises(FedRackError, match=r"exit\.json is broken"):
            read_json(file)


def test_data_sets_are_found_or_say_where_to_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(datasets.find("digits").files) == {"digits.csv.gz"}
    assert datasets.find("synthetic-cifar").files == {}
    monkeypatch.setenv(datasets.DATA_ENV, str(tmp_path))
    with pytest.raises(FedRackError, match=rf"data_batch_1\.bin.*missing in {tmp_path}/cifar10"):
        datasets.find("cifar10")
    folder = tmp_path / "cifar100"
    folder.mkdir()
    for name in ("train.bin.gz", "test.bin"):
        (folder / name).write_bytes(b"")
    assert set(datasets.find("cifar100").files) == {"train.bin.gz", "test.bin"}
    with pytest.raises(UnknownName, match="unknown data set 'imagenet'"):
        datasets.find("imagenet")
