"""From what a worker left behind to the one signature that explains its end.

Order of trust: the kernel's own counters, then who sent the signal, then the exception that ended the process, then
what it printed last. A text that speaks of memory decides nothing unless it is what ended the process: a refusal after
which the program went on printing was survived.
"""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.oom.crashes import CRASHES
from harness.oom.signatures import MEMORY, OUT_OF_MEMORY, Signature

SIGNATURES = MEMORY + CRASHES
_BY_NAME = {signature.name: signature for signature in SIGNATURES}

WORKER_OUT_OF_MEMORY = 12  # fl_core.worker's exit code when an allocation was refused
OUTPUT_REFUSED = 120  # Python's exit code when it could not write out what was left of its output
LAST_LINES = 40  # of the log; what stands further up did not end the process
FULL_SHARE = 0.99  # of its limit: a cgroup with this peak was full

_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt|Exit|Expired|Warning)(?:: .*|:?$)"
)
_TERMINATE = re.compile(r"^terminate called after throwing an instance of '(.+)'")
_TRACEBACK = "Traceback (most recent call last):"
_LINKED = ("During handling of the above exception", "The above exception was the direct", "Exception ignored in")
_OF_A_TRACEBACK = re.compile(
    rf"\s|$|{re.escape(_TRACEBACK)}|terminate called|Aborted|frame #|.*\(most recent call first\):$|"
    r"CUDA kernel errors might|For debugging consider|Compile with"  # torch's advice behind a CUDA error
)
_DEFECTS = (signal.SIGSEGV, signal.SIGBUS)  # no refusal of memory ends a process so
_OUR_NAMES = re.compile(r"\((?:python|pt_)|[\"'](?:python|pt_|com\.termux)")
_NATIVE_TYPES = re.compile(r"^(?:\w+(?:\.|::))*(?:RuntimeError|AcceleratorError|Error)\b")
_BY_SIGNAL = {
    signal.SIGBUS: "bus_error",
    signal.SIGSEGV: "segmentation_fault",
    signal.SIGABRT: "abort",
    signal.SIGKILL: "killed_from_outside",
    signal.SIGTERM: "terminated_from_outside",
    signal.SIGHUP: "terminated_from_outside",
    signal.SIGINT: "terminated_from_outside",
}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known of an end. Sizes in bytes; what nobody knows is None or empty."""

    returncode: int | None = None
    signal: int | None = None
    oom_kills: int | None = None  # counted by the worker's cgroup
    budget_bytes: int | None = None
    budget_kind: str | None = None
    cgroup_peak_bytes: int | None = None
    pid: int | None = None
    error_kind: str | None = None  # of the worker's own last `error` event
    error_text: str | None = None
    log_tail: str = ""  # the end of what it printed
    kernel_log: str = ""  # lines of the kernel, earlyoom, systemd-oomd, lmkd from its lifetime
    killed_by_us: bool = False

    @property
    def ended_by(self) -> int | None:
        """The signal, also where a shell or a container passed it on as 128 + signal."""
        if self.signal is None and self.returncode is not None and 128 < self.returncode < 128 + signal.NSIG:
            return self.returncode - 128
        return self.signal


@dataclass(frozen=True, kw_only=True)
class Cause:
    signature: Signature
    text: str  # the line that decided; empty where it was the exit status

    @property
    def out_of_memory(self) -> bool:
        return self.signature.outcome == OUT_OF_MEMORY


UNEXPLAINED = Signature("unexplained", "crashed", "exit", "", "it left no reason", "")


def classify(evidence: Evidence) -> Cause:
    """The cause of a bad end; never call it for a good one. Total: `UNEXPLAINED` when nothing is known."""
    exceptions = _exceptions(evidence)
    return (
        _counted_by_kernel(evidence)
        or _sent_by_us(evidence, exceptions)
        or _killed_for_memory(evidence)
        or _from_exceptions(evidence, exceptions)
        or _from_output(evidence)
        or _from_status(evidence)
    )


def _named(name: str, text: str = "") -> Cause:
    return Cause(signature=_BY_NAME[name], text=text)


def _counted_by_kernel(evidence: Evidence) -> Cause | None:
    if evidence.oom_kills:
        return _named("cgroup_oom_kill")
    return _named("illegal_instruction") if evidence.ended_by == signal.SIGILL else None


def _sent_by_us(evidence: Evidence, exceptions: Sequence[str]) -> Cause | None:
    """A worker that we end may have hung after running out of memory: only its own word counts then."""
    if not evidence.killed_by_us or evidence.ended_by not in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
        return None
    own = [line for line in exceptions[:1] if evidence.error_text is not None]
    return _memory_in(own) or _named("stopped_by_us")


def _killed_for_memory(evidence: Evidence) -> Cause | None:
    if evidence.ended_by not in (signal.SIGKILL, signal.SIGTERM):
        return None
    for line in evidence.kernel_log.splitlines():
        for row in MEMORY:
            if row.where == "kernel" and row.found_in(line) and _speaks_of_us(row, line, evidence.pid):
                return Cause(signature=row, text=line.strip())
    peak, budget = evidence.cgroup_peak_bytes, evidence.budget_bytes
    uncounted = evidence.oom_kills is None and (evidence.budget_kind or "").startswith("cgroup")
    if evidence.ended_by == signal.SIGKILL and uncounted and peak and budget and peak >= FULL_SHARE * budget:
        return _named("cgroup_limit_kill")
    return None


def _speaks_of_us(row: Signature, line: str, pid: int | None) -> bool:
    """By number, or by the names that Python and torch give their processes (the kernel may count other numbers)."""
    by_number = pid is not None and re.search(rf"\b{pid}\b", line) is not None
    return by_number or row.name == "systemd_oomd_kill" or _OUR_NAMES.search(line) is not None


def _from_exceptions(evidence: Evidence, exceptions: Sequence[str]) -> Cause | None:
    memory = _memory_in(exceptions)
    if memory is not None:
        return memory
    said_so = evidence.error_kind in (None, OUT_OF_MEMORY) and (evidence.error_text is not None or not exceptions)
    if evidence.returncode == WORKER_OUT_OF_MEMORY and said_so:
        return _named("worker_allocation_refused", evidence.error_text or "")
    for row in CRASHES:
        for line in reversed(exceptions):
            if row.where == "exception" and row.found_in(line):
                hint = _hint(evidence) if row.name == "python_error" and _NATIVE_TYPES.match(line) else None
                return hint or Cause(signature=row, text=line.split("\n")[0])
    return None


def _memory_in(exceptions: Sequence[str]) -> Cause | None:
    """A later exception may be a consequence of a refusal, so that any of the chain decides."""
    for line in exceptions:
        for row in MEMORY:
            if row.where == "exception" and not row.weak and row.found_in(line):
                return Cause(signature=row, text=line.split("\n")[0])
    return None


def _from_output(evidence: Evidence) -> Cause | None:
    for row in (*MEMORY, *CRASHES):
        for line in evidence.log_tail.splitlines()[-LAST_LINES:]:
            if row.where == "output" and not row.weak and row.found_in(line.strip()):
                return Cause(signature=row, text=line.strip())
    return _hint(evidence) if evidence.ended_by else None


def _hint(evidence: Evidence) -> Cause | None:
    for line in evidence.log_tail.splitlines()[-LAST_LINES:]:
        for row in MEMORY:
            if row.where == "output" and row.weak and row.found_in(line.strip()):
                return Cause(signature=row, text=line.strip())
    return None


def _from_status(evidence: Evidence) -> Cause:
    ended_by = evidence.ended_by
    name = _BY_SIGNAL.get(signal.Signals(ended_by)) if ended_by in signal.valid_signals() else None
    if evidence.returncode == OUTPUT_REFUSED:
        name = "output_refused"
    return _named(name) if name else Cause(signature=UNEXPLAINED, text="")


def _exceptions(evidence: Evidence) -> tuple[str, ...]:
    """`Type: message` of what ended the process, the worker's own word first, then the last chain of tracebacks.

    Where the worker gave its word, a traceback of something else was printed by the way and does not count.
    """
    lines = evidence.log_tail.splitlines()
    numbered = tuple(_last_chain(lines))
    chain = tuple(text for _, text in numbered)
    if evidence.error_text is None:
        refusals = [index for index, text in numbered if _memory_in([text])]
        survived = evidence.ended_by in _DEFECTS or (refusals and _went_on(lines[refusals[0] + 1 :]))
        return tuple(text for text in chain if not (survived and _memory_in([text])))
    text, kind = evidence.error_text.strip(), evidence.error_kind
    if kind == OUT_OF_MEMORY and not text:
        return ("MemoryError",)
    own = f"{'RuntimeError' if kind in (None, OUT_OF_MEMORY) else kind}: {text}"
    same = any(text.split("\n")[0] in line for line in chain)
    return (own, *chain) if same else (own,)


def _went_on(lines: Iterable[str]) -> bool:
    """Whether there is more than the rest of a chain of tracebacks: then the exception was caught."""
    parts = (line.startswith(_LINKED) or _OF_A_TRACEBACK.match(line) or _EXCEPTION.match(line) for line in lines)
    return not all(parts)


def _last_chain(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Exceptions from the first traceback of the last chain on; a C++ exception that nobody caught is one, too.

    Each comes with its line's number and with the few lines after it, where gRPC and others put their status.
    """
    for index in range(_start_of_chain(lines), len(lines)):
        thrown = _TERMINATE.match(lines[index])
        if thrown:
            what = next((line for line in lines[index + 1 : index + 3] if "what():" in line), "")
            yield index, f"{thrown[1]}: {what.partition('what():')[2].strip()}"
        elif _EXCEPTION.match(lines[index]):
            after = itertools.takewhile(lambda line: line.startswith((" ", "\t")), lines[index + 1 : index + 5])
            yield index, "\n".join([lines[index].rstrip(), *after])


def _start_of_chain(lines: Sequence[str]) -> int:
    start, linked = 0, True
    for index, line in enumerate(lines):
        if line.startswith(_LINKED):
            linked = True
        elif line.startswith(_TRACEBACK):
            start = start if linked else index
            linked = False
    return start
