"""Which sensors the agent finds on a board, and how fast they can really be read there."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from harness.facts.base import Fact

RATE_HZ = 10.0
TICKS = 10
_SCRIPT = """
import json, os, sys, time
from agent import catalogue
from agent.sources import Site
from agent.trace import Faults
rate_hz, ticks = float(sys.argv[1]), int(sys.argv[2])
me = os.getpid()
faults = Faults(lambda *_: None)
site = Site("/", me, None, lambda: [me])
sources = catalogue.found(catalogue.MEMORY + catalogue.EVERY_TICK + catalogue.EVERY_SECOND, site, faults)
start = time.monotonic()
names, failed = set(), {}
for tick in range(ticks):
    for source in sources:
        try:
            names.update(source.read())
        except Exception as error:
            failed[source.name] = str(error)
    time.sleep(max(0.0, start + (tick + 1) / rate_hz - time.monotonic()))
print(json.dumps({"names": sorted(names), "failed": failed, "rate_hz": ticks / (time.monotonic() - start)}))
"""


@dataclass(frozen=True, kw_only=True)
class SensorReading:
    names: tuple[str, ...]  # metrics, and <source>/<sensor>/<quantity_with_unit>
    failed: tuple[str, ...]  # "source: what it said"
    rate_hz: float  # that was reached, of RATE_HZ

    @property
    def power(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name.endswith(("_w", "_j")))


def parse_sensors(text: str) -> SensorReading:
    """The last line is the JSON of our script."""
    try:
        said = json.loads(text.strip().splitlines()[-1])
        failed = tuple(f"{name}: {what}" for name, what in sorted(said["failed"].items()))
        return SensorReading(names=tuple(said["names"]), failed=failed, rate_hz=float(said["rate_hz"]))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no sensors in {text[-80:]!r}: {error}") from None


def sensors(root: str, python: str, code: str) -> Fact[SensorReading]:
    """`code`: the folder of the deployed agent below `root`. Takes a second."""
    words = shlex.join([python, "-S", "-c", _SCRIPT, str(RATE_HZ), str(TICKS)])
    command = f"cd {shlex.quote(root)} && PYTHONPATH={shlex.quote(code)} {words}"
    return Fact(name="sensors", command=command, parse=parse_sensors)
