"""The way to the FL server."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, warning
from harness.units import show_seconds

NAME = "link"
SLOW_BYTES_PER_S = 1e6  # ours: ResNet18's 45 MB would take three quarters of a minute
FAR_S = 0.1  # ours: a split method exchanges every batch


def link(patient: Patient) -> Finding:
    found, address = patient.link.value, patient.spec.server_address
    if found is None:
        remedy = f"is {address} this machine as the board sees it (server_address), and does a firewall let it in?"
        return failed(NAME, patient.link.fault or f"{address} could not be asked", remedy)
    rate = f"{found.rate_bytes_per_s * 8 / 1e6:.0f} Mbit/s"
    evidence = f"round trip {show_seconds(found.round_trip_s)}, {rate} to {address}"
    if found.rate_bytes_per_s < SLOW_BYTES_PER_S or found.round_trip_s > FAR_S:
        return warning(NAME, evidence, "rounds will mostly wait for it: use a cable, or a closer server")
    return ok(NAME, evidence)
