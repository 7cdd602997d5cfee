"""Which torch a board has: two builds of one version are two different machines."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from harness.facts.base import Fact

TORCH_DEADLINE_S = 120.0  # importing torch takes 20 s on a Jetson Nano's SD card
_SCRIPT = """
import hashlib, json, platform, torch
config = torch.__config__.show()
print(json.dumps({
    "version": torch.__version__, "git": torch.version.git_version, "cuda": torch.version.cuda,
    "cuda_usable": torch.cuda.is_available(), "mkldnn": torch.backends.mkldnn.is_available(),
    "config_sha256": hashlib.sha256(config.encode()).hexdigest()[:12],
    "cuda_archs": torch.cuda.get_arch_list() if torch.cuda.is_available() else [],
    "python": platform.python_version(), "works": float((torch.ones(64, 64) @ torch.ones(64, 64))[0, 0]) == 64.0,
}))
"""


@dataclass(frozen=True, kw_only=True)
class TorchBuild:
    version: str
    git: str
    cuda: str | None  # None: a CPU build
    cuda_usable: bool
    mkldnn: bool
    config_sha256: str  # of torch.__config__.show(): compiler, flags, libraries
    python: str
    cuda_archs: tuple[str, ...] = ()  # sm_53, ...: what its kernels were built for; empty for a CPU build
    works: bool  # a small product of matrices came out right


def parse_torch(text: str) -> TorchBuild:
    """The last line is the JSON; imports may print before."""
    lines = text.strip().splitlines()
    try:
        said = json.loads(lines[-1])
        return TorchBuild(**{**said, "cuda_archs": tuple(said.get("cuda_archs", ()))})
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"no torch build in {text[-80:]!r}: {error}") from None


def torch_build(python: str) -> Fact[TorchBuild]:
    """Read it with `TORCH_DEADLINE_S`. Exit code 132 is a wheel that this CPU cannot run."""
    return Fact(name="torch build", command=f"{shlex.quote(python)} -c {shlex.quote(_SCRIPT)}", parse=parse_torch)
