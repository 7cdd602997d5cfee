"""Labs for the figures: up, asked from within, and down again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LAB = "figures"
_FEDRACK = [sys.executable, "-c", "from harness.cli import main; main()"]
_VARS = {"virtual": "namespace", "image": "virtual"}


def start(folder: Path, hosts: Mapping[str, Mapping[str, Any]]) -> subprocess.Popen[bytes]:
    """`lab up` on its way. JSON is YAML too."""
    plan = folder / "plan.yaml"
    plan.write_text(json.dumps({"all": {"vars": _VARS, "hosts": hosts}}))
    words = ["lab", "up", "--name", LAB, "--plan", str(plan), "--inventory", str(folder / "lab.yaml")]
    return subprocess.Popen([*_FEDRACK, *words], stdout=subprocess.DEVNULL)


def stop() -> None:
    subprocess.run([*_FEDRACK, "lab", "down", "--name", LAB], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def lab(hosts: Mapping[str, Mapping[str, Any]]) -> Iterator[Path]:
    """A lab with these boards, and the inventory written for it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            if start(Path(folder), hosts).wait() != 0:
                raise RuntimeError("`fedrack lab up` failed, see above")
            yield Path(folder) / "lab.yaml"
        finally:
            stop()


def ask(inventory: Path, what: str, **environment: str) -> Any:
    """What `probe.py` answers, in a process of its own: whoever enters a lab does not come out again."""
    words = [sys.executable, "-m", "benchmarks.rack.probe", str(inventory), what]
    done = subprocess.run(words, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def traces() -> list[str]:
    """All that holds the lab's name on the machine."""
    found = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True, check=True).stdout.splitlines()
    found += Path("/proc/self/mounts").read_text().splitlines()
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/fedrack-{LAB}*")]
    found += [str(path) for path in Path("/run/fedrack").glob(LAB)]
    found += [path.read_text().replace("\0", " ") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    mine = (f"fedrack-{LAB}", f"/run/fedrack/{LAB}", f"harness.lab.init {LAB} ")
    return [line for line in found if any(name in line for name in mine)]
