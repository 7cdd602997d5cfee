"""A board's /sys as data: files that stay, links, and gauges that follow the model. Paths are relative to /sys.

Layouts: NVIDIA's ina3221x driver (JetPack 4, iio, counted from 0) and the kernel's Documentation/hwmon/ina3221.rst
(later ones, counted from 1), Documentation/ABI/testing/sysfs-class-power, and a Raspberry Pi's firmware node.
"""

from __future__ import annotations

from harness.lab.model import UNDER_VOLTAGE, State
from harness.lab.shapes import Rail, Shape

_CPU = "devices/system/cpu"
_GOVERNORS = "conservative ondemand userspace powersave performance schedutil"
_GPU_HZ = {"cur_freq": 306_000_000, "min_freq": 306_000_000, "max_freq": 918_000_000}
_GPU_SWITCHES = {"railgate_enable": "1", "tpc_pg_mask": "0", "enable_3d_scaling": "1"}
_SHUNT_UOHM = 5000
_IIO_LIMIT, _HWMON_LIMIT_MA = "32760 ma", 32760  # as where nobody has set one
_BATTERY_V = 4.0  # of a phone's battery, half full


def static(shape: Shape, cores: int) -> dict[str, str]:
    """What stays as it is, or as somebody on the board writes it."""
    files = {f"{_CPU}/{name}": f"0-{cores - 1}" for name in ("online", "present", "possible")}
    low, high = (str(hz // 1000) for hz in shape.clock_hz)
    for core in range(cores):
        files[f"{_CPU}/cpu{core}/online"] = "1"
        policy = f"{_CPU}/cpu{core}/cpufreq"
        files |= {f"{policy}/{kind}_min_freq": low for kind in ("scaling", "cpuinfo")}
        files |= {f"{policy}/{kind}_max_freq": high for kind in ("scaling", "cpuinfo")}
        files[f"{policy}/scaling_governor"] = "schedutil"
        files[f"{policy}/scaling_available_governors"] = _GOVERNORS
    for number, zone in enumerate(shape.zones):
        files[f"devices/virtual/thermal/thermal_zone{number}/type"] = zone
    if shape.model:
        files["firmware/devicetree/base/model"] = shape.model + "\0"
    return files | _chip_names(shape) | _gpu(shape) | _firmware(shape) | _battery(shape)


def links(shape: Shape) -> dict[str, str]:
    """Link -> target, as the kernel has them."""
    found = {
        f"class/thermal/thermal_zone{number}": f"../../devices/virtual/thermal/thermal_zone{number}"
        for number in range(len(shape.zones))
    }
    for chip, _ in shape.chips:
        found[f"bus/i2c/drivers/{_driver(shape)}/{chip}"] = f"../../devices/{chip}"
    if shape.gpu:
        device = f"devices/platform/{shape.gpu}"
        found[f"{device}/devfreq/{shape.gpu}/device"] = "../.."
        found[f"class/devfreq/{shape.gpu}"] = f"../../{device}/devfreq/{shape.gpu}"
    return found


def gauges(shape: Shape, cores: int, state: State) -> dict[str, str]:
    """What every sensor of the board shows in this state."""
    shown = {f"{_CPU}/cpu{core}/cpufreq/scaling_cur_freq": str(state.clock_hz // 1000) for core in range(cores)}
    for number in range(len(shape.zones)):
        shown[f"devices/virtual/thermal/thermal_zone{number}/temp"] = str(round(state.temperature_c * 1000))
    if shape.firmware:
        shown[f"{_firmware_folder(shape)}/get_throttled"] = f"{state.flags:x}"
        shown["class/hwmon/hwmon1/in0_lcrit_alarm"] = str(state.flags & UNDER_VOLTAGE)
    return shown | power_gauges(shape, state)


def power_gauges(shape: Shape, state: State) -> dict[str, str]:
    """Those that show power: what a board loses that loses its power sensors."""
    shown: dict[str, str] = {}
    for number, (chip, rails) in enumerate(shape.chips):
        for channel, rail in enumerate(rails):
            one = _iio if shape.iio else _hwmon
            folder = _chip_folder(shape, chip, number)
            shown |= {f"{folder}/{name}": str(value) for name, value in one(channel, rail, state).items()}
    if shape.battery:
        volt = _BATTERY_V * state.volt_share
        shown["class/power_supply/battery/voltage_now"] = str(round(volt * 1e6))
        shown["class/power_supply/battery/current_now"] = str(-round((shape.idle_w + state.busy_w) / volt * 1e6))
    return shown


def pmic(shape: Shape, state: State) -> str:
    """What `vcgencmd pmic_read_adc` says: here two of a Raspberry Pi 5's rails carry everything."""
    core_v, rest_v = 0.9 * state.volt_share, 3.3 * state.volt_share
    lines = [
        f"   3V3_SYS_A current(1)={shape.idle_w / rest_v:.8f}A",
        f"   VDD_CORE_A current(7)={state.busy_w / core_v:.8f}A",
        f"   3V3_SYS_V volt(9)={rest_v:.8f}V",
        f"   VDD_CORE_V volt(15)={core_v:.8f}V",
        f"     EXT5V_V volt(24)={5.1 * state.volt_share:.8f}V",
    ]
    return "\n".join(lines) + "\n"


def _driver(shape: Shape) -> str:
    return "ina3221x" if shape.iio else "ina3221"


def _chip_folder(shape: Shape, chip: str, number: int) -> str:
    return f"bus/i2c/devices/{chip}/" + (f"iio:device{number}" if shape.iio else f"hwmon/hwmon{number + 2}")


def _chip_names(shape: Shape) -> dict[str, str]:
    files: dict[str, str] = {}
    for number, (chip, rails) in enumerate(shape.chips):
        files[f"bus/i2c/devices/{chip}/name"] = _driver(shape)
        folder = _chip_folder(shape, chip, number)
        for channel, rail in enumerate(rails):
            if shape.iio:
                files[f"{folder}/rail_name_{channel}"] = rail.name
                files |= {f"{folder}/{kind}_current_limit_{channel}": _IIO_LIMIT for kind in ("warn", "crit")}
            else:
                files[f"{folder}/in{channel + 1}_label"] = rail.name
                files[f"{folder}/shunt{channel + 1}_resistor"] = str(_SHUNT_UOHM)
                files |= {f"{folder}/curr{channel + 1}_{kind}": str(_HWMON_LIMIT_MA) for kind in ("max", "crit")}
                files |= {f"{folder}/curr{channel + 1}_{kind}_alarm": "0" for kind in ("max", "crit")}
    return files


def _iio(channel: int, rail: Rail, state: State) -> dict[str, int]:
    mv, ma = _mv_ma(rail, state)
    names = (f"in_voltage{channel}_input", f"in_current{channel}_input", f"in_power{channel}_input")
    return dict(zip(names, (mv, ma, mv * ma // 1000), strict=True))


def _hwmon(channel: int, rail: Rail, state: State) -> dict[str, int]:
    mv, ma = _mv_ma(rail, state)
    return {f"in{channel + 1}_input": mv, f"curr{channel + 1}_input": ma}


def _mv_ma(rail: Rail, state: State) -> tuple[int, int]:
    volt = rail.volt * state.volt_share
    return round(volt * 1000), round((rail.idle_w + rail.busy_share * state.busy_w) / volt * 1000)


def _gpu(shape: Shape) -> dict[str, str]:
    """Idle always: nothing here computes on a GPU."""
    if not shape.gpu:
        return {}
    folder = f"devices/platform/{shape.gpu}"
    clocks = {f"{folder}/devfreq/{shape.gpu}/{name}": str(hz) for name, hz in _GPU_HZ.items()}
    switches = {f"{folder}/{name}": value for name, value in _GPU_SWITCHES.items()}
    governor = {f"{folder}/devfreq/{shape.gpu}/governor": "nvhost_podgov"}
    dmi = {"devices/virtual/dmi/id/board_name": shape.model}  # jetson-stats asks for the folder
    return {f"{folder}/of_node/name": "gpu\0", f"{folder}/load": "0", **clocks, **switches, **governor, **dmi}


def _firmware(shape: Shape) -> dict[str, str]:
    return {"class/hwmon/hwmon1/name": "rpi_volt"} if shape.firmware else {}


def _firmware_folder(shape: Shape) -> str:
    return f"devices/platform/{shape.firmware}/{shape.firmware}:firmware"


def _battery(shape: Shape) -> dict[str, str]:
    folder = "class/power_supply/battery"
    known = {"status": "Discharging", "capacity": "50", "type": "Battery", "present": "1"}
    return {f"{folder}/{name}": value for name, value in known.items()} if shape.battery else {}
