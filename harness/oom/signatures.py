"""The signatures of a process that ran out of memory, as data: one row each.

A new signature is a new row and a new case under tests/harness/oom_corpus. `where` says which text a pattern may
be looked for in, because nearly every misreading comes from looking too widely:

    exception   "Type: message" of an exception that ended the worker, and of those it was raised from
    output      one line of the worker's last output
    kernel      one line of the kernel's or a killer daemon's log
    exit        the exit status alone; decided in `classify`, the row only names it

`weak` rows are hints: libraries print them and often go on. They count only where nothing stronger explains the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OUT_OF_MEMORY, ILLEGAL_INSTRUCTION, CRASHED = "out_of_memory", "illegal_instruction", "crashed"


@dataclass(frozen=True)
class Signature:
    name: str
    outcome: str  # out_of_memory, illegal_instruction, crashed
    where: str  # exception, output, kernel, exit
    pattern: str  # regular expression, searched for; "" for `exit`
    remark: str  # what it means, for a sentence in a report
    source: str  # where the text's form comes from
    weak: bool = False

    def found_in(self, text: str) -> bool:
        return bool(self.pattern) and re.search(self.pattern, text) is not None


def _oom(name: str, where: str, pattern: str, remark: str, source: str, *, weak: bool = False) -> Signature:
    return Signature(name, OUT_OF_MEMORY, where, pattern, remark, source, weak)


# Anchors of "Type: message". The message must *begin* with the text (after what Caffe2's checks put before it): an
# assertion or a log line that quotes the text is not the thing itself.
_NATIVE = r"^(?:\w+(?:\.|::))*(?:RuntimeError|AcceleratorError|OutOfMemoryError|Error|runtime_error): "
_ENFORCE = r"(?:\[enforce fail at [^\]]*\] (?:\w+ == \w+)?\w*\.? ?)?"
_SYSTEM = r"^(?:\w+\.)*(?:OSError|IOError|error): "

MEMORY = (
    _oom(
        "cgroup_oom_kill",
        "exit",
        "",
        "the kernel killed it at its cgroup limit and counted the kill",
        "Linux, cgroup-v2.rst memory.events, cgroup-v1 memory.oom_control",
    ),
    _oom(
        "cgroup_limit_kill",
        "exit",
        "",
        "killed with its cgroup filled to the limit; this kernel counts no kills",
        "Linux before 4.13 (JetPack 4 has 4.9): memory.oom_control has no oom_kill line",
    ),
    _oom(
        "worker_allocation_refused",
        "exit",
        "",
        "the worker saw an allocation refused and said so by its exit code",
        "fl_core.worker, EXIT_OUT_OF_MEMORY",
    ),
    _oom(
        "no_plan_fits",
        "exception",
        r"^BudgetTooSmall: ",
        "no plan keeps to the memory budget of the step",
        "fl_core.memory.plan and fl_core.memory.greedy, said before the step",
    ),
    _oom(
        "kernel_cgroup_kill",
        "kernel",
        r"Memory cgroup out of memory: Kill(?:ed)? process \d+ \(",
        "the kernel's log names it as killed at a cgroup limit",
        "Linux mm/oom_kill.c, 4.9 and later",
    ),
    _oom(
        "kernel_board_kill",
        "kernel",
        r"(?<!cgroup )[Oo]ut of memory(?: \(\w+\))?: Kill(?:ed)? process \d+ \(",
        "the kernel's log names it as killed because the whole board was out of memory",
        "Linux mm/oom_kill.c",
    ),
    _oom(
        "earlyoom_kill",
        "kernel",
        r"(?i)(?:sending SIG(?:TERM|KILL) to process|killing process) \d+ .*badness",
        "earlyoom ended it before the kernel would have",
        "rfjakob/earlyoom issues 131, 205",
    ),
    _oom(
        "systemd_oomd_kill",
        "kernel",
        r"systemd-oomd killed \d+ process|systemd-oomd\[\d+\]: Killed .* due to memory",
        "systemd-oomd ended its unit for memory pressure",
        "systemd/systemd pull 20690, issue 23606",
    ),
    _oom(
        "android_lmkd_kill",
        "kernel",
        r"(?i)lowmemorykiller: Kill(?:ing)? '.*' \(\d+\)",
        "Android's low-memory killer ended it",
        "AOSP system/memory/lmkd",
    ),
    _oom(
        "torch_cuda_oom",
        "exception",
        r"^(?:\w+(?:\.|::))*OutOfMemoryError\b|" + _NATIVE + r"CUDA out of memory\. Tried",
        "torch's CUDA allocator had no block left",
        "torch 1.x: RuntimeError; 1.13: torch.cuda.OutOfMemoryError; 2.5: torch.OutOfMemoryError",
    ),
    _oom(
        "cuda_runtime_oom",
        "exception",
        _NATIVE + r"(?:CUDA (?:driver )?error: out of memory|"
        r"(?:\w+: )?(?:cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY)|cuda runtime error \(2\) ?: out of memory)",
        "the CUDA runtime or driver refused memory outside torch's allocator",
        "cudaErrorMemoryAllocation = 2; texts of torch 0.4 to 2.x",
    ),
    _oom(
        "jetson_nvml_assert",
        "exception",
        _NATIVE + r"NVML_SUCCESS == .*INTERNAL ASSERT FAILED at .*CUDACachingAlloc",
        "torch asked NVML how full the GPU is while reporting out of memory; a Jetson has no such NVML",
        "pytorch/pytorch issues 112377, 185240; pull 128661",
    ),
    _oom(
        "nvmap_error_12",
        "output",
        r"^NvMapMem(?:Alloc|Handle)\w*: .*\berror 12\b",
        "the Jetson's memory map had no pages left; also printed where a smaller try then succeeds",
        "NVIDIA/nvImageCodec issue 43",
        weak=True,
    ),
    _oom(
        "cuda_library_alloc_failed",
        "exception",
        _NATIVE + r"(?:cu\w+|CUDA) error: "
        r"(?:(?:CUDNN|CUBLAS|CUSOLVER|CUSPARSE|CURAND)_STATUS_\w*ALLOC\w*_FAILED|CUFFT_ALLOC_FAILED)",
        "a CUDA library could not allocate its handle or workspace",
        "cuDNN, cuBLAS, ... status codes as torch shows them",
    ),
    _oom(
        "torch_cpu_alloc",
        "exception",
        _NATIVE + _ENFORCE + r"(?:DefaultCPUAllocator: (?:can't allocate memory|not enough"
        r" memory): you tried to allocate|posix_memalign\(.*\) == 0\. 12 vs 0|\$ Torch: not enough memory: you tried)",
        "torch's CPU allocator was refused memory",
        "torch 0.4 to 2.x; pytorch/pytorch pull 20618; recorded here under RLIMIT_DATA with torch 2.13",
    ),
    _oom(
        "torch_shared_memory",
        "exception",
        _NATIVE + r"unable to (?:write|resize|mmap|open|allocate) .*torch_\w+.*"
        r"(?:\b(?:28|12)\b|No space left|Cannot allocate)",
        "no room left in shared memory, which is RAM, for tensors passed between processes",
        "torch aten/src/ATen/MapAllocator.cpp",
    ),
    _oom(
        "dataloader_bus_error",
        "exception",
        _NATIVE + r"DataLoader worker \(pid\(?s?\)? [\d, ]+\) is killed by signal: Bus error",
        "a data loader's process found shared memory full",
        "pytorch/pytorch issue 5040, pull 25730",
    ),
    _oom(
        "dataloader_bus_error",
        "output",
        r"^ERROR: Unexpected bus error encountered in worker\. This might be caused by",
        "a data loader's process found shared memory full",
        "torch/csrc/DataLoader.cpp",
    ),
    _oom(
        "numpy_alloc",
        "exception",
        r"^(?:\w+\.)*_ArrayMemoryError\b",
        "NumPy was refused memory for an array",
        "numpy._core._exceptions; recorded here under RLIMIT_DATA",
    ),
    _oom(
        "python_memory_error",
        "exception",
        r"^(?:\w+\.)*MemoryError\b",
        "Python was refused memory",
        "CPython; recorded here under RLIMIT_DATA",
    ),
    _oom(
        "mmap_failed",
        "exception",
        _NATIVE + r"unable to mmap \d+ bytes from file .*: Cannot allocate memory",
        "a file could not be mapped",
        "torch aten/src/ATen/MapAllocator.cpp",
    ),
    _oom(
        "errno_12",
        "exception",
        _SYSTEM + r"\[Errno 12\]",
        "a system call (mmap, fork, ...) answered ENOMEM",
        "errno 12; recorded here: mmap under RLIMIT_AS",
    ),
    _oom(
        "fork_failed",
        "output",
        r"(?:^|: )fork: (?:retry: )?(?:Resource temporarily unavailable: )?Cannot allocate memory",
        "no memory for another process",
        "bash, dash and sshd",
    ),
    _oom(
        "library_map_failed",
        "exception",
        r"^(?:OSError|ImportError): .*(?:failed to map segment from shared object"
        r"(?:$|: Cannot alloc)|cannot (?:create shared object descriptor|allocate symbol data): Cannot alloc)",
        "a library could not be mapped: address space or memory is used up",
        "glibc elf/dl-map-segments.h; recorded here: import torch under RLIMIT_AS",
    ),
    _oom(
        "cpp_bad_alloc",
        "exception",
        r"^(?:\w+: )?std::bad_(?:array_new_length|alloc)\b",
        "C++ code was refused memory",
        "libstdc++; recorded here: import torch under RLIMIT_DATA",
    ),
    _oom(
        "native_library_alloc",
        "output",
        r"^libgomp: Out of memory allocating \d+ bytes|"
        r"^OpenBLAS error: Memory allocation still failed after \d+ retries",
        "a numerical library was refused memory and ended the process",
        "GCC libgomp/alloc.c; OpenBLAS driver/others/memory.c",
    ),
)
