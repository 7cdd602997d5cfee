"""Whether somebody else works on the board."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, unknown, warning

NAME = "users"
BUSY_SHARE = 0.5  # ours: load per core


def users(patient: Patient) -> Finding:
    lease, activity, cpu = patient.lease.value, patient.activity.value, patient.survey.cpu
    if lease is not None and lease.held:
        return failed(NAME, f"in use by {lease.holder or 'somebody'}", "wait until that run has ended")
    stale = f"; a lock that {lease.holder} left behind is void" if lease is not None and lease.stale else ""
    if activity is None:
        return unknown(NAME, patient.activity.fault or "its load could not be read")
    evidence = f"load {activity.load:.2f}, logins: {', '.join(activity.logins) or 'none'}{stale}"
    own_machine = patient.spec.virtual == "embedded"  # its load is ours
    if not own_machine and cpu is not None and activity.load > BUSY_SHARE * cpu.cores:
        return warning(NAME, evidence, "its seconds will be shared: see `top` on the board")
    return ok(NAME, evidence)
