"""Fixtures that start agents, and end them by hanging up."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.agent_client import AgentProcess

SOURCE = Path(__file__).resolve().parents[2] / "harness" / "agent"


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    shutil.copytree(SOURCE, folder / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def launch(code: Path, tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Starts agents; at the end each of them hangs up, which is all it takes to clean up after them."""
    agents: list[AgentProcess] = []

    def start(python: str = sys.executable, sysroot: str = "/", reading: bool = True) -> AgentProcess:
        agents.append(AgentProcess(code, tmp_path, python, sysroot, reading))
        return agents[-1]

    yield start
    for agent in agents:
        agent.close()


@pytest.fixture
def agent(launch: Callable[..., AgentProcess]) -> AgentProcess:
    started = launch()
    assert started.hello()["ok"]
    return started


@pytest.fixture
def bare_root(tmp_path: Path) -> str:
    """A folder that stands for / on a board without cgroups and without sensors."""
    folder = tmp_path / "bare"
    folder.mkdir()
    return f"{folder}{os.sep}"
