"""A Python in a container, with a stand-in for docker: what it is asked for, and what is started inside it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.connect import connect
from harness.images import Container, Image, Interpreter
from harness.provision.container import launcher, run_command
from harness.provision.rack import Outcome, provision
from harness.states import States
from harness.wheels import Cache
from tests.provision.stand_ins import TORCH, image

if TYPE_CHECKING:
    from conftest import Racks

NAME = "registry.example/torch@sha256:" + "a" * 64
# Keeps what it was asked for; `run` starts what stands behind the image, with the variables and in the folder named.
DOCKER = f"""#!/bin/sh
echo "$*" >> {{folder}}/asked
[ "$1" = image ] && exec test -e {{folder}}/loaded
while [ "$1" != {NAME} ]; do
    case "$1" in
        --env) case "$2" in *=*) export "$2";; esac; shift;;
        --workdir) cd "$2"; shift;;
    esac
    shift
done
shift 2
PYTHONPATH={{folder}}/inside:$PYTHONPATH exec {sys.executable} "$@"
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "torch.py").write_text(TORCH)
    return program


def contained(folder: Path, docker: Path) -> Image:
    container = Container(image=NAME, runtime="nvidia", program=str(docker))
    interpreter = Interpreter(kind="container", versions=((3, 10),), container=container)
    return replace(image(folder), interpreter=interpreter, wheels=())


def test_the_command_is_data() -> None:
    words = run_command(Container(image=NAME, runtime="nvidia"))
    assert words[:6] == ("docker", "run", "--rm", "--interactive", "--runtime", "nvidia")
    assert "--runtime" not in run_command(Container(image=NAME, program="podman"))
    assert f"--env PYTHONPATH {NAME} python3" in launcher(Container(image=NAME))


def test_an_image_that_is_not_there_is_told_and_one_that_is_there_works(
    racks: Racks, tmp_path: Path, docker: Path
) -> None:
    made_of = contained(tmp_path / "cache", docker)
    with racks() as (spec, _):

        def one() -> Outcome:
            cache, states = Cache(tmp_path / "cache"), States(tmp_path / "states")
            (outcome,) = provision(
                (spec,), {"tiny": made_of}, connect, cache, states, dry_run=False, told=lambda board, step: None
            )
            return outcome

        missing = one()
        assert missing.failure is not None and "load` it there" in missing.failure.remedy
        (tmp_path / "loaded").touch()
        first, second = one(), one()
        assert first.well and second.well and second.plan is not None and second.plan.steps == (), first
        (tmp_path / "asked").unlink()
        inner = "['env/current/bin/python', '-c', 'import sys; print(sys.stdin.read())']"
        nested = f"import subprocess; subprocess.run({inner})"
        said = connect(spec).run(f'cd .fedrack && echo through | env/current/bin/python -c "{nested}"').text
        assert said.strip() == "through"
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    root = tmp_path / "rack" / spec.name / "home" / ".fedrack"
    assert f"--volume {root}:{root} --workdir {root} " in asked and "--runtime nvidia" in asked
