"""With swap, running out of memory turns into running slowly."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, warning
from harness.units import show_bytes

NAME = "swap"


def swap(patient: Patient) -> Finding:
    found = patient.survey.swaps
    if not found:
        return ok(NAME, "none")
    evidence = ", ".join(f"{each.device} {show_bytes(each.size_bytes)}" for each in found)
    if patient.spec.virtual == "embedded":
        return ok(NAME, f"{evidence}, this machine's own")
    if patient.image.swap == "off":
        return failed(NAME, evidence, "fedrack provision switches it off")
    return warning(NAME, evidence, "switch it off, or a budget that is too small may show as slowness")
