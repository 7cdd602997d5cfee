"""All checks, in the order in which they are shown. A new one is a file and its name here."""

from __future__ import annotations

from harness.doctor.base import Check
from harness.doctor.checks.android import android
from harness.doctor.checks.cgroup import cgroup
from harness.doctor.checks.clock import clock
from harness.doctor.checks.disk import disk
from harness.doctor.checks.image import image
from harness.doctor.checks.link import link
from harness.doctor.checks.memory import memory
from harness.doctor.checks.power_mode import power_mode
from harness.doctor.checks.python import python
from harness.doctor.checks.sensors import sensors
from harness.doctor.checks.swap import swap
from harness.doctor.checks.throttling import throttling
from harness.doctor.checks.torch import torch
from harness.doctor.checks.users import users

CHECKS: tuple[Check, ...] = (
    clock, disk, memory, swap, python, image, torch, cgroup, power_mode, sensors, link, users, throttling,
    android,
)  # fmt: skip
