"""What a plan is made of. Data: nothing here touches a board."""

from __future__ import annotations

from dataclasses import dataclass

COMMAND_S = 60.0
INSTALL_S = 900.0  # unpacking torch onto an SD card takes minutes
PROOF_S = 180.0  # importing torch takes 20 s on a Jetson Nano, more on a cold SD card


@dataclass(frozen=True, kw_only=True)
class Run:
    """A shell command in our folder on the board. Exit code 0 is success."""

    command: str
    why: str
    deadline_s: float = COMMAND_S
    privileged: str | None = None  # the part of it that root runs, word for word as in `privileged.py`
    proof: bool = False  # it runs what was installed: a signal means that this CPU cannot run it
    remedy: str = ""

    @property
    def line(self) -> str:
        """For plans on paper."""
        return self.command


@dataclass(frozen=True, kw_only=True)
class Push:
    """A file of the controller's cache into `wheels/` on the board."""

    file: str
    sha256: str
    url: str | None
    why: str

    @property
    def line(self) -> str:
        return f"copy {self.file} -> wheels/"


@dataclass(frozen=True, kw_only=True)
class Reboot:
    command: str
    why: str
    privileged: str

    @property
    def line(self) -> str:
        return self.command


Step = Run | Push | Reboot
