"""What the agent says about itself and its board when a controller says hello."""

import os
import sys
from typing import Any, Dict, Optional

from . import VERSION, cgroup


def about_agent() -> Dict[str, Any]:
    return {
        "version": VERSION,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "pid": os.getpid(),
        "rss_bytes": _own_rss(),
    }


def about_board(root: str, probe_name: str) -> Dict[str, Any]:
    system = os.uname()
    return {
        "machine": system.machine,
        "system": f"{system.sysname} {system.release}",
        "cpu_count": os.cpu_count(),
        "mem_total_bytes": _mem_total(root),
        "boot_id": _text(root, "proc/sys/kernel/random/boot_id"),
        "hostname": system.nodename,
        "cgroup": cgroup.probe(probe_name, root),
        "clear_refs": _can_reset_high_water(),
    }


def _text(root: str, path: str) -> Optional[str]:
    try:
        with open(os.path.join(root, path)) as stream:
            return stream.read().strip()
    except OSError:
        return None


def _own_rss() -> Optional[int]:
    statm = _text("/", "proc/self/statm")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm else None


def _mem_total(root: str) -> Optional[int]:
    for line in (_text(root, "proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _can_reset_high_water() -> bool:
    """Whether a process may reset its own VmHWM, tried on the agent, whom it does not matter to."""
    try:
        with open("/proc/self/clear_refs", "w") as stream:
            stream.write("5")
        return True
    except OSError:
        return False
