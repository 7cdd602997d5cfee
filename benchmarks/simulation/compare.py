"""Our simulation, the best plain PyTorch loop and Flower's simulation on Ray, one after the other on two processes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.environments import ALONE, environment, surroundings
from benchmarks.simulation.course import Course, follow

ROOT = Path(__file__).parents[2]
FLOWER_RAY = "flwr[simulation]==1.41.0"
PROCESSES = 2


def ours(setting: str, *clients: str) -> Course:
    return _python("benchmarks.simulation.ours", setting, str(PROCESSES), *clients)


def bare(setting: str) -> Course:
    """The faster of one process with a thread a core, and a process a core with one thread each."""
    found = [_python("benchmarks.simulation.bare", setting, str(count)) for count in (1, PROCESSES)]
    return max(found, key=lambda course: sum(course.samples) / sum(course.rounds_s))


def flower(setting: str) -> Course:
    """Raises `CalledProcessError` where it cannot be installed or fails."""
    programs = environment(FLOWER_RAY, with_ours=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        more = {"PYTHONPATH": str(ROOT), "SETTING": setting, "RAY_TMPDIR": home}
        command = [*ALONE, str(programs / "python"), str(Path(__file__).with_name("flower.py"))]
        return follow(command, {**surroundings(programs, Path(home)), **more}, str(ROOT))


def _python(module: str, *arguments: str) -> Course:
    variables = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return follow([sys.executable, "-m", module, *arguments], {**variables, "PYTHONPATH": str(ROOT)}, str(ROOT))
