"""Every key that an inventory may carry at `vars:` or at a host, and what its value must be."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from harness.agent.sidecars import SIDECARS
from harness.board_classes import BOARD_CLASSES
from harness.errors import Problem
from harness.fault_kinds import FaultKind
from harness.images import names as image_names
from harness.inventory import LAB_NAME
from harness.load.fields import BudgetMb, Keys, Number, Seconds, Text, Whole, checked, field, one_of

LEVELS = ("embedded", "namespace", "emulated")
FAULTS = tuple(kind.value for kind in FaultKind)

# Ansible still reads these; ignoring them would lead us to another address than Ansible.
OLD_NAMES = {
    "ansible_ssh_host": "ansible_host",
    "ansible_ssh_port": "ansible_port",
    "ansible_ssh_user": "ansible_user",
    "ansible_private_key_file": "ansible_ssh_private_key_file",
}

_ADDRESS = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.%a-z]*:[0-9A-Fa-f:.%a-z]*:[0-9A-Fa-f:.%a-z]*")  # name, IPv4, IPv6


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError
    return text


def _public_key(text: str) -> str:
    """`ssh-ed25519 AAAA... comment` without the comment; the type must agree with the key's own bytes."""
    kind, encoded = text.split()[:2]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError from None
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != kind.encode() or len(blob) <= 4 + len(kind):
        raise ValueError
    return f"{kind} {encoded}"


def _folder(text: str) -> str:
    text = text.rstrip("/")
    if text.startswith(("/", "~")) or {"", ".", ".."} & set(text.split("/")):
        raise ValueError
    return text


Rate = Annotated[Seconds, Field(le=1000)]
Span = Annotated[Number, Field(ge=0)]
Sidecar = Annotated[Text, one_of("sidecar", SIDECARS)]
Address = Annotated[Text, AfterValidator(_address)]
Name = Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_KEY_EXAMPLE = "ssh-ed25519 AAAAC3Nza..."


class LinkKeys(Keys):
    """What the wire to a namespace board is like."""

    rate_mbit: Annotated[Number, Field(gt=0)] | None = field("a rate in Mbit/s above 0", 20)
    delay_ms: Annotated[Number, Field(ge=0)] | None = field("a time in ms, each way", 10)
    jitter_ms: Annotated[Number, Field(ge=0)] | None = field("a time in ms, each way", 2)
    loss_pct: Annotated[Number, Field(ge=0, le=100)] | None = field("a share in percent", 0.5)


class BoardKeys(Keys):
    """Optional all: a host gets what its groups set, and its own values win."""

    ansible_host: Address | None = field("a host name or an address, without user and port", "192.0.2.11")
    ansible_port: Annotated[Whole, Field(ge=1, le=65535)] | None = field("a port from 1 to 65535", 22)
    ansible_user: Name | None = field("a login name", "fedrack")
    ansible_ssh_private_key_file: Text | None = field("the path of a private key", "~/.ssh/id_ed25519")
    ansible_connection: Literal["ssh", "adb", "local"] | None = field("ssh, adb or local", "ssh")
    ansible_python_interpreter: Text | None = field("an interpreter on the board", "/usr/bin/python3")
    board_class: Annotated[Text, one_of("board class", BOARD_CLASSES)] | None = field("a class", "jetson-nano")
    image: Annotated[Text, one_of("image", image_names())] | None = field("a folder of device_images", "jetson-jp4")
    virtual: Annotated[Text, one_of("level of virtual board", LEVELS)] | None = field("a level", "embedded")
    memory_budget_mb: BudgetMb | None = field("a whole number of MB, 64 or more", 1536)
    meters: list[Text] | None = field("a list of meters beside the board", "[shelly2://192.0.2.40]")
    sidecars: list[Sidecar] | None = field("a list of sidecars", "[jtop]")
    sidecar_python: Text | None = field("an interpreter on the board", "/opt/jtop/bin/python3")
    sample_rate_hz: Rate | None = field("samples per second, above 0 and up to 1000", 10)
    burst_hz: Rate | None = field("memory samples per second, above 0 and up to 1000", 100)
    idle_s: Span | None = field("a number of seconds, 0 or more", 10)
    cool_down_s: Span | None = field("a number of seconds, 0 or more", 120)
    power_mode: Text | None = field("the name of a mode of nvpmodel", "MAXN")
    governor: Name | None = field("the name of a cpufreq governor", "performance")
    lock_clocks: bool | None = field("true or false", "true")
    host_key: Annotated[Text, AfterValidator(_public_key)] | None = field("a public key with its type", _KEY_EXAMPLE)
    known_hosts: Text | None = field("the path of a known_hosts file", "known_hosts")
    root: Annotated[Text, AfterValidator(_folder)] | None = field("a folder relative to the login's home", ".fedrack")
    server_address: Address | None = field("the controller's address as the board sees it", "192.0.2.1")
    reverse_tunnel: bool | None = field("true or false", "true")
    lab: Annotated[Text, Field(pattern=LAB_NAME)] | None = field("the name of a lab", "lab")
    link: LinkKeys | None = field("a link, with numbers from 0 up", "{rate_mbit: 20, delay_ms: 10}")
    faults: list[Annotated[Text, one_of("fault", FAULTS)]] | None = field("a list of faults", "[under-voltage]")
    connect_timeout_s: Seconds | None = field("a number of seconds above 0", 10)
    command_timeout_s: Seconds | None = field("a number of seconds above 0", 30)


def board_keys(raw: Mapping[str, Any], path: str, *, shared: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    """The keys of one level, checked. Other `ansible_*` keys pass, and in a `shared` file any key that is not ours,
    unless they look like a slip in one of ours."""
    ours: dict[str, Any] = {}
    for key, value in raw.items():
        key = OLD_NAMES.get(key, key)
        foreign = shared or key.startswith("ansible_")
        if key in BoardKeys.model_fields or not foreign or _slip(key):
            ours[key] = value
    return checked(BoardKeys, ours, path)


def _slip(key: str) -> bool:
    return bool(difflib.get_close_matches(key, list(BoardKeys.model_fields), n=1, cutoff=0.9))
