"""Whether the board is as its image says."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok

NAME = "image"


def image(patient: Patient) -> Finding:
    made = patient.plan
    if made.refusals:
        return failed(NAME, f"{made.image}: {made.refusals[0]}", "correct the inventory, or flash that system")
    if made.steps:
        evidence = f"{made.image}: {len(made.steps)} steps to do, first: {made.steps[0].why}"
        return failed(NAME, evidence, f"fedrack provision --devices {made.board}")
    return ok(NAME, made.image)
