"""Supply and heat."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, warning
from harness.facts.temperature import hottest_c
from harness.facts.throttle import in_words

NAME = "throttling"
HOT_C = 75.0  # ours: Jetsons and Pis begin to slow down between 80 and 97


def throttling(patient: Patient) -> Finding:
    flags, zones = patient.throttled.value, patient.zones.value
    hottest = hottest_c(zones) if zones else None
    heat = f"{hottest:.0f} degrees" if hottest is not None else "temperature unknown"
    if flags is not None and flags.now:
        return failed(NAME, f"now: {in_words(flags.now)}; {heat}", "a better supply or more cooling, then try again")
    if hottest is not None and hottest >= HOT_C:
        return warning(NAME, heat, "let it cool down, or a run will measure its throttling")
    if flags is not None and flags.since_boot:
        return warning(NAME, f"since boot: {in_words(flags.since_boot)}; {heat}", "watch its supply and its cooling")
    return ok(NAME, f"none; {heat}" if flags is not None else heat)
