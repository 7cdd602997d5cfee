"""The controller's way into a lab: before it speaks to any board, it moves into the network namespace of the lab.

The namespace is the whole point: nothing in it can reach the machine's own network, and no cable ends outside. So the
controller goes in, with the FL server and all else that it starts from there, instead of a cable coming out; and the
rest of the harness is the same as on real boards. Only the calling thread moves, and those that it starts later:
whoever has started threads before must not have them speak to boards.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from harness.errors import BadInput, FedRackError, Problem
from harness.inventory import BoardSpec
from harness.lab import kernel
from harness.lab.plan import PREFIX, lab_namespace


def enter_lab(boards: Sequence[BoardSpec]) -> None:
    """Nothing, where no board belongs to a lab. Raises `BadInput` before any packet is sent to where none may go."""
    labs = sorted({board.lab for board in boards if board.lab is not None})
    if not labs:
        return
    problems = [
        Problem(path=board.name, what=f"{address} is neither loopback nor in the lab's {PREFIX}", remedy=_REMEDY)
        for board in boards
        if board.virtual != "embedded"
        for address in (board.host, board.server_address, *(jump.host for jump in board.jumps))
        if not _inside(address)
    ]
    if len(labs) > 1:
        what = f"boards of several labs: {', '.join(labs)}"
        problems.append(Problem(path="devices", what=what, remedy="name boards of one lab with --devices"))
    if problems:
        raise BadInput(f"lab {labs[0]!r}", problems)
    try:
        kernel.join_network(lab_namespace(labs[0]))
    except FileNotFoundError:
        raise FedRackError(f"there is no lab {labs[0]!r} on this machine", remedy="fedrack lab up") from None
    except PermissionError:
        raise FedRackError(f"only root may enter the lab {labs[0]!r}", remedy="run the same with sudo") from None


_REMEDY = "run boards of a lab apart from other boards: in a lab nothing else can be reached"


def _inside(host: str) -> bool:
    """Names are outside: to look one up would already be a packet."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address in PREFIX
