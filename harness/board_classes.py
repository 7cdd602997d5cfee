"""Facts about each class of board. A plain dict: a new class is a new line.

Cores and memory are those of the variant most racks have; the modules also come in other sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class BoardClass:
    """What boards of this class have; a virtual board pretends to."""

    cores: int
    memory_bytes: int
    largest_bytes: int | None  # memory of the largest variant sold; None: no limit that we know
    cpu: str
    atomics: bool | None  # LSE: A53, A57 and A72 have none, and some builds of torch need them; None: differs by model
    most_w: float  # OURS, with room to spare: no such board draws more, whatever hangs on it
    image: str  # the folder of device_images/ that it gets if the inventory names none
    sidecars: tuple[str, ...] = ()  # witnesses beside the sensors that the agent reads itself


BOARD_CLASSES = {
    "jetson-nano": BoardClass(
        cores=4,
        memory_bytes=4 * GIB,
        largest_bytes=4 * GIB,
        cpu="Cortex-A57",
        atomics=False,
        most_w=60.0,
        image="jetson-jp4",
        sidecars=("jtop",),
    ),
    "jetson-xavier-nx": BoardClass(
        cores=6,
        memory_bytes=8 * GIB,
        largest_bytes=16 * GIB,
        cpu="Carmel",
        atomics=True,
        most_w=120.0,
        image="jetson-jp5",
        sidecars=("jtop",),
    ),
    "jetson-orin-nano": BoardClass(
        cores=6,
        memory_bytes=8 * GIB,
        largest_bytes=8 * GIB,
        cpu="Cortex-A78AE",
        atomics=True,
        most_w=120.0,
        image="jetson-jp6",
        sidecars=("jtop",),
    ),
    "jetson-orin-nx": BoardClass(
        cores=8,
        memory_bytes=16 * GIB,
        largest_bytes=16 * GIB,
        cpu="Cortex-A78AE",
        atomics=True,
        most_w=120.0,
        image="jetson-jp6",
        sidecars=("jtop",),
    ),
    "jetson-agx-orin": BoardClass(
        cores=12,
        memory_bytes=64 * GIB,
        largest_bytes=64 * GIB,
        cpu="Cortex-A78AE",
        atomics=True,
        most_w=250.0,
        image="jetson-jp6",
        sidecars=("jtop",),
    ),
    "raspberry-pi-4": BoardClass(
        cores=4,
        memory_bytes=4 * GIB,
        largest_bytes=8 * GIB,
        cpu="Cortex-A72",
        atomics=False,
        most_w=40.0,
        image="raspberry-pi-os",
        sidecars=("vcgencmd",),
    ),
    "raspberry-pi-5": BoardClass(
        cores=4,
        memory_bytes=8 * GIB,
        largest_bytes=16 * GIB,
        cpu="Cortex-A76",
        atomics=True,
        most_w=60.0,
        image="raspberry-pi-os",
        sidecars=("vcgencmd",),
    ),
    "phone": BoardClass(
        cores=8,
        memory_bytes=6 * GIB,
        largest_bytes=None,
        cpu="big.LITTLE",
        atomics=None,
        most_w=40.0,
        image="phone-termux",
    ),
    "edge-x86": BoardClass(
        cores=8,
        memory_bytes=16 * GIB,
        largest_bytes=None,
        cpu="x86-64",
        atomics=None,
        most_w=3000.0,
        image="edge-x86",
        sidecars=("nvml",),
    ),
}
