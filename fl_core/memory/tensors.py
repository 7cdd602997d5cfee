"""Tensor bytes: what is live while a step runs, and what autograd saves for backward.

`TensorPeak` sees every storage that an operator returns, so it counts weights, gradients, momentum, activations and
inputs exactly and repeatably; scratch memory inside a kernel is invisible to it. It needs torch >= 2.1.
"""

import gc
import threading
import weakref
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, TypeVar

import torch
from torch import Tensor

from fl_core.errors import NeedsNewerTorch

try:
    from torch.utils._python_dispatch import TorchDispatchMode as _Mode

    AVAILABLE = hasattr(Tensor, "untyped_storage") and tuple(
        int(n) for n in torch.__version__.split("+")[0].split(".")[:2]
    ) >= (2, 1)
except ImportError:  # torch 1.10 on JetPack 4
    _Mode = object  # type: ignore[assignment,misc]
    AVAILABLE = False


_Meter = TypeVar("_Meter", bound="TensorPeak")


class TensorPeak(_Mode):  # type: ignore[no-untyped-call]
    """Context manager; `peak_bytes` is the largest sum of live storages, those at entry included unless `new_only`.

    Thread-local, like every dispatch mode: it sees the thread that enters it, and on the CPU backward runs there too.
    What is there at entry is found by a walk over all objects of the process, which holds every thread's tensors while
    it lasts. So no walk happens while a `new_only` meter runs, and two of these never run side by side.
    """

    _undisturbed = threading.RLock()  # reentrant: meters of one thread nest

    def __init__(self, new_only: bool = False) -> None:
        if not AVAILABLE:
            raise NeedsNewerTorch("the tensor peak needs torch >= 2.1; this is {}".format(torch.__version__))
        super().__init__()  # type: ignore[no-untyped-call]
        self._new_only = new_only
        self.live_bytes = 0
        self.peak_bytes = 0
        self._seen: Dict[int, Any] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Asked by torch: no. Skipping would import torch._dynamo, 90 MiB in the process whose peak we measure next."""
        return False

    def __enter__(self: _Meter) -> _Meter:
        self._undisturbed.acquire()
        if not self._new_only:
            self._count_old()
            self._undisturbed.release()
        super().__enter__()  # type: ignore[no-untyped-call]
        _metering.meters.append(self)
        return self

    def _count_old(self) -> None:
        gc.collect()  # a line that broke leaves its last message in a cycle, which nobody holds any more
        for item in gc.get_objects():
            if issubclass(type(item), Tensor):
                self._count(item)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: Optional[Dict[str, Any]] = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._new_only:  # a result may be a view of an argument: one not seen before is old
            self._walk((args, tuple(kwargs.values())), counts=False)
        result = func(*args, **kwargs)
        self._walk(result)
        return result

    def _walk(self, value: Any, counts: bool = True) -> None:
        if isinstance(value, Tensor):
            self._count(value, counts)
        elif isinstance(value, (tuple, list)):
            for item in value:
                self._walk(item, counts)

    def _count(self, tensor: Tensor, counts: bool = True) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        size = storage.nbytes() if counts else 0
        self._seen[key] = weakref.finalize(storage, self._freed, key, size)
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def _freed(self, key: int, size: int) -> None:
        self._seen.pop(key, None)
        if size:  # one that does not count may end in another thread, where `-=` could undo a count made here
            self.live_bytes -= size

    def __exit__(self, *error: Any) -> None:
        _metering.meters.remove(self)
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for finalizer in list(self._seen.values()):
            finalizer.detach()
        self._seen.clear()
        if self._new_only:
            self._undisturbed.release()


class _Metering(threading.local):
    """The meters of this thread."""

    def __init__(self) -> None:
        self.meters: List[TensorPeak] = []


_metering = _Metering()


@contextmanager
def unmetered() -> Iterator[None]:
    """What happens inside leaves no trace in the peak of meters that run already: a profile is not a step."""
    peaks = [(meter, meter.peak_bytes) for meter in _metering.meters]
    yield
    for meter, peak_bytes in peaks:
        meter.peak_bytes = max(peak_bytes, meter.live_bytes)


class SavedTensors:
    """Context manager; `bytes` is what autograd saved for backward, each storage once, `exclude` not counted.

    Parameters are saved too (a convolution needs its weight); pass them as `exclude` to count activations alone.
    """

    def __init__(self, exclude: Any = ()) -> None:
        self.bytes = 0
        self._known = {tensor.data_ptr() for tensor in exclude}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in self._known:
            self._known.add(tensor.data_ptr())
            self.bytes += tensor.numel() * tensor.element_size()
        return tensor

    def __enter__(self) -> "SavedTensors":
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._hooks.__exit__(*error)


def stored_bytes(tensors: Iterable[Tensor]) -> int:
    """Of the storages behind these, each once."""
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())
