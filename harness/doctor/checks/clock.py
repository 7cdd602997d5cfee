"""The wall clock. Measurements use monotonic clocks; files, certificates and package managers use this one."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, ok, unknown, warning

NAME = "clock"
TOLERATED_S = 2.0  # ours: a second of slack for a board that was asked over a slow link


def clock(patient: Patient) -> Finding:
    if patient.clock.value is None or patient.clock_offset_s is None:
        return unknown(NAME, patient.clock.fault or "its clock could not be read")
    offset_s, source = patient.clock_offset_s, _source(patient)
    evidence = f"{offset_s:+.1f} s from this machine, {source}"
    if abs(offset_s) <= TOLERATED_S:
        return ok(NAME, evidence)
    return warning(NAME, evidence, "let it ask a time server: `sudo timedatectl set-ntp true`, or install chrony")


def _source(patient: Patient) -> str:
    found = patient.clock.value
    assert found is not None
    ntp = {True: "set by NTP", False: "not set by NTP", None: "NTP unknown"}[found.synchronised]
    return ntp if found.has_rtc else f"{ntp}, no clock that survives a power cut"
