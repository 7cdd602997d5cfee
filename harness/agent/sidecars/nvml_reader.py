"""NVML through nvidia-ml-py (import name pynvml) as a sidecar: discrete GPUs.

A metric exists only if its call returned a number: on Jetson Orin nvmlInit succeeds, and nearly every call answers
NotSupported. Each metric is therefore tried on its own, once; what fails then is named in `about` and not asked again.
"""

import sys
import time
from typing import Any, Callable, Dict, List, Tuple

from . import feed

SOURCE = "nvml"
RATE_HZ = 10.0
_PROCESSES_EVERY_S = 1.0

Metric = Callable[[], feed.Values]


def read(out: feed.Feed) -> None:
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(f"{error}; pip install nvidia-ml-py in {sys.executable}'s environment")
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        gpus = [_Gpu(pynvml, number) for number in range(count)]
    except pynvml.NVMLError as error:
        raise feed.Fault(f"NVML does not start: {error}")
    out.about(
        version=_told(pynvml, "nvmlSystemGetDriverVersion"),
        scope="the card, by its own sensor: not the computer around it",
        devices={gpu.key: gpu.about() for gpu in gpus},
        pids="of the host, also in a container",
    )
    if not any(gpu.metrics for gpu in gpus):
        raise feed.Fault("NVML starts, but not one of its metrics returns a number here")
    while True:
        for gpu in gpus:
            gpu.sample(out)
        out.next_tick()


class _Gpu:
    def __init__(self, pynvml: Any, number: int) -> None:
        self._nvml = pynvml
        self._handle = pynvml.nvmlDeviceGetHandleByIndex(number)
        self._processes_due_s = 0.0
        self.key = f"gpu{number}"
        self.metrics: Dict[str, Metric] = {}
        self.missing: Dict[str, str] = {}
        for name, ways in _ways(pynvml, self._handle):
            self._choose(name, ways)

    def about(self) -> Dict[str, object]:
        name = _told(self._nvml, "nvmlDeviceGetName", self._handle)
        return {"name": name, "metrics": sorted(self.metrics), "missing": self.missing}

    def sample(self, out: feed.Feed) -> None:
        began = time.monotonic()
        values: feed.Values = {}
        for name, metric in self.metrics.items():
            if name == "processes" and began < self._processes_due_s:
                continue
            try:
                values.update(metric())
            except Exception as error:  # as above: one metric's failure is not the others'
                out.fault(str(error), f"{self.key}/{name}")
        if began >= self._processes_due_s:
            self._processes_due_s = began + _PROCESSES_EVERY_S
        t_s = (began + time.monotonic()) / 2
        out.sensors(t_s, {f"{self.key}{key}": value for key, value in values.items()})

    def _choose(self, name: str, ways: List[Tuple[str, Metric]]) -> None:
        """The first way that returns a number; else why the best one did not."""
        for way, metric in ways:
            try:
                if metric() or name == "processes":  # no process is an answer
                    self.metrics[name if not way else f"{name}: {way}"] = metric
                    self.missing.pop(name, None)
                    return
                self.missing.setdefault(name, "no number")
            except Exception as error:  # an old package lacks names, and a new one raises more than its NVMLError
                self.missing.setdefault(name, str(error))


def _ways(nvml: Any, handle: Any) -> List[Tuple[str, List[Tuple[str, Metric]]]]:
    """Every metric with the calls that give it, best first. Keys go behind the device's: "/power_w"."""

    def one(key: str, call: Callable[[], float], scale: float = 1) -> Metric:
        return lambda: {key: round(call() * scale, 6)}

    def power_instant() -> feed.Values:
        (field,) = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_POWER_INSTANT])
        if field.nvmlReturn:
            raise nvml.NVMLError(field.nvmlReturn)
        return {"/power_w": field.value.uiVal / 1000.0}

    def memory(**version: int) -> feed.Values:
        info = nvml.nvmlDeviceGetMemoryInfo(handle, **version)
        names = ("total", "used", "reserved") if version else ("total", "used")
        return {f"/memory_{name}_bytes": getattr(info, name) for name in names}

    def utilisation() -> feed.Values:
        rates = nvml.nvmlDeviceGetUtilizationRates(handle)
        return {"/load_share": rates.gpu / 100.0, "/memory_load_share": rates.memory / 100.0}

    def processes(version: str) -> feed.Values:  # without a version, the package refuses drivers older than itself
        rows = getattr(nvml, f"nvmlDeviceGetComputeRunningProcesses_{version}")(handle)
        return {f".pid{row.pid}/used_bytes": row.usedGpuMemory for row in rows if row.usedGpuMemory is not None}

    def clock(kind: str) -> Metric:
        return lambda: {
            f"/{kind.lower()}_frequency_hz": nvml.nvmlDeviceGetClockInfo(handle, getattr(nvml, f"NVML_CLOCK_{kind}"))
            * 10**6
        }

    def temperature(call: str) -> Metric:
        return one("/temperature_c", lambda: float(getattr(nvml, call)(handle, nvml.NVML_TEMPERATURE_GPU)))

    return [
        ("energy", [("", one("/energy_j", lambda: float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)), 1e-3))]),
        (
            "power",
            [
                ("instant", power_instant),
                (
                    "average of 1 s on Ampere and later",
                    one("/power_w", lambda: nvml.nvmlDeviceGetPowerUsage(handle), 1e-3),
                ),
            ],
        ),
        (
            "memory",
            [
                ("used without reserved", lambda: memory(version=nvml.nvmlMemory_v2)),
                ("used with reserved", memory),
            ],
        ),
        ("utilisation", [("", utilisation)]),
        ("graphics clock", [("", clock("GRAPHICS"))]),
        ("SM clock", [("", clock("SM"))]),
        ("memory clock", [("", clock("MEM"))]),
        (
            "temperature",
            [("", temperature("nvmlDeviceGetTemperatureV")), ("old call", temperature("nvmlDeviceGetTemperature"))],
        ),
        (
            "clock limits",
            [("", one("/clock_event_reasons", lambda: int(nvml.nvmlDeviceGetCurrentClocksEventReasons(handle))))],
        ),
        ("processes", [("", lambda: processes("v3")), ("", lambda: processes("v2"))]),
    ]


def _told(nvml: Any, call: str, *arguments: Any) -> str:
    try:
        answer = getattr(nvml, call)(*arguments)
    except (nvml.NVMLError, AttributeError) as error:
        return f"not told: {error}"
    return answer.decode() if isinstance(answer, bytes) else str(answer)


if __name__ == "__main__":
    sys.exit(feed.run(SOURCE, read, RATE_HZ))
