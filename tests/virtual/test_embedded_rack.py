"""The embedded rack as a rack: what its boards are to a command, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.connect.ssh import SshConnection
from harness.errors import CommandFailed, FedRackError, Unreachable
from harness.inventory import BoardSpec, Inventory
from harness.load import load_inventory
from harness.virtual.embedded import EmbeddedRack

ROOT = Path(__file__).parents[2]
VIRTUAL = ROOT / "inventories" / "virtual.yaml"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load_inventory(VIRTUAL)


@pytest.fixture(scope="module")
def boards(inventory: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardSpec, ...]]:
    os.environ["CONTROLLERS_SECRET"] = "1"
    with EmbeddedRack(inventory.boards, tmp_path_factory.mktemp("rack")) as rack:
        yield rack.resolve(inventory.boards)
    del os.environ["CONTROLLERS_SECRET"]


@pytest.fixture
def nano(boards: tuple[BoardSpec, ...]) -> Iterator[SshConnection]:
    with SshConnection(boards[0]) as connection:
        yield connection


def gone(pid: int, within_s: float = 5.0) -> bool:
    end_s = time.monotonic() + within_s
    while psutil.pid_exists(pid) and time.monotonic() < end_s:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return not psutil.pid_exists(pid)


def test_resolved_boards_are_only_addresses_away_from_the_inventory(
    inventory: Inventory, boards: tuple[BoardSpec, ...]
) -> None:
    filled = ("host", "port", "user", "key_file", "host_key", "known_hosts", "server_address")
    for before, after in zip(inventory.boards, boards, strict=True):
        assert replace(after, **{name: getattr(before, name) for name in filled}) == before
        assert after.host == after.server_address == "127.0.0.1"
        assert (Path(after.key_file or "").stat().st_mode & 0o777) == 0o600
    assert len({board.port for board in boards}) == len({board.host_key for board in boards}) == 5


def test_a_command_sees_a_board_and_not_the_controller(nano: SshConnection) -> None:
    env = dict(line.split("=", 1) for line in nano.run("env").text.splitlines())
    assert env["HOME"] == env["PWD"]
    assert env["HOME"].endswith("nano-01/home")
    assert not {"CONTROLLERS_SECRET", "PYTHONPATH", "SSH_AUTH_SOCK"} & set(env)
    assert nano.run("python3 -c 'import sys; print(sys.executable)'").text.startswith(str(Path(sys.executable).parent))
    assert nano.run("python3 -c 'import os, stat; print(stat.S_ISFIFO(os.fstat(0).st_mode))'").text == "True\n"


def test_paths_mean_the_same_to_commands_and_transfers(nano: SshConnection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    nano.run("mkdir -p .fedrack/in")
    nano.put(tmp_path / "file", ".fedrack/in/relative")
    home = nano.run("pwd").text.strip()
    nano.put(tmp_path / "file", f"{home}/.fedrack/in/absolute")
    assert nano.run("cat .fedrack/in/relative .fedrack/in/absolute").text == "hellohello"
    for outside in (str(tmp_path / "copy"), "../../login_key"):
        with pytest.raises(CommandFailed, match="outside the virtual board's home"):
            nano.put(tmp_path / "file", outside)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_twenty_sessions_at_once(nano: SshConnection) -> None:
    streams = [nano.open("cat") for _ in range(20)]
    for n, stream in enumerate(streams):
        stream.write_line(f"to {n}")
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda stream: stream.read_line(10), streams)) == [f"to {n}" for n in range(20)]
    for stream in streams:
        stream.close()


def test_streams_closed_at_once_leave_no_command_behind(nano: SshConnection) -> None:
    for _ in range(10):
        nano.open("echo $$ >> started; cat; echo $$ >> ended").close()
    nano.run("while [ $(cat ended | wc -l) -lt $(cat started | wc -l) ]; do sleep 0.05; done", timeout_s=5)


def test_the_dead_do_not_stay_zombies(nano: SshConnection) -> None:
    """A launcher asks `kill -0` whether its detached worker lives."""
    nano.run("setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! > pid")
    assert nano.run("kill -0 $(cat pid)").exit_code == 0
    nano.run("kill -9 $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do sleep 0.02; done", timeout_s=5)


def test_a_second_rack_finds_the_same_boards(inventory: Inventory, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with EmbeddedRack(inventory.boards[:1], tmp_path) as rack:
            (board,) = rack.resolve(inventory.boards[:1])
            with SshConnection(board) as connection:
                seen.append((board.host_key, connection.run("echo run >> log; cat log").text))
    assert seen == [(board.host_key, "run\n"), (board.host_key, "run\nrun\n")]


def test_its_end_is_the_end_of_everything_on_it(inventory: Inventory, tmp_path: Path) -> None:
    with EmbeddedRack(inventory.boards[:1], tmp_path) as rack:
        connection = SshConnection(rack.resolve(inventory.boards)[0])
        detached = "setsid sh -c 'sleep 600 & echo $! > pid; sleep 600' >/dev/null 2>&1 </dev/null &"
        connection.run(f"{detached} while [ ! -s pid ]; do sleep 0.02; done", timeout_s=5)
        stream = connection.open("trap '' TERM HUP; echo $$; sleep 600")
        pid = int(stream.read_line(5) or 0)
        assert rack._server is not None
        everything = psutil.Process(rack._server.pid).children(recursive=True)
        assert pid in [process.pid for process in everything]
        assert int(connection.run("cat pid").text) in [process.pid for process in everything]
    assert all(gone(process.pid) for process in everything)
    assert stream.read_line(5) is None
    assert stream.exit_code is None
    with pytest.raises(Unreachable, match="lost"):
        connection.run("true")


@pytest.mark.parametrize("victim", ["controller", "server"])
def test_nothing_outlives_a_killed_one(victim: str, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("parent.py"), VIRTUAL, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdin is not None and parent.stdout is not None
    try:
        pids = json.loads(parent.stdout.readline())
        if victim == "controller":
            parent.kill()
        else:
            os.kill(pids[0], signal.SIGTERM)
        assert [pid for pid in pids if not gone(pid)] == []
    finally:
        parent.kill()
        parent.wait()
        parent.stdin.close()
        parent.stdout.close()


def test_a_failed_start_shows_why(inventory: Inventory, tmp_path: Path) -> None:
    (tmp_path / "nano-01").write_text("in the way")
    with pytest.raises(FedRackError, match=r"ended at once \(exit code 1\)(.|\n)*NotADirectoryError") as caught:
        EmbeddedRack(inventory.boards, tmp_path).__enter__()
    assert "serve.log" in caught.value.remedy


def test_boards_of_other_kinds_pass_through(inventory: Inventory, tmp_path: Path) -> None:
    real = tuple(replace(board, virtual=None) for board in inventory.boards)
    with EmbeddedRack(real, tmp_path / "unused") as rack:
        assert rack.resolve(real) == real
    assert not (tmp_path / "unused").exists()


def test_other_systems_get_one_sentence(inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(FedRackError, match="need Linux, and this is darwin"):
        EmbeddedRack(inventory.boards, tmp_path).__enter__()
