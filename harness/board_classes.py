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
    cpu: str  # decides which torch wheels run: A53, A57 and A72 have no LSE atomics
    sidecars: tuple[str, ...] = ()  # witnesses beside the sensors that the agent reads itself


BOARD_CLASSES = {
    "jetson-nano": BoardClass(cores=4, memory_bytes=4 * GIB, cpu="Cortex-A57", sidecars=("jtop",)),
    "jetson-xavier-nx": BoardClass(cores=6, memory_bytes=8 * GIB, cpu="Carmel", sidecars=("jtop",)),
    "jetson-orin-nano": BoardClass(cores=6, memory_bytes=8 * GIB, cpu="Cortex-A78AE", sidecars=("jtop",)),
    "jetson-orin-nx": BoardClass(cores=8, memory_bytes=16 * GIB, cpu="Cortex-A78AE", sidecars=("jtop",)),
    "jetson-agx-orin": BoardClass(cores=12, memory_bytes=64 * GIB, cpu="Cortex-A78AE", sidecars=("jtop",)),
    "raspberry-pi-4": BoardClass(cores=4, memory_bytes=4 * GIB, cpu="Cortex-A72", sidecars=("vcgencmd",)),
    "raspberry-pi-5": BoardClass(cores=4, memory_bytes=8 * GIB, cpu="Cortex-A76", sidecars=("vcgencmd",)),
    "phone": BoardClass(cores=8, memory_bytes=6 * GIB, cpu="big.LITTLE"),
    "edge-x86": BoardClass(cores=8, memory_bytes=16 * GIB, cpu="x86-64", sidecars=("nvml",)),
}
