"""Emulated boards for the tests. Where something is lacking the tests are skipped, with what it is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.connect.ssh import SshConnection
from harness.emulated.debian import Debian, debian
from harness.emulated.needs import require_machine, require_translator
from harness.errors import BoardError, FedRackError
from harness.inventory import BoardSpec
from harness.load import load_inventory
from tests.lab.conftest import LiveLab, environment, possible

__all__ = ["possible"]

SLOW = pytest.mark.skipif(not os.environ.get("FEDRACK_SLOW"), reason="slow: set FEDRACK_SLOW=1")
PLAN = Path(__file__).parents[2] / "inventories" / "emulated.yaml"
BOOT_S = 240.0  # 15 s on an idle machine


@pytest.fixture(scope="session")
def system() -> Debian:
    try:
        require_translator()
        return debian()
    except FedRackError as error:
        pytest.skip(f"{error.message}: {error.remedy}")


@pytest.fixture(scope="session")
def arm64_rack(possible: None, system: Debian, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLab]:
    """A lab of the boards of inventories/emulated.yaml."""
    lab = LiveLab(name=f"e{os.getpid()}", folder=tmp_path_factory.mktemp("lab"))
    try:
        lab.up(PLAN.read_text())
        yield lab
    finally:
        lab.down()
    assert lab.traces() == []


@pytest.fixture
def machine(system: Debian, tmp_path: Path) -> Iterator[BoardSpec]:
    """A board in qemu that takes logins."""
    try:
        require_machine()
    except FedRackError as error:
        pytest.skip(f"{error.message}: {error.remedy}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = ["lab", "machine", "--port", port, "--folder", str(tmp_path / "machine")]
    command = [sys.executable, "-c", "from harness.cli import main; main()", *words]
    with (tmp_path / "said.log").open("wb") as said:
        running = subprocess.Popen(command, env=environment(), stdout=said, stderr=said)
    try:
        yield wait_for_login(tmp_path / "machine", running)
    finally:
        running.kill()
        running.wait()


def wait_for_login(folder: Path, running: subprocess.Popen[bytes]) -> BoardSpec:
    end_s = time.monotonic() + BOOT_S
    while time.monotonic() < end_s and running.poll() is None:
        with suppress(BoardError, FedRackError):
            (spec,) = load_inventory(folder / "inventory.yaml").boards
            SshConnection(spec).close()
            return spec
        time.sleep(1.0)
    raise AssertionError(f"it does not come up; its console: {(folder / 'console.log').read_text()[-2000:]}")
