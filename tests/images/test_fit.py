"""Which wheels a board gets, and which pairs are refused before a board is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import BadInput, UnknownName
from harness.images import Container, Image, Platform, Wheel, choose, names
from harness.load.image import load_image

HASH = "0" * 64
NONE = "none of the image's wheels of torch runs on"
PI4 = Platform(machine="aarch64", glibc=(2, 36), python=(3, 11), atomics=False, cuda=False)
PI5 = replace(PI4, atomics=True)


def torch_of(version: str, tag: str = "cp311-cp311-manylinux_2_28_aarch64", sha256: str | None = HASH) -> Image:
    return replace(load_image("debian-arm64"), wheels=(Wheel(file=f"torch-{version}-{tag}.whl", sha256=sha256),))


@pytest.mark.parametrize(
    ("version", "platform", "refusal"),
    [
        ("2.9.1", PI4, ""),
        ("2.4.0", PI4, "torch 2.4.0 ends with an illegal instruction on CPUs without LSE atomics"),
        ("2.10.0", PI4, "torch 2.10.0 ends with an illegal instruction on CPUs without LSE atomics"),
        ("2.10.0", PI5, ""),
        ("2.10.0", replace(PI4, atomics=None), ""),  # not known offline: the proof on the board decides
        ("2.11.0", PI5, "torch 2.11.0 from the index is a CUDA build on aarch64"),
        ("2.9.1", replace(PI4, glibc=(2, 27)), f"{NONE} Python 3.11, aarch64, glibc 2.27"),
        ("2.9.1", replace(PI4, python=(3, 13)), f"{NONE} Python 3.13"),
        ("2.9.1", replace(PI4, machine="armv7l"), NONE),
        ("2.9.1", replace(PI4, glibc=None), f"{NONE} Python 3.11, aarch64, no glibc"),
    ],
)  # fmt: skip
def test_torch_is_pinned_by_c_library_and_cpu(version: str, platform: Platform, refusal: str) -> None:
    refusals = choose(torch_of(version), platform).refusals
    assert len(refusals) == bool(refusal) and all(text.startswith(refusal) for text in refusals)


def test_no_hash_no_install() -> None:
    (refusal,) = choose(torch_of("2.9.1", sha256=None), PI5).refusals
    assert refusal.startswith("no hash of torch-2.9.1-cp311-cp311-manylinux_2_28_aarch64.whl is known")


def test_each_interpreter_gets_its_own_build() -> None:
    image = load_image("raspberry-pi-os")
    for python, tag in (((3, 11), "cp311"), ((3, 13), "cp313")):
        wheels = choose(image, replace(PI4, python=python)).wheels
        assert len(wheels) == len({wheel.name for wheel in wheels}) == 12
        assert {tag in wheel.file for wheel in wheels if "manylinux" in wheel.file} == {True}


def test_every_image_has_a_readme_and_its_closure() -> None:
    """Whatever torch needs is listed: nothing is resolved on the board."""
    assert {"jetson-jp4", "jetson-jp5", "jetson-jp6", "jetson-jp7", "raspberry-pi-os", "debian-arm64", "phone-termux",
            "phone-proot", "edge-x86", "virtual"} <= set(names())  # fmt: skip
    for name in names():
        image = load_image(name)
        assert (Path(__file__).parents[2] / "device_images" / name / "README.md").is_file()
        packages = {wheel.name for wheel in image.wheels}
        assert not packages or {"torch", "numpy", "grpcio", "pip", "typing-extensions"} <= packages


def test_a_wrong_image_lists_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "image.yaml").write_text(
        "format: 2\ntitle: x\nbase: {title: y, machine: arm, libc: glibc}\ninterpreter: {kind: conda}\n"
        "wheels: [{file: torch.whl}, {file: torch-1.0-py3-none-any.whl, sha256: 12}]\n"
    )
    with pytest.raises(BadInput) as caught:
        load_image("odd", tmp_path)
    assert [problem.path for problem in caught.value.problems] == [
        "format", "base.machine", "interpreter.kind", "wheels[0].file", "wheels[1].sha256",
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="unknown image 'jetson-jp8'"):
        load_image("jetson-jp8")


CONTAINER = """
format: 1
title: x
base: {title: y, machine: aarch64, libc: glibc, l4t: ['36']}
interpreter: {kind: container, versions: ['3.10'], runtime: nvidia, container: %s}
"""


def test_a_container_is_named_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "boxed").mkdir()
    file, name = tmp_path / "boxed" / "image.yaml", f"registry.example/torch@sha256:{HASH}"
    file.write_text(CONTAINER % name)
    assert load_image("boxed", tmp_path).interpreter.container == Container(image=name, runtime="nvidia")
    for wrong, place in (("registry.example/torch:latest", "interpreter.container"), ("null", "interpreter")):
        file.write_text(CONTAINER % wrong)
        with pytest.raises(BadInput) as caught:
            load_image("boxed", tmp_path)
        assert place in [problem.path for problem in caught.value.problems]
