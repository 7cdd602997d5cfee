"""What a board should be, worked out from its inventory entry, its image and what it is. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from harness.facts.interpreters import Interpreter
from harness.images import Image, Platform, Wheel, choose
from harness.inventory import BoardSpec
from harness.provision.survey import Survey
from harness.units import show_bytes

ROOM_FACTOR = 4  # a wheel, unpacked, and pip's working copy; torch unpacks to three times its wheel
ROOM_LEAST_BYTES = 200 * 1024 * 1024  # for code, data sets and traces


@dataclass(frozen=True, kw_only=True)
class Desired:
    spec: BoardSpec
    image: Image
    base_python: str  # makes the environment; a path on the board, from our folder if relative
    python: str  # the worker's, from our folder if relative
    wheels: tuple[Wheel, ...]
    digest: str  # of all that decides the environment


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Nothing is done: each of these sentences would have to be untrue first."""

    reasons: tuple[str, ...]


def desire(spec: BoardSpec, image: Image, survey: Survey, wheel_bytes: int = 0) -> Desired | Refused:
    """`wheel_bytes`: what would have to be copied, as far as it is known."""
    reasons = [*_wrong_system(image, survey), *_too_small(spec, survey, wheel_bytes)]
    base = _base_python(image, survey)
    if base is None:
        reasons.append(_no_python(image, survey))
    choice = choose(image, _platform(image, survey, base)) if base is not None and image.wheels else None
    reasons += choice.refusals if choice else ()
    if base is None or reasons:
        return Refused(reasons=tuple(reasons))
    wheels = choice.wheels if choice else ()
    digest = _digest(image, base, wheels)
    own = image.interpreter.kind == "container" or (wheels and image.interpreter.kind in ("system", "standalone"))
    return Desired(
        spec=spec,
        image=image,
        base_python=_base_path(image, base),
        python=f"env/{digest}/bin/python" if own else base.path,
        wheels=wheels,
        digest=digest,
    )


def _wrong_system(image: Image, survey: Survey) -> Iterator[str]:
    """An image for another machine, C library or L4T release."""
    if image.interpreter.kind == "controller":
        return
    if survey.kernel is None:
        yield "its kernel could not be read: is there a shell with `uname`?"
    elif survey.kernel.machine != image.base.machine:
        hint = " (a 32-bit system: write the 64-bit one)" if survey.kernel.machine.startswith("armv") else ""
        yield f"image {image.name} is for {image.base.machine}, the board is {survey.kernel.machine}{hint}"
    if survey.libc is not None and survey.libc.kind != image.base.libc:
        yield f"image {image.name} is for {image.base.libc}, the board has {survey.libc.kind}"
    if image.base.l4t:
        found = survey.l4t.version if survey.l4t else None
        if found is None or found.split(".")[0] not in image.base.l4t:
            wanted = " or ".join(image.base.l4t)
            has = f"L4T {found}" if found else "no L4T at all"
            yield f"image {image.name} is for L4T {wanted}, the board has {has}: name the image of its JetPack"


def _too_small(spec: BoardSpec, survey: Survey, wheel_bytes: int) -> Iterator[str]:
    if survey.memory and spec.memory_budget_bytes and spec.memory_budget_bytes > survey.memory.total_bytes:
        budget, has = show_bytes(spec.memory_budget_bytes), show_bytes(survey.memory.total_bytes)
        yield f"memory_budget_mb is {budget}, above the board's memory of {has}: lower it in the inventory"
    room = ROOM_LEAST_BYTES + ROOM_FACTOR * wheel_bytes
    if survey.disk and survey.disk.free_bytes < room:
        free = show_bytes(survey.disk.free_bytes)
        yield f"{free} free on {survey.disk.mounted_on}, {show_bytes(room)} are needed: make room on the board"


def _base_python(image: Image, survey: Survey) -> Interpreter | None:
    """The first interpreter of the board that the image can use."""
    python = image.interpreter
    if python.kind in ("standalone", "container"):
        return Interpreter(path="", version=python.versions[0])
    if python.kind == "termux" and not survey.interpreters:
        return Interpreter(path="python3", version=(3,))  # the package brings it
    return next((each for each in survey.interpreters if not python.versions or each.minor in python.versions), None)


def _no_python(image: Image, survey: Survey) -> str:
    wanted = " or ".join(f"{major}.{minor}" for major, minor in image.interpreter.versions) or "any"
    found = ", ".join(f"{each.path} {each.version_text}" for each in survey.interpreters) or "none"
    return f"image {image.name} needs Python {wanted}, the board has {found}: install it, or name another image"


def _platform(image: Image, survey: Survey, python: Interpreter) -> Platform:
    return Platform(
        machine=survey.kernel.machine if survey.kernel else image.base.machine,
        glibc=survey.libc.version if survey.libc else None,
        python=python.minor,
        atomics=survey.cpu.lse_atomics if survey.cpu else None,
        cuda=bool(image.cuda_arch),
    )


def _base_path(image: Image, base: Interpreter) -> str:
    archive = image.interpreter.archive
    if archive is None:
        return base.path
    return f"python/{_short(archive.sha256 or archive.url)}/python/bin/python{base.version[0]}.{base.version[1]}"


def _digest(image: Image, base: Interpreter, wheels: tuple[Wheel, ...]) -> str:
    container = image.interpreter.container
    decisive = {
        **({"container": asdict(container)} if container else {}),
        "interpreter": [image.interpreter.kind, base.path, list(base.minor) if len(base.version) > 1 else []],
        "packages": list(image.interpreter.packages),
        "wheels": [wheel.sha256 for wheel in wheels],
    }
    return _short(hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest())


def _short(text: str) -> str:
    return text[:16]
