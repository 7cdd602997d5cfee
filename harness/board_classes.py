"""Facts about each class of board, for virtual boards that stand in for it. A plain dict: a new class is a new line.

Cores and memory are those of the variant most racks have; the modules also come in other sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class BoardClass:
    """What a virtual board of this class pretends to have."""

    cores: int
    memory_bytes: int
    cpu: str  # decides which torch wheels run: A53, A57 and A72 have no LSE atomics


BOARD_CLASSES = {
    "jetson-nano": BoardClass(cores=4, memory_bytes=4 * GIB, cpu="Cortex-A57"),
    "jetson-xavier-nx": BoardClass(cores=6, memory_bytes=8 * GIB, cpu="Carmel"),
    "jetson-orin-nano": BoardClass(cores=6, memory_bytes=8 * GIB, cpu="Cortex-A78AE"),
    "jetson-orin-nx": BoardClass(cores=8, memory_bytes=16 * GIB, cpu="Cortex-A78AE"),
    "jetson-agx-orin": BoardClass(cores=12, memory_bytes=64 * GIB, cpu="Cortex-A78AE"),
    "raspberry-pi-4": BoardClass(cores=4, memory_bytes=4 * GIB, cpu="Cortex-A72"),
    "raspberry-pi-5": BoardClass(cores=4, memory_bytes=8 * GIB, cpu="Cortex-A76"),
    "phone": BoardClass(cores=8, memory_bytes=6 * GIB, cpu="big.LITTLE"),
    "edge-x86": BoardClass(cores=8, memory_bytes=16 * GIB, cpu="x86-64"),
}
