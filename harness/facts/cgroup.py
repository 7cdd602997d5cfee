"""The memory controller of control groups: without it a budget is a limit on address space only."""

from __future__ import annotations

from dataclasses import dataclass

from harness.facts.base import Fact


@dataclass(frozen=True, kw_only=True)
class Cgroups:
    version: int | None  # 1, 2; None: no control groups are mounted
    memory: bool
    off_by_command_line: bool  # a Raspberry Pi's device tree prepends cgroup_disable=memory


def parse_cgroups(text: str) -> Cgroups:
    """`v2 CONTROLLERS...` or `v1` for a mounted memory hierarchy, then the kernel's command line behind `cmdline`."""
    lines = {line.split(" ", 1)[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    if "cmdline" not in lines:
        raise ValueError(f"no kernel command line: {text[:80]!r}")
    words = lines["cmdline"]
    disabled, enabled = _last(words, "cgroup_disable=memory"), _last(words, "cgroup_enable=memory")
    return Cgroups(
        version=1 if "v1" in lines else 2 if "v2" in lines else None,
        memory="v1" in lines or "memory" in lines.get("v2", ()),
        off_by_command_line=disabled > enabled,
    )


def _last(words: list[str], word: str) -> int:
    """Where a word stands last, -1 for nowhere: of two that contradict each other the kernel keeps the later."""
    return len(words) - 1 - words[::-1].index(word) if word in words else -1


CGROUPS = Fact(
    name="control groups",
    command="r=/sys/fs/cgroup; [ -r $r/cgroup.controllers ] && echo v2 $(cat $r/cgroup.controllers); "
    "[ -e $r/memory/memory.limit_in_bytes ] && echo v1; echo cmdline $(cat /proc/cmdline)",
    parse=parse_cgroups,
)
