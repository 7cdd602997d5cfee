"""What the samples say: metrics, cadence, faults, and boards recorded or made up."""

from __future__ import annotations

import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from harness.agent import cgroup
from harness.agent.budget import Budget
from harness.agent.catalogue import EVERY_SECOND, EVERY_TICK, MEMORY
from harness.agent.sources import Site, board_cpu, meminfo, own, process_tree, pss, tree_cpu
from harness.frame.schema import SAMPLES
from tests.agent.agent_client import AgentProcess, wait_for

Launch = Callable[..., AgentProcess]
MB = 1 << 20
NEW = {"swap_used_bytes", "nvmap_bytes", "uss_bytes", "cgroup_oom_kills"}  # not columns yet

STATUS = (
    "Name:\tpython3\nState:\tS (sleeping)\nPid:\t{pid}\nVmPeak:\t  999 kB\nVmHWM:\t  {hwm} kB\nVmRSS:\t  {rss} kB\n"
)
ROLLUP = (
    "00-ff ---p 0 00:00 0 [rollup]\nRss:  {rss} kB\nPss:  {pss} kB\nPss_Dirty:  7 kB\n"
    "Private_Clean:  {clean} kB\nPrivate_Dirty:  {dirty} kB\n"
)
STAT = "{pid} (a ) name) S 1 0 0 0 -1 0 0 0 0 0 150 50 7 3 20 0 1 0 0 0 0 0\n"
TREE = {
    "proc/meminfo": "MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\n",
    "proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 0 0 0 0\n",
    "proc/41/status": STATUS.format(pid=41, hwm=300, rss=200),
    "proc/42/status": STATUS.format(pid=42, hwm=900, rss=50),
    "proc/41/stat": STAT.format(pid=41),
    "proc/42/stat": STAT.format(pid=42),
    "proc/41/smaps_rollup": ROLLUP.format(rss=200, pss=120, clean=80, dirty=20),
    "proc/42/smaps_rollup": ROLLUP.format(rss=50, pss=30, clean=1, dirty=2),
}


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def board(tmp_path: Path) -> Site:
    plant(tmp_path / "board", TREE)
    return Site(str(tmp_path / "board"), 41, None, lambda: [41, 42])


def test_a_recorded_tree_reads_as_expected(board: Site) -> None:
    values = {}
    for module in (process_tree, tree_cpu, meminfo, pss):
        source = module.find(board)
        assert source
        values.update(source.read())
        source.close()
    assert values == {
        "rss_bytes": 250 * 1024,
        "hwm_bytes": 300 * 1024,
        "cpu_worker_s": pytest.approx(4.2),
        "mem_available_bytes": 3000 * 1024,
        "pss_bytes": 150 * 1024,
        "uss_bytes": 103 * 1024,
    }


def test_the_boards_cpu_share_is_a_difference(board: Site) -> None:
    source = board_cpu.find(board)
    assert source and source.read() == {}
    plant(Path(board.root), {"proc/stat": "cpu  130 0 100 760 110 0 0 0 0 0\n"})
    assert source.read() == {"cpu_board_share": 0.3}
    assert source.read() == {}, "no time passed: no share"


def test_a_board_without_sensors_has_no_sources(tmp_path: Path) -> None:
    site = Site(str(tmp_path), 41, None, list)
    assert [module.__name__ for module in (*MEMORY, *EVERY_TICK, *EVERY_SECOND, pss) if module.find(site)] == [
        own.__name__
    ]


@pytest.mark.parametrize("text", ["", "garbage", "MemAvailable:", "MemAvailable:  12 MB\n", "MemAvailable:  -3 kB\n"])
def test_a_sensor_that_returns_garbage_fails_by_name(board: Site, text: str) -> None:
    plant(Path(board.root), {"proc/meminfo": text})
    source = meminfo.find(board)
    assert source
    with pytest.raises(ValueError, match="MemAvailable"):
        source.read()


