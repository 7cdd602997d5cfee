"""jetson-stats (jtop) as a sidecar: a second witness beside the sysfs rails, which are the primary one.

Never to be imported by another process: jetson-stats is AGPL, 7.x forces the whole process to the fork start method,
and a client costs the board's service CPU at each tick. Facts that shape this reader: a sample carries no time; a
client's interval is ignored when another one came first; ok() answers False, without a word, when the stream ends.
"""

import re
import sys
import time
from typing import Any, Dict, Optional

from ..jetson import total_of
from . import feed

SOURCE = "jtop"
RATE_HZ = 2.0  # the service spawns processes at each tick: more would disturb what is measured
_AGAIN_S = 2.0
_OFFLINE_C = -256
_MISMATCH = re.compile(r"service: \[(\d+\.\d+)[^\]]*\].*client: \[([^\]]*)\]", re.S)

_REMEDIES = (
    ("not active", "sudo systemctl start jtop"),
    ("can't access", "add the user to group jtop, then log in anew: sudo usermod -aG jtop $USER"),
)


def read(out: feed.Feed) -> None:
    try:
        import jtop  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ImportError(f"{error}; pip install jetson-stats in {sys.executable}'s environment")
    told = False
    while True:
        client = None
        try:
            client = _connect(jtop, out.period_s)
            if not told:
                _about(out, jtop, client)
                told = True
            _follow(out, client)
        except Exception as error:
            if isinstance(error, feed.StdinClosed):
                raise
            if not told:  # it never worked, and trying again would not change that
                raise feed.Fault(explain(str(error)))
            out.fault(explain(str(error)))
        finally:
            if client is not None:
                client.close()
        out.wait(time.monotonic() + _AGAIN_S)


def explain(message: str) -> str:
    """jtop's message on one line, with our remedy: its own may install a service system-wide."""
    match = _MISMATCH.search(message)
    if match:
        return (
            f"jtop's service has version {match.group(1)}, this client {match.group(2)};"
            f" pip install 'jetson-stats=={match.group(1)}.*' in {sys.executable}'s environment"
        )
    what = " ".join(message.split("Please")[0].split())
    for sign, remedy in _REMEDIES:
        if sign in message:
            return f"{what} {remedy}"
    return what


def _connect(jtop: Any, interval_s: float) -> Any:
    """A client that waits as long as the service's own interval demands, whatever we asked for."""
    client = jtop.jtop(interval=interval_s)
    client.start()
    if abs(client.interval - interval_s) > 0.01 * interval_s:
        service_s = client.interval
        client.close()
        client = jtop.jtop(interval=service_s)
        client.start()
    return client


def _follow(out: feed.Feed, client: Any) -> None:
    # A service faster than we were asked to be is thinned; from another, only what start() had already fetched.
    spacing_s = (0.9 if client.interval < 0.7 * out.period_s else 0.3) * out.period_s
    due_s = 0.0
    while client.ok():
        now = time.monotonic()
        if now >= due_s:
            due_s = now + spacing_s
            out.sensors(now, values_of(client))
        out.wait(now)
    raise feed.Fault("the stream of jtop's service ended without a word (ok() returned False)")


def values_of(client: Any) -> feed.Values:
    """One state of the client in SI units; what it does not say is absent."""
    values: feed.Values = {}
    rails = _rails(client.power)
    for rail, entry in rails.items():
        _put(values, f"{rail}/power_w", entry.get("power"), 1e-3)
        _put(values, f"{rail}/voltage_v", entry.get("volt"), 1e-3)
        _put(values, f"{rail}/current_a", entry.get("curr"), 1e-3)
    feed.add_total(values, total_of(list(rails))[0])
    for zone, entry in client.temperature.items():
        if entry.get("online", True) and entry.get("temp", _OFFLINE_C) > _OFFLINE_C:
            _put(values, f"{zone.lower()}/temperature_c", entry.get("temp"))
    for gpu, entry in client.gpu.items():
        _put(values, f"{gpu.lower()}/load_share", entry.get("status", {}).get("load"), 0.01)
        _put(values, f"{gpu.lower()}/frequency_hz", entry.get("freq", {}).get("cur"), 1000)
    _memory(client.memory, values)
    for row in client.processes:
        _put(values, f"pid{row[0]}/gpu_bytes", row[8], 1024)
    return values


def _rails(power: Dict[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Rails that measure. A parent rail stands under `tot` with its name; a `tot` without one is a sum, and not ours.
    `ucsi-...` entries are what a USB-PD partner promised; `avg` is no average. Both are left out."""
    found = dict(power.get("rail", {}))
    total = power.get("tot", {})
    if total.get("name"):
        found[total["name"]] = total
    return {name: entry for name, entry in found.items() if entry.get("online", True) and "ucsi" not in name.lower()}


def _memory(memory: Dict[str, Any], values: feed.Values) -> None:
    ram, swap, emc = (memory.get(part) or {} for part in ("RAM", "SWAP", "EMC"))
    for key, name in (("tot", "total"), ("used", "used"), ("shared", "shared")):
        _put(values, f"ram/{name}_bytes", ram.get(key), 1024)
    _put(values, "swap/used_bytes", swap.get("used"), 1024)
    _put(values, "emc/load_share", emc.get("val"), 0.01)
    _put(values, "emc/frequency_hz", emc.get("cur"), 1000)


def _put(values: feed.Values, key: str, number: Any, scale: float = 1) -> None:
    if isinstance(number, (int, float)) and not isinstance(number, bool) and number == number:
        values[key] = number * scale if isinstance(scale, int) else round(number * scale, 6)


def _about(out: feed.Feed, jtop: Any, client: Any) -> None:
    rails = sorted(_rails(client.power))
    out.about(
        **total_of(rails)[1],
        version=getattr(jtop, "__version__", "unknown"),
        service_interval_s=client.interval,
        rails=rails,
        time="arrival; its age is up to one interval of the service",
        ram_used="total - free - buffers - cached, as jtop has it: not total - MemAvailable",
        ram_shared="NvMap: memory of the GPU, which no process's RSS shows",
        nvpmodel=_text(client, "nvpmodel"),
        jetson_clocks=_text(client, "jetson_clocks"),
    )


def _text(client: Any, name: str) -> Optional[str]:
    value = getattr(client, name, None)
    return None if value is None else str(value)


if __name__ == "__main__":
    sys.exit(feed.run(SOURCE, read, RATE_HZ))
