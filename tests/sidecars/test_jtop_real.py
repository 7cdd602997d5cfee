"""The real jetson-stats, service and client, on boards made of a Jetson-shaped /sys (see jtop_rig/).

Minutes, root, and a package index for the environments, which are kept in .cache/jtop:

    make test-slow

A Python 3.6 for version 4.3.2 is looked for on PATH and among pyenv's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sidecars.conftest import HERE, ROOT, Trace

VERSIONS = {"4.3.2": "3.6", "7.2.2": "3.11"}  # of jetson-stats -> the Python that it runs on here
ENVIRONMENTS = ROOT / ".cache" / "jtop"
RIG = HERE / "jtop_rig"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("FEDRACK_SLOW"), reason="slow: set FEDRACK_SLOW=1"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare (util-linux)"),
]


def interpreter(version: str) -> str | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        told = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], capture_output=True
        )
        if told.stdout.decode().strip() == version:
            return candidate
    return None


@pytest.fixture(scope="session")
def pythons() -> dict[str, Path]:
    """The interpreter of an environment with each version; built once."""
    found = {}
    for version, python_version in VERSIONS.items():
        python = ENVIRONMENTS / version / "bin" / "python"
        base = interpreter(python_version)
        if not python.exists():
            if base is None:
                pytest.skip(f"no Python {python_version} for jetson-stats {version}")
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([base, "-m", "venv", ENVIRONMENTS / version], check=True)
            if python_version == "3.6":
                subprocess.run([*install, "pip==21.3.1"], check=True)  # older ones cannot read today's indexes
            subprocess.run([*install, f"jetson-stats=={version}"], check=True)
        found[version] = python
    return found


def on_board(board: str, service: Path, script: str) -> str:
    """What the script prints when it runs beside the service on that board."""
    rig = ["unshare", "-m", sys.executable, str(RIG / "rig.py"), board, str(service), "--", "sh", "-ec", script]
    done = subprocess.run(rig, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reader(python: Path, out: Path, seconds: float, rate_hz: float = 2.0) -> str:
    """The reader for some seconds, in the shell; its exit code goes to <out>.code."""
    return (
        f"code=0; {{ sleep {seconds} | {python} -m harness.agent.sidecars.jtop_reader --out {out} --rate {rate_hz}; }}"
        f" || code=$?; echo $code > {out}.code\n"
    )


def code_of(out: Path) -> int:
    return int(Path(f"{out}.code").read_text())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("board", "total_w", "rails", "gpu_mhz"),
    [
        ("nano", 2.403, ["POM_5V_IN"], 306),
        ("orin-nx", 6.048, ["VDD_IN"], 306),
        ("agx-orin", 7.0, ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"], 306),
    ],
)
def test_the_planted_values_arrive(
    pythons: dict[str, Path],
    tmp_path: Path,
    version: str,
    board: str,
    total_w: float,
    rails: list[str],
    gpu_mhz: int,
) -> None:
    out = tmp_path / "jtop.jsonl"
    on_board(board, pythons[version], reader(pythons[version], out, 3.5))
    trace = Trace(out)
    values, about = trace.merged(), trace.about()
    assert code_of(out) == 0
    assert trace.faults() == []
    assert about["version"] == version
    assert about["total"] == rails
    assert about["nvpmodel"] == "MAXN"
    assert values["jtop/total/power_w"] == pytest.approx(total_w)
    assert values["jtop/cpu/temperature_c"] in (34.0, 45.5)
    assert values["jtop/gpu/load_share"] == pytest.approx(0.123)
    assert values["jtop/gpu/frequency_hz"] == gpu_mhz * 10**6
    assert values["jtop/ram/shared_bytes"] == 412340 * 1024
    assert "jtop/cv0/temperature_c" not in values
    times = [record["t_s"] for record in trace.samples()]
    steps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert len(times) >= 5
    assert all(0.3 < step < 0.8 for step in steps), steps


def test_jtops_own_total_counts_twice(pythons: dict[str, Path]) -> None:
    """Why ours is computed: should this fail one day, jetson-stats has mended it."""
    script = f'{pythons["7.2.2"]} -c \'from jtop import jtop\nwith jtop() as j: print(j.power["tot"]["power"])\''
    assert on_board("agx-orin", pythons["7.2.2"], script).split() == ["15000"]


@pytest.mark.parametrize(("service", "client"), [("4.3.2", "7.2.2"), ("7.2.2", "4.3.2")])
def test_another_version_is_named_with_its_remedy(
    pythons: dict[str, Path], tmp_path: Path, service: str, client: str
) -> None:
    out = tmp_path / "jtop.jsonl"
    on_board("nano", pythons[service], reader(pythons[client], out, 5))
    (fault,) = Trace(out).faults()
    assert f"pip install 'jetson-stats=={service.rpartition('.')[0]}.*'" in fault
    assert code_of(out) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_interval_of_who_came_first_is_taken(pythons: dict[str, Path], tmp_path: Path, version: str) -> None:
    """The first client asked for 1 s; one of 0.2 s would be dropped silently, were it not for its adapting."""
    python, out = pythons[version], tmp_path / "jtop.jsonl"
    client = "from jtop import jtop\nimport time\nwith jtop(1.0) as j:\n  while time.sleep(0.1) is None: j.ok()"
    script = (
        f"{python} -c '{client}' &\n"
        + "first=$!; sleep 2\n"
        + reader(python, out, 5, rate_hz=5.0)
        + "kill $first; wait $first || true\n"
    )
    on_board("orin-nx", python, script)
    trace = Trace(out)
    assert trace.faults() == []
    assert trace.about()["service_interval_s"] == 1.0
    assert len(trace.samples()) >= 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_that_dies_is_a_fault(pythons: dict[str, Path], tmp_path: Path, version: str) -> None:
    out = tmp_path / "jtop.jsonl"
    script = f"(sleep 2.5; kill -s KILL -- -$RIG_SERVICE_PID) &\n{reader(pythons[version], out, 8)}"
    on_board("orin-nx", pythons[version], script)
    trace = Trace(out)
    assert len(trace.samples()) >= 2
    assert trace.faults() != []
    assert "fault" in trace.records()[-1], "nothing is filled in"
    assert code_of(out) == 0, "it waited for the service to come back until it was hung up on"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_that_hangs_ends_the_stream_silently(pythons: dict[str, Path], tmp_path: Path, version: str) -> None:
    out = tmp_path / "jtop.jsonl"
    hang = "sleep 2.5; kill -s STOP -- -$RIG_SERVICE_PID; sleep 4; kill -s CONT -- -$RIG_SERVICE_PID"
    on_board("orin-nx", pythons[version], f"({hang}) &\n{reader(pythons[version], out, 12)}")
    trace = Trace(out)
    assert any("without a word" in fault for fault in trace.faults())
    last_fault_s = max(record["t_s"] for record in trace.records() if "fault" in record)
    assert any(record["t_s"] > last_fault_s for record in trace.samples()), "it came back"


def test_no_service(pythons: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "jtop.jsonl"
    subprocess.run(["sh", "-c", reader(pythons["7.2.2"], out, 2)], cwd=ROOT, check=True)
    (fault,) = Trace(out).faults()
    assert "jtop.service is not active" in fault
    assert code_of(out) == 1
