"""Boards of a lab, over real SSH: each is the machine that its class says, and nothing of it leaves the lab."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.connect.base import Result
from harness.facts.base import Fact, T, read
from harness.facts.clocks import cpu_policies, jetson_clocks, locked
from harness.facts.identity import L4T_RELEASE, PI_REVISION
from harness.facts.power_mode import POWER_MODE, POWER_MODES
from harness.facts.throttle import THROTTLED
from harness.fault_kinds import FaultKind
from harness.lab.plan import PREFIX
from tests.lab.conftest import ROOT, LiveLab, environment

BOARD_PYTHON = "/usr/local/bin/board-python"


class Shell:
    """Runs a fact's command on a board."""

    def __init__(self, rack: LiveLab, board: str) -> None:
        self._rack, self._board = rack, board

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        text = self._rack.ssh(self._board, f"({command}); echo :$?")
        out, _, code = text.rpartition(":")
        return Result(stdout=out.encode(), stderr=b"", exit_code=int(code))

    def know(self, fact: Fact[T]) -> T:
        found = read(self, fact)
        assert found.value is not None, found.fault
        return found.value


def wait_for(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.05)


def test_a_board_is_the_machine_of_its_class(rack: LiveLab) -> None:
    say = "import os; print(os.cpu_count(), open('/proc/meminfo').readline().split()[1], os.getpid() < 1000)"
    cores, memory_kb, own_pids = rack.ssh("nano", f'{BOARD_PYTHON} -c "{say}"').split()
    assert (cores, memory_kb, own_pids) == ("4", str(4 * 1024**2), "True")
    assert rack.ssh("nano", "hostname; pwd; grep -c ^cpu /proc/stat; grep -c ^processor /proc/cpuinfo").split() == [
        "nano", "/home/board", "5", "4"]  # fmt: skip
    mounted = [line.split()[1] for line in rack.ssh("nano", "cat /proc/mounts").splitlines()]
    assert mounted[0] == "/" and not [place for place in mounted if "fedrack" in place]


def test_the_stand_ins_speak_as_the_parsers_expect(rack: LiveLab) -> None:
    nano, pi = Shell(rack, "nano"), Shell(rack, "pi")
    assert nano.know(L4T_RELEASE).version == "32.7.4" and pi.know(PI_REVISION).model == "5"
    assert nano.know(POWER_MODES) == {"MAXN": 0, "5W": 1} and nano.know(POWER_MODE).name == "MAXN"
    assert pi.know(THROTTLED).now == () and "VDD_CORE_V volt(15)=" in rack.ssh("pi", "vcgencmd pmic_read_adc")
    rack.ssh("nano", "nvpmodel -m 1")
    assert nano.know(POWER_MODE).name == "5W"
    assert {policy.max_hz for policy in nano.know(cpu_policies())} == {918_000_000}
    rack.ssh("nano", "jetson_clocks --store /run/clocks; jetson_clocks")
    assert locked(nano.know(jetson_clocks(sudo="")))
    rack.ssh("nano", "jetson_clocks --restore /run/clocks; nvpmodel -m 0")
    assert not locked(nano.know(jetson_clocks(sudo=""))) and nano.know(POWER_MODE).name == "MAXN"


def test_sensors_follow_the_boards_own_load(rack: LiveLab) -> None:
    power = "cat /sys/bus/i2c/devices/6-0040/iio:device0/in_power0_input"
    idle_mw = 1900
    wait_for(lambda: int(rack.ssh("nano", power)) < idle_mw + 50)
    busy = f"timeout 2 sh -c 'while :; do :; done' & for i in 1 2 3 4 5 6 7 8; do sleep 0.2; {power}; done"
    assert max(map(int, rack.ssh("nano", busy).split())) > idle_mw + 200  # a share of a core, on a busy machine
    assert int(rack.ssh("nano", "head -n 1 /proc/stat").split()[1]) > 0


