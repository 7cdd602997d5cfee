"""A board for tests: this machine, with a folder of stand-in programs first on its path and a folder as its /sys."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from harness.connect.base import Result
from harness.errors import CommandFailed, Unreachable
from harness.settings import Target

PROGRAMS = Path(__file__).with_name("fake_board")
NVPMODEL_CONF = """\
# /etc/nvpmodel.conf of a Jetson Orin Nano (JetPack 6.2), shortened
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=1 NAME=25W >
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
< POWER_MODEL ID=3 NAME=7W >
< PM_CONFIG DEFAULT=1 >
"""


class LocalRunner:
    """Runs commands here, as a connection runs them on a board."""

    def __init__(self, state: Path, programs: Path) -> None:
        self.commands: list[str] = []
        self.cut = False
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "FAKE_STATE": str(state)}

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        self.commands.append(command)
        if self.cut:
            raise Unreachable("local", "the line is cut")
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", command], capture_output=True, env=self._environment, timeout=timeout_s, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CommandFailed("local", f"`{command}` took longer than {timeout_s} s") from None
        return Result(stdout=done.stdout, stderr=done.stderr, exit_code=done.returncode)


class LocalBoard:
    """Its state, as files; `target` is what settings act on."""

    def __init__(self, folder: Path) -> None:
        self.state, self.sysfs = folder / "state", folder / "sys"
        self.state.mkdir(parents=True)
        programs = folder / "programs"
        shutil.copytree(PROGRAMS, programs)
        (programs / "cat").write_text(_CAT)
        (programs / "cat").chmod(0o755)
        self.runner = LocalRunner(self.state, programs)
        self.put("mode", "15W")
        self.put("nvpmodel.conf", NVPMODEL_CONF)
        self.put("clocks", "102000 1428000")
        for cpu in (0, 1):
            files = self.sysfs / f"devices/system/cpu/cpu{cpu}/cpufreq"
            files.mkdir(parents=True)
            (files / "scaling_governor").write_text("schedutil\n")
            (files / "scaling_min_freq").write_text("102000\n")
            (files / "scaling_max_freq").write_text("1428000\n")
            (files / "cpuinfo_max_freq").write_text("1479000\n")
            (files / "scaling_available_governors").write_text("powersave performance schedutil \n")
        self.target = Target(board="nano", runner=self.runner, folder=str(folder / "settings"), sudo="",
                             sysfs=str(self.sysfs))  # fmt: skip

    def put(self, name: str, text: str = "") -> None:
        (self.state / name).write_text(text + "\n")

    def get(self, name: str) -> str:
        return (self.state / name).read_text().strip()

    def has(self, name: str) -> bool:
        return (self.state / name).exists()

    def governors(self) -> list[str]:
        return [file.read_text().strip() for file in sorted(self.sysfs.glob("**/scaling_governor"))]


_CAT = """#!/bin/sh
# /etc/nvpmodel.conf is the state's; everything else is read as ever.
[ "$1" = /etc/nvpmodel.conf ] && exec /bin/cat "$FAKE_STATE/nvpmodel.conf"
exec /bin/cat "$@"
"""
