"""What each class of board shows of itself below /sys, and how it draws power: a plain dict, a class is an entry.

Names and layouts are the boards' own (see docs/virtual-rack.md). Watts, degrees, time constants and shares of cores
are OURS: of the right order, so that traces look alive, and measured on no board.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rail:
    """A supply. It carries `idle_w`, and of what the busy cores draw the share `busy_share`."""

    name: str
    volt: float
    idle_w: float
    busy_share: float


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One class of board."""

    model: str  # of the device tree
    clock_hz: tuple[int, int]  # of the cores, at least and at most
    idle_w: float  # the whole board's
    core_w: float  # of one busy core at its highest clock
    core_share: float  # how much of one of this machine's cores each of its cores gets
    zones: tuple[str, ...]  # thermal zones, all at the one temperature that the model has
    throttle_c: float
    release: str = ""  # first line of /etc/nv_tegra_release
    gpu: str = ""  # device of a Jetson's GPU
    iio: bool = False  # JetPack 4: driver ina3221x below iio; later ones ina3221 below hwmon
    chips: tuple[tuple[str, tuple[Rail, ...]], ...] = ()  # (bus and address, rails)
    power_modes: tuple[tuple[str, int], ...] = ()  # of nvpmodel: (name, highest clock in Hz), by number
    firmware: str = ""  # device of a Raspberry Pi's firmware
    pmic: bool = False  # Raspberry Pi 5: rails by vcgencmd alone
    revision: str = ""  # of a Raspberry Pi, in /proc/cpuinfo
    battery: bool = False


def _l4t(major: int, revision: str, board: str) -> str:
    return f"# R{major} (release), REVISION: {revision}, GCID: 1, BOARD: {board}, EABI: aarch64, DATE: x"


def _module(total_w: float, cpu_gpu_w: float, soc_w: float) -> tuple[Rail, ...]:
    """The three rails of Xavier NX, Orin Nano and Orin NX."""
    return (
        Rail(name="VDD_IN", volt=5.04, idle_w=total_w, busy_share=1.0),
        Rail(name="VDD_CPU_GPU_CV", volt=5.04, idle_w=cpu_gpu_w, busy_share=0.75),
        Rail(name="VDD_SOC", volt=5.04, idle_w=soc_w, busy_share=0.1),
    )


_ORIN_ZONES = ("cpu-thermal", "gpu-thermal", "soc0-thermal", "tj-thermal")

SHAPES = {
    "jetson-nano": Shape(
        model="NVIDIA Jetson Nano Developer Kit",
        release=_l4t(32, "7.4", "t210ref"),
        clock_hz=(102_000_000, 1_479_000_000),
        idle_w=1.9,
        core_w=1.1,
        core_share=0.25,
        zones=("AO-therm", "CPU-therm", "GPU-therm", "PLL-therm"),
        throttle_c=97.0,
        gpu="57000000.gpu",
        iio=True,
        chips=(
            (
                "6-0040",
                (
                    Rail(name="POM_5V_IN", volt=5.0, idle_w=1.9, busy_share=1.0),
                    Rail(name="POM_5V_GPU", volt=5.0, idle_w=0.1, busy_share=0.0),
                    Rail(name="POM_5V_CPU", volt=5.0, idle_w=0.4, busy_share=0.8),
                ),
            ),
        ),
        power_modes=(("MAXN", 1_479_000_000), ("5W", 918_000_000)),
    ),
    "jetson-xavier-nx": Shape(
        model="NVIDIA Jetson Xavier NX Developer Kit",
        release=_l4t(35, "6.4", "t186ref"),
        clock_hz=(115_200_000, 1_907_200_000),
        idle_w=4.2,
        core_w=1.6,
        core_share=0.4,
        zones=("CPU-therm", "GPU-therm", "AUX-therm", "AO-therm"),
        throttle_c=96.0,
        gpu="17000000.gv11b",
        chips=(("7-0040", _module(4.2, 0.8, 1.1)),),
        power_modes=(("MODE_15W_2CORE", 1_907_200_000), ("MODE_15W_6CORE", 1_420_800_000)),
    ),
    "jetson-orin-nano": Shape(
        model="NVIDIA Jetson Orin Nano Developer Kit",
        release=_l4t(36, "4.3", "generic"),
        clock_hz=(115_200_000, 1_728_000_000),
        idle_w=4.5,
        core_w=1.3,
        core_share=0.5,
        zones=_ORIN_ZONES,
        throttle_c=99.0,
        gpu="17000000.gpu",
        chips=(("1-0040", _module(4.5, 0.7, 1.2)),),
        power_modes=(("15W", 1_510_400_000), ("25W", 1_344_000_000), ("MAXN_SUPER", 1_728_000_000)),
    ),
    "jetson-orin-nx": Shape(
        model="NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        release=_l4t(36, "4.3", "generic"),
        clock_hz=(115_200_000, 1_984_000_000),
        idle_w=5.2,
        core_w=1.5,
        core_share=0.5,
        zones=_ORIN_ZONES,
        throttle_c=99.0,
        gpu="17000000.gpu",
        chips=(("1-0040", _module(5.2, 0.9, 1.4)),),
        power_modes=(("MAXN", 1_984_000_000), ("10W", 1_190_400_000), ("15W", 1_420_800_000)),
    ),
    "jetson-agx-orin": Shape(
        model="NVIDIA Jetson AGX Orin Developer Kit",
        release=_l4t(36, "4.3", "generic"),
        clock_hz=(115_200_000, 2_201_600_000),
        idle_w=7.0,
        core_w=1.9,
        core_share=0.5,
        zones=_ORIN_ZONES,
        throttle_c=99.0,
        gpu="17000000.gpu",
        chips=(
            (
                "1-0040",
                (
                    Rail(name="VDD_GPU_SOC", volt=19.0, idle_w=3.2, busy_share=0.1),
                    Rail(name="VDD_CPU_CV", volt=19.0, idle_w=0.8, busy_share=0.7),
                    Rail(name="VIN_SYS_5V0", volt=5.0, idle_w=3.0, busy_share=0.2),
                ),
            ),
            # Fed from VIN_SYS_5V0: whoever adds it counts twice.
            ("1-0041", (Rail(name="VDDQ_VDD2_1V8AO", volt=5.0, idle_w=0.8, busy_share=0.1),)),
        ),
        power_modes=(("MAXN", 2_201_600_000), ("MODE_15W", 1_113_600_000), ("MODE_30W", 1_728_000_000)),
    ),
    "raspberry-pi-4": Shape(
        model="Raspberry Pi 4 Model B Rev 1.5",
        clock_hz=(600_000_000, 1_800_000_000),
        idle_w=2.7,
        core_w=0.9,
        core_share=0.25,
        zones=("cpu-thermal",),
        throttle_c=80.0,
        firmware="soc",
        revision="c03115",
    ),
    "raspberry-pi-5": Shape(
        model="Raspberry Pi 5 Model B Rev 1.0",
        clock_hz=(1_500_000_000, 2_400_000_000),
        idle_w=2.9,
        core_w=1.5,
        core_share=0.5,
        zones=("cpu-thermal",),
        throttle_c=80.0,
        firmware="soc@107c000000",
        pmic=True,
        revision="d04170",
    ),
    "phone": Shape(
        model="",
        clock_hz=(300_000_000, 2_841_600_000),
        idle_w=0.8,
        core_w=0.7,
        core_share=0.4,
        zones=("cpu-0-0-usr", "gpuss-usr", "battery"),
        throttle_c=75.0,
        battery=True,
    ),
}
