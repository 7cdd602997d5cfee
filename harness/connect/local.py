"""This machine as a board: an edge server that is the controller, or a quick trial."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Self

from harness.connect.base import Result
from harness.connect.process import Commands, ProcessStream
from harness.errors import CommandFailed
from harness.inventory import BoardSpec


class LocalConnection:
    """Commands in a shell here, starting in the user's home."""

    def __init__(self, spec: BoardSpec) -> None:
        self._spec = spec
        self._home = Path.home()
        self._commands = Commands(spec, lambda command: ["/bin/sh", "-c", command], lambda code: code < 0, self._home)

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """See `Connection.run`."""
        return self._commands.run(command, timeout_s)

    def open(self, command: str) -> ProcessStream:
        """See `Connection.open`."""
        return self._commands.open(command)

    def put(self, local_path: str | Path, remote_path: str) -> None:
        """See `Connection.put`."""
        self._copy(Path(local_path), self._home / remote_path, f"put {remote_path}")

    def get(self, remote_path: str, local_path: str | Path) -> None:
        """See `Connection.get`."""
        self._copy(self._home / remote_path, Path(local_path), f"get {remote_path}")

    def close(self) -> None:
        """See `Connection.close`."""
        self._commands.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _copy(self, source: Path, target: Path, what: str) -> None:
        fresh = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            shutil.copy(source, fresh)
            fresh.replace(target)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            remedy = "check the path and the space on the board"
            raise CommandFailed(self._spec.name, f"{what}: {error.strerror}", remedy=remedy) from error
