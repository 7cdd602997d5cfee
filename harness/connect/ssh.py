"""A board over SSH. Fabric opens the connection; commands use channels, because Fabric decodes output as text."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

import paramiko

from harness.connect.base import Result
from harness.connect.deadline import while_moving, within
from harness.connect.login import log_in
from harness.connect.ssh_stream import Output, SshStream, exit_code, hang_up
from harness.connect.tunnel import Tunnel
from harness.errors import BoardError, CommandFailed, Unreachable
from harness.inventory import BoardSpec

_CHUNK = 131072


class SshConnection:
    """A live connection to one board; making it logs in. Safe to use from several threads."""

    def __init__(self, spec: BoardSpec) -> None:
        self._spec = spec
        self._fabric = log_in(spec)
        self._transport: paramiko.Transport = self._fabric.transport
        self._tunnel = Tunnel(self._transport)

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """Runs a shell command with empty stdin; any exit code is a result."""
        timeout_s = self._spec.command_timeout_s if timeout_s is None else timeout_s
        end_s = time.monotonic() + timeout_s
        channel = self._start(command, timeout_s)
        stdout, stderr = bytearray(), bytearray()
        try:
            channel.shutdown_write()
            output = Output(channel)
            while (news := output.next(end_s)) is not None:
                stdout += news[0]
                stderr += news[1]
            channel.status_event.wait(max(0.0, end_s - time.monotonic()))
            code = exit_code(channel)
        except TimeoutError:
            raise self._late(command, timeout_s) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._failed(f"`{command}`", error) from error
        finally:
            if not hang_up(channel):
                self.close()
        if code is None:
            raise self._late(command, timeout_s) if self._transport.is_active() else self._lost(f"`{command}`")
        return Result(stdout=bytes(stdout), stderr=bytes(stderr), exit_code=code)

    def open(self, command: str) -> SshStream:
        """Starts a long-running command."""
        return SshStream(self._spec, command, self._start(command, self._spec.command_timeout_s))

    def reach_back(self, port: int) -> int:
        """A port of the board's loopback that leads to this one of ours, for as long as the connection."""
        try:
            return self._tunnel.reach_back(port)
        except (OSError, EOFError, paramiko.SSHException) as error:
            remedy = "see AllowTcpForwarding in its sshd_config, or remove reverse_tunnel"
            raise CommandFailed(self._spec.name, f"no reverse tunnel: {error}", remedy=remedy) from error

    def put(self, local_path: str | Path, remote_path: str) -> None:
        """Copies a file with its mode; the remote name appears only when the content is complete."""
        temporary = f"{remote_path}.{uuid.uuid4().hex[:8]}.part"
        with Path(local_path).open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode & 0o777

            def send(sftp: paramiko.SFTPClient, moved: Callable[..., None]) -> None:
                with _removed_on_error(sftp, temporary):
                    with sftp.open(temporary, "wb") as target:
                        target.chmod(mode)  # before the content: it may be a secret
                        target.set_pipelined(True)
                        while chunk := source.read(_CHUNK):
                            target.write(chunk)
                            moved()
                    if sftp.stat(temporary).st_size != source.tell():  # a full disk may fail a pipelined write unseen
                        raise OSError("it was not stored whole; is the disk full?")
                    sftp.posix_rename(temporary, remote_path)

            self._transfer(f"put {remote_path}", send)

    def get(self, remote_path: str, local_path: str | Path) -> None:
        """Copies a file back; the local name appears only when the content is complete."""
        local = Path(local_path)
        temporary = local.with_name(f"{local.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with temporary.open("wb") as target:

                def receive(sftp: paramiko.SFTPClient, moved: Callable[..., None]) -> None:
                    with sftp.open(remote_path, "rb") as source:
                        source.MAX_REQUEST_SIZE = _CHUNK  # fewer round trips, without Paramiko's racy prefetch
                        while chunk := source.read(_CHUNK):
                            target.write(chunk)
                            moved()

                self._transfer(f"get {remote_path}", receive)
            temporary.replace(local)
        finally:
            temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the connection and all its streams."""
        self._fabric.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, command: str, timeout_s: float) -> paramiko.Channel:
        """A channel on which the command runs."""
        end_s = time.monotonic() + timeout_s

        def start() -> paramiko.Channel:
            channel = self._transport.open_session(timeout=timeout_s + 1)  # `within` speaks first
            if time.monotonic() >= end_s:
                raise TimeoutError  # nobody waits any more; a channel without owner closes itself
            channel.exec_command(command)
            return channel

        try:
            return within(timeout_s, start)
        except TimeoutError:
            raise self._late(command, timeout_s) from None
        except paramiko.ChannelException as error:
            remedy = "the board allows few sessions at once: see MaxSessions in its sshd_config"
            raise CommandFailed(self._spec.name, f"`{command}`: no session ({error.text})", remedy=remedy) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._failed(f"`{command}`", error) from error

    def _transfer(self, what: str, work: Callable[[paramiko.SFTPClient, Callable[..., None]], None]) -> None:
        """Runs `work` on an SFTP session of its own."""
        channels: list[paramiko.Channel] = []

        def transfer(moved: Callable[..., None]) -> None:
            with closing(self._fabric.client.open_sftp()) as sftp:
                channels.append(sftp.get_channel())
                work(sftp, moved)

        stall_s = self._spec.command_timeout_s
        try:
            while_moving(stall_s, transfer)
        except TimeoutError:
            if not all(hang_up(channel) for channel in channels):
                self.close()
            raise CommandFailed(self._spec.name, f"{what}: nothing has moved for {stall_s:g} s", remedy=_SLOW) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._failed(what, error) from error

    def _late(self, command: str, timeout_s: float) -> CommandFailed:
        return CommandFailed(self._spec.name, f"`{command}` was not done within {timeout_s:g} s", remedy=_SLOW)

    def _lost(self, what: str) -> Unreachable:
        message = f"the connection to {self._spec.where} was lost during {what}"
        return Unreachable(self._spec.name, message, remedy="check the board's power and network, then run again")

    def _failed(self, what: str, error: Exception) -> BoardError:
        if not self._transport.is_active():
            return self._lost(what)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CommandFailed(self._spec.name, f"{what}: {reason}", remedy="check the path and the space on the board")


_SLOW = "see what the board is busy with, or raise command_timeout_s"


@contextmanager
def _removed_on_error(sftp: paramiko.SFTPClient, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, paramiko.SSHException):
        with suppress(OSError, EOFError, paramiko.SSHException):  # the first error is the one to tell
            sftp.remove(path)
        raise
