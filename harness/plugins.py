"""Methods from outside the tree: packages that name one as an entry point of the group `fedrack.methods`.

A study names such a method like one of ours. The FL core is told its place, `module:ATTRIBUTE`, and the package
travels to the boards with the code: nothing is installed there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from fl_core.catalogue import METHODS
from harness.errors import FedRackError

GROUP = "fedrack.methods"


def outside() -> dict[str, str]:
    """Name -> `module:ATTRIBUTE`. A method of ours wins over another of its name."""
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in METHODS}


def place(method: str) -> str:
    """What the FL core finds a method by: its own by their names, others by their place."""
    return method if method in METHODS else outside().get(method, method)


def files(methods: Iterable[str]) -> dict[str, Path]:
    """The Python files of the packages that hold these methods: path in the payload -> file. Ours need none."""
    known = outside()
    found: dict[str, Path] = {}
    for method in sorted(set(methods) & set(known)):
        package = known[method].partition(":")[0].partition(".")[0]
        found.update(_files_of(method, package))
    return found


def _files_of(method: str, package: str) -> Iterator[tuple[str, Path]]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        message = f"method {method!r} is registered in package {package!r}, which cannot be imported"
        raise FedRackError(message, remedy="install it again, or remove it")
    if spec.submodule_search_locations is None:
        yield f"{package}.py", Path(spec.origin)
        return
    folder = Path(spec.origin).parent
    for path in folder.rglob("*.py"):
        yield f"{package}/{path.relative_to(folder).as_posix()}", path
