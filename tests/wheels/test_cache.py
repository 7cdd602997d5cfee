"""The wheel cache, with the real pip on an index that is a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.wheels import Cache, Wanted
from harness.wheels.cache import WheelRefused
from tests.provision.stand_ins import make_wheel

TAG = "cp311-cp311-manylinux_2_17_aarch64"  # of another machine, most likely


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_wheel_of_another_machine_is_fetched_once_and_compared(index: Path, tmp_path: Path) -> None:
    for tag in (TAG, "cp311-cp311-manylinux_2_17_x86_64", "cp310-cp310-manylinux_2_17_aarch64"):
        make_wheel(index, "torch", "2.5.1", f"# {tag}", tag)
    wheel = make_wheel(index, "torch", "2.5.1", f"# {TAG}", TAG)
    wanted = Wanted(wheel.file, wheel.sha256 or "", None)
    assert Cache(tmp_path / "cache").obtain(wanted).read_bytes() == (index / wheel.file).read_bytes()
    (index / wheel.file).unlink()
    assert Cache(tmp_path / "cache").obtain(wanted).is_file()  # from the cache now
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [wheel.file]


@pytest.mark.parametrize("url", [None, "file"])
def test_another_hash_is_refused_and_nothing_is_kept(index: Path, tmp_path: Path, url: str | None) -> None:
    wheel = make_wheel(index, "numpy", "1.0", "", "py3-none-any")
    wanted = Wanted(wheel.file, "0" * 64, (index / wheel.file).as_uri() if url else None)
    with pytest.raises(WheelRefused, match=f"has SHA-256 {wheel.sha256}, the image pins 0000") as caught:
        Cache(tmp_path / "cache").obtain(wanted)
    assert "remove it, or correct the image" in caught.value.remedy
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_cannot_be_had_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(WheelRefused, match=r"numpy-9-py3-none-any\.whl cannot be fetched: ERROR: .*numpy==9") as caught:
        Cache(tmp_path / "cache").obtain(Wanted("numpy-9-py3-none-any.whl", "0" * 64, None))
    assert "or put the file into" in caught.value.remedy
    with pytest.raises(WheelRefused, match=r"cannot be fetched: .*No such file"):
        Cache(tmp_path / "cache").obtain(Wanted("python.tar.gz", "0" * 64, (tmp_path / "none").as_uri()))


def test_an_archive_is_fetched_from_its_address(tmp_path: Path) -> None:
    (tmp_path / "python.tar.gz").write_bytes(b"an interpreter")
    sha256 = "9bb7db9ce9bcfda6b5ea1f9b9f7e5d5bb9cb9fe1a7d9c0d4c1de5b3b5b8a1f0e"
    with pytest.raises(WheelRefused, match=f"the image pins {sha256}"):
        Cache(tmp_path / "c").obtain(Wanted("python.tar.gz", sha256, (tmp_path / "python.tar.gz").as_uri()))
