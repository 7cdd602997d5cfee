"""Whether torch runs, tried in a process of its own."""

from __future__ import annotations

from harness.doctor.base import Finding, Patient, failed, ok

NAME = "torch"


def torch(patient: Patient) -> Finding:
    found = patient.torch.value
    if found is None:
        remedy = f"fedrack provision --devices {patient.spec.name}"
        if "illegal instruction" in patient.torch.fault:
            return failed(NAME, "this wheel does not run on this CPU", "name an image whose torch is built for it")
        return failed(NAME, patient.torch.fault or "its interpreter is not there", remedy)
    evidence = f"{found.version}, {f'CUDA {found.cuda}' if found.cuda else 'CPU'}, Python {found.python}"
    if not found.works:
        return failed(NAME, f"{evidence}: a product of matrices came out wrong", "install its wheel anew")
    arch = patient.image.cuda_arch.get(patient.spec.board_class)
    if arch and arch not in found.cuda_archs:
        have = ", ".join(found.cuda_archs) or "none"
        return failed(NAME, f"{evidence}: no kernels for {arch}, only for {have}", "install the image's own wheel")
    return ok(NAME, evidence)
