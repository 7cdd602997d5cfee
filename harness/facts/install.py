"""What of ours lies on a board: the marker of the last provisioning, its packages as they are now, and wheels."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.facts.base import Fact

MARKER = "provisioned.json"
MARKER_FORMAT = 1
# The names and versions of all packages, and the hashes of torch's files: another torch, put there by a plain
# `pip install`, shows. Starting Python for it would take a second on a Nano.
FINGERPRINT = (
    "{ cd env/current/lib/python3*/site-packages 2>/dev/null && ls -d *.dist-info && cat torch-*.dist-info/RECORD; } "
    "2>/dev/null | cksum"
)


@dataclass(frozen=True, kw_only=True)
class Install:
    """`digest` and `kept` are what the marker says, `fingerprint` what is there; they should agree."""

    digest: str | None = None  # of what was installed; None: not provisioned, or cut off on the way
    python: str = ""  # the worker's, from our folder if relative
    kept: str = ""
    fingerprint: str = ""
    files: Mapping[str, int] = field(default_factory=dict)  # wheels and archives: name -> size in bytes


def parse_install(text: str) -> Install:
    """Lines `marker {JSON}`, `now CKSUM`, `file SIZE NAME`. A marker that is no JSON is none: it is written last."""
    lines = [line.split(" ", 1) for line in text.splitlines() if " " in line]
    values = dict(lines)
    marker = _marker(values.get("marker", ""))
    files = dict(line[1].split(" ", 1)[::-1] for line in lines if line[0] == "file")
    return Install(
        digest=marker.get("digest"),
        python=str(marker.get("python", "")),
        kept=str(marker.get("fingerprint", "")),
        fingerprint=values.get("now", "").strip(),
        files={name: int(size) for name, size in files.items()},
    )


def _marker(text: str) -> dict[str, Any]:
    try:
        marker = json.loads(text)
    except ValueError:
        return {}
    return marker if isinstance(marker, dict) and marker.get("format") == MARKER_FORMAT else {}


def install(root: str) -> Fact[Install]:
    command = (
        f"cd {shlex.quote(root)} 2>/dev/null || exit 0; [ -r {MARKER} ] && echo marker $(cat {MARKER}); "
        f"echo now $({FINGERPRINT}); for f in wheels/*; do "
        '[ -f "$f" ] && echo file $(wc -c < "$f") "${f#wheels/}"; done; true'
    )
    return Fact(name="installation", command=command, parse=parse_install)
