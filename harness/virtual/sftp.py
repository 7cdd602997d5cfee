"""SFTP into a board's home: relative and absolute paths mean the same files as for commands; outside is refused."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

import asyncssh


class HomeSftp(asyncssh.SFTPServer):
    """An SFTP server that starts in `home` and does not leave it."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], home: Path) -> None:
        super().__init__(channel)
        self._home = os.fsencode(home)

    def map_path(self, path: bytes) -> bytes:
        """The local path for the client's one."""
        local = posixpath.normpath(posixpath.join(self._home, path))
        if local != self._home and not local.startswith(self._home + b"/"):
            raise asyncssh.SFTPPermissionDenied(f"{os.fsdecode(local)} is outside the virtual board's home")
        return local

    def reverse_map_path(self, path: bytes) -> bytes:
        """The client's path for the local one."""
        return path
