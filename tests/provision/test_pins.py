"""A vendor's wheel without a known hash: refused, pinned by who has compared it, then planned and never swapped."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import commands
from harness.errors import BadInput, FedRackError
from harness.load.image import load_image
from harness.provision.pins import pin, pinned, pins

(UNKNOWN,) = [wheel for wheel in load_image("jetson-jp6").wheels if wheel.sha256 is None]
INVENTORY = (
    "all: {vars: {server_address: 192.0.2.1}, hosts: {orin: {board_class: jetson-orin-nano, image: jetson-jp6}}}"
)


def offline(tmp_path: Path, *more: str) -> Result:
    (tmp_path / "rack.yaml").write_text(INVENTORY)
    words = ["provision", "--offline", "--inventory", str(tmp_path / "rack.yaml"), "--cache", str(tmp_path / "cache")]
    return CliRunner().invoke(commands, [*words, *more])


def test_an_unknown_hash_is_refused_until_it_is_pinned(tmp_path: Path) -> None:
    refused = offline(tmp_path)
    assert refused.exit_code == 3 and f"no hash of {UNKNOWN.file} is known" in refused.output
    assert "--pin" in refused.output
    (tmp_path / UNKNOWN.file).write_bytes(b"what the vendor gave")
    planned = offline(tmp_path, "--pin", str(tmp_path / UNKNOWN.file))
    assert planned.exit_code == 0 and "pinned with SHA-256" in planned.output, planned.output
    assert f"copy {UNKNOWN.file}" in planned.output
    assert offline(tmp_path).exit_code == 0, "it stays pinned"
    assert (tmp_path / "cache" / UNKNOWN.file).read_bytes() == b"what the vendor gave"


def test_a_hash_of_the_image_is_never_overruled(tmp_path: Path) -> None:
    image = load_image("jetson-jp6")
    known = {wheel.file: "f" * 64 for wheel in image.wheels}
    changed = [new.file for old, new in zip(image.wheels, pinned(image, known).wheels, strict=True) if old != new]
    assert changed == [UNKNOWN.file]


def test_what_is_no_wheel_is_not_pinned(tmp_path: Path) -> None:
    (tmp_path / "torch.tar").write_bytes(b"")
    with pytest.raises(BadInput, match="not a wheel's name"):
        pin(tmp_path / "cache", tmp_path / "torch.tar")
    with pytest.raises(FedRackError, match="cannot be pinned: No such file"):
        pin(tmp_path / "cache", tmp_path / UNKNOWN.file)
    assert pins(tmp_path / "cache") == {}
