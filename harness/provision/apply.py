"""The only loop that changes a board: step after step, until one fails."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from contextlib import suppress

from harness.connect.base import KILLED, Connection, Result
from harness.errors import BoardError, CommandFailed, Unreachable
from harness.facts.base import ILLEGAL_INSTRUCTION
from harness.inventory import BoardSpec
from harness.provision.hold import held
from harness.provision.plan import Plan
from harness.provision.steps import Push, Reboot, Run, Step
from harness.wheels import Cache, Wanted

REBOOT_S = 300.0  # a Nano with an SD card takes a minute and a half
_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_ASK_AGAIN_S = 2.0

Connect = Callable[[BoardSpec], Connection]


def apply(plan: Plan, spec: BoardSpec, connect: Connect, cache: Cache, told: Callable[[Step], None]) -> None:
    """Do every step, holding the board's lease. Raises the `BoardError` of the first that fails, and stops there."""
    todo = list(plan.steps)
    while todo:
        connection = connect(spec)
        try:
            with held(connection, spec, "provisioning"):
                todo = _until_reboot(todo, connection, spec, cache, told)
        finally:
            connection.close()
        if todo:
            assert isinstance(todo[0], Reboot)
            told(todo[0])
            _reboot(todo[0], spec, connect)
            todo = todo[1:]


def _until_reboot(
    steps: list[Step], connection: Connection, spec: BoardSpec, cache: Cache, told: Callable[[Step], None]
) -> list[Step]:
    """Does the steps before the first reboot; returns what is left, the reboot first."""
    for index, step in enumerate(steps):
        if isinstance(step, Reboot):
            return steps[index:]
        told(step)
        if isinstance(step, Push):
            _push(step, connection, spec, cache)
        else:
            _run(step, connection, spec)
    return []


def _push(step: Push, connection: Connection, spec: BoardSpec, cache: Cache) -> None:
    path = cache.obtain(Wanted(step.file, step.sha256, step.url))
    root = shlex.quote(spec.root)
    connection.run(f"mkdir -p {root}/wheels && rm -f {root}/wheels/*.part")  # what a cut-off copy left behind
    connection.put(path, f"{spec.root}/wheels/{step.file}")


def _run(step: Run, connection: Connection, spec: BoardSpec) -> None:
    result = connection.run(f"cd {shlex.quote(spec.root)} && {step.command}", step.deadline_s)
    if result.exit_code != 0:
        raise _failed(step, result, spec)


def _failed(step: Run, result: Result, spec: BoardSpec) -> CommandFailed:
    """In our words where we know the case, in the command's where not."""
    said = result.error_text.splitlines() or result.text.splitlines()
    if step.proof and result.exit_code in (ILLEGAL_INSTRUCTION, KILLED):
        message = "this wheel does not run on this CPU: torch ended with an illegal instruction"
        return CommandFailed(spec.name, message, remedy="name an image whose torch is built for this CPU")
    if any("No space left on device" in line for line in said):
        return CommandFailed(spec.name, f"its disk is full: {said[-1]}", remedy="make room on the board, and run again")
    if any("a password is required" in line for line in said):
        remedy = f"install the rules of `fedrack provision --sudoers --devices {spec.name}` there"
        return CommandFailed(spec.name, f"sudo asks for a password for `{step.privileged}`", remedy=remedy)
    last = said[-1] if said else "it said nothing"
    return CommandFailed(
        spec.name, f"exit code {result.exit_code} from `{_short(step.command)}`: {last}", remedy=step.remedy
    )


def _short(command: str) -> str:
    first = command.splitlines()[0]
    return first if len(first) <= 100 else f"{first[:97]}..."


def _reboot(step: Reboot, spec: BoardSpec, connect: Connect) -> None:
    """Ask for it, and wait for another boot id."""
    connection = connect(spec)
    try:
        before = connection.run(_BOOT_ID).text
        with suppress(BoardError):  # the answer may go down with the board
            connection.run(f"nohup sh -c 'sleep 1; {step.command}' >/dev/null 2>&1 &")
    finally:
        connection.close()
    end_s = time.monotonic() + REBOOT_S
    while time.monotonic() < end_s:
        time.sleep(_ASK_AGAIN_S)
        with suppress(BoardError):
            connection = connect(spec)
            try:
                if connection.run(_BOOT_ID).text != before:
                    return
            finally:
                connection.close()
    remedy = "look at it: power, screen, serial console; then run again"
    raise Unreachable(spec.name, f"it did not come back within {REBOOT_S:.0f} s of its reboot", remedy=remedy)
