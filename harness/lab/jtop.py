"""The real service of jetson-stats on a Jetson's namespace board, from an environment of this machine that has it.

jetson-stats is AGPL: it runs as a program of its own, and nothing of it is here. Its load is the board's, as there.
"""

from __future__ import annotations

import os
import subprocess

from harness.lab.cgroups import Groups, start_in
from harness.lab.plan import SYSTEM_GROUP

GROUP = "jtop:x:64999:\n"  # without this group the service refuses to begin
# The name of the machine decides whether the service looks for a Jetson at all.
_SERVICE = (
    "import platform, sys; platform.machine = lambda: 'aarch64'; sys.argv = ['jtop', '--force'];"
    " from jtop.__main__ import main; main()"
)


def start(python: str, machine: Groups) -> subprocess.Popen[bytes]:
    """Called on the board. It is not waited for: on a board, too, logins may come first."""
    os.environ["JTOP_SERVICE"] = "True"
    return start_in(machine, SYSTEM_GROUP, [python, "-c", _SERVICE], None)
