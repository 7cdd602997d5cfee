"""The files of /proc that tell of the whole machine, as they are on the board. Pure texts of a fixed length each, so
that they can be written over in place: a reader who holds them open never meets an empty or a shortened one.
"""

from __future__ import annotations

import re

_TICKS_PER_S = 100


def memory_account(stat: str) -> tuple[int, int]:
    """(file pages that can be given back, shared memory) in bytes, from a memory.stat of either version."""
    values = {name: int(value) for name, value in (line.split() for line in stat.splitlines())}
    return values["inactive_file"] + values["active_file"], values["shmem"]


def meminfo(total_bytes: int, used_bytes: int, stat: str, nvmap: bool) -> str:
    """/proc/meminfo of a machine with `total_bytes`, none of it lost to a kernel."""
    file_bytes, shared_bytes = memory_account(stat)
    free = max(0, total_bytes - used_bytes)
    values = {
        "MemTotal": total_bytes,
        "MemFree": free,
        "MemAvailable": min(total_bytes, free + file_bytes),
        "Buffers": 0,
        "Cached": file_bytes + shared_bytes,
        "SwapCached": 0,
        "Shmem": shared_bytes,
        "SwapTotal": 0,
        "SwapFree": 0,
    }
    if nvmap:
        values["NvMapMemUsed"] = 0
    return "".join(f"{name + ':':<16}{value // 1024:>12} kB\n" for name, value in values.items())


def stat(cores: int, up_s: float, busy_core_s: float) -> str:
    """/proc/stat: all of the board's cores, busy for `busy_core_s` in sum and equally."""
    busy = int(busy_core_s * _TICKS_PER_S)
    idle = max(0, int(up_s * cores * _TICKS_PER_S) - busy)
    lines = [_cpu_line("cpu ", busy, idle)]
    lines += [_cpu_line(f"cpu{core}", busy // cores, idle // cores) for core in range(cores)]
    return "".join(lines)


def _cpu_line(name: str, busy: int, idle: int) -> str:
    return f"{name} {busy:>12} 0 0 {idle:>12} 0 0 0 0 0 0\n"


def cpuinfo(machine: str, cores: int, revision: str, model: str) -> str:
    """The machine's own /proc/cpuinfo, with as many processors as the board has, and a Raspberry Pi's revision code.

    What a processor can do stays the machine's: programs that believed otherwise would crash.
    """
    block = machine.split("\n\n")[0]
    text = "".join(re.sub(r"(?m)^(processor\s*:).*$", rf"\1 {core}", block) + "\n\n" for core in range(cores))
    return text + (f"Revision\t: {revision}\nModel\t\t: {model}\n" if revision else "")
