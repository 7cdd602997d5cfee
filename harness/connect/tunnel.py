"""The other way through an SSH connection: a port of the board's loopback that leads to one of ours."""

from __future__ import annotations

import socket
import threading

import paramiko

LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 17


class Tunnel:
    """All such ports of one connection: Paramiko has one handler for them, however many are asked for."""

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._ours: dict[int, int] = {}  # the board's port -> ours

    def reach_back(self, port: int) -> int:
        """The board's port. Lasts as long as the connection. Raises `SSHException` where the board's sshd refuses."""
        theirs = self._transport.request_port_forward(LOOPBACK, 0, self._take)
        self._ours[theirs] = port
        return theirs

    def _take(self, channel: paramiko.Channel, caller: tuple[str, int], called: tuple[str, int]) -> None:
        threading.Thread(target=_join, args=(channel, self._ours[called[1]]), daemon=True).start()


def _join(channel: paramiko.Channel, port: int) -> None:
    """Pass bytes on both ways until either side ends."""
    with channel:
        try:
            line = socket.create_connection((LOOPBACK, port))
        except OSError:
            return  # nobody listens any more: the channel closes, as a refused connection would
        with line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upwards = threading.Thread(target=_pass_on, args=(channel, line), daemon=True)
            upwards.start()
            _pass_on(line, channel)
            upwards.join()


def _pass_on(source: socket.socket | paramiko.Channel, target: socket.socket | paramiko.Channel) -> None:
    """Until the source has said all; the other way may go on."""
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except (OSError, EOFError):  # cut: neither way goes on
        source.close()
        target.close()
