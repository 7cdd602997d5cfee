"""What is copied to a board, each under the hash of its content: the code (agent and FL core) and data sets.

A payload that is already there under its hash is not copied again, so a second run copies nothing.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import plugins
from harness.errors import FedRackError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes from the same files, whenever they were checked out
_HARNESS = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A folder to be: `<kind>/<digest>` under the board's root, from a zip archive in memory."""

    kind: str  # code, data
    name: str  # for messages
    digest: str
    archive: bytes

    @property
    def folder(self) -> str:
        return f"{self.kind}/{self.digest}"


def code_payload(methods: Iterable[str] = ()) -> Payload:
    """The agent and the FL core as this controller has them, and the packages of `methods` that are not ours."""
    files = plugins.files(methods)
    files.update(_python_files(_HARNESS / "agent", "agent"))
    files.update(_python_files(_HARNESS.parent / "fl_core", "fl_core"))
    return _payload("code", "agent and FL core", files)


def data_payload(name: str, files: dict[str, Path]) -> Payload:
    """A data set's files, under the names that its loader expects."""
    return _payload("data", name, files)


def _python_files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise FedRackError(f"{folder} is missing", remedy="reinstall FedRack from a complete checkout")
    for path in folder.rglob("*.py"):
        yield f"{prefix}/{path.relative_to(folder).as_posix()}", path


def _payload(kind: str, name: str, files: dict[str, Path]) -> Payload:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for target, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(target, _EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    content = buffer.getvalue()
    return Payload(kind=kind, name=name, digest=hashlib.sha256(content).hexdigest()[:16], archive=content)
