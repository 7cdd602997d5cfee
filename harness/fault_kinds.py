"""The faults that a namespace board can be given, by name. What each does: `harness.lab.faults`."""

from __future__ import annotations

import enum


class FaultKind(enum.StrEnum):
    OUT_OF_MEMORY = "out-of-memory"
    HANG = "hang"
    REBOOT = "reboot"
    POWER_LOSS = "power-loss"
    LINK_DOWN = "link-down"
    LINK_FLAPPING = "link-flapping"
    SLOW_LINK = "slow-link"
    CLOCK_JUMP = "clock-jump"
    CLOCK_DRIFT = "clock-drift"
    THERMAL_THROTTLING = "thermal-throttling"
    UNDER_VOLTAGE = "under-voltage"
    DISK_FULL = "disk-full"
    SENSOR_LOSS = "sensor-loss"
    SSHD_STALLS = "sshd-stalls"
    WRONG_HOST_KEY = "wrong-host-key"
    NO_PYTHON = "no-python"
