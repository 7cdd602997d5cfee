"""A reboot in the middle of a plan: a board that goes away and returns, one that stays away, one that never went."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from harness.connect import Connection, connect
from harness.errors import Unreachable
from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.provision.apply import apply
from harness.provision.plan import Plan
from harness.provision.steps import Reboot, Run, Step
from harness.virtual.embedded import EmbeddedRack
from harness.wheels import Cache

VIRTUAL = Path(__file__).parents[2] / "inventories" / "virtual.yaml"
OFF_S = 1.0
STEPS = (
    Run(command="cat ../boot_id >> boots", why="before"),
    Reboot(command="touch ~/reboot", why="the kernel reads its command line at boot", privileged="reboot"),
    Run(command="cat ../boot_id >> boots", why="after"),
)


class Machine:
    """An embedded board with a power switch. Its boot id is a file on it, and `touch ~/reboot` is its reboot."""

    def __init__(self, folder: Path, *, returns: bool = True) -> None:
        self.spec = load_inventory(VIRTUAL).boards[0]
        self.home = folder / self.spec.name / "home"
        self._folder = folder
        self._returns = returns
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self) -> Machine:
        self._boot()
        (self.home / self.spec.root).mkdir()
        self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._watcher.join()
        self._rack.__exit__()

    def connect(self, spec: BoardSpec) -> Connection:
        return connect(self._rack.resolve([spec])[0])

    def _boot(self) -> None:
        self._rack = EmbeddedRack([self.spec], self._folder)
        self._rack.__enter__()
        (self.home / "boot_id").write_text(f"{uuid4().hex}\n")

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            if (self.home / "reboot").exists():
                (self.home / "reboot").unlink()
                self._rack.__exit__()
                self._done.wait(OFF_S)
                if self._returns:
                    self._boot()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("harness.provision.apply._BOOT_ID", "cat boot_id")
    monkeypatch.setattr("harness.provision.apply._ASK_AGAIN_S", 0.2)
    yield


def do(machine: Machine, *steps: Step) -> list[str]:
    """What was told, step by step."""
    told: list[str] = []
    made = Plan(board=machine.spec.name, image="virtual", steps=steps)
    apply(made, machine.spec, machine.connect, Cache(Path("unused")), lambda step: told.append(step.why))
    return told


def test_the_plan_goes_on_after_the_board_has_come_back(tmp_path: Path) -> None:
    with Machine(tmp_path) as machine:
        assert do(machine, *STEPS) == [step.why for step in STEPS]
        before, after = (machine.home / machine.spec.root / "boots").read_text().split()
    assert before != after


@pytest.mark.parametrize("never", ["comes back", "goes"])
def test_a_board_that_does_not_reboot_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never: str
) -> None:
    monkeypatch.setattr("harness.provision.apply.REBOOT_S", 2.0)
    reboot = STEPS[1] if never == "comes back" else Reboot(command="true", why="", privileged="reboot")
    with Machine(tmp_path, returns=False) as machine:
        with pytest.raises(Unreachable, match="nano-01: it did not come back within 2 s of its reboot") as caught:
            do(machine, STEPS[0], reboot, STEPS[2])
        assert len((machine.home / machine.spec.root / "boots").read_text().split()) == 1, "nothing was done after it"
    assert "power, screen, serial console" in caught.value.remedy
