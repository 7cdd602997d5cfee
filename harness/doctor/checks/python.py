"""An interpreter for the agent."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok

NAME = "python"
OLDEST = (3, 6)


def python(patient: Patient) -> Finding:
    found = patient.survey.interpreters
    if not found:
        remedy = "install Python 3.6 or newer, or correct ansible_python_interpreter"
        return failed(NAME, f"`{patient.spec.python}` is not there, nor any other", remedy)
    first = found[0]
    evidence = f"{first.path} {first.version_text}"
    if first.minor < OLDEST:
        return failed(NAME, evidence, "name Python 3.6 or newer as ansible_python_interpreter")
    return ok(NAME, evidence)
