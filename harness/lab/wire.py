"""The wire of a lab: a bridge in a namespace of the lab, and a cable from each board to it.

No end of any cable is ever in the machine's own namespace, and no namespace has a default route: what is not on the
prefix cannot be sent at all. Cables with delay, jitter or loss need netem in the kernel; where it is missing, a program
of ours plays the cable (`user_link`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from harness.errors import FedRackError
from harness.inventory import Link
from harness.lab import kernel
from harness.lab.cgroups import Groups, kill, leave_in
from harness.lab.plan import CONTROLLER, PREFIX, Lab, LabBoard, lab_namespace

BRIDGE = "bridge0"
CARD = "eth0"  # a board's end of its cable
_BURST_S = 0.002  # OURS: what tbf lets pass at once; with less it loses time between its wake-ups
_LEAST_BURST_BYTES = 3200  # two frames


def lay(lab: Lab, machine: Groups) -> None:
    """Namespaces, bridge and cables, each shaped as its board's link says."""
    _ip(f"netns add {name}" for name in (lab.namespace, *(board.namespace for board in lab.boards)))
    netem = _has_netem(lab.namespace)
    played = {board.name for board in lab.boards if not netem and _needs_netem(board.link)}
    veth = "link add {0.port} netns {1} type veth peer name {2} netns {0.namespace}"
    _ip(veth.format(board, lab.namespace, CARD) for board in lab.boards if board.name not in played)
    _ip(_lines_of_bridge(lab, played), lab.namespace)
    for board in lab.boards:
        _ip(_lines_of_card(board, board.name in played), board.namespace)
        if board.link is not None:
            shape(board, board.link, machine)


def shape(board: LabBoard, link: Link, machine: Groups) -> None:
    """The board's cable is such a link from now on, in both directions; a cable that a program plays, anew."""
    if _is_played(board):
        kill(machine, board.wire_group)
        _play(board, link, machine)
        return
    for namespace, device in _ends(board):
        _run(["tc", "-n", namespace, *qdisc(device, link)])


def plug(board: LabBoard, plugged: bool) -> None:
    """The cable in or out, at the bridge's end."""
    _ip([f"link set {board.port} {'up' if plugged else 'down'}"], lab_namespace(board.lab))


def qdisc(device: str, link: Link) -> list[str]:
    """The words for tc that make one end of a cable such a link. Pure."""
    words = ["qdisc", "replace", "dev", device, "root"]
    if _needs_netem(link):
        words += ["netem", "delay", f"{link.delay_ms:g}ms", f"{link.jitter_ms:g}ms", "loss", f"{link.loss_pct:g}%"]
        return words + (["rate", f"{link.rate_mbit:g}mbit"] if link.rate_mbit else [])
    if link.rate_mbit:
        burst_bytes = max(_LEAST_BURST_BYTES, int(link.rate_mbit * 1e6 / 8 * _BURST_S))
        return [*words, "tbf", "rate", f"{link.rate_mbit:g}mbit", "burst", str(burst_bytes), "latency", "200ms"]
    return [*words, "pfifo_fast"]


def remove(lab_name: str) -> None:
    """The lab's namespaces with all that is in them, whole or not."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line]
    _ip(f"netns del {name}" for name in names if name.partition(".")[0] == lab_namespace(lab_name))


def _needs_netem(link: Link | None) -> bool:
    return link is not None and bool(link.delay_ms or link.jitter_ms or link.loss_pct)


def _has_netem(namespace: str) -> bool:
    """Tried on the namespace's loopback, and taken back."""
    words = ["tc", "-n", namespace, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms"]
    if subprocess.run(words, capture_output=True).returncode != 0:
        return False
    _run(["tc", "-n", namespace, "qdisc", "del", "dev", "lo", "root"])
    return True


def _lines_of_bridge(lab: Lab, played: set[str]) -> Iterable[str]:
    yield "link set lo up"
    yield f"link add {BRIDGE} type bridge forward_delay 0"
    yield f"addr add {CONTROLLER}/{PREFIX.prefixlen} dev {BRIDGE}"
    yield f"link set {BRIDGE} up"
    for board in lab.boards:
        if board.name in played:
            yield f"tuntap add dev {board.port} mode tap"
        yield f"link set {board.port} master {BRIDGE} up"


def _lines_of_card(board: LabBoard, played: bool) -> Iterable[str]:
    yield "link set lo up"
    if played:
        yield f"tuntap add dev {CARD} mode tap"
    yield f"addr add {board.address}/{PREFIX.prefixlen} dev {CARD}"
    yield f"link set {CARD} up"


def _ends(board: LabBoard) -> list[tuple[str, str]]:
    return [(lab_namespace(board.lab), board.port), (board.namespace, CARD)]


def _is_played(board: LabBoard) -> bool:
    done = _run(["ip", "-n", lab_namespace(board.lab), "-json", "-details", "link", "show", board.port])
    return bool(json.loads(done)[0]["linkinfo"]["info_kind"] == "tun")


def _play(board: LabBoard, link: Link, machine: Groups) -> None:
    """The program goes on until it is killed."""
    ends = [word for end in _ends(board) for word in end]
    command = [sys.executable, "-m", "harness.lab.user_link", *ends, json.dumps(asdict(link))]
    machine.make(board.wire_group)
    leave_in(machine, board.wire_group, command)


def _ip(lines: Iterable[str], namespace: str | None = None) -> None:
    where = ["-n", namespace] if namespace else []
    _run(["ip", *where, "-batch", "-"], "".join(f"{line}\n" for line in lines))


def _run(command: Sequence[str], text: str = "") -> str:
    """Not to go on with a batch whose `lab up` was killed: `lab down` may be next."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, preexec_fn=kernel.die_with_parent)
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise FedRackError(f"`{' '.join(command)}`: {said}", remedy="check the board's `link`; is iproute2 5 or newer?")
    return done.stdout
