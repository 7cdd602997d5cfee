"""Where budgets come from, and that steps keep them when they change: by script, and under a real neighbour."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fl_core.errors import BadJob, BudgetTooSmall
from fl_core.memory import budget
from fl_core.memory.headroom import headroom_bytes
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.schedule import keep_all, simulate
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.recompute import limit_of
from fl_core.models.cnn import conv_unit, pooled_head

MIB = 2**20
CHANGES = 300


@pytest.fixture
def units() -> list[nn.Module]:
    torch.manual_seed(0)
    return [conv_unit(3, 16, 1), *(conv_unit(16, 16, 1) for _ in range(6)), pooled_head(16, 10)]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(4, 3, 16, 16), torch.randint(0, 10, (4,))


def test_a_budget_that_changes_before_every_step_is_kept(units: list[nn.Module], batch: tuple[Tensor, Tensor]) -> None:
    optimiser = SGD(nn.ModuleList(units).parameters(), lr=0.01, momentum=0.9)
    known = PlannedSteps(units, EXACT, budget.smallest())
    known.step(*batch, optimiser)
    assert known.profile is not None and known.plan is not None
    profile = known.profile.released()
    most = simulate(profile, keep_all(len(profile.units))).peak_bytes
    chance = random.Random(0)
    script = [chance.randint(known.plan.peak_bytes + 2**14, most) for _ in range(CHANGES)]
    steps = PlannedSteps(units, EXACT, budget.script([most, *script]))
    plans = set()
    with TensorPeak() as meter:
        steps.step(*batch, optimiser)
        beside = meter.live_bytes - profile.static_bytes
        for budget_bytes in script:
            meter.peak_bytes = meter.live_bytes
            steps.step(*batch, optimiser)
            assert meter.peak_bytes - beside <= budget_bytes
            assert steps.plan is not None
            plans.add(steps.plan.ops)
    assert len(plans) > 5


def test_a_trace_that_falls_below_the_floor_says_what_works(
    units: list[nn.Module], batch: tuple[Tensor, Tensor]
) -> None:
    steps = PlannedSteps(units, EXACT, budget.script([100 * MIB, 1000]))
    steps.step(*batch)
    with pytest.raises(BudgetTooSmall, match="the smallest that works is"):
        steps.step(*batch)


def test_what_is_available_decides_and_too_little_is_not_the_end(
    units: list[nn.Module], batch: tuple[Tensor, Tensor], tmp_path: Path
) -> None:
    plans = []
    for left_kb in (10**6, 1):
        root = write(tmp_path, {"proc/meminfo": f"MemAvailable: {left_kb} kB"})
        steps = PlannedSteps(units, EXACT, budget.available(root))
        steps.step(*batch)
        assert steps.plan is not None
        plans.append(steps.plan)
    assert plans[1].peak_bytes < plans[0].peak_bytes
    assert "recompute" not in plans[0].modes and "recompute" in plans[1].modes


def test_a_share_is_of_plain_training(units: list[nn.Module], batch: tuple[Tensor, Tensor]) -> None:
    steps = PlannedSteps(units, EXACT, budget.share_of_plain(0.7))
    steps.step(*batch)
    assert steps.profile is not None and steps.plan is not None
    plain = simulate(steps.profile, keep_all(len(steps.profile.units))).peak_bytes
    assert 0.5 * plain < steps.plan.peak_bytes <= 0.7 * plain


def write(root: Path, files: dict[str, object]) -> str:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return str(root)


MEMINFO = "MemTotal:        4000 kB\nMemAvailable:    3000 kB"
V1 = "sys/fs/cgroup/memory"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: 4000 kB"}, None),
        ({"proc/meminfo": MEMINFO}, 3000 * 1024),
        (
            {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/memory.max": 900_000}
            | {"sys/fs/cgroup/a/memory.current": 200_000, "sys/fs/cgroup/a/b/memory.max": "max"}
            | {"sys/fs/cgroup/a/b/memory.current": 100_000},
            700_000,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "9:cpu:/\n4:memory:/job",
                f"{V1}/job/memory.limit_in_bytes": 500,
            }
            | {f"{V1}/job/memory.usage_in_bytes": 900},
            0,
        ),
        (
            {"proc/meminfo": MEMINFO, "proc/self/limits": "Max data size             2048000      unlimited    bytes"}
            | {"proc/self/status": "VmData:\t    1500 kB"},
            2048000 - 1500 * 1024,
        ),
        (
            {"proc/meminfo": MEMINFO, "proc/self/limits": "Max data size     unlimited   unlimited    bytes"},
            3000 * 1024,
        ),
    ],
    ids=[
        "nothing",
        "old kernel",
        "machine",
        "cgroup v2, limit above",
        "cgroup v1, over its limit",
        "own limit",
        "none",
    ],
)
def test_headroom_is_the_least_of_what_is_left(files: dict[str, object], expected: int | None, tmp_path: Path) -> None:
    assert headroom_bytes(write(tmp_path, files)) == expected


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[str]]:
    """A process that takes 300 MiB when told."""
    code = "input(); block = bytearray(b'x') * (300 * 2**20); print('taken', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_a_neighbour_is_felt_at_the_next_step(neighbour: subprocess.Popen[str]) -> None:
    before = headroom_bytes()
    assert neighbour.stdin is not None and neighbour.stdout is not None
    neighbour.stdin.write("\n")
    neighbour.stdin.flush()
    assert neighbour.stdout.readline() == "taken\n"
    after = headroom_bytes()
    if before is None or after is None:
        pytest.skip("this machine does not say what memory is left")
    assert before - after > 100 * MIB  # others on the machine may give some back meanwhile


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget_mb": 100, "share": 0.5}, "give budget_mb or share, not both"),
        ({"budget_mb": -1, "share": None}, "not a positive number, a list"),
        ({"budget_mb": [], "share": None}, "not a positive number, a list"),
        ({"budget_mb": "all", "share": None}, '"available"'),
        ({"budget_mb": None, "share": "half"}, "share 'half' is not a positive number"),
    ],
)
def test_a_budget_that_is_none_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(BadJob, match=words):
        limit_of(options)
