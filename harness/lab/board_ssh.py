"""A board's SSH server, in one of three manners: as it should be, with a wrong host key, stalling after its banner."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from harness.lab.cgroups import Groups, start_in
from harness.lab.plan import SYSTEM_GROUP, LabBoard
from harness.lab.rootfs import ARM64, HOST_KEY, LOGIN_KEY, WRONG_HOST_KEY

_SSHD = "/usr/sbin/sshd"
_CONFIG = """\
ListenAddress {address}
HostKey {host_key}
AuthorizedKeysFile {login_key}
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
UseDNS no
PidFile none
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
"""
# Says who it is, as RFC 4253 4.2 asks, and nothing more, to as many as come.
_STALL = """
import socket, sys
listener = socket.create_server((sys.argv[1], 22))
kept = []
while True:
    kept.append(listener.accept()[0])
    kept[-1].sendall(b"SSH-2.0-OpenSSH_9.2\\r\\n")
"""
_START_S = 10.0
_RETRY_S = 0.02


def start(board: LabBoard, machine: Groups, *, stalls: bool, wrong_key: bool) -> subprocess.Popen[bytes]:
    """The listening process, once it listens. It and all that it starts is the board's load."""
    if stalls:
        command = [sys.executable, "-c", _STALL, board.address]
    else:
        config = Path("/run/board/sshd_config")
        host_key = WRONG_HOST_KEY if wrong_key else HOST_KEY
        text = _CONFIG.format(address=board.address, host_key=host_key, login_key=LOGIN_KEY)
        config.write_text(text + _emulation(board))
        Path("/run/sshd").mkdir(exist_ok=True)
        command = [_SSHD, "-D", "-e", "-f", str(config)]
    listener = start_in(machine, SYSTEM_GROUP, command, None)
    _wait(board.address)
    return listener


def _emulation(board: LabBoard) -> str:
    """The server itself stays this machine's, whose ciphers are quick; the kernel gives what it starts to qemu."""
    return f"ChrootDirectory {ARM64}\nSetEnv QEMU_CPU={board.emulated_cpu}\n" if board.emulated_cpu else ""


def _wait(address: str) -> None:
    end_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection((address, 22), timeout=_START_S).close()
            return
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(_RETRY_S)
