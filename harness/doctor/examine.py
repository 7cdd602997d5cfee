"""A board examined: it is asked everything at once, then each check looks at the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from harness.board.deploy import deploy
from harness.connect.base import Connection
from harness.connect.deadline import within
from harness.connect.ssh import SshConnection
from harness.doctor.base import Finding, Patient, Verdict, failed, ok
from harness.doctor.checks import CHECKS
from harness.doctor.listener import Listener
from harness.errors import BoardError, CommandFailed, HostKeyRefused, LoginRefused
from harness.facts.android import ANDROID
from harness.facts.base import Fact, Found, read
from harness.facts.clock_sync import CLOCK_SYNC
from harness.facts.gather import gather
from harness.facts.link import Link, link
from harness.facts.sensors import SensorReading, sensors
from harness.facts.temperature import temperatures
from harness.facts.throttle import THROTTLED
from harness.facts.torch_build import TORCH_DEADLINE_S, TorchBuild, torch_build
from harness.facts.users import ACTIVITY, lease
from harness.images import Image
from harness.inventory import BoardSpec
from harness.payload import Payload
from harness.provision.plan import plan
from harness.provision.survey import survey
from harness.side_by_side import side_by_side

PROGRAM_S = 30.0
MACHINE = Fact(name="machine", command="cat /proc/sys/kernel/random/boot_id; hostname", parse=str)


@dataclass(frozen=True, kw_only=True)
class Examined:
    board: str
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.FAILED)


class Asked:
    """What boards that are folders on one machine need not each be asked: the first one's answer holds for all."""

    def __init__(self) -> None:
        self._locks: dict[Any, threading.Lock] = {}
        self._answers: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def once(self, key: Any, ask: Callable[[], Found[Any]]) -> Found[Any]:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = ask()
        answer: Found[Any] = self._answers[key]
        return answer


def examine_all(
    specs: Sequence[BoardSpec],
    images: Mapping[str, Image],
    connect: Callable[[BoardSpec], Connection],
    code: Payload,
    deadline_s: float,
) -> list[Examined]:
    """All boards side by side, each within its own deadline, in the order of `specs`."""
    asked = Asked()
    with ExitStack() as stack:
        ports = {address: _listen(stack, address) for address in {spec.server_address for spec in specs}}

        def one(spec: BoardSpec) -> Examined:
            def work() -> tuple[Finding, ...]:
                return _findings(spec, images[spec.image], connect, code, ports[spec.server_address], asked)

            try:
                return Examined(board=spec.name, findings=within(deadline_s, work))
            except TimeoutError:
                late = failed("deadline", f"not all was answered within {deadline_s:g} s", "see what it is busy with")
                return Examined(board=spec.name, findings=(late,))

        return side_by_side(specs, one)


def _listen(stack: ExitStack, address: str) -> int | OSError:
    try:
        return stack.enter_context(Listener(address)).port
    except OSError as error:
        return error


def _findings(
    spec: BoardSpec,
    image: Image,
    connect: Callable[[BoardSpec], Connection],
    code: Payload,
    port: int | OSError,
    asked: Asked,
) -> tuple[Finding, ...]:
    try:
        connection = connect(spec)
    except BoardError as error:
        return _unconnected(error)
    begun = (ok("reachable", spec.where), ok("key", "host key pinned, login accepted"))
    try:
        patient = _asked(connection, spec, image, code, port, asked)
    except BoardError as error:
        return (*begun, failed("reachable", error.message, error.remedy))
    finally:
        connection.close()
    return (*begun, *(check(patient) for check in CHECKS))


def _unconnected(error: BoardError) -> tuple[Finding, ...]:
    """Which of the two it is; the other checks have nothing to look at."""
    name = "key" if isinstance(error, HostKeyRefused | LoginRefused) else "reachable"
    return (failed(name, error.message, error.remedy),)


def _asked(
    connection: Connection, spec: BoardSpec, image: Image, code: Payload, port: int | OSError, asked: Asked
) -> Patient:
    found = survey(connection, spec, image)
    others: dict[str, Fact[Any]] = {
        "activity": ACTIVITY,
        "lease": lease(spec.root, spec.python),
        "throttled": THROTTLED,
        "zones": temperatures(),
        "clock": CLOCK_SYNC,
        "android": ANDROID,
    }
    begin_s = time.time()
    answers = gather(connection, [*others.values(), MACHINE])
    middle_s = (begin_s + time.time()) / 2
    clock = answers[CLOCK_SYNC.name]
    python = f"{spec.root}/{found.install.python}" if found.install.python.startswith("env/") else spec.python
    same_machine = (answers[MACHINE.name].value, python if spec.virtual == "embedded" else spec.name)
    read_sensors, read_link = _sensors(connection, spec, code), _link(connection, spec, port)
    build = replace(torch_build(python), command=_with(image, torch_build(python).command))
    torch: Found[TorchBuild] = asked.once(same_machine, lambda: read(connection, build, TORCH_DEADLINE_S))
    return Patient(
        spec=spec,
        image=image,
        survey=found,
        plan=plan(spec, image, found),
        clock_offset_s=clock.value.wall_s - middle_s if clock.value else None,
        torch=torch,
        sensors=read_sensors,
        link=read_link,
        **{field: answers[fact.name] for field, fact in others.items()},
    )


def _with(image: Image, command: str) -> str:
    return " ".join([*(f"{name}={value}" for name, value in image.environment.items()), command])


def _sensors(connection: Connection, spec: BoardSpec, code: Payload) -> Found[SensorReading]:
    try:
        deploy(connection, spec, [code])
    except CommandFailed as error:
        return Found(value=None, fault=error.message)
    return read(connection, sensors(spec.root, spec.python, code.folder), PROGRAM_S)


def _link(connection: Connection, spec: BoardSpec, port: int | OSError) -> Found[Link]:
    if isinstance(port, OSError):
        return Found(value=None, fault=f"{spec.server_address} is not an address of this machine ({port.strerror})")
    if spec.reverse_tunnel and isinstance(connection, SshConnection):
        try:
            port = connection.reach_back(port)
        except CommandFailed as error:
            return Found(value=None, fault=error.message)
    return read(connection, link(spec.python, spec.server_address, port), PROGRAM_S)
