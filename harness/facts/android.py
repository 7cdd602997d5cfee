"""What Android says of a phone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

_LINE = re.compile(r"^\[(?P<key>[^\]]+)\]: \[(?P<value>[^\]]*)\]$", re.M)


@dataclass(frozen=True, kw_only=True)
class Android:
    model: str
    manufacturer: str
    release: str  # 14
    api_level: int  # 31 and above kill "phantom" child processes
    abi: str  # arm64-v8a


def parse_getprop(text: str) -> Android:
    """`getprop`: `[key]: [value]` lines."""
    values = dict(_LINE.findall(text))
    try:
        return Android(
            model=values["ro.product.model"],
            manufacturer=values["ro.product.manufacturer"],
            release=values["ro.build.version.release"],
            api_level=int(values["ro.build.version.sdk"]),
            abi=values["ro.product.cpu.abi"],
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"not Android's properties: {error}") from None


ANDROID = Fact(name="Android", command="getprop", parse=parse_getprop)
