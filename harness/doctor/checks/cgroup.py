"""What enforces a budget."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok, unknown, warning

NAME = "memory controller"


def cgroup(patient: Patient) -> Finding:
    found = patient.survey.cgroups
    if found is None:
        return unknown(NAME, "control groups could not be read")
    if found.memory:
        return ok(NAME, f"cgroup v{found.version}")
    if found.off_by_command_line:
        return failed(NAME, "off by the kernel's command line", "fedrack provision switches it on; the board reboots")
    return warning(NAME, "none: budgets limit address space instead", "use a kernel that has the memory controller")
