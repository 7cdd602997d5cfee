"""Whether the wanted power mode is set, or can be."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, warning

NAME = "power mode"


def power_mode(patient: Patient) -> Finding:
    wanted = patient.spec.wanted.power_mode or patient.image.power_mode
    found = patient.survey.power_mode
    if found is None:
        if wanted and patient.spec.virtual is None:
            return failed(NAME, f"{wanted} is wanted, and nvpmodel does not answer", "is this a Jetson with JetPack?")
        return ok(NAME, "the board has none")
    if wanted is None or found.name == wanted:
        return ok(NAME, found.name)
    if wanted in patient.survey.power_modes:
        return warning(NAME, f"{found.name}, wanted is {wanted}", "fedrack provision sets it")
    known = ", ".join(sorted(patient.survey.power_modes)) or "none"
    return failed(NAME, f"{found.name}; there is no {wanted}", f"name one of them as power_mode: {known}")
