"""Runs a command beside the real jtop service on a Jetson-shaped board, in a mount namespace of its own:

    unshare -m python rig.py BOARD SERVICE_PYTHON -- COMMAND...     (as root)

SERVICE_PYTHON is the interpreter of an environment with jetson-stats. The command finds the service's socket at
/run/jtop.sock; of the machine outside, nothing is changed. jetson-stats is AGPL: it only ever runs as a program.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import board_tree

SOCKET = Path("/run/jtop.sock")
# The machine's name decides whether the service takes the Jetson branch.
SERVICE = (
    "import platform, sys; platform.machine = lambda: 'aarch64'; sys.argv = ['jtop', '--force'];"
    " from jtop.__main__ import main; main()"
)
NVPMODEL = """#!/bin/sh
case "$*" in
  *--verbose*) echo "NVPM VERB: Config file: /etc/nvpmodel.conf"
               echo "NVPM VERB: PARSED PM_CONFIG: DEFAULT=MAXN(0)"
               echo "NVPM VERB: PARSED POWER_MODEL: ID=0 NAME=MAXN"
               echo "NVPM VERB: PARSED POWER_MODEL: ID=1 NAME=5W" ;;
  *) echo "NV Power Mode: MAXN"; echo 0 ;;
esac
"""


def main() -> int:
    kind, python = sys.argv[1:3]
    command = sys.argv[sys.argv.index("--") + 1 :]
    prefix = subprocess.run(
        [python, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    build(board_tree.BOARDS[kind], prefix)
    service = subprocess.Popen(
        [python, "-c", SERVICE], env={**os.environ, "JTOP_SERVICE": "True"}, stdout=sys.stderr, start_new_session=True
    )
    try:
        wait_for_socket(service)
        environment = {**os.environ, "RIG_SERVICE_PID": str(service.pid)}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        service.terminate()
        try:
            service.wait(5)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)  # it is several processes, and they outlive their first
        service.wait()


def build(board: board_tree.Board, service_prefix: str) -> None:
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "rig", "/run")
    mount("-t", "tmpfs", "rig", "/sys")
    board_tree.plant(board, Path("/sys"))
    for folder in ("/etc", "/usr/bin", service_prefix):  # the service writes its settings below its own prefix
        overlay(folder)
    Path("/etc/nv_tegra_release").write_text(board.release + "\n")
    with open("/etc/group", "a") as group:
        group.write("jtop:x:64999:\n")
    nvpmodel = Path("/usr/bin/nvpmodel")
    nvpmodel.write_text(NVPMODEL)
    nvpmodel.chmod(0o755)
    meminfo = Path("/run/meminfo")
    meminfo.write_text(Path("/proc/meminfo").read_text() + "NvMapMemUsed:     412340 kB\n")
    mount("--bind", str(meminfo), "/proc/meminfo")


def overlay(folder: str) -> None:
    """Writes below `folder` from here on stay in this namespace."""
    name = folder.strip("/").replace("/", "-")
    upper, work = Path("/run/overlay") / name / "upper", Path("/run/overlay") / name / "work"
    upper.mkdir(parents=True)
    work.mkdir()
    mount("-t", "overlay", "rig", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", folder)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def wait_for_socket(service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not SOCKET.exists():
        if service.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"rig: no {SOCKET}, service returned {service.returncode}")
        time.sleep(0.05)
    time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
