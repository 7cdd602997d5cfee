"""Which sources are read how often. A new sensor is a file in sources/ and its name here."""

from types import ModuleType
from typing import List, Sequence

from .sources import (
    Site,
    Source,
    battery,
    board_cpu,
    cgroup,
    cpu_clock,
    gpu,
    hwmon_power,
    jetson_power,
    meminfo,
    own,
    process_tree,
    pss,
    rapl,
    temperature,
    throttle,
    tree_cpu,
)
from .trace import Faults

MEMORY = (process_tree, cgroup, meminfo)  # with every tick, and by themselves in a burst
POWER = (jetson_power, hwmon_power, rapl, battery)
EVERY_TICK = (*POWER, own)
# Sums that only grow need no high rate, a share over less than a second is mostly the kernel's 10 ms tick, and heat is
# slow. Clocks are not, but on some boards a reading wakes the core.
EVERY_SECOND = (tree_cpu, board_cpu, cpu_clock, gpu, temperature, throttle)
RARELY = (pss,)  # at a rate of its own


def found(modules: Sequence[ModuleType], site: Site, faults: Faults) -> List[Source]:
    """Those that this board has; one that is there but refuses is a fault, and the others are read."""
    sources: List[Source] = []
    for module in modules:
        try:
            source = module.find(site)
        except Exception as error:
            faults.note(module.__name__.rpartition(".")[2], str(error))
        else:
            sources += [source] if source else []
    return sources
