"""What `~/.ssh/config` says of a host: used where the inventory says nothing. ProxyJump, hop after hop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko

from harness.inventory import Jump

LONGEST_WAY = 8  # hops; more is a circle


class SshConfig:
    """The user's configuration, read once; an absent file says nothing."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or Path.home() / ".ssh" / "config"
        self._config = paramiko.SSHConfig.from_path(str(path)) if path.is_file() else paramiko.SSHConfig()

    def keys(self, host: str) -> dict[str, Any]:
        """Inventory keys that the configuration answers for `host`."""
        said = self._config.lookup(host)
        keys: dict[str, Any] = {"ansible_host": said.get("hostname", host)}
        if "port" in said:
            keys["ansible_port"] = int(said["port"])
        if "user" in said:
            keys["ansible_user"] = said["user"]
        if said.get("identityfile"):
            keys["ansible_ssh_private_key_file"] = said["identityfile"][0]
        return keys

    def jumps(self, host: str, user: str) -> tuple[Jump, ...]:
        """The machines on the way to `host`, nearest first. Raises `ValueError` for a way that has no end."""
        way: list[Jump] = []
        said = self._config.lookup(host)
        while (proxy := said.get("proxyjump", "none")).lower() != "none":
            hops = [self._jump(each.strip(), user) for each in proxy.split(",")]
            way = [jump for _, jump in hops] + way
            if len(way) > LONGEST_WAY:
                raise ValueError(f"ProxyJump of {host} goes in a circle")
            said = self._config.lookup(hops[0][0])
        return tuple(way)

    def _jump(self, text: str, user: str) -> tuple[str, Jump]:
        """`[user@]host[:port]`, the alias first: what is not said there the configuration says of that host."""
        who, _, place = text.rpartition("@")
        alias, _, port = place.partition(":")
        keys = self.keys(alias)
        key_file = keys.get("ansible_ssh_private_key_file")
        return alias, Jump(
            host=keys["ansible_host"],
            port=int(port or keys.get("ansible_port", 22)),
            user=who or keys.get("ansible_user", user),
            key_file=str(Path(key_file).expanduser()) if key_file else None,
        )
