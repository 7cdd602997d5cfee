"""Opening an SSH connection: only pinned host keys, only the named key, all within one deadline."""

from __future__ import annotations

import base64
import logging
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import fabric
import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.hostkeys import InvalidHostKey
from paramiko.pkey import UnknownKeyType

from harness.connect.deadline import within
from harness.errors import BoardError, HostKeyRefused, LoginRefused, Unreachable
from harness.inventory import BoardSpec

# Paramiko logs what it also raises; the raised one is told once, in our words.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

# A board that lost power is noticed on an idle connection within about half a minute.
_TCP_OPTIONS = {"TCP_NODELAY": 1, "TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}


class _UnknownHostKey(paramiko.SSHException):
    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.key = key


class _Reject(paramiko.RejectPolicy):
    """Like RejectPolicy, but keeps the key that was offered for the message."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        raise _UnknownHostKey(key)


class _HopFailed(Exception):
    """A machine on the way did not let us through; the cause says why."""

    def __init__(self, hop: BoardSpec, error: Exception) -> None:
        super().__init__(str(error))
        self.hop = hop
        self.error = error


def log_in(spec: BoardSpec) -> fabric.Connection:
    """An open Fabric connection. Raises `Unreachable`, `HostKeyRefused` or `LoginRefused`."""
    # lazy + an explicit SSHConfig: neither ~/.ssh/config nor ~/.fabric.yaml changes what the inventory says.
    config = fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig())
    connection = fabric.Connection(
        spec.host, user=spec.user, port=spec.port, config=config, connect_kwargs=_login_keys(spec)
    )
    _pin_host_key(connection.client, spec)  # Fabric has just set AutoAddPolicy and loaded no known_hosts
    end_s = time.monotonic() + spec.connect_timeout_s
    try:
        within(spec.connect_timeout_s, lambda: _open(connection, spec, end_s))
    except _HopFailed as failed:
        connection.client.close()
        raise _on_the_way(spec, failed) from failed.error
    except (OSError, EOFError, paramiko.SSHException) as error:
        connection.client.close()
        if "sock" in connection.connect_kwargs:
            connection.connect_kwargs["sock"].close()
        raise _explained(spec, error, connected="sock" in connection.connect_kwargs) from error
    return connection


def offered_key(spec: BoardSpec) -> paramiko.PKey:
    """The host key that the board offers, without logging in there. Raises `Unreachable`, or a hop's error."""
    end_s = time.monotonic() + spec.connect_timeout_s

    def ask() -> paramiko.PKey:
        transport = paramiko.Transport(_way_to(spec, end_s))
        try:
            transport.start_client(timeout=max(0.1, end_s - time.monotonic()))
            return transport.get_remote_server_key()
        finally:
            transport.close()

    try:
        return within(spec.connect_timeout_s, ask)
    except _HopFailed as failed:
        raise _on_the_way(spec, failed) from failed.error
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _explained(spec, error, connected=False) from error


def _open(connection: fabric.Connection, spec: BoardSpec, end_s: float) -> None:
    """Runs in a thread that may be abandoned: past `end_s` it must end by itself and leave nothing open."""
    sock = _way_to(spec, end_s)
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        sock.close()
        raise TimeoutError
    connection.connect_kwargs.update(sock=sock, **_limits(left_s))
    connection.open()


def _limits(left_s: float) -> dict[str, Any]:
    """One second more than the deadline: `within` speaks first, these only end the abandoned thread."""
    return dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), left_s + 1)


def _way_to(spec: BoardSpec, end_s: float) -> Any:
    """A socket to the board, or a channel through the machines on the way; closing it closes them all."""
    if not spec.jumps:
        return _tcp(spec, end_s)
    *before, last = spec.jumps
    hop = replace(
        spec, host=last.host, port=last.port, user=last.user, key_file=last.key_file, host_key=None, jumps=tuple(before)
    )
    client = paramiko.SSHClient()
    try:
        _pin_host_key(client, hop)
        sock = _way_to(hop, end_s)
        limits = _limits(max(0.1, end_s - time.monotonic()))
        client.connect(hop.host, hop.port, hop.user, sock=sock, **_login_keys(hop), **limits)
        transport = client.get_transport()
        assert transport is not None
        channel = transport.open_channel(
            "direct-tcpip", (spec.host, spec.port), ("127.0.0.1", 0), timeout=limits["timeout"]
        )
    except _HopFailed:
        client.close()
        raise
    except (OSError, EOFError, paramiko.SSHException, BoardError) as error:
        client.close()
        raise _HopFailed(hop, error) from error
    return _Passage(channel, client)


class _Passage:
    """A channel through another machine, as a socket that takes the machine's connection with it when it closes."""

    def __init__(self, channel: paramiko.Channel, client: paramiko.SSHClient) -> None:
        self._channel = channel
        self._client = client

    def close(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):  # Paramiko closes it from two threads
            self._channel.close()
        self._client.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def _tcp(spec: BoardSpec, end_s: float) -> socket.socket:
    sock = socket.create_connection((spec.host, spec.port), timeout=max(0.01, end_s - time.monotonic()))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return sock