def test_version_2_groups_on_a_made_up_tree(tmp_path: Path) -> None:
    """Stands in for a board with cgroup v2; the files' names and contents are the kernel's."""
    plant(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/session.scope\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
            "sys/fs/cgroup/cgroup.subtree_control": "cpu memory\n",
            "sys/fs/cgroup/cgroup.procs": "",
            "sys/fs/cgroup/user.slice/cgroup.subtree_control": "memory\n",
            "sys/fs/cgroup/user.slice/session.scope/cgroup.subtree_control/busy": "",  # a folder: not writable
        },
    )
    budget = Budget(64 * MB, "fedrack-t-1", str(tmp_path))
    group = tmp_path / "sys/fs/cgroup/user.slice/fedrack-t-1"
    assert (budget.kind, budget.detail) == ("cgroup_v2", "cgroup v2 at /user.slice/fedrack-t-1; swap off")
    assert {path.name: path.read_text() for path in group.iterdir()} == {
        "memory.max": str(64 * MB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
    }
    plant(group, {"memory.peak": "123\n", "memory.events": "low 0\noom 1\noom_kill 2\n", "cgroup.procs": "7\n8\n"})
    assert (budget.peak_bytes(), budget.oom_kills(), budget.members()) == (123, 2, [7, 8])
    (tmp_path / "sys/fs/cgroup/fedrack-t-2").mkdir()
    assert cgroup.sweep("fedrack-t-", str(tmp_path)) == ["fedrack-t-1"], "only empty groups go"


def test_samples_carry_the_schemas_columns(agent: AgentProcess) -> None:
    agent.start("hold", 20, 1.1, rate_hz=20, pss_rate_hz=10)
    agent.event("exit")
    names = {name for sample in agent.samples() for name in sample}
    known = {column.name for column in SAMPLES} | NEW
    assert names - {"sensors"} <= known
    of_the_board = {"nvmap_bytes"} | {name for name in known if name.startswith("cgroup_")}
    assert {"rss_bytes", "hwm_bytes", "pss_bytes", "cpu_worker_s", "cpu_board_share", "late_s"} <= names
    assert NEW - names <= of_the_board
    assert max(sample.get("rss_bytes", 0) for sample in agent.samples()) >= 20 * MB
    tail = agent.event("tail")["sample"]
    assert tail in agent.samples()


def test_the_cadence_holds_and_lateness_is_counted(agent: AgentProcess) -> None:
    agent.start("spin", 1, rate_hz=50)
    agent.event("exit")
    verdict, samples = agent.verdict(), agent.samples()
    times = [sample["t_s"] for sample in samples]
    assert times == sorted(times)
    assert statistics.median(b - a for a, b in pairwise(times)) == pytest.approx(0.02, rel=0.2)
    asked = (verdict["ended_s"] - verdict["started_s"]) * 50
    assert verdict["ticks"] + verdict["missed_ticks"] == pytest.approx(asked, abs=4)
    assert verdict["late_ticks"] == sum(sample["late_s"] > 0.01 for sample in samples)


def test_missed_ticks_are_counted(agent: AgentProcess) -> None:
    agent.start("hold", 1, 1.2, rate_hz=20)
    agent.log("holding")
    agent.process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    agent.process.send_signal(signal.SIGCONT)
    agent.event("exit")
    assert 8 <= agent.verdict()["missed_ticks"] <= 20


def test_a_short_peak_is_not_lost(agent: AgentProcess) -> None:
    agent.start("peak", 100, rate_hz=10)
    agent.event("exit")
    before = int(agent.log())
    seen = max(sample.get("hwm_bytes", 0) for sample in agent.samples())
    assert seen - before == pytest.approx(100 * MB, abs=4 * MB)
    assert agent.verdict()["max_rss_bytes"] - before == pytest.approx(100 * MB, abs=4 * MB)


def test_a_failing_sensor_is_one_fault_and_leaves_a_gap(launch: Launch, tmp_path: Path) -> None:
    root = plant(tmp_path / "board", {"proc/meminfo": TREE["proc/meminfo"]})
    agent = launch(sysroot=f"{root}/")
    agent.hello()
    agent.start("hold", 1, 3)
    wait_for(lambda: len(agent.samples()) > 2)
    (root / "proc/meminfo").write_text("MemTot")
    agent.event("exit")
    fault = agent.event("fault")
    assert (fault["source"], fault["what"]) == ("meminfo", "no MemAvailable in kB")
    samples = agent.samples()
    assert samples[0]["mem_available_bytes"] == 3000 * 1024
    assert "mem_available_bytes" not in samples[-1], "nothing is filled in"
    assert [f["source"] for sample in samples for f in sample.get("faults", ())] == ["meminfo"]
    assert [f["source"] for f in agent.verdict()["faults"]] == ["meminfo"]


def test_a_full_disk_is_a_fault_and_not_the_end(agent: AgentProcess) -> None:
    (agent.root / "out").mkdir()
    (agent.root / "out/samples.jsonl").symlink_to("/dev/full")
    agent.start("hold", 1, 0.5)
    assert agent.event("exit")["returncode"] == 0
    verdict = agent.verdict()
    assert [fault["source"] for fault in verdict["faults"]] == ["samples_file"]
    assert verdict["ticks"] >= 5
    assert verdict["lost_lines"] == verdict["ticks"] + 1, "with the first line, that on the sensors"


def test_with_no_room_for_the_verdict_it_is_said_all_the_same(agent: AgentProcess) -> None:
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (300, 300))
    agent.ask("start", argv=["sh", "-c", "sleep 0.3; exit 12"], out="out", rate_hz=20)
    event = agent.event("exit")
    assert not (agent.root / "out/exit.json").exists()
    assert (event["returncode"], event["signal"], event["oom_kills"] or 0) == (12, None, 0)
    assert [fault["source"] for fault in event["faults"]] == ["samples_file", "exit.json"]
    assert 0 < event["lost_lines"] <= event["ticks"] + 1


def test_a_tick_is_cheap(agent: AgentProcess) -> None:
    agent.ask("start", argv=[sys.executable, "-c", "import time; time.sleep(1.2)"], out="out", rate_hz=100)
    agent.event("exit")
    samples = agent.samples()
    spent = [b["cpu_agent_s"] - a["cpu_agent_s"] for a, b in pairwise(samples)]
    assert statistics.median(spent) < 2e-3, "many times the target, for busy machines; see the printed figure"
    print(f"CPU of one tick, wake-up included: median {statistics.median(spent) * 1e3:.2f} ms")
