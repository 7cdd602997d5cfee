"""A board that was lost is asked again: what answers there names the fault, or those among which it cannot tell."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from harness.board.second_look import Look, look, meaning
from harness.inventory import BoardSpec
from harness.load import load_inventory

BACK = Look("answers", banner=True, login=True, boot_id="a")


@pytest.mark.parametrize(
    ("seen", "before", "says"),
    [
        (Look("silent"), "a", "power loss or link down"),
        (Look("refuses"), "a", "its SSH server is not running"),
        (Look("answers"), "a", "hang: its kernel takes connections, and no program answers"),
        (Look("answers", banner=True), "a", "lets nobody in"),
        (BACK, "a", "in the same boot"),
        (BACK, "b", "reboot or power loss: it is back, in another boot"),
        (BACK, None, "cannot be told"),
        (BACK._replace(boot_id=None), "a", "cannot be told"),
    ],
)
def test_what_it_means(seen: Look, before: str | None, says: str) -> None:
    assert says in meaning(seen, before)


def spec_of(port: int, folder: Path) -> BoardSpec:
    keys = f"ansible_host: 127.0.0.1, ansible_port: {port}, connect_timeout_s: 0.3, virtual: namespace"
    (folder / "inventory.yaml").write_text(f"all: {{hosts: {{pi: {{board_class: raspberry-pi-4, {keys}}}}}}}")
    (spec,) = load_inventory(folder / "inventory.yaml").boards
    return spec


@pytest.mark.parametrize(("says", "seen"), [(b"", Look("answers")), (b"SSH-2.0-x\r\n", Look("answers", banner=True))])
def test_who_takes_connections_may_go_no_further(says: bytes, seen: Look, tmp_path: Path) -> None:
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])
                    taken[-1].sendall(says)

        threading.Thread(target=serve, daemon=True).start()
        assert look(spec_of(listener.getsockname()[1], tmp_path)) == seen
    for line in taken:
        line.close()


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert look(spec_of(port, tmp_path)) == Look("refuses")
