"""One controller at a time: an flock on `lease.json`, which the kernel drops when the agent dies, however it dies."""

import fcntl
import json
import os
from typing import Any, Optional


class Lease:
    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "lease.json")
        self._fd: Optional[int] = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    @property
    def tag(self) -> str:
        """Names this lease uniquely on this kernel: whoever holds it owns every cgroup with the tag in its name."""
        facts = os.stat(self._path)
        return f"{facts.st_dev:x}-{facts.st_ino:x}"

    def take(self, holder: Any) -> Any:
        """None when the lease is ours now, else who holds it. Taking it again replaces the holder."""
        fd = self._fd
        if fd is None:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                content = os.pread(fd, 65536, 0)
                os.close(fd)
                return _decoded(content)
        # Written in place: the lock belongs to this inode, so the file must never be replaced.
        os.ftruncate(fd, 0)
        os.pwrite(fd, (json.dumps(holder) + "\n").encode(), 0)
        self._fd = fd
        return None

    def release(self) -> None:
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content.decode())
    except ValueError:  # caught between truncating and writing
        return {}
