"""Labs for the tests. Where a lab cannot be built the tests that need one are skipped, with what is lacking."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import FedRackError
from harness.fault_kinds import FaultKind
from harness.lab import faults, needs
from harness.lab.lab import down
from harness.lab.plan import STATE, Lab, lab_namespace, read_plan

ROOT = Path(__file__).parents[2]
PLAN = """
all:
  vars: {virtual: namespace, image: virtual, memory_budget_mb: 512, connect_timeout_s: 3, command_timeout_s: 5,
         idle_s: 0, cool_down_s: 0, sidecars: []}
  children:
    jetson-nano: {vars: {board_class: jetson-nano}, hosts: {nano: }}
    raspberry-pi-5: {vars: {board_class: raspberry-pi-5, link: {rate_mbit: 20}}, hosts: {pi: }}
    phone: {vars: {board_class: phone, link: {rate_mbit: 10, delay_ms: 20}}, hosts: {far: }}
"""


@dataclass(frozen=True, kw_only=True)
class LiveLab:
    """A lab under its own name, through the command line. Several tests may have one at the same time."""

    name: str
    folder: Path  # of the test's files

    @property
    def inventory(self) -> Path:
        return self.folder / "lab.yaml"

    @property
    def plan(self) -> Lab:
        plan = read_plan(self.name)
        assert plan is not None
        return plan

    def start_up(self, plan: str = PLAN) -> subprocess.Popen[str]:
        (self.folder / "plan.yaml").write_text(plan)
        words = [Path(__file__).with_name("up.py"), self.name, self.folder / "plan.yaml", self.inventory]
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            text=True,
        )

    def up(self, plan: str = PLAN) -> None:
        building = self.start_up(plan)
        output = building.communicate(timeout=100)[0]
        assert building.returncode == 0, output

    def down(self) -> None:
        down(self.name)

    def fault(self, board: str, kind: FaultKind) -> None:
        faults.begin(self.plan.board(board), kind, needs.require())

    def cli(self, *words: str) -> tuple[int, str]:
        """`fedrack lab` itself."""
        command = [sys.executable, "-c", "from harness.cli import main; main()", "lab", *words]
        done = subprocess.run(command, env=environment(), text=True, capture_output=True)
        return done.returncode, done.stdout + done.stderr

    def inside(self, *words: str, namespace: str = "") -> str:
        """A command in the lab's network, or in that of a board."""
        where = namespace or lab_namespace(self.name)
        return subprocess.run(["ip", "netns", "exec", where, *words], check=True, text=True, capture_output=True).stdout

    def ssh(self, board: str, command: str) -> str:
        """By OpenSSH's own client, with what the written inventory says."""
        spec = self.plan.board(board)
        options = ["-i", str(self.plan.folder / "login_key"), "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5"]
        return self.inside("ssh", *options, f"root@{spec.address}", command)

    def traces(self) -> list[str]:
        """Whatever holds the lab's name: namespaces, mounts, cgroups, files, processes."""
        found = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True, check=True).stdout.splitlines()
        found += Path("/proc/self/mounts").read_text().splitlines()
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{lab_namespace(self.name)}*")]
        found += [str(path) for path in (STATE / self.name, self.inventory) if path.exists()]
        found += [f"{pid.parent.name}: {words}" for pid in Path("/proc").glob("[0-9]*/cmdline")
                  if (words := _text(pid).replace("\0", " ")) and "harness.lab" in words]  # fmt: skip
        mine = (lab_namespace(self.name), f"{STATE}/{self.name}", f" {self.name} ", str(self.inventory))
        return [line for line in found if any(name in line for name in mine)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""


@pytest.fixture(scope="session")
def possible() -> None:
    """Skips, with a reason, where a lab cannot be built."""
    try:
        needs.require()
    except FedRackError as error:
        pytest.skip(f"{error.message}: {error.remedy}")


@pytest.fixture(scope="session")
def rack(possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLab]:
    """A lab of three boards that is up."""
    lab = LiveLab(name=f"t{os.getpid()}", folder=tmp_path_factory.mktemp("lab"))
    try:
        lab.up()
        yield lab
    finally:
        if (STATE / lab.name).exists():
            lab.down()


@pytest.fixture
def cut_off(possible: None, tmp_path: Path) -> Iterator[LiveLab]:
    """A lab that is still to be built, and is removed whatever becomes of it."""
    lab = LiveLab(name=f"c{os.getpid()}", folder=tmp_path)
    yield lab
    if (STATE / lab.name).exists():
        lab.down()
