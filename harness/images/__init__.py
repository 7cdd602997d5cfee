"""What a board's software is made of, as data: `device_images/<name>/image.yaml`. No I/O and no logic of installing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.images.base import Archive, Base, Container, Image, Interpreter, Wheel
from harness.images.fit import Platform, choose

__all__ = [
    "FOLDER", "Archive", "Base", "Container", "Image", "Interpreter", "Platform", "Wheel", "choose", "fingerprint",
    "names",
]  # fmt: skip

FOLDER = Path(__file__).resolve().parents[2] / "device_images"


def fingerprint(name: str) -> str:
    """Short hash of an image's file: the name stays when its content changes."""
    return hashlib.sha256((FOLDER / name / "image.yaml").read_bytes()).hexdigest()[:12]


def names() -> list[str]:
    """The images there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/image.yaml"))
