"""Opening an SSH connection: only pinned host keys, only the named key, all within one deadline."""

from __future__ import annotations

import base64
import logging
import socket
import time
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
        within(spec.connect_timeout_s, lambda: _open(connection, end_s))
    except (OSError, EOFError, paramiko.SSHException) as error:
        connection.client.close()
        if "sock" in connection.connect_kwargs:
            connection.connect_kwargs["sock"].close()
        raise _explained(spec, error, connected="sock" in connection.connect_kwargs) from error
    return connection


def _open(connection: fabric.Connection, end_s: float) -> None:
    """Runs in a thread that may be abandoned: past `end_s` it must end by itself and leave nothing open."""
    sock = socket.create_connection((connection.host, connection.port), timeout=max(0.01, end_s - time.monotonic()))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        sock.close()
        raise TimeoutError
    # One second more than the deadline: `within` speaks first, these only end the abandoned thread.
    limits = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), left_s + 1)
    connection.connect_kwargs.update(sock=sock, **limits)
    connection.open()


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
            client.get_host_keys().add(_known_hosts_name(spec), kind, key)
        else:
            client.load_system_host_keys(spec.known_hosts)
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType, InvalidHostKey) as error:
        source = "the pinned host_key" if spec.host_key else f"known_hosts file {spec.known_hosts}"
        remedy = "pin the board's key as `host_key: ssh-ed25519 AAAA...`"
        raise HostKeyRefused(spec.name, f"{source} cannot be used: {error}", remedy=remedy) from error


def _known_hosts_name(spec: BoardSpec) -> str:
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
            f"its host key is {error.key.fingerprint}, but none is pinned for {_known_hosts_name(spec)} in {source}",
            remedy="compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the board; if they agree, write "
            f"`host_key: {error.key.get_name()} {error.key.get_base64()}`",
        )
    if isinstance(error, paramiko.AuthenticationException) or "No authentication methods" in str(error):
        key = f"the key {spec.key_file}" if spec.key_file else "any key of the SSH agent or ~/.ssh"
        remedy = f"add the public key to {spec.user}'s ~/.ssh/authorized_keys on the board, or correct ansible_user"
        return LoginRefused(spec.name, f"{spec.where} does not accept {key}", remedy=remedy)
    message, remedy = _no_answer(spec, error, connected=connected)
    return Unreachable(spec.name, message, remedy=remedy)


def _no_answer(spec: BoardSpec, error: Exception, *, connected: bool) -> tuple[str, str]:
    place = f"{spec.host}:{spec.port}"
    if isinstance(error, TimeoutError):
        what = "takes connections, but did not complete the login" if connected else "did not answer"
        return f"{place} {what} within {spec.connect_timeout_s:g} s", "check its power, its network and ansible_host"
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refuses connections", "check that its SSH server runs, and ansible_port"
    if isinstance(error, socket.gaierror):
        return f"the name {spec.host} has no address", "write its address as ansible_host"
    if connected:
        return f"{place} ended the connection during the login ({error})", "check that an SSH server listens there"
    return f"{place}: {error}", "check its network and ansible_host"
