"""Which of qemu's processors stands for a board's, and what Linux says of it in /proc/cpuinfo. Data."""

from __future__ import annotations

from dataclasses import dataclass

_ARMV8_0 = "fp asimd aes pmull sha1 sha2 crc32 cpuid"
_ARMV8_2 = "fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"


@dataclass(frozen=True, kw_only=True)
class EmulatedCpu:
    part: int  # Arm's MIDR part number
    features: str  # as qemu has them: boards' own A72 and A53 may lack the ciphers

    @property
    def cpuinfo(self) -> str:
        """One processor's block."""
        return (
            "processor\t: 0\n"
            f"Features\t: {self.features}\n"
            "CPU implementer\t: 0x41\n"
            "CPU architecture: 8\n"
            f"CPU part\t: 0x{self.part:x}"
        )


# By qemu's name for them.
EMULATED_CPUS = {
    "cortex-a53": EmulatedCpu(part=0xD03, features=_ARMV8_0),
    "cortex-a57": EmulatedCpu(part=0xD07, features=_ARMV8_0),
    "cortex-a72": EmulatedCpu(part=0xD08, features=_ARMV8_0),
    "cortex-a76": EmulatedCpu(part=0xD0B, features=_ARMV8_2),
}

# CPU of a board class -> who plays it. A class that is not here has no arm64 CPU.
STANDS_FOR = {
    "Cortex-A57": "cortex-a57",
    "Cortex-A72": "cortex-a72",
    "Cortex-A76": "cortex-a76",
    # OURS: qemu knows neither of these two; the oldest core of the same generation, with LSE atomics.
    "Carmel": "cortex-a76",
    "Cortex-A78AE": "cortex-a76",
    "big.LITTLE": "cortex-a53",  # OURS: the little half of a phone's cores, which must run the same wheel
}
