"""Room for code, data sets and traces."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, unknown, warning
from harness.provision.desired import ROOM_LEAST_BYTES
from harness.units import show_bytes

NAME = "disk"
COMFORTABLE_BYTES = 1 << 30  # ours: a night of traces


def disk(patient: Patient) -> Finding:
    found = patient.survey.disk
    if found is None:
        return unknown(NAME, "df did not answer")
    evidence, remedy = f"{show_bytes(found.free_bytes)} free on {found.mounted_on}", "make room on the board"
    if found.free_bytes < ROOM_LEAST_BYTES:
        return failed(NAME, evidence, remedy)
    return ok(NAME, evidence) if found.free_bytes >= COMFORTABLE_BYTES else warning(NAME, evidence, remedy)
