"""An image as data. Versions are tuples, so that they compare as versions do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

INTERPRETERS = ("system", "standalone", "container", "termux", "controller")


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One file to install."""

    file: str
    sha256: str | None  # None: not known to us; nothing is installed until the user pins it
    url: str | None = None  # where it lies if not in the package index

    @property
    def name(self) -> str:
        return canonicalize_name(parse_wheel_filename(self.file)[0])

    @property
    def version(self) -> str:
        return str(parse_wheel_filename(self.file)[1])

    @property
    def tags(self) -> frozenset[Tag]:
        return parse_wheel_filename(self.file)[3]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A Python that brings everything along, unpacked into our folder."""

    url: str
    sha256: str | None

    @property
    def file(self) -> str:
        return self.url.rpartition("/")[2].replace("%2B", "+")


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container image that the board has, by its digest."""

    image: str  # nvcr.io/...@sha256:...
    runtime: str | None = None  # nvidia; None: the program's own
    program: str = "docker"  # or podman


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """Where the worker's Python comes from.

    `system`: the board's own, in a virtual environment of ours. `standalone`: the archive that uv would install.
    `container`: that of a container image, torch included.
    `termux`: Termux's package, used as it is. `controller`: an embedded board, whose Python is this machine's.
    """

    kind: str
    versions: tuple[tuple[int, int], ...]  # (3, 11), ...; any of them
    archive: Archive | None = None
    container: Container | None = None
    packages: tuple[str, ...] = ()  # Termux


@dataclass(frozen=True, kw_only=True)
class Base:
    """The operating system that the image is for."""

    title: str
    machine: str  # aarch64, x86_64
    libc: str  # glibc, bionic
    glibc: tuple[int, int] | None
    l4t: tuple[str, ...]  # majors of Jetson Linux: 32 is JetPack 4, 35 5, 36 6, 38 and 39 7


@dataclass(frozen=True, kw_only=True)
class Image:
    name: str
    title: str
    base: Base
    interpreter: Interpreter
    wheels: tuple[Wheel, ...]  # for every interpreter and class; `choose` says which a board gets
    environment: Mapping[str, str]
    packages: tuple[str, ...]  # of the board's package manager, which then needs its mirror
    power_mode: str | None  # by name; None: the board has none, or it stays as it is
    swap: str  # off, keep
    cuda_arch: Mapping[str, str]  # board class -> sm_XX that torch must have kernels for; empty for CPU images
