"""Which sensors there are, and whether they keep up with the agent's rate."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, ok, unknown, warning
from harness.facts.sensors import RATE_HZ

NAME = "sensors"
TOLERATED_SHARE = 0.95  # ours: of the rate that was asked
_WITH_POWER = ("jetson-", "phone")  # classes whose boards measure their own power


def sensors(patient: Patient) -> Finding:
    found = patient.sensors.value
    if found is None:
        return unknown(NAME, patient.sensors.fault or "the agent's code does not run there", "see the check of python")
    evidence = f"{len(found.names)} readings, {len(found.power)} of power, at {found.rate_hz:.1f} Hz"
    if found.failed:
        return warning(NAME, f"{evidence}; {found.failed[0]}", "they will be missing: check permissions in /sys")
    if found.rate_hz < TOLERATED_SHARE * RATE_HZ:
        return warning(NAME, f"{evidence} of {RATE_HZ:g}", "there will be gaps: see what it is busy with")
    if not found.power and patient.spec.virtual is None and patient.spec.board_class.startswith(_WITH_POWER):
        return warning(NAME, evidence, "no energy will be measured: is the power monitor's driver loaded?")
    return ok(NAME, evidence)
