"""What this machine lacks for a lab, in one sentence with the way to get it."""

from __future__ import annotations

import os
import shutil
import sys

from harness.errors import FedRackError
from harness.lab.cgroups import Groups, groups

_PROGRAMS = {"ip": "iproute2", "tc": "iproute2", "sshd": "openssh-server"}  # program -> Debian package
EMBEDDED = "the embedded boards need none of this: make bench"


def require() -> Groups:
    """The machine's cgroups. Raises `FedRackError` with all that is lacking."""
    if not sys.platform.startswith("linux"):
        raise FedRackError(f"namespace boards need Linux, and this is {sys.platform}", remedy=EMBEDDED)
    if os.geteuid() != 0:
        raise FedRackError("namespace boards need root", remedy=f"run the same with sudo; {EMBEDDED}")
    missing = [program for program in _PROGRAMS if shutil.which(program, path=_PATH) is None]
    if missing:
        packages = " ".join(sorted({_PROGRAMS[program] for program in missing}))
        names = ", ".join(missing)
        raise FedRackError(
            f"namespace boards need {names}", remedy=f"apt-get install {packages} (Debian's names); {EMBEDDED}"
        )
    found = groups()
    if found is None:
        remedy = f"boot with the memory cgroup enabled, or leave the container; {EMBEDDED}"
        raise FedRackError("namespace boards need the kernel's memory cgroup below /sys/fs/cgroup", remedy=remedy)
    return found


_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
