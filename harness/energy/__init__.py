"""Energy of a phase from what a sensor said: watts at moments, or a counter of joules. Pure.

Energies carry their rails and scope, what they cover, and their uncertainty; nothing that nobody measured is filled in.
"""

from __future__ import annotations

from harness.energy.counter import counter_energy
from harness.energy.idle import Idle, NetEnergy, idle_level, net_energy
from harness.energy.power import PowerTrace, energy_of, power_trace
from harness.energy.result import Energy, joined, total

__all__ = [
    "Energy",
    "Idle",
    "NetEnergy",
    "PowerTrace",
    "counter_energy",
    "energy_of",
    "idle_level",
    "joined",
    "net_energy",
    "power_trace",
    "total",
]
