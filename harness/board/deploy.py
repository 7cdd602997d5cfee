"""Payloads onto a board: what is missing is copied, what is there under its hash is not."""

from __future__ import annotations

import shlex
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from harness.connect.base import Connection
from harness.errors import CommandFailed
from harness.inventory import BoardSpec
from harness.payload import Payload


def deploy(connection: Connection, spec: BoardSpec, payloads: Sequence[Payload]) -> int:
    """Copy the payloads the board lacks; returns the bytes copied (0: nothing was missing)."""
    missing = _missing(connection, spec, payloads)
    for payload in missing:
        _copy(connection, spec, payload)
    return sum(len(payload.archive) for payload in missing)


def _missing(connection: Connection, spec: BoardSpec, payloads: Sequence[Payload]) -> list[Payload]:
    root = shlex.quote(spec.root)
    command = f"mkdir -p {root}/code {root}/data && cd {root} && ls -d code/* data/* 2>/dev/null || true"
    present = set(_run(connection, spec, command).split())
    return [payload for payload in payloads if payload.folder not in present]


def _copy(connection: Connection, spec: BoardSpec, payload: Payload) -> None:
    """Unpack beside the target and rename: a folder with the hash's name is always whole.

    Names of our own, because another run may be copying the same payload; who renames second finds it there.
    """
    fresh = f"{spec.root}/{payload.folder}.{uuid.uuid4().hex[:8]}"
    archive = f"{fresh}.zip"
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(payload.archive)
        file.flush()
        connection.put(Path(file.name), archive)
    target, source, unpacked = (shlex.quote(name) for name in (f"{spec.root}/{payload.folder}", archive, fresh))
    unpack = f"mkdir {unpacked} && {shlex.quote(spec.python)} -m zipfile -e {source} {unpacked}"
    settle = f"{{ mv -T {unpacked} {target} 2>/dev/null || {{ rm -rf {unpacked} && test -d {target}; }}; }}"
    _run(connection, spec, f"{unpack} && {settle} && rm {source}")


def _run(connection: Connection, spec: BoardSpec, command: str) -> str:
    result = connection.run(command)
    if result.exit_code != 0:
        raise CommandFailed(
            spec.name,
            f"exit code {result.exit_code} from `{command}`: {result.error_text}",
            remedy=f"is there space on the board, and does `{spec.python}` run there?",
        )
    return result.text
