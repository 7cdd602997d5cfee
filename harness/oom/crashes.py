"""What is easily taken for running out of memory, and is not: the other rows. The first that fits names the crash."""

from __future__ import annotations

from harness.oom.signatures import CRASHED, ILLEGAL_INSTRUCTION, Signature


def _crash(name: str, where: str, pattern: str, remark: str, source: str) -> Signature:
    return Signature(name, CRASHED, where, pattern, remark, source)


CRASHES = (
    Signature(
        "illegal_instruction",
        ILLEGAL_INSTRUCTION,
        "exit",
        "",
        "this torch does not run on this board's CPU",
        "pytorch/pytorch issues 132032, 176993",
    ),
    _crash("stopped_by_us", "exit", "", "ended by the harness", "harness.launch"),
    _crash(
        "static_tls",
        "exception",
        r"(?:^|: )[^:]*: cannot allocate memory in static TLS block",
        "a library came too late for thread-local storage: preload it; memory is not short",
        "aarch64 glibc; opencv/opencv and scikit-learn issues about libgomp",
    ),
    _crash(
        "disk_full",
        "exception",
        r"\[Errno 28\]|No space left on device|database or disk is full",
        "the disk is full",
        "errno 28",
    ),
    _crash(
        "output_refused",
        "exit",
        "",
        "what it wrote last was refused: is the board's disk full?",
        "CPython: exit code 120, docs of sys.exit()",
    ),
    _crash(
        "timeout",
        "exception",
        r"^(?:\w+\.)*(?:TimeoutError|TimeoutExpired)\b|[Dd]eadline [Ee]xceeded|DEADLINE_EXCEEDED",
        "something did not answer in time",
        "CPython; gRPC status 4",
    ),
    _crash(
        "connection",
        "exception",
        r"^(?:\w+\.)*(?:Connection\w*Error|BrokenPipeError|EOFError|gaierror)\b|"
        r"StatusCode\.UNAVAILABLE|[Cc]onnection (?:refused|reset)|[Nn]ame resolution",
        "the line to another program broke",
        "CPython; gRPC status 14",
    ),
    _crash(
        "message_too_large",
        "exception",
        r"RESOURCE_EXHAUSTED",
        "a message was larger than the receiver accepts",
        "gRPC status 8",
    ),
    _crash(
        "cuda_driver_mismatch",
        "exception",
        r"driver on your system is too old|CUDA driver version is insufficient|forward compatibility was attempted",
        "CUDA and its driver do not fit together",
        "torch/csrc/cuda; cudaErrorInsufficientDriver = 35",
    ),
    _crash(
        "cuda_wrong_build",
        "exception",
        r"no kernel image is available for execution|not compiled with CUDA enabled",
        "this torch was not built for this GPU",
        "cudaErrorNoKernelImageForDevice = 209",
    ),
    _crash(
        "cuda_fault",
        "exception",
        r"CUDA error: (?:an illegal memory access|unspecified launch failure|device-side assert|"
        r"misaligned address)",
        "a GPU kernel went wrong",
        "cudaErrorIllegalAddress = 700, 719, 710",
    ),
    _crash(
        "import_failed",
        "exception",
        r"^(?:\w+\.)*(?:ImportError|ModuleNotFoundError)\b",
        "a module could not be loaded",
        "CPython",
    ),
    _crash(
        "not_a_number",
        "exception",
        r"(?i)^[\w.]+: .*\b(?:nan|inf|non-finite)\b",
        "training left the finite numbers",
        "torch.autograd.detect_anomaly; FloatingPointError",
    ),
    _crash(
        "assertion",
        "exception",
        r"^(?:\w+\.)*AssertionError\b|INTERNAL ASSERT FAILED",
        "a check in the program failed",
        "CPython; c10/util/Exception.h",
    ),
    _crash(
        "heap_corrupted",
        "output",
        r"^(?:malloc|free|realloc|munmap_chunk|corrupted|double free)\b.*(?:corrupt|invalid|"
        r"double free|mismatching|unsorted|linked list)",
        "memory was overwritten: a defect, not a shortage",
        "glibc malloc",
    ),
    _crash(
        "threads_refused",
        "output",
        r"Thread creation failed: Resource temporarily unavailable|"
        r"pthread_create failed|can't start new thread",
        "the system allows no more threads",
        "libgomp, OpenBLAS, CPython; recorded here",
    ),
    _crash(
        "threads_refused",
        "exception",
        r"can't start new thread|Thread creation failed",
        "the system allows no more threads",
        "CPython",
    ),
    _crash(
        "python_error",
        "exception",
        r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b",
        "an exception of the program",
        "CPython",
    ),
    _crash("bus_error", "exit", "", "a mapped file or shared memory went away under it", "SIGBUS"),
    _crash("segmentation_fault", "exit", "", "a defect in native code", "SIGSEGV"),
    _crash("abort", "exit", "", "native code gave up", "SIGABRT"),
    _crash("killed_from_outside", "exit", "", "killed by nobody we know of; nothing speaks of memory", "SIGKILL"),
    _crash("terminated_from_outside", "exit", "", "asked to end by nobody we know of", "SIGTERM, SIGHUP, SIGINT"),
)
