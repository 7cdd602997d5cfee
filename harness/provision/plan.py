"""Desired state and facts make a plan: steps in order, each with its why, or the reasons why there is none. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.images import Image
from harness.inventory import BoardSpec
from harness.provision import system
from harness.provision.desired import Refused, desire
from harness.provision.environment import environment
from harness.provision.steps import Push, Step
from harness.provision.survey import Survey


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An empty one is a board that is as it should be."""

    board: str
    image: str
    steps: tuple[Step, ...] = ()
    refusals: tuple[str, ...] = ()  # with any, nothing is done
    assumed: bool = False  # no board was asked

    @property
    def pushes(self) -> tuple[Push, ...]:
        return tuple(step for step in self.steps if isinstance(step, Push))


# Packages before what links them; the reboot before the proof, whose answer then holds for the board as it will run.
_SYSTEM = (system.packages, system.swap_off, system.memory_controller, system.power_mode)


def plan(spec: BoardSpec, image: Image, survey: Survey, wheel_bytes: int = 0) -> Plan:
    """`wheel_bytes`: the size of the wheels, as far as it is known, for the question whether they fit."""
    desired = desire(spec, image, survey, wheel_bytes)
    if isinstance(desired, Refused):
        return Plan(board=spec.name, image=image.name, refusals=desired.reasons, assumed=survey.assumed)
    steps = [step for theme in _SYSTEM for step in theme(desired, survey)]
    steps += environment(desired, survey)
    refusals = [*system.refusals(desired, survey), *_no_rights(steps, survey, spec)]
    return Plan(
        board=spec.name, image=image.name, steps=() if refusals else tuple(steps), refusals=tuple(refusals),
        assumed=survey.assumed,
    )  # fmt: skip


def _no_rights(steps: list[Step], survey: Survey, spec: BoardSpec) -> list[str]:
    commands = [step.privileged for step in steps if not isinstance(step, Push) and step.privileged]
    if not commands or survey.rights in ("root", "sudo"):
        return []
    remedy = f"install the rules of `fedrack provision --sudoers --devices {spec.name}` there"
    what = "sudo asks for a password" if survey.rights == "password" else "there is no sudo"
    return [f"{what}, and {len(commands)} steps need root ({'; '.join(commands)}): {remedy}"]
