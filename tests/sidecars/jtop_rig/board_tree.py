"""A Jetson-shaped /sys as data: what files a board has, and what stands in them.

Layouts as NVIDIA's kernels have them: JetPack 4 shows its power monitor under iio, later ones under hwmon. As many CPUs
as the host has, so that the host's own /proc/stat fits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

Files = dict[str, object]


class Board(NamedTuple):
    model: str
    release: str  # the line of /etc/nv_tegra_release
    gpu: str  # its device's name
    iio: bool  # JetPack 4
    rails: dict[str, dict[str, tuple[int, int]]]  # i2c device -> rail -> (mV, mA)
    zones: dict[str, int]  # thermal zone -> millidegrees


_HOT_RELEASE = "GCID: 1, BOARD: generic, EABI: aarch64, DATE: x"
BOARDS = {
    "nano": Board(
        "NVIDIA Jetson Nano Developer Kit",
        f"# R32 (release), REVISION: 7.4, {_HOT_RELEASE}",
        "57000000.gpu",
        True,
        {"6-0040": {"POM_5V_IN": (5008, 480), "POM_5V_GPU": (5008, 40), "POM_5V_CPU": (5000, 160)}},
        {"AO-therm": 41000, "CPU-therm": 34000, "GPU-therm": 33500, "PLL-therm": 32500},
    ),
    "orin-nx": Board(
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        f"# R36 (release), REVISION: 4.3, {_HOT_RELEASE}",
        "17000000.gpu",
        False,
        {"1-0040": {"VDD_IN": (5040, 1200), "VDD_CPU_GPU_CV": (5040, 300), "VDD_SOC": (5040, 250)}},
        {"cpu-thermal": 45500, "gpu-thermal": 44000, "cv0-thermal": -256000, "tj-thermal": 45500},
    ),
    "agx-orin": Board(  # 1 + 2 + 4 W, and 8 W on the rail that VIN_SYS_5V0 already feeds
        "NVIDIA Jetson AGX Orin Developer Kit",
        f"# R36 (release), REVISION: 4.3, {_HOT_RELEASE}",
        "17000000.gpu",
        False,
        {
            "1-0040": {"VDD_GPU_SOC": (5000, 200), "VDD_CPU_CV": (5000, 400), "VIN_SYS_5V0": (5000, 800)},
            "1-0041": {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 1600)},
        },
        {"cpu-thermal": 45500, "gpu-thermal": 44000, "tj-thermal": 45500},
    ),
}
_CPUFREQ = {
    **dict.fromkeys(("scaling_min_freq", "cpuinfo_min_freq"), 115200),
    **dict.fromkeys(("scaling_max_freq", "cpuinfo_max_freq"), 1984000),
    **dict.fromkeys(("scaling_cur_freq", "cpuinfo_cur_freq"), 729600),
    "scaling_governor": "schedutil",
}


def plant(board: Board, root: Path) -> None:
    """Write the tree below `root`, which stands for /sys."""
    for name, value in files(board).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Strings of the device tree end in NUL without a newline, and jtop finds no GPU otherwise.
        path.write_text(f"{value}\0" if "devicetree" in name or "of_node" in name else f"{value}\n")
    device = root / "devices/platform" / board.gpu
    (device / "devfreq" / board.gpu / "device").symlink_to("../..")
    (root / "class/devfreq").mkdir(parents=True)
    (root / "class/devfreq" / board.gpu).symlink_to(f"../../devices/platform/{board.gpu}/devfreq/{board.gpu}")
    (root / "class/net").mkdir()


def files(board: Board) -> Files:
    return {**_cpus(os.cpu_count() or 1), **_power(board), **_gpu(board), **_zones(board), **_rest(board)}


def _cpus(count: int) -> Files:
    tree: Files = {f"devices/system/cpu/{name}": f"0-{count - 1}" for name in ("online", "present", "possible")}
    for number in range(count):
        tree[f"devices/system/cpu/cpu{number}/online"] = 1
        for name, value in _CPUFREQ.items():
            tree[f"devices/system/cpu/cpu{number}/cpufreq/{name}"] = value
    return tree


def _power(board: Board) -> Files:
    tree: Files = {}
    for number, (device, rails) in enumerate(board.rails.items()):
        folder = f"bus/i2c/devices/{device}"
        tree[f"{folder}/name"] = "ina3221x" if board.iio else "ina3221"
        for channel, (rail, (millivolt, milliampere)) in enumerate(rails.items()):
            one = _iio if board.iio else _hwmon
            for name, value in one(channel, rail, millivolt, milliampere).items():
                tree[f"{folder}/{'iio:device' if board.iio else 'hwmon/hwmon'}{number}/{name}"] = value
    return tree


def _iio(channel: int, rail: str, millivolt: int, milliampere: int) -> Files:
    return {
        f"rail_name_{channel}": rail,
        f"in_voltage{channel}_input": millivolt,
        f"in_current{channel}_input": milliampere,
        f"in_power{channel}_input": millivolt * milliampere // 1000,
        f"warn_current_limit_{channel}": "32760 ma",
        f"crit_current_limit_{channel}": "32760 ma",
    }


def _hwmon(channel: int, rail: str, millivolt: int, milliampere: int) -> Files:
    n = channel + 1
    return {
        f"in{n}_label": rail,
        f"in{n}_input": millivolt,
        f"curr{n}_input": milliampere,
        f"curr{n}_max": 4000,
        f"curr{n}_crit": 5000,
        f"curr{n}_max_alarm": 0,
        f"curr{n}_crit_alarm": 0,
        f"shunt{n}_resistor": 5000,
    }


def _gpu(board: Board) -> Files:
    folder = f"devices/platform/{board.gpu}"
    frequencies = {"cur_freq": 306000000, "min_freq": 306000000, "max_freq": 918000000, "governor": "nvhost_podgov"}
    return {
        f"{folder}/of_node/name": "gpu",
        f"{folder}/load": 123,  # per mille
        **{f"{folder}/{name}": value for name, value in (("railgate_enable", 1), ("enable_3d_scaling", 1))},
        f"{folder}/tpc_pg_mask": 0,
        **{f"{folder}/devfreq/{board.gpu}/{name}": value for name, value in frequencies.items()},
    }


def _zones(board: Board) -> Files:
    tree: Files = {}
    for number, (name, millidegrees) in enumerate(board.zones.items()):
        tree[f"devices/virtual/thermal/thermal_zone{number}/type"] = name
        tree[f"devices/virtual/thermal/thermal_zone{number}/temp"] = millidegrees
    return tree


def _rest(board: Board) -> Files:
    emc = {"rate": 2133000000, "max_rate": 3199000000, "min_rate": 204000000, "mrq_rate_locked": 0}
    return {
        **{f"kernel/debug/bpmp/debug/clk/emc/{name}": value for name, value in emc.items()},
        "kernel/debug/cactmon/mc_all": 2133000,
        "kernel/debug/nvmap/iovmm/maps": "CLIENT PROCESS PID SIZE\nuser  python3  1  412340K\ntotal  412340K",
        "class/hwmon/hwmon0/name": "pwm-fan",
        "class/hwmon/hwmon0/pwm1": 80,
        "devices/virtual/dmi/id/board_name": "virtual",
        "firmware/devicetree/base/model": board.model,
        "firmware/devicetree/base/serial-number": "1425021000000",
    }
