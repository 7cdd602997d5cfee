"""Virtual environments of peers, each with the versions it needs, made once under .cache/peers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "peers"
# A network with nothing but a loopback, and processes that end with it: Flower's own outlive who started them.
ALONE = (
    "unshare",
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
}


def environment(*requirements: str, with_ours: bool = False) -> Path:
    """The folder with the environment's programs. `with_ours`: what this interpreter has (torch) is seen behind them.

    Raises `CalledProcessError` where pip cannot install the requirements.
    """
    name = hashlib.sha256(" ".join([*requirements, str(with_ours)]).encode()).hexdigest()[:12]
    folder = CACHE / f"{requirements[0].replace('=', '-')}-{name}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *requirements], check=True)
        if with_ours:
            behind = folder / sysconfig.get_path("purelib", vars={"base": "."}) / "behind.pth"
            behind.write_text(sysconfig.get_path("purelib") + "\n")
        (folder / "ready").touch()
    return folder / "bin"


def surroundings(programs: Path, home: Path) -> dict[str, str]:
    """The environment variables of a peer: its own programs first, nothing written at home, nothing told to anybody."""
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, **QUIET, "PATH": path, "HOME": str(home), "FLWR_HOME": str(home / "flwr"), "PYTHONPATH": ""}
