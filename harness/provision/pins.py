"""Hashes that the user vouches for.

An image pins `sha256: null` where its vendor's file could not be reached. Whoever has obtained and compared that file
pins it, once: it is copied into the wheel cache, and its hash kept beside it. A hash of the image itself always wins.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from harness.errors import BadInput, FedRackError, Problem
from harness.images import Image
from harness.inventory import BoardSpec
from harness.load.image import load_image
from harness.store import read_json, write_json

FILE = "pins.json"  # in the wheel cache: file name -> SHA-256


def pin(cache: Path, wheel: Path) -> str:
    """Vouch for a wheel; returns its SHA-256. Raises `FedRackError` for a file that is none or cannot be copied."""
    if not _is_wheel(wheel.name):
        raise BadInput("--pin", [Problem(path=str(wheel), what="not a wheel's name", remedy="keep the vendor's")])
    target = cache / wheel.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and target.samefile(wheel)):  # it may have been put there by hand
            shutil.copy(wheel, target)
        with target.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FedRackError(f"{wheel} cannot be pinned: {error.strerror}", remedy="name a wheel that is here") from None
    write_json(cache / FILE, {**pins(cache), wheel.name: sha256})
    return sha256


def _is_wheel(name: str) -> bool:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return True


def pins(cache: Path) -> dict[str, str]:
    known: dict[str, str] = read_json(cache / FILE) if (cache / FILE).is_file() else {}
    return known


def pinned(image: Image, known: Mapping[str, str]) -> Image:
    """The image with the hashes filled in that it does not have itself."""
    wheels = (replace(w, sha256=known.get(w.file)) if w.sha256 is None else w for w in image.wheels)
    return replace(image, wheels=tuple(wheels))


def images_of(specs: Iterable[BoardSpec], cache: Path) -> dict[str, Image]:
    """The images of these boards by name, with what was pinned in `cache`."""
    known = pins(cache)
    return {name: pinned(load_image(name), known) for name in {spec.image for spec in specs}}
