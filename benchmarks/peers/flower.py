"""Flower's rounds beside ours: its deployment engine, and its 1.8 server, each in an environment of its own.

`python -m benchmarks.peers.flower deployment|classic` prints one JSON object. It runs in a network namespace that has a
loopback and nothing else, so that no peer can talk to anybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers.environments import ALONE, environment, surroundings

DEPLOYMENT, CLASSIC = "flwr==1.41.0", "flwr==1.8.0"
HERE = Path(__file__).parent
SMALL, BATCH, RESNET18 = 262_144, 32 * 64 * 16 * 16, 11_173_962 + 9_620  # numbers of float32
CLIENTS = 2
CONFIG = '[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "127.0.0.1:8000"\ninsecure = true\n'
WAIT_S = 240.0

Found = dict[str, list[float]]  # quantity -> seconds of each round


def measure(engine: str) -> Found:
    """Raises `CalledProcessError` where the peer cannot be installed or fails."""
    environment(DEPLOYMENT if engine == "deployment" else CLASSIC)  # pip needs the network that the namespace lacks
    command = [*ALONE, sys.executable, "-m", "benchmarks.peers.flower", engine]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def deployment(home: Path, start: Callable[..., subprocess.Popen[bytes]]) -> Found:
    """A SuperLink and two SuperNodes with everything at its default; a round is one `send_and_receive`."""
    (home / "flwr").mkdir()
    (home / "flwr" / "config.toml").write_text(CONFIG)
    out = home / "found.json"
    start("flower-superlink", "--insecure", "--disable-runtime-dependency-installation")
    time.sleep(8)
    for index in range(CLIENTS):
        start("flower-supernode", "--insecure", "--superlink", "127.0.0.1:8000", "--port", str(9094 + index))
    plan = json.dumps([[SMALL, 4], [BATCH, 3], [RESNET18, 3]])
    start("flwr", "run", str(HERE / "flower_app"), "bench", "-c", f"clients={CLIENTS} plan='{plan}' out='{out}'").wait()
    _until(out.exists)
    time.sleep(0.5)
    empty, batch, resnet = json.loads(out.read_text())
    return {"empty": empty[1:], "batch": batch, "resnet18": resnet}


def classic(home: Path, start: Callable[..., subprocess.Popen[bytes]]) -> Found:
    """`start_server` and two `start_client`: each fit and evaluate, as FedAvg does by default."""
    script, out = str(HERE / "flower_classic.py"), home / "found.json"
    start("python", script, "server", str(out))
    time.sleep(3)
    for _ in range(CLIENTS):
        start("python", script, "client")
    _until(out.exists)
    time.sleep(0.5)
    found: Found = json.loads(out.read_text())
    return found


def _until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the peer did not finish within {WAIT_S:.0f} s")
        time.sleep(0.2)


def main(engine: str) -> Found:
    programs = environment(DEPLOYMENT if engine == "deployment" else CLASSIC)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        log = stack.enter_context((home / "log").open("wb"))

        def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
            command, variables = [programs / program, *arguments], surroundings(programs, home)
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, env=variables)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        try:
            return {"deployment": deployment, "classic": classic}[engine](home, start)
        except TimeoutError:
            print((home / "log").read_text()[-3000:], file=sys.stderr)
            raise


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
