"""Whether the budget fits into what the board has, and into what is free now."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, unknown, warning
from harness.units import show_bytes

NAME = "memory"


def memory(patient: Patient) -> Finding:
    found, budget_bytes = patient.survey.memory, patient.spec.memory_budget_bytes
    if found is None:
        return unknown(NAME, "/proc/meminfo could not be read")
    evidence = f"{show_bytes(found.available_bytes)} available of {show_bytes(found.total_bytes)}"
    if budget_bytes is None:
        return ok(NAME, f"{evidence}, no budget")
    evidence += f", budget {show_bytes(budget_bytes)}"
    if budget_bytes > found.total_bytes:
        return failed(NAME, evidence, "lower memory_budget_mb: it is above the board's memory")
    if budget_bytes > found.available_bytes:
        return warning(NAME, evidence, "end what else runs there, or lower memory_budget_mb")
    return ok(NAME, evidence)
