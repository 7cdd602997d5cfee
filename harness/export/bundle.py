"""A provenance bundle: one archive with all that a run measured, from which another machine draws the same report."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from harness.errors import FedRackError
from harness.store import MANIFEST, REPORTS, read_json

ENDING = ".fedrack.tar.gz"


def write_bundle(run: Path, out: Path) -> Path:
    """Pack a run without its drawings. The same run gives the same bytes."""
    path = out / f"{run.name}{ENDING}"
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(file for file in run.rglob("*") if file.is_file() and file.name not in REPORTS)
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file in files:
            _add(archive, f"{run.name}/{file.relative_to(run).as_posix()}", file.read_bytes())
    return path


def open_bundle(path: Path, out: Path) -> Path:
    """Unpack a bundle below `out` and hold every file against its digest; returns the run's folder.

    Raises `FedRackError` for what is no bundle, and for files that are not what was measured.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            names = {name.split("/")[0] for name in archive.getnames()}
            archive.extractall(out, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise FedRackError(f"{path}: not a bundle that can be read ({error})", remedy="copy it again") from None
    if len(names) != 1 or not (run := out / names.pop()).joinpath(MANIFEST).is_file():
        raise FedRackError(f"{path}: holds no run", remedy="make it with: fedrack export RUN_ID --bundle")
    wrong = changed(run)
    if wrong:
        raise FedRackError(f"{path}: {len(wrong)} files are not what was measured: {', '.join(wrong[:3])}",
                           remedy="copy it again")  # fmt: skip
    return run


def changed(run: Path) -> list[str]:
    """Files of the manifest that are missing or have another digest."""
    digests: dict[str, str] = read_json(run / MANIFEST).get("files") or {}
    return [name for name, digest in digests.items() if _digest(run / name) != digest]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Without owner, time and mode, which are this machine's and nobody's result."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
