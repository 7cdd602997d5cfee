"""A board with a kernel of its own: cgroups of version 2, and a reboot as a step of provisioning."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.board.deploy import deploy
from harness.connect import connect
from harness.connect.ssh import SshConnection
from harness.facts.base import read
from harness.facts.cgroup import CGROUPS
from harness.inventory import BoardSpec
from harness.lab import cgroups
from harness.load.image import load_image
from harness.payload import code_payload
from harness.provision.apply import apply
from harness.provision.desired import Desired
from harness.provision.plan import Plan
from harness.provision.steps import Reboot, Step
from harness.provision.survey import survey
from harness.provision.system import memory_controller
from harness.wheels import Cache
from tests.emulated.conftest import SLOW

BUDGET_BYTES = 64 * 1024**2
END_S = 240.0

pytestmark = [pytest.mark.slow, SLOW, pytest.mark.timeout(900)]


def system_steps(spec: BoardSpec) -> tuple[Step, ...]:
    """What root would change about the memory controller."""
    image = replace(load_image("virtual"), swap="keep")
    connection = connect(spec)
    try:
        found = survey(connection, spec, image)
    finally:
        connection.close()
    desired = Desired(spec=spec, image=image, base_python="", python="", wheels=(), digest="")
    return tuple(memory_controller(desired, found))


def test_a_pi_gets_its_memory_controller_by_a_reboot_and_then_holds_a_budget(
    machine: BoardSpec, tmp_path: Path
) -> None:
    with SshConnection(machine) as connection:
        before = read(connection, CGROUPS, 60.0).value
        assert before is not None and before.off_by_command_line and not before.memory
        connection.run("echo kept > kept")
    todo = system_steps(machine)
    assert [type(step) for step in todo][-1] is Reboot
    plan, told = Plan(board=machine.name, image="virtual", steps=todo), list[Step]()
    apply(plan, machine, connect, Cache(tmp_path / "wheels"), told.append)
    assert told == list(todo)
    assert system_steps(machine) == ()  # a second pass has nothing to do
    with SshConnection(machine) as connection:
        after = read(connection, CGROUPS, 60.0).value
        assert after is not None and (after.version, after.memory) == (2, True)
        assert connection.run("cat kept").text == "kept\n"  # the disk outlives it
        verdicts = {name: run_under_budget(connection, machine, share, tmp_path) for name, share in SHARES.items()}
        assert verdicts["over"]["budget_kind"] == verdicts["under"]["budget_kind"] == "cgroup_v2"
        # With memory.oom.group the kernel counts the one that it chose again when it ends the whole group.
        assert verdicts["over"]["signal"] == 9 and verdicts["over"]["oom_kills"] >= 1
        assert abs(verdicts["over"]["cgroup_peak_bytes"] / BUDGET_BYTES - 1) <= 0.01
        assert (verdicts["under"]["returncode"], verdicts["under"]["oom_kills"]) == (0, 0)
        assert groups_of_a_lab(connection) == EXPECTED


SHARES = {"over": 2.0, "under": 0.5}


def run_under_budget(connection: SshConnection, spec: BoardSpec, share: float, folder: Path) -> dict[str, Any]:
    """The agent's verdict on a program that wants this share of its budget."""
    code = code_payload()
    deploy(connection, spec, [code])
    stream = connection.open(f"cd {spec.root} && PYTHONPATH={code.folder} exec {spec.python} -m agent --root .")
    grow = f"import time; x = bytearray({int(BUDGET_BYTES * share)}); time.sleep(1)"
    stream.write_line(json.dumps({"id": 1, "do": "hello", "holder": {}, "lease_s": END_S}))
    order = {"argv": [spec.python, "-S", "-c", grow], "env": {}, "cwd": ".", "out": "out", "budget_bytes": BUDGET_BYTES}
    stream.write_line(json.dumps({"id": 2, "do": "start", **order, "rate_hz": 2, "pss_rate_hz": 0}))
    while '"exit"' not in (line := stream.read_line(END_S) or "the agent ended"):
        assert line != "the agent ended", stream.stderr_tail
    connection.get(f"{spec.root}/out/exit.json", folder / "exit.json")
    stream.close()
    verdict: dict[str, Any] = json.loads((folder / "exit.json").read_text())
    return verdict


# The lab's own groups of version 2, on the board: limits are taken, a frozen program stands still, nothing is left.
_GROUPS = """
import importlib.util, json, os, subprocess, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("cgroups", "cgroups.py")
cgroups = importlib.util.module_from_spec(spec)
sys.modules["cgroups"] = cgroups
spec.loader.exec_module(cgroups)
made = cgroups.groups()
limits = cgroups.Limits(memory_bytes=100 << 20, cpus=0.5, allowed="0-1")
made.make("lab/boards/b", limits)
made.make("lab/boards/b/system")
count = 'import time\\nwhile True: time.sleep(0.01); open("/run/counted", "a").write("x")'
running = cgroups.start_in(made, "lab/boards/b/system", [sys.executable, "-S", "-c", count], None)
time.sleep(8)
made.freeze("lab/boards/b", True)
time.sleep(1)
sizes = [os.path.getsize("/run/counted")]
time.sleep(2)
sizes.append(os.path.getsize("/run/counted"))
where = Path("/sys/fs/cgroup/lab/boards/b")
said = {name: (where / name).read_text().strip() for name in ("memory.max", "cpu.max", "cpuset.cpus")}
said["ran"], said["stood"] = sizes[0] > 0, sizes[0] == sizes[1]
said["used"] = made.cpu_used_s("lab/boards/b") > 0 and made.memory_used_bytes("lab/boards/b") > 0
cgroups.kill(made, "lab")
running.wait()
cgroups.remove(made, "lab")
said["left"] = Path("/sys/fs/cgroup/lab").exists()
print(json.dumps(said))
"""
EXPECTED = {"memory.max": str(100 << 20), "cpu.max": "5000 10000", "cpuset.cpus": "0-1", "ran": True, "stood": True,
            "used": True, "left": False}  # fmt: skip


def groups_of_a_lab(connection: SshConnection) -> dict[str, Any]:
    connection.put(Path(cgroups.__file__), "cgroups.py")
    result = connection.run(f"python3 -c {shlex.quote(_GROUPS)}", END_S)
    assert result.exit_code == 0, result.error_text
    answer: dict[str, Any] = json.loads(result.text)
    return answer
