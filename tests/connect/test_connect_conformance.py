"""What every `Connection` must do, against real servers. `board` runs it once for each kind of server."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import pytest

from harness.connect import Connection, connect
from harness.connect.base import KILLED
from harness.connect.ssh import SshConnection
from harness.errors import CommandFailed, HostKeyRefused, LoginRefused, Unreachable

if TYPE_CHECKING:
    from conftest import LiveBoard

ECHO = """python3 -u -c '
import json, sys
for line in sys.stdin:
    print(json.dumps(dict(json.loads(line), echo=True)))
'"""


def test_run_gives_bytes_and_exit_code(connection: Connection) -> None:
    result = connection.run(r"printf '\000\377\r\n'; printf oops >&2; exit 7")
    assert (result.stdout, result.stderr, result.exit_code) == (b"\x00\xff\r\n", b"oops", 7)
    assert connection.run("echo ä").text == "ä\n"


def test_run_has_empty_stdin(connection: Connection) -> None:
    assert connection.run("cat", timeout_s=5).stdout == b""


def test_run_tells_a_killed_command(connection: Connection) -> None:
    assert connection.run("kill -9 $$").exit_code == KILLED


def test_run_reads_both_outputs_at_once(connection: Connection) -> None:
    """More on either than any window or pipe holds: reading one after the other would hang."""
    result = connection.run("head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero; head -c 6000000 /dev/zero >&2")
    assert (len(result.stdout), len(result.stderr)) == (6_000_000, 12_000_000)


def test_run_ends_at_its_deadline_and_the_connection_lives_on(connection: Connection) -> None:
    start_s = time.monotonic()
    with pytest.raises(CommandFailed, match=r"`sleep 20` was not done within 0\.3 s"):
        connection.run("sleep 20", timeout_s=0.3)
    assert time.monotonic() - start_s < 1.5
    assert connection.run("echo still here").stdout == b"still here\n"


def test_run_from_several_threads(connection: Connection) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: connection.run(f"echo {n}").text, range(12)))
    assert results == [f"{n}\n" for n in range(12)]


