"""A Python that lives in a container: a launcher stands in the place of the interpreter.

Agent and worker both run inside: the worker is the agent's child there as anywhere, so that its budget and its memory
are what the report says. Inside, the launcher is only another name of `python3`.
"""

from __future__ import annotations

import shlex

from harness.images import Container

INSIDE = "FEDRACK_CONTAINER"
# Processes, network and user of the board: the agent sees the sensors and its own worker, files belong to the login.
SHARED = ("--network", "host", "--pid", "host", "--ipc", "host")
_LAUNCHER = """#!/bin/sh
[ -n "${INSIDE}" ] && exec python3 "$@"
root=$(cd "$(dirname "$0")/../../.." && pwd)
exec {run} --user "$(id -u):$(id -g)" --volume "$root:$root" --workdir "$PWD" --env PYTHONPATH {image} python3 "$@"
"""


def run_command(container: Container) -> tuple[str, ...]:
    """Of docker or podman, as far as it is the same for every board and folder."""
    runtime = ("--runtime", container.runtime) if container.runtime else ()
    return (container.program, "run", "--rm", "--interactive", *runtime, *SHARED, "--env", f"{INSIDE}=1")


def launcher(container: Container) -> str:
    """The script; it finds our folder from where it lies, `env/<digest>/bin/python`."""
    run, image = shlex.join(run_command(container)), shlex.quote(container.image)
    return _LAUNCHER.replace("{INSIDE}", INSIDE).replace("{run}", run).replace("{image}", image)


def is_there(container: Container) -> str:
    """A command that fails where the board does not have the image: nothing is fetched on a board."""
    return shlex.join((container.program, "image", "inspect", "--format", "{{.Id}}", container.image))
