"""A second look at a board that was lost: what still answers there, and whether it is the same boot.

A cut line says only that nothing came any more. Power, link, kernel, SSH server and agent fail differently when asked
again, from the outside in; what cannot be told apart from here is said as "one of", with what was seen.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import NamedTuple

from harness.connect import connect
from harness.errors import BoardError
from harness.inventory import BoardSpec

_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


class Look(NamedTuple):
    """`port`: answers, refuses or silent. The others are known only as far as the step before succeeded."""

    port: str
    banner: bool = False  # its SSH server says who it is
    login: bool = False
    boot_id: str | None = None


def look(spec: BoardSpec) -> Look | None:
    """Asks anew, within the board's `connect_timeout_s` a step. None where it is not reached by SSH directly."""
    if spec.connection != "ssh" or spec.jumps:
        return None
    end_s = time.monotonic() + spec.connect_timeout_s
    try:
        with socket.create_connection((spec.host, spec.port), timeout=spec.connect_timeout_s) as line:
            line.settimeout(max(0.01, end_s - time.monotonic()))
            if not _banner(line):
                return Look("answers")
    except ConnectionRefusedError:
        return Look("refuses")
    except OSError:
        return Look("silent")
    try:
        connection = connect(spec)
    except BoardError:
        return Look("answers", banner=True)
    try:
        boot_id = connection.run(_BOOT_ID).text.strip()
    except BoardError:
        return Look("answers", banner=True)
    finally:
        connection.close()
    return Look("answers", banner=True, login=True, boot_id=boot_id or None)


def _banner(line: socket.socket) -> bool:
    with suppress(OSError):
        return line.recv(4) == b"SSH-"
    return False


def meaning(seen: Look, boot_id: str | None) -> str:
    """The fault that explains it, or those among which it cannot tell; `boot_id`: of the boot in which it was lost."""
    if seen.port == "silent":
        return "power loss or link down: no packet comes back"
    if seen.port == "refuses":
        return "its SSH server is not running: it boots, or the server has died"
    if not seen.banner:
        return "hang: its kernel takes connections, and no program answers"
    if not seen.login:
        return "its SSH server answers and lets nobody in: memory or disk full, or it hangs"
    if None in (seen.boot_id, boot_id):
        return "it is back; whether it rebooted cannot be told"
    if seen.boot_id != boot_id:
        return "reboot or power loss: it is back, in another boot"
    return "it is back, in the same boot: its link was down for a while, it hung for a while, or its agent ended"