def test_put_and_get_keep_every_byte(connection: Connection, board: LiveBoard, tmp_path: Path) -> None:
    content = os.urandom(5_000_000)
    (tmp_path / "out").write_bytes(content)
    connection.put(tmp_path / "out", f"{board.folder}/blob")
    connection.get(f"{board.folder}/blob", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert connection.run(f"wc -c < {board.folder}/blob").text.strip() == "5000000"


def test_put_keeps_the_mode_and_replaces(connection: Connection, board: LiveBoard, tmp_path: Path) -> None:
    script = tmp_path / "script"
    for text, mode in (("echo one", 0o700), ("echo two", 0o500)):
        script.unlink(missing_ok=True)
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(mode)
        connection.put(script, f"{board.folder}/script")
        assert connection.run(f"stat -c %a {board.folder}/script").text.strip() == f"{stat.S_IMODE(mode):o}"
    assert connection.run(f"cd {board.folder} && ./script").stdout == b"two\n"


def test_failed_transfers_leave_nothing(connection: Connection, board: LiveBoard, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandFailed, match="no-folder/file"):
        connection.put(tmp_path / "file", f"{board.folder}/no-folder/file")
    connection.run(f"mkdir -p {board.folder}/full/name/below")
    with pytest.raises(CommandFailed, match="put"):  # a folder that is not empty cannot be replaced
        connection.put(tmp_path / "file", f"{board.folder}/full/name")
    assert connection.run(f"ls {board.folder}/full").text == "name\n"
    with pytest.raises(CommandFailed, match="no-such-file"):
        connection.get(f"{board.folder}/no-such-file", tmp_path / "got")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_stream_speaks_lines_both_ways(connection: Connection) -> None:
    stream = connection.open(ECHO)
    assert stream.exit_code is None
    for n in range(3):
        stream.write_line(json.dumps({"n": n, "text": "ä" * 1000}))
        assert json.loads(stream.read_line(10) or "") == {"n": n, "text": "ä" * 1000, "echo": True}
    stream.end_input()
    assert stream.read_line(10) is None
    assert stream.exit_code == 0


def test_stream_read_times_out_and_loses_nothing(connection: Connection) -> None:
    stream = connection.open("printf half; sleep 0.4; echo ' line'; cat")
    with pytest.raises(TimeoutError):
        stream.read_line(0.1)
    assert stream.read_line(5) == "half line"
    stream.close()


def test_stream_is_read_while_another_thread_writes(connection: Connection) -> None:
    """More than the window holds both ways: each direction only moves while the other is served."""
    stream = connection.open("cat")
    lines = [f"{n:06d}" * 200 for n in range(3000)]

    def write() -> None:
        for line in lines:
            stream.write_line(line)
        stream.end_input()

    writer = threading.Thread(target=write)
    writer.start()
    assert [stream.read_line(10) for _ in lines] == lines
    assert stream.read_line(10) is None
    writer.join()


def test_stream_ends_when_the_command_dies(connection: Connection) -> None:
    stream = connection.open("echo last; echo 'cannot go on' >&2; printf rest; exit 5")
    assert [stream.read_line(5), stream.read_line(5), stream.read_line(5)] == ["last", "rest", None]
    assert (stream.exit_code, stream.stderr_tail) == (5, "cannot go on\n")
    with pytest.raises(CommandFailed, match=r"no longer listens; its last words: cannot go on"):
        for _ in range(100):  # the board may still be closing its end
            stream.write_line("hello?")
            time.sleep(0.01)


def test_closing_a_stream_is_end_of_input_for_the_command(connection: Connection, board: LiveBoard) -> None:
    stream = connection.open(f"echo ready; cat; touch {board.folder}/saw-the-end")
    assert stream.read_line(5) == "ready"
    stream.close()
    connection.run(f"while [ ! -e {board.folder}/saw-the-end ]; do sleep 0.05; done", timeout_s=5)


def test_closing_wakes_a_reader(connection: Connection) -> None:
    stream = connection.open("cat")
    threading.Timer(0.2, stream.close).start()
    assert stream.read_line(5) is None


def test_another_host_key_is_refused(ssh_board: LiveBoard) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    pinned = replace(ssh_board.spec, host_key=other.export_public_key().decode().strip())
    with pytest.raises(HostKeyRefused) as caught:
        connect(pinned)
    real = asyncssh.import_public_key(ssh_board.spec.host_key or "")
    assert real.get_fingerprint() in caught.value.message
    assert other.get_fingerprint() in caught.value.message
    assert caught.value.remedy


def test_an_unknown_host_key_is_refused_until_it_is_in_known_hosts(ssh_board: LiveBoard, tmp_path: Path) -> None:
    pins = tmp_path / "known_hosts"
    pins.write_text("")
    by_file = replace(ssh_board.spec, host_key=None, known_hosts=str(pins))
    with pytest.raises(HostKeyRefused, match="none is pinned") as caught:
        connect(by_file)
    assert ssh_board.spec.host_key is not None
    assert " ".join(ssh_board.spec.host_key.split()[:2]) in caught.value.remedy
    assert pins.read_text() == ""  # and nothing was learnt on the way
    pins.write_text(f"[127.0.0.1]:{ssh_board.spec.port} {ssh_board.spec.host_key}\n")
    connect(by_file).close()
    with pytest.raises(HostKeyRefused, match="cannot be used"):
        connect(replace(by_file, known_hosts=str(tmp_path / "not there")))


def test_another_login_key_is_refused(ssh_board: LiveBoard, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
    with pytest.raises(LoginRefused, match="does not accept the key"):
        connect(replace(ssh_board.spec, key_file=str(tmp_path / "key")))


def test_a_hanging_board_meets_its_deadlines(ssh_board: LiveBoard, tmp_path: Path) -> None:
    """Stopped, it still has open sockets, and its kernel still takes packets."""
    (tmp_path / "big").write_bytes(bytes(20_000_000))
    impatient = replace(ssh_board.spec, connect_timeout_s=0.5, command_timeout_s=0.5)
    to_run, to_put = SshConnection(impatient), SshConnection(impatient)
    stream = to_run.open("cat")
    with ssh_board.stopped():
        start_s = time.monotonic()
        with pytest.raises(TimeoutError):
            stream.read_line(0.1)
        with pytest.raises(CommandFailed, match=r"within 0\.5 s"):
            to_run.run("true")
        with pytest.raises(CommandFailed, match=r"nothing has moved for 0\.5 s"):
            to_put.put(tmp_path / "big", f"{ssh_board.folder}/big")
        with pytest.raises(Unreachable, match=r"did not complete the login within 0\.5 s"):
            connect(impatient)
        to_put.close()
        assert time.monotonic() - start_s < 4
    stream.write_line("awake again")  # a missed deadline costs the command, not the connection
    assert stream.read_line(5) == "awake again"
    to_run.close()
    connect(ssh_board.spec).close()


CALL_BACK = """python3 -c '
import socket
line = socket.create_connection(("127.0.0.1", {}))
line.sendall(b"x" * 300000)
line.shutdown(socket.SHUT_WR)
print(len(line.makefile("rb").read()))
'"""


def test_a_board_reaches_back_to_each_of_our_ports_through_the_connection(ssh_board: LiveBoard) -> None:
    def answer(listener: socket.socket, times: int) -> None:
        line, _ = listener.accept()
        with line, line.makefile("rb") as said:
            line.sendall(said.read() * times)

    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        for listener, times in ((first, 2), (second, 3)):
            threading.Thread(target=answer, args=(listener, times), daemon=True).start()
        with connect(ssh_board.spec) as connection:
            assert isinstance(connection, SshConnection)
            ports = [connection.reach_back(listener.getsockname()[1]) for listener in (first, second)]
            assert [connection.run(CALL_BACK.format(port)).text for port in ports] == ["600000\n", "900000\n"]
            first.close()
            assert connection.run(CALL_BACK.format(ports[0])).text in ("", "0\n")  # refused, not left hanging
