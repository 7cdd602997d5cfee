"""Whether Android will leave our processes alive."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, ok, unknown, warning

NAME = "android"
PHANTOM_API_LEVEL = 31  # Android 12: an app's child processes are killed beyond 32 of all apps together
LET_LIVE = "adb shell settings put global settings_enable_monitor_phantom_procs false"


def android(patient: Patient) -> Finding:
    phone = patient.android.value
    if phone is None and patient.image.base.libc == "bionic":
        return unknown(NAME, patient.android.fault or "getprop did not answer")
    if phone is None:
        return ok(NAME, "the board has none")
    said = f"{phone.manufacturer} {phone.model}, Android {phone.release}, {phone.abi}"
    if phone.api_level >= PHANTOM_API_LEVEL:
        return warning(NAME, f"{said}: it may end agent and worker as phantom processes", LET_LIVE)
    return ok(NAME, said)
