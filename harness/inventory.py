"""Boards as data: what the inventory says of each, and how a selection names them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from harness.patterns import matching


class Jump(NamedTuple):
    """A machine on the way to a board. Its host key is looked up like the board's."""

    host: str
    port: int
    user: str
    key_file: str | None


LAB_NAME = r"^[a-z][a-z0-9-]{0,19}$"  # it becomes part of the names of namespaces and cgroups


@dataclass(frozen=True, kw_only=True)
class Link:
    """What the wire to a namespace board is like, in both directions alike. None and 0: as this machine has it."""

    rate_mbit: float | None = None  # of frames on the wire, headers included
    delay_ms: float = 0.0  # each way
    jitter_ms: float = 0.0  # each way: evenly within delay_ms +- jitter_ms
    loss_pct: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the inventory asks to be set for a run, and restored after it; None or False: left as it is."""

    power_mode: str | None = None  # of nvpmodel, by name
    governor: str | None = None  # of cpufreq
    lock_clocks: bool = False  # jetson_clocks


@dataclass(frozen=True, kw_only=True)
class Observation:
    """How a board is watched while a cell runs."""

    rate_hz: float = 10.618  # no multiple of a load's steps: at 10.0 samples of a 1 s load fall on ever the same places
    burst_hz: float | None = None  # of memory alone, between the samples
    sidecars: tuple[str, ...] = ()  # sensors that need a package, a service or a slow program
    sidecar_python: str | None = None  # an interpreter on the board that has their packages
    meters: tuple[str, ...] = ()  # beside the board, asked by the controller: shelly2://192.0.2.40
    idle_s: float = 0.0  # at rest before and after each cell, for net energy
    cool_down_s: float = 0.0  # longest wait for the board to be as cool as it was at first


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """One board as the inventory describes it. Sizes in bytes, times in seconds."""

    name: str
    groups: tuple[str, ...]  # innermost last; the first is never "all"
    board_class: str  # jetson-nano, raspberry-pi-4, phone, ...
    virtual: str | None  # None = real hardware; else the level: embedded, namespace, emulated
    image: str  # a folder of device_images/
    connection: str  # ssh, adb, local
    host: str
    port: int
    user: str
    key_file: str | None  # private key; None = the SSH agent and the user's default keys
    host_key: str | None  # the pinned key, "ssh-ed25519 AAAA..."; None = look it up in known_hosts
    known_hosts: str | None  # file with pinned keys; None = the user's own
    jumps: tuple[Jump, ...]  # nearest first; of ~/.ssh/config
    python: str  # interpreter on the board
    root: str  # our folder on the board, relative to the login's home
    memory_budget_bytes: int | None  # limit for the worker's process tree; None = the whole board
    server_address: str  # the controller as the board sees it
    connect_timeout_s: float
    command_timeout_s: float
    wanted: Wanted = Wanted()
    observation: Observation = Observation()
    lab: str | None = None  # the lab that a namespace board belongs to; written by `fedrack lab up`
    link: Link | None = None  # of a namespace board
    faults: tuple[str, ...] = ()  # that a namespace board has from the start
    reverse_tunnel: bool = False  # it reaches the controller's programs through its SSH connection alone

    @property
    def where(self) -> str:
        """`user@host:port`, for messages."""
        return f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All boards of a file, in the order of the file."""

    source: str
    boards: tuple[BoardSpec, ...]
    groups: Mapping[str, tuple[str, ...]]  # group -> names of its boards, children included

    def select(self, devices: str) -> tuple[BoardSpec, ...]:
        """Boards that a pattern like Ansible's `--limit` names, in the order of the file.

        Raises `UnknownName` with every known group and host, and the nearest.
        """
        wanted = matching(devices, [board.name for board in self.boards], self.groups)
        return tuple(board for board in self.boards if board.name in wanted)
