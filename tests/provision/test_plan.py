"""Each file under cases/ is a board as it says of itself, and the plan or the refusals that must come of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.images import names
from harness.inventory import BoardSpec, Wanted
from harness.load import load_inventory
from harness.load.image import load_image
from harness.provision.plan import Plan, plan
from harness.provision.privileged import every_command, sudoers
from harness.provision.rack import plan_offline
from harness.provision.steps import Push
from harness.provision.survey import Survey, assumed, facts_for
from harness.provision.system import allowed

CASES = {path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "cases").glob("*.json"))}
EXAMPLE = Path(__file__).parents[2] / "inventories" / "example-rack.yaml"


def board(case: dict[str, Any]) -> tuple[BoardSpec, Survey]:
    keys = {"name": "board", "memory_budget_bytes": None, **case["board"]}
    keys["wanted"] = Wanted(power_mode=keys.pop("power_mode", None))
    spec = replace(load_inventory(EXAMPLE).boards[0], **keys)
    image = load_image(spec.image)
    facts = facts_for(spec, image)
    said = {field: facts[field].parse(text) for field, text in case["facts"].items()}
    return spec, replace(assumed(spec, image), missing_packages=(), assumed=False, **said)


def planned(name: str) -> Plan:
    spec, found = board(CASES[name])
    return plan(spec, load_image(spec.image), found, CASES[name].get("wheel_bytes", 0))


@pytest.mark.parametrize("name", CASES)
def test_every_plan(name: str) -> None:
    made, case = planned(name), CASES[name]
    assert list(made.refusals) == case.get("refusals", [])
    lines = [step.line for step in made.steps if not isinstance(step, Push)]
    assert [line for line in lines if line.startswith(case.get("only", ""))] == case.get("steps", lines)


@pytest.mark.parametrize("name", CASES)
def test_root_does_nothing_that_is_not_on_the_list(name: str) -> None:
    rules = every_command(load_image(image).packages for image in names())
    commands = [step.privileged for step in planned(name).steps if not isinstance(step, Push) and step.privileged]
    assert all(any(allowed(command, rule) for rule in rules) for command in commands)
    said = [step.line for step in planned(name).steps if "sudo" in step.line or "apt-get" in step.line]
    assert len(said) == len(commands) or CASES[name]["facts"].get("rights") == "root\n"


def test_sudo_reads_the_rules() -> None:
    visudo = shutil.which("visudo", path="/usr/sbin:/usr/bin")
    if visudo is None:
        pytest.skip("visudo is not installed (Debian: sudo)")
    rules = sudoers("lab", [load_image(image).packages for image in names()])
    done = subprocess.run([visudo, "-c", "-f", "-"], input=rules, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_image_is_planned_offline_or_says_why_not() -> None:
    specs = [replace(spec, image=image) for spec in load_inventory(EXAMPLE).boards[:1] for image in names()]
    for made in plan_offline(specs, {image: load_image(image) for image in names()}):
        unknown = [reason for reason in made.refusals if not reason.startswith("no hash of")]
        assert not unknown and bool(made.steps) != bool(made.refusals)
