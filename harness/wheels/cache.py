"""The controller's wheel cache: every file under its own name, with the hash that the image pins, or not at all."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from harness.caches import cache_folder
from harness.errors import FedRackError
from harness.images.base import Wheel

DOWNLOAD_S = 1800.0
CONNECT_S = 30.0


class Wanted(NamedTuple):
    file: str
    sha256: str
    url: str | None  # None: from the package index


class WheelRefused(FedRackError):
    """A file that cannot be had, or is not what the image pins."""


class Cache:
    """A folder. Safe to use from several threads: one of its own fetches, so that a file is fetched once.

    That thread begins with the cache, and keeps the network that it began in: whoever enters a lab afterwards, from
    where no package index can be reached, can still obtain files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sound: set[str] = set()
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="wheels")
        self._fetcher.submit(int).result()  # it is born with its first task

    def size_bytes(self, files: Iterable[str]) -> int:
        """Of those that are here."""
        paths = [self.folder / file for file in files]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def obtain(self, wanted: Wanted) -> Path:
        """The file, fetched if it is not here. Raises `WheelRefused`."""
        return self._fetcher.submit(self._obtain, wanted).result()

    def _obtain(self, wanted: Wanted) -> Path:
        path = self.folder / wanted.file
        if wanted.sha256 not in self._sound:
            if not path.is_file():
                self._fetch(wanted)
            self._compare(path, wanted)
            self._sound.add(wanted.sha256)
        return path

    def _fetch(self, wanted: Wanted) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as fresh:
            error = _download(wanted, Path(fresh))
            found = sorted(Path(fresh).iterdir())
            if error or len(found) != 1:
                remedy = f"check this machine's network and package index, or put the file into {self.folder} by hand"
                raise WheelRefused(f"{wanted.file} cannot be fetched: {error or 'nothing came'}", remedy=remedy)
            self._compare(found[0], wanted)
            found[0].replace(self.folder / wanted.file)

    def _compare(self, path: Path, wanted: Wanted) -> None:
        with path.open("rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
        if got != wanted.sha256:
            message = f"{path.name} has SHA-256 {got}, the image pins {wanted.sha256}"
            raise WheelRefused(message, remedy="it was cut off or is another file: remove it, or correct the image")


def _download(wanted: Wanted, target: Path) -> str:
    """Fetches the file into `target`; what went wrong, or nothing."""
    if not wanted.file.endswith(".whl"):
        return _from_address(wanted.url or "", target / wanted.file)
    done = subprocess.run(_pip(wanted, target), capture_output=True, text=True, timeout=DOWNLOAD_S)
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or [done.stderr[-300:]])[0].strip()


def _from_address(url: str, path: Path) -> str:
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_S) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return ""


def _pip(wanted: Wanted, target: Path) -> list[str | Path]:
    """`pip download` of exactly one file, for the platform in its name, whatever machine this is.

    `--no-deps`: pip would evaluate the markers of dependencies for this machine, and drag CUDA along.
    """
    options: list[str | Path] = ["--quiet", "--disable-pip-version-check", "--no-deps", "--dest", target]
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", *options]
    wheel = Wheel(file=wanted.file, sha256=wanted.sha256, url=wanted.url)
    platforms = sorted({tag.platform for tag in wheel.tags} - {"any"})
    abis = sorted({tag.abi for tag in wheel.tags} - {"none"})
    versions = sorted({tag.interpreter.removeprefix("cp") for tag in wheel.tags if tag.interpreter.startswith("cp")})
    command += ["--only-binary", ":all:", "--ignore-requires-python"]
    command += [word for platform in platforms for word in ("--platform", platform)]
    command += [word for abi in abis for word in ("--abi", abi)]
    command += ["--implementation", "cp", "--python-version", versions[0]] if versions else []
    return [*command, wanted.url or f"{wheel.name}=={wheel.version}"]


def default_folder() -> Path:
    return cache_folder("wheels")
