"""The real pynvml over a library of ours that stands in for the driver's."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.agent.sidecars import SIDECARS
from tests.sidecars.conftest import HERE, Reader

pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to build the stand-in library with"),
    pytest.mark.skipif(importlib.util.find_spec("pynvml") is None, reason="no pynvml: pip install nvidia-ml-py"),
]
Read = Callable[..., Reader]


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    built = {}
    for variant in ("FULL", "ORIN", "OLD"):
        built[variant] = tmp_path_factory.mktemp(variant)
        library = built[variant] / "libnvidia-ml.so.1"
        subprocess.run(["gcc", "-shared", "-fPIC", f"-D{variant}", "-o", library, HERE / "nvml.c"], check=True)
    return built


def test_a_full_gpu(read: Read, drivers: dict[str, Path]) -> None:
    reader = read("nvml", LD_LIBRARY_PATH=str(drivers["FULL"]))
    reader.trace.until(lambda trace: len(trace.samples()) >= 3)
    values = reader.trace.merged()
    assert values.pop("nvml/gpu0/energy_j") > 1.234
    assert values == {
        "nvml/gpu0/power_w": 50.25,
        "nvml/gpu0/memory_total_bytes": 8000,
        "nvml/gpu0/memory_used_bytes": 3000,
        "nvml/gpu0/memory_reserved_bytes": 500,
        "nvml/gpu0/load_share": 0.75,
        "nvml/gpu0/memory_load_share": 0.2,
        "nvml/gpu0/graphics_frequency_hz": 1000 * 10**6,
        "nvml/gpu0/sm_frequency_hz": 1001 * 10**6,
        "nvml/gpu0/mem_frequency_hz": 1002 * 10**6,
        "nvml/gpu0/temperature_c": 62.0,
        "nvml/gpu0/clock_event_reasons": 4,
        "nvml/gpu0.pid41/used_bytes": 2048,
    }
    device = reader.trace.about()["devices"]["gpu0"]
    assert (device["name"], device["missing"]) == ("Stand-in GPU", {})
    assert "power: instant" in device["metrics"]
    assert reader.trace.about()["version"] == "570.1"
    assert reader.hang_up() == 0


def test_energy_is_a_counter(read: Read, drivers: dict[str, Path]) -> None:
    reader = read("nvml", LD_LIBRARY_PATH=str(drivers["FULL"]))
    reader.trace.until(lambda trace: len(trace.samples()) >= 3)
    first, second, *_ = (record["sensors"]["nvml/gpu0/energy_j"] for record in reader.trace.samples())
    assert second - first == pytest.approx(1.234)


def test_orin_starts_and_supports_nothing(read: Read, drivers: dict[str, Path]) -> None:
    reader = read("nvml", LD_LIBRARY_PATH=str(drivers["ORIN"]))
    assert reader.process.wait(5) == 1
    missing = reader.trace.about()["devices"]["gpu0"]["missing"]
    assert len(missing) == 10
    assert set(missing.values()) == {"Not Supported"}
    assert reader.trace.samples() == []
    assert reader.trace.faults() == ["NVML starts, but not one of its metrics returns a number here"]


def test_an_old_driver_lacks_calls(read: Read, drivers: dict[str, Path]) -> None:
    reader = read("nvml", LD_LIBRARY_PATH=str(drivers["OLD"]))
    reader.trace.until(lambda trace: trace.samples())
    device, values = reader.trace.about()["devices"]["gpu0"], reader.trace.merged()
    assert values["nvml/gpu0/power_w"] == 45.678
    assert "power: average of 1 s on Ampere and later" in device["metrics"]
    assert values["nvml/gpu0/memory_used_bytes"] == 3500
    assert values["nvml/gpu0/temperature_c"] == 61.0
    assert values["nvml/gpu0.pid41/used_bytes"] == 1024
    assert set(device["missing"]) == {"energy", "clock limits"}
    assert "nvml/gpu0/energy_j" not in values


def test_no_driver(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if SIDECARS["nvml"].absence(True) is None:
        pytest.skip("this machine has a driver")
    reader = read("nvml")
    assert reader.process.wait(5) == 1
    assert reader.trace.faults() == ["NVML does not start: NVML Shared Library Not Found"]


def test_a_driver_is_found_by_its_library(drivers: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(drivers["FULL"]))
    assert SIDECARS["nvml"].absence(True) is None
