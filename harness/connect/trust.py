"""Pinning a board's host key: the only way in which a key becomes known. Somebody has to say that it is right."""

from __future__ import annotations

import os
from pathlib import Path

import paramiko

from harness.connect.login import known_hosts_name, offered_key
from harness.errors import HostKeyRefused
from harness.inventory import BoardSpec


def fingerprint_of(spec: BoardSpec) -> tuple[paramiko.PKey, str]:
    """The key that the board offers now, and its fingerprint. Nothing is logged in, nothing is stored."""
    key = offered_key(spec)
    return key, key.fingerprint


def pins_file(spec: BoardSpec) -> Path:
    """Where a pin of this board belongs."""
    return Path(spec.known_hosts) if spec.known_hosts else Path.home() / ".ssh" / "known_hosts"


def pin(spec: BoardSpec, key: paramiko.PKey) -> bool:
    """Write the key into the board's known_hosts; False if it is there. Raises `HostKeyRefused` over another pin."""
    path, name = pins_file(spec), known_hosts_name(spec)
    pins = paramiko.HostKeys(str(path)) if path.is_file() else paramiko.HostKeys()
    known = pins.lookup(name)
    pinned = known.get(key.get_name()) if known is not None else None
    if pinned is not None and pinned != key:
        raise HostKeyRefused(
            spec.name,
            f"{path} pins {pinned.fingerprint} for {name}, it offers {key.fingerprint}",
            remedy=f"if the board was installed anew: `ssh-keygen -R '{name}' -f {path}`, then trust it again",
        )
    if pinned is not None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write(f"{name} {key.get_name()} {key.get_base64()}\n")
    return True
