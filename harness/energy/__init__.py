"""Energy of a phase from what a sensor said: watts at moments, or a counter of joules. Pure.

Energies carry their rails and scope, what they cover, and their uncertainty; nothing that nobody measured is filled in.
"""

from __future__ import annotations

from harness.energy.counter import counter_energy
from harness.energy.idle import Idle, Level, NetEnergy, counted_level, level_of, net_energy
from harness.energy.power import PowerTrace, energy_of, power_trace
from harness.energy.result import Energy, joined

__all__ = [
    "Energy",
    "Idle",
    "Level",
    "NetEnergy",
    "PowerTrace",
    "counted_level",
    "counter_energy",
    "energy_of",
    "joined",
    "level_of",
    "net_energy",
    "power_trace",
]