def _on_the_way(spec: BoardSpec, failed: _HopFailed) -> BoardError:
    """What stopped us at a machine on the way, told of the board."""
    error, place = failed.error, f"{failed.hop.host}:{failed.hop.port}"
    told = error if isinstance(error, BoardError) else _explained(failed.hop, error, connected=False)
    message = told.message.removeprefix(f"{spec.name}: ")
    return type(told)(spec.name, f"on the way, at {place}: {message}", remedy=told.remedy)


def _login_keys(spec: BoardSpec) -> dict[str, Any]:
    """Exactly the named key; without one, the agent and the default keys. Never a prompt."""
    if spec.key_file is None:
        return {"allow_agent": True, "look_for_keys": True}
    try:
        key = paramiko.PKey.from_path(Path(spec.key_file))
    except FileNotFoundError:
        remedy = "correct ansible_ssh_private_key_file, or make the key with `ssh-keygen -t ed25519`"
        raise LoginRefused(spec.name, f"there is no key file {spec.key_file}", remedy=remedy) from None
    except (TypeError, paramiko.PasswordRequiredException):
        remedy = "load it into ssh-agent (`ssh-add`) and leave ansible_ssh_private_key_file out"
        raise LoginRefused(spec.name, f"the key {spec.key_file} needs a passphrase", remedy=remedy) from None
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType, UnsupportedAlgorithm) as error:
        message = f"{spec.key_file} is not a usable private key ({error})"
        raise LoginRefused(spec.name, message, remedy="name an OpenSSH private key, not the .pub file") from None
    return {"pkey": key, "allow_agent": False, "look_for_keys": False}


def _pin_host_key(client: paramiko.SSHClient, spec: BoardSpec) -> None:
    client.set_missing_host_key_policy(_Reject())
    try:
        if spec.host_key is not None:
            kind, encoded = spec.host_key.split()[:2]
            key = paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
            client.get_host_keys().add(known_hosts_name(spec), kind, key)
        else:
            client.load_system_host_keys(spec.known_hosts)
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType, InvalidHostKey) as error:
        source = "the pinned host_key" if spec.host_key else f"known_hosts file {spec.known_hosts}"
        remedy = "pin the board's key as `host_key: ssh-ed25519 AAAA...`"
        raise HostKeyRefused(spec.name, f"{source} cannot be used: {error}", remedy=remedy) from error


def known_hosts_name(spec: BoardSpec) -> str:
    """How known_hosts files call the board."""
    return spec.host if spec.port == 22 else f"[{spec.host}]:{spec.port}"


def _explained(spec: BoardSpec, error: Exception, *, connected: bool) -> BoardError:
    """The error in our words."""
    if isinstance(error, paramiko.BadHostKeyException):
        got, pinned = error.key.fingerprint, error.expected_key.fingerprint
        return HostKeyRefused(
            spec.name,
            f"its host key is {got}, but {pinned} is pinned",
            remedy="if the board was installed anew, pin its new key; if not, another machine answers at that address",
        )
    if isinstance(error, _UnknownHostKey):
        source = spec.known_hosts or "~/.ssh/known_hosts"
        return HostKeyRefused(
            spec.name,
            f"its host key is {error.key.fingerprint}, but none is pinned for {known_hosts_name(spec)} in {source}",
            remedy="compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the board; if they agree, write "
            f"`host_key: {error.key.get_name()} {error.key.get_base64()}`",
        )
    if isinstance(error, paramiko.AuthenticationException) or "No authentication methods" in str(error):
        key = f"the key {spec.key_file}" if spec.key_file else "any key of the SSH agent or ~/.ssh"
        remedy = f"add the public key to {spec.user}'s ~/.ssh/authorized_keys on the board, or correct ansible_user"
        return LoginRefused(spec.name, f"{spec.where} does not accept {key}", remedy=remedy)
    message, remedy = _no_answer(spec, error, connected=connected)
    return Unreachable(spec.name, message, remedy=remedy)


# Whether it was connected -> what it did not do, and what that means.
_SILENCE = {
    True: ("takes connections, but did not complete the login", "it hangs, or its SSH server does"),
    False: ("did not answer", "power loss or link down"),
}


def _no_answer(spec: BoardSpec, error: Exception, *, connected: bool) -> tuple[str, str]:
    place = f"{spec.host}:{spec.port}"
    if isinstance(error, TimeoutError):
        what, why = _SILENCE[connected]
        message = f"{place} {what} within {spec.connect_timeout_s:g} s: {why}"
        return message, "check its power, its network and ansible_host"
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refuses connections", "check that its SSH server runs, and ansible_port"
    if isinstance(error, socket.gaierror):
        return f"the name {spec.host} has no address", "write its address as ansible_host"
    if connected:
        return f"{place} ended the connection during the login ({error})", "check that an SSH server listens there"
    return f"{place}: {error}", "check its network and ansible_host"
