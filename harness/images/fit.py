"""Which of an image's wheels a board gets, and why one must not be installed there. Pure.

torch is pinned per (C library, generation of the CPU, CUDA): a wheel may install and then end every process with an
illegal instruction, or drag gigabytes of CUDA onto a Raspberry Pi.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.version import Version

from harness.images.base import Image, Wheel

OLDEST_MANYLINUX = 17  # manylinux2014
# Ended with SIGILL on Cortex-A57 and A72 and ran on A76, tried under emulation: these builds contain LSE atomics.
# pytorch issues 132032 (2.4.0) and 174344, 176993 (2.10.0).
NEEDS_ATOMICS = (Version("2.4.0"), Version("2.10.0"))
FIRST_CUDA_ON_AARCH64 = Version("2.11.0")  # from here the index's aarch64 wheels depend on CUDA 13


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What decides which wheels run."""

    machine: str
    glibc: tuple[int, int] | None
    python: tuple[int, int]
    atomics: bool | None  # LSE; None: not known
    cuda: bool  # whether a CUDA build is wanted

    @property
    def manylinux(self) -> list[str]:
        """Platform tags that run here, best first."""
        if self.glibc is None:
            return [f"linux_{self.machine}"]
        minors = range(self.glibc[1], OLDEST_MANYLINUX - 1, -1)
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in minors]
        return [*tags, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]

    @property
    def tags(self) -> list[Tag]:
        """All tags that run here, best first."""
        major, minor = self.python
        interpreter = f"cp{major}{minor}"
        abi = f"{interpreter}m" if self.python < (3, 8) else interpreter
        return [
            *cpython_tags(self.python, abis=[abi], platforms=self.manylinux),
            *compatible_tags(self.python, interpreter, self.manylinux),
        ]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`refusals` are sentences; with any, nothing is installed."""

    wheels: tuple[Wheel, ...]
    refusals: tuple[str, ...]


def choose(image: Image, platform: Platform) -> Choice:
    """One wheel of each package, the best that runs there."""
    rank = {tag: place for place, tag in reversed(list(enumerate(platform.tags)))}
    chosen, missing = [], []
    for name in dict.fromkeys(wheel.name for wheel in image.wheels):
        of_name = [wheel for wheel in image.wheels if wheel.name == name]
        fitting = [wheel for wheel in of_name if wheel.tags & rank.keys()]
        if fitting:
            chosen.append(min(fitting, key=lambda wheel: min(rank[tag] for tag in wheel.tags & rank.keys())))
        else:
            missing.append(f"none of the image's wheels of {name} runs on {_show(platform)}")
    refusals = [*missing, *(text for wheel in chosen for text in _objections(wheel, platform))]
    return Choice(wheels=tuple(chosen), refusals=tuple(refusals))


def _objections(wheel: Wheel, platform: Platform) -> Iterator[str]:
    if wheel.sha256 is None:
        yield f"no hash of {wheel.file} is known: obtain it, compare it, then `fedrack provision --pin FILE`"
    if wheel.name != "torch":
        return
    release = Version(Version(wheel.version).base_version)
    if platform.machine == "aarch64" and platform.atomics is False and release in NEEDS_ATOMICS:
        yield (
            f"torch {wheel.version} ends with an illegal instruction on CPUs without LSE atomics "
            "(Cortex-A53, A57, A72): take 2.5.1 or 2.9.1"
        )
    from_index = wheel.url is None
    if platform.machine == "aarch64" and from_index and not platform.cuda and release >= FIRST_CUDA_ON_AARCH64:
        yield f"torch {wheel.version} from the index is a CUDA build on aarch64, gigabytes of it: take 2.10 or older"


def _show(platform: Platform) -> str:
    libc = f"glibc {platform.glibc[0]}.{platform.glibc[1]}" if platform.glibc else "no glibc"
    return f"Python {platform.python[0]}.{platform.python[1]}, {platform.machine}, {libc}"
