"""What root changes on a board: swap, the memory controller, packages, the power mode. Each only where it differs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.facts.swap import Swap
from harness.provision import privileged
from harness.provision.desired import Desired
from harness.provision.steps import INSTALL_S, Reboot, Run, Step
from harness.provision.survey import Survey


def packages(desired: Desired, survey: Survey) -> Iterator[Step]:
    """What torch links and the system does not bring."""
    missing = [name for name in desired.image.packages if name in survey.missing_packages]
    if missing:
        command = privileged.install_packages(desired.image.packages)
        yield _as_root(survey, command, f"missing: {', '.join(missing)}", deadline_s=INSTALL_S)


def swap_off(desired: Desired, survey: Survey) -> Iterator[Step]:
    """With swap or zram, running out of memory turns into running slowly."""
    if desired.image.swap != "off" or not survey.swaps:
        return
    yield from (_as_root(survey, command, why) for command, why in _mechanisms(survey.swaps, survey))
    if _pi_zram(survey):
        conf = f"printf '[Main]\\nMechanism=none\\n' | {_sudo(survey)}{privileged.PI_ZRAM_OFF} > /dev/null"
        yield Run(command=conf, why="zram would come back", privileged=privileged.PI_ZRAM_OFF)
    names = ", ".join(swap.device for swap in survey.swaps)
    yield _as_root(survey, privileged.SWAP_OFF, f"{names} would hide that a budget is too small")


def _mechanisms(swaps: tuple[Swap, ...], survey: Survey) -> Iterator[tuple[str, str]]:
    if survey.l4t is not None and any(swap.zram for swap in swaps):
        yield privileged.JETSON_ZRAM_OFF, "zram would be back after a reboot"
    if any(swap.device == "/var/swap" for swap in swaps):
        yield privileged.PI_SWAP_FILE_OFF, "the swap file would be back after a reboot"


def _pi_zram(survey: Survey) -> bool:
    return survey.l4t is None and any(swap.zram for swap in survey.swaps)


def power_mode(desired: Desired, survey: Survey) -> Iterator[Step]:
    """By name: its number means another mode on another module."""
    wanted = desired.spec.wanted.power_mode or desired.image.power_mode
    if wanted is None or survey.power_mode is None or survey.power_mode.name == wanted:
        return
    if wanted not in survey.power_modes:
        return  # `refusals` tells
    command = privileged.power_mode(survey.power_modes[wanted])
    # Its exit code is 0 for a mode that it did not take; a mode that needs a reboot asks, and no answer cancels it.
    verify = f"nvpmodel -q | grep -Fxq 'NV Power Mode: {wanted}'"
    yield Run(
        command=f"{_sudo(survey)}{command} </dev/null; {verify}",
        why=f"the board is in {survey.power_mode.name}, wanted is {wanted}",
        privileged=command,
        remedy=f"where that mode needs a reboot: `sudo {command}` on the board, answer YES, then run again",
    )


def memory_controller(desired: Desired, survey: Survey) -> Iterator[Step]:
    """A Raspberry Pi's device tree switches it off; the kernel keeps the last word on its command line."""
    if survey.cgroups is None or not survey.cgroups.off_by_command_line:
        return
    version = survey.distribution.version if survey.distribution else None
    old = version is not None and version.split(".")[0].isdigit() and int(version.split(".")[0]) < 12
    command = privileged.memory_cgroup(privileged.CMDLINE_FILES[1 if old else 0])
    yield _as_root(survey, command, "without the memory controller no budget can be enforced")
    yield Reboot(
        command=f"{_sudo(survey)}{privileged.REBOOT}",
        why="the kernel reads its command line at boot",
        privileged=privileged.REBOOT,
    )


def refusals(desired: Desired, survey: Survey) -> Iterator[str]:
    """What of it cannot be done."""
    wanted = desired.spec.wanted.power_mode or desired.image.power_mode
    if wanted and survey.power_mode and survey.power_mode.name != wanted and wanted not in survey.power_modes:
        known = ", ".join(sorted(survey.power_modes)) or "none"
        yield f"it has no power mode {wanted!r} (known: {known}): name one of them as `power_mode`"


def _as_root(survey: Survey, command: str, why: str, deadline_s: float = 60.0) -> Run:
    return Run(command=f"{_sudo(survey)}{command}", why=why, privileged=command, deadline_s=deadline_s)


def _sudo(survey: Survey) -> str:
    return "" if survey.rights == "root" else "sudo -n "


def allowed(command: str, rule: str) -> bool:
    """Whether sudo would take `command` by `rule`; `[0-9]` is the one wildcard that our rules have."""
    return re.fullmatch(re.escape(rule).replace(r"\[0\-9\]", "[0-9]"), command) is not None
