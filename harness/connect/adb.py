"""An Android phone over adb, for phones without an SSH server. The adb program carries everything.

`ansible_host` is the phone's serial number, or with `ansible_port` its address. Commands and files start in
/data/local/tmp, the one folder that adb's user may both write and execute in.
"""

from __future__ import annotations

import shlex
import subprocess
import uuid
from pathlib import Path
from typing import Self

from harness.connect.base import Result
from harness.connect.process import Commands, ProcessStream
from harness.errors import BoardError, CommandFailed, LoginRefused, Unreachable
from harness.inventory import BoardSpec

HOME = "/data/local/tmp"
SSH_PORT = 22  # the inventory's default, which says nothing of adb
_SIGNALS = range(128 + 1, 128 + 65)  # how the phone's side reports a command that a signal ended


class AdbConnection:
    """Making one asks whether the phone is there and trusts this machine."""

    def __init__(self, spec: BoardSpec) -> None:
        self._spec = spec
        self._serial = spec.host if spec.port == SSH_PORT else f"{spec.host}:{spec.port}"
        self._commands = Commands(spec, self._shell, lambda code: code in _SIGNALS, None)
        if ":" in self._serial:
            self._adb(["connect", self._serial], spec.connect_timeout_s, whole=True)
        state = self._adb(["get-state"], spec.connect_timeout_s)
        if state.text.strip() != "device":
            raise self._not_there(state.error_text or state.text.strip())

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """See `Connection.run`."""
        return self._commands.run(command, timeout_s)

    def open(self, command: str) -> ProcessStream:
        """See `Connection.open`."""
        return self._commands.open(command)

    def put(self, local_path: str | Path, remote_path: str) -> None:
        """See `Connection.put`."""
        target = _absolute(remote_path)
        fresh = f"{target}.{uuid.uuid4().hex[:8]}.part"
        mode = Path(local_path).stat().st_mode & 0o777
        pushed = self._adb(["push", str(local_path), fresh], None)
        settle = f"chmod {mode:o} {shlex.quote(fresh)} && mv -T {shlex.quote(fresh)} {shlex.quote(target)}"
        moved = self.run(settle) if pushed.exit_code == 0 else pushed
        if moved.exit_code != 0:
            self.run(f"rm -f {shlex.quote(fresh)}")
            raise self._transfer_failed(f"put {remote_path}", moved)

    def get(self, remote_path: str, local_path: str | Path) -> None:
        """See `Connection.get`."""
        local = Path(local_path)
        fresh = local.with_name(f"{local.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            pulled = self._adb(["pull", _absolute(remote_path), str(fresh)], None)
            if pulled.exit_code != 0:
                raise self._transfer_failed(f"get {remote_path}", pulled)
            fresh.replace(local)
        finally:
            fresh.unlink(missing_ok=True)

    def close(self) -> None:
        """See `Connection.close`."""
        self._commands.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _shell(self, command: str) -> list[str]:
        return ["adb", "-s", self._serial, "shell", "-T", f"cd {HOME} && {{ {command}\n}}"]

    def _adb(self, words: list[str], timeout_s: float | None, *, whole: bool = False) -> Result:
        """adb itself; with `whole` not limited to this phone. A transfer without deadline ends by adb's own."""
        command = ["adb", *([] if whole else ["-s", self._serial]), *words]
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s)
        except FileNotFoundError:
            raise Unreachable(self._spec.name, "adb is not installed", remedy="apt-get install adb") from None
        except subprocess.TimeoutExpired:
            raise self._not_there(f"adb did not answer within {timeout_s:g} s") from None
        return Result(stdout=done.stdout, stderr=done.stderr, exit_code=done.returncode)

    def _not_there(self, said: str) -> BoardError:
        last = said.splitlines()[-1] if said else "no answer"
        if "unauthorized" in said:
            remedy = "unlock the phone and accept this machine's key there"
            return LoginRefused(self._spec.name, f"{self._serial}: {last}", remedy=remedy)
        remedy = "is USB debugging on, or `adb tcpip 5555` done? `adb devices` lists what is there"
        return Unreachable(self._spec.name, f"{self._serial}: {last}", remedy=remedy)

    def _transfer_failed(self, what: str, result: Result) -> CommandFailed:
        said = (result.error_text or result.text).strip().splitlines()
        remedy = "check the path and the space on the board"
        return CommandFailed(self._spec.name, f"{what}: {said[-1] if said else 'adb failed'}", remedy=remedy)


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"{HOME}/{path}"
