"""`device_images/<name>/image.yaml` as frozen data, or every mistake in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from pydantic import AfterValidator, Field

from harness.board_classes import BOARD_CLASSES
from harness.errors import BadInput, Problem, UnknownName
from harness.images import FOLDER, Archive, Base, Container, Image, Interpreter, Wheel, names
from harness.images.base import INTERPRETERS
from harness.load.document import read_yaml
from harness.load.fields import Keys, Text, as_mapping, checked, field, one_of

FORMAT = 1
_VERSION = re.compile(r"(\d+)\.(\d+)")


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError
    return text


def _wheel_file(text: str) -> str:
    try:
        parse_wheel_filename(text)
    except InvalidWheelFilename:
        raise ValueError from None
    return text


Version = Annotated[Text, AfterValidator(_version)]
Hash = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]


class _Top(Keys):
    title: Text | None = field("one line", "Jetson Nano and TX2, JetPack 4")
    base: dict[str, Any] | None = field("a mapping", "{title: Ubuntu 18.04, machine: aarch64, libc: glibc}")
    interpreter: dict[str, Any] | None = field("a mapping", "{kind: system, versions: ['3.11']}")
    wheels: list[dict[str, Any]] | None = field("a list of wheels", "[{file: ..., sha256: ...}]")
    environment: dict[str, Text] | None = field("a mapping of texts", "{OPENBLAS_CORETYPE: ARMV8}")
    packages: list[Text] | None = field("a list of packages", "[libopenblas-base]")
    power_mode: Text | None = field("the name of a power mode", "MAXN")
    swap: Literal["off", "keep"] | None = field("off or keep", "'off'")
    cuda_arch: dict[Annotated[Text, one_of("board class", BOARD_CLASSES)], Text] | None = field(
        "a mapping from board classes to sm_XX", "{jetson-nano: sm_53}"
    )


class _Base(Keys):
    title: Text | None = field("one line", "Ubuntu 18.04")
    machine: Literal["aarch64", "x86_64"] | None = field("aarch64 or x86_64", "aarch64")
    libc: Literal["glibc", "bionic"] | None = field("glibc or bionic", "glibc")
    glibc: Version | None = field("a version in quotes", "'2.27'")
    l4t: list[Text] | None = field("a list of major versions in quotes", "['32']")


class _Interpreter(Keys):
    kind: Annotated[Text, one_of("kind of interpreter", INTERPRETERS)] | None = field("a kind", "system")
    versions: list[Version] | None = field("a list of versions in quotes", "['3.11']")
    url: Text | None = field("an address", "https://...")
    sha256: Hash | None = field("a SHA-256, or null for an unknown one", "389b9005...")
    packages: list[Text] | None = field("a list of packages", "[python]")
    container: Annotated[Text, Field(pattern=r"^\S+@sha256:[0-9a-f]{64}$")] | None = field(
        "a container image with its digest", "nvcr.io/nvidia/l4t-pytorch@sha256:..."
    )
    runtime: Text | None = field("a runtime of the container program", "nvidia")
    program: Literal["docker", "podman"] | None = field("docker or podman", "docker")


class _Wheel(Keys):
    file: Annotated[Text, AfterValidator(_wheel_file)] | None = field("the name of a wheel", "torch-...whl")
    sha256: Hash | None = field("a SHA-256, or null for an unknown one", "62b3fd88...")
    url: Text | None = field("an address", "https://...")


def load_image(name: str, folder: Path = FOLDER) -> Image:
    """The image of that name. Raises `UnknownName`, or `BadInput` with every mistake."""
    path = folder / name / "image.yaml"
    if not path.is_file():
        raise UnknownName("image", name, names())
    raw = read_yaml(path)
    problems: list[Problem] = []
    if raw.pop("format", None) != FORMAT:
        problems.append(Problem(path="format", what=f"not {FORMAT}", remedy=f"write `format: {FORMAT}`"))
    top = _checked(_Top, raw, "", ("title", "base", "interpreter"), problems)
    base = _checked(_Base, top.get("base"), "base", ("title", "machine", "libc"), problems)
    python = _checked(_Interpreter, top.get("interpreter"), "interpreter", ("kind",), problems)
    if python.get("kind") == "container" and not (python.get("container") and python.get("versions")):
        remedy = "name the image with its digest, and the Python in it"
        problems.append(Problem(path="interpreter", what="needs `container:` and `versions:`", remedy=remedy))
    wheels = [
        _checked(_Wheel, wheel, f"wheels[{index}]", ("file",), problems)
        for index, wheel in enumerate(top.get("wheels") or [])
    ]
    if problems:
        raise BadInput(str(path), problems)
    return Image(
        name=name,
        title=top["title"],
        base=Base(
            title=base["title"],
            machine=base["machine"],
            libc=base["libc"],
            glibc=_pair(base["glibc"]) if base.get("glibc") else None,
            l4t=tuple(base.get("l4t") or ()),
        ),
        interpreter=_interpreter(python),
        wheels=tuple(Wheel(file=w["file"], sha256=w.get("sha256"), url=w.get("url")) for w in wheels),
        environment=top.get("environment") or {},
        packages=tuple(top.get("packages") or ()),
        power_mode=top.get("power_mode"),
        swap=top.get("swap") or "keep",
        cuda_arch=top.get("cuda_arch") or {},
    )


def _interpreter(keys: dict[str, Any]) -> Interpreter:
    url, container = keys.get("url"), keys.get("container")
    return Interpreter(
        kind=keys["kind"],
        versions=tuple(_pair(version) for version in keys.get("versions") or ()),
        archive=Archive(url=url, sha256=keys.get("sha256")) if url else None,
        container=Container(image=container, **{name: keys[name] for name in ("runtime", "program") if keys.get(name)})
        if container
        else None,
        packages=tuple(keys.get("packages") or ()),
    )


def _checked(
    model: type[Keys], raw: Any, path: str, required: tuple[str, ...], problems: list[Problem]
) -> dict[str, Any]:
    values, found = checked(model, as_mapping(raw, path, problems), path)
    problems += found
    for key in required:
        if values.get(key) is None:
            example = (model.model_fields[key].examples or [""])[0]
            place = f"{path}.{key}" if path else key
            problems.append(Problem(path=place, what="missing", remedy=f"write `{key}: {example}`"))
    return values


def _pair(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