def test_no_route_leads_out_of_the_lab(rack: LiveLab) -> None:
    for namespace in (rack.plan.namespace, *(board.namespace for board in rack.plan.boards)):
        routes = rack.inside("ip", "route", "show", "table", "all", namespace=namespace)
        assert "default" not in routes
        assert {line.split()[0] for line in routes.splitlines() if line.split()[0][0].isdigit()} == {str(PREFIX)}
        assert (
            "unreachable"
            in subprocess.run(
                ["ip", "netns", "exec", namespace, "ip", "route", "get", "192.0.2.1"], capture_output=True, text=True
            ).stderr
        )
        assert "default" not in rack.inside("ip", "-6", "route", namespace=namespace)
    machine = subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
    assert not [link["ifname"] for link in json.loads(machine) if link.get("link_netnsid") is not None]
    assert str(PREFIX) not in subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout


def test_a_worker_over_its_budget_is_killed_and_the_neighbour_untouched(rack: LiveLab, tmp_path: Path) -> None:
    verdicts = talk(rack, "budget", tmp_path)
    over, neighbour = verdicts["nano"], verdicts["pi"]
    assert over["signal"] == 9 and over["oom_kills"] == 1
    assert over["cgroup_peak_bytes"] == pytest.approx(over["budget_bytes"], rel=0.01)
    assert neighbour["returncode"] == 0 and neighbour["oom_kills"] == 0


def test_a_link_has_its_rate_and_its_delay(rack: LiveLab, tmp_path: Path) -> None:
    """Loosely, for tests run on busy machines; the figures hold them to their targets."""
    seen = talk(rack, "link", tmp_path)
    assert seen["pi"]["rate_mbit"] == pytest.approx(20, rel=0.25)
    assert 0.038 < seen["far"]["round_trip_s"] < 0.080
    assert seen["nano"]["round_trip_s"] < 0.02


def test_a_reboot_is_another_boot_with_the_same_disk(rack: LiveLab) -> None:
    ask = "cat /proc/sys/kernel/random/boot_id; tail -n +2 /proc/swaps"
    before, neighbour = rack.ssh("nano", ask).split(), rack.ssh("pi", ask).split()
    assert len(before) == len(neighbour) == 1 and before != neighbour
    rack.ssh("nano", "touch mine")
    rack.fault("nano", FaultKind.REBOOT)
    assert rack.ssh("nano", ask).split() != before
    assert rack.ssh("nano", "ls mine").split() == ["mine"] and rack.ssh("pi", ask).split() == neighbour


def talk(rack: LiveLab, what: str, folder: Path) -> dict[str, dict[str, float]]:
    """`talk.py` in a process of its own: whoever enters a lab does not come out again."""
    words = [sys.executable, str(Path(__file__).with_name("talk.py")), str(rack.inventory), what, str(folder)]
    done = subprocess.run(words, cwd=ROOT, env=environment(), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict[str, float]] = json.loads(done.stdout)
    return answer


FETCH = """
import sys, urllib.error, urllib.request
from pathlib import Path
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.wheels import Cache, Wanted
inventory, folder, url, sha256 = sys.argv[1:]
cache = Cache(Path(folder))
enter_lab(load_inventory(inventory).boards)
try:
    urllib.request.urlopen(url, timeout=5)
except urllib.error.URLError:
    print(cache.obtain(Wanted("python.tar.gz", sha256, url)).read_text())
"""


def test_a_cache_that_was_there_before_still_fetches_inside(rack: LiveLab, tmp_path: Path) -> None:
    class Archive(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"an interpreter")

        def log_message(self, *_: object) -> None:
            """Not into the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Archive) as index:
        threading.Thread(target=index.serve_forever, daemon=True).start()
        url, sha256 = f"http://127.0.0.1:{index.server_port}/", hashlib.sha256(b"an interpreter").hexdigest()
        command = [sys.executable, "-c", FETCH, str(rack.inventory), str(tmp_path / "cache"), url, sha256]
        done = subprocess.run(command, env=environment(), cwd=ROOT, text=True, capture_output=True)
        index.shutdown()
    assert done.stdout == "an interpreter\n", done.stderr
