"""Which reports there are: the folders of this package, and packages that others name as entry points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import FedRackError, UnknownName

if TYPE_CHECKING:
    from reports.data import Report
    from reports.read import Run

ENTRY_POINTS = "fedrack.reports"  # name = "a package with sections.py and study.yaml"


@dataclass(frozen=True)
class Source:
    """Where a report comes from: a package with `sections.py` and, if it asks for a run of its own, `study.yaml`."""

    name: str
    package: str

    @property
    def study(self) -> Path:
        """The cells that it needs. Raises `FedRackError` for a report without any."""
        file = self._folder / "study.yaml"
        if not file.is_file():
            raise FedRackError(f"report {self.name!r} has no study.yaml in {self._folder}", remedy="name one: --study")
        return file

    def simulated(self, scale: str) -> Path:
        """Its cells for simulated clients, study-<scale>.yaml; where it has none, those for boards."""
        file = self._folder / f"study-{scale}.yaml"
        return file if file.is_file() else self.study

    def build(self, run: Run) -> Report:
        """The report of a run, as data."""
        report: Report = import_module(f"{self.package}.sections").build(run)
        return report

    @property
    def _folder(self) -> Path:
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise FedRackError(
                f"report {self.name!r} is registered as package {self.package!r}, which cannot be imported",
                remedy="install it again, or remove it",
            )
        return Path(spec.origin).parent


def sources() -> dict[str, Source]:
    """Every report by its name. A folder of ours wins over an entry point of the same name."""
    return {source.name: source for source in (*_outside(), *_inside())}


def find(name: str) -> Source:
    """A report by its name. Raises `UnknownName`."""
    known = sources()
    if name not in known:
        raise UnknownName("report", name, known)
    return known[name]


def _inside() -> Iterator[Source]:
    for path in sorted(Path(__file__).parent.glob("*/sections.py")):
        yield Source(path.parent.name, f"reports.{path.parent.name}")


def _outside() -> Iterator[Source]:
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        yield Source(point.name, point.value)
