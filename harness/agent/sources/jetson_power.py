"""Power of a Jetson's rails by INA3221 (and INA238 on Thor), and of the whole where the board's rule is known."""

from typing import Optional

from ..jetson import rails, total_of
from ..rails import Rails
from . import Site, Source


def find(site: Site) -> Optional[Source]:
    """None on a Jetson Nano 2 GB, which has no such chip."""
    files = rails(site.root)
    total, about = total_of([rail.name for rail in files])
    return Rails(site.root, "jetson_power", files, total, about) if files else None
