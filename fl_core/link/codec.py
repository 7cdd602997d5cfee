"""Messages as bytes: a small JSON header, then the raw buffers in chunks of about 1 MB. Never pickle.

Frame: b"FRK1", uint32 length of the header (little-endian), header, then all arrays back to back, C order.
The header travels in a chunk of its own. The receiver allocates the declared size once and hands out views.
"""

import json
import struct
import time
from typing import Any, Dict, Iterator, List

import numpy as np

from fl_core.errors import LinkCorrupt
from fl_core.link.base import Message

MAGIC = b"FRK1"
CHUNK_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 22
DTYPES = ("float32", "float64", "float16", "int64", "int32", "uint8", "int8", "bool")


def chunks(message: Message) -> Iterator[bytes]:
    """The message as byte strings; arrays are read while iterating, so that at most one is ever copied into C order."""
    layout = [[name, str(array.dtype), list(array.shape)] for name, array in message.tensors.items()]
    header = json.dumps({"kind": message.kind, "meta": message.meta, "tensors": layout}).encode()
    yield MAGIC + struct.pack("<I", len(header)) + header
    for array in message.tensors.values():
        view = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        for start in range(0, len(view), CHUNK_BYTES):
            yield bytes(view[start : start + CHUNK_BYTES])


class Assembler:
    """Collects chunks; `feed` returns the message when its last byte is there."""

    def __init__(self) -> None:
        self._header: Dict[str, Any] = {}
        self._buffer = bytearray()
        self._filled = 0
        self._started_s = 0.0

    def feed(self, chunk: bytes) -> Any:
        """A finished `Message`, or None. Raises `LinkCorrupt`."""
        if not self._header:
            self._begin(chunk)
        else:
            end = self._filled + len(chunk)
            if end > len(self._buffer):
                raise LinkCorrupt("{} bytes arrived where {} were declared".format(end, len(self._buffer)))
            self._buffer[self._filled : end] = chunk
            self._filled = end
        return self._finish() if self._filled == len(self._buffer) else None

    @property
    def midway(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._header)

    def _begin(self, chunk: bytes) -> None:
        if len(chunk) < 8 or chunk[:4] != MAGIC:
            raise LinkCorrupt("a message must begin with {!r}; got {!r}".format(MAGIC, bytes(chunk[:4])))
        (length,) = struct.unpack("<I", chunk[4:8])
        if length > MAX_HEADER_BYTES or len(chunk) != 8 + length:
            raise LinkCorrupt("header of {} bytes in a chunk of {}".format(length, len(chunk)))
        try:
            header = json.loads(chunk[8:].decode())
            total = sum(_nbytes(dtype, shape) for _, dtype, shape in header["tensors"])
            if not isinstance(header["kind"], str) or not isinstance(header["meta"], dict):
                raise ValueError("kind or meta")
        except (ValueError, KeyError, TypeError) as error:
            raise LinkCorrupt("unreadable header: {}".format(error))
        self._header, self._buffer, self._filled = header, bytearray(total), 0
        self._started_s = time.monotonic()

    def _finish(self) -> Message:
        tensors: Dict[str, np.ndarray] = {}
        offset = 0
        for name, dtype, shape in self._header["tensors"]:
            size = _nbytes(dtype, shape)
            count = size // np.dtype(dtype).itemsize
            tensors[name] = np.frombuffer(self._buffer, dtype=dtype, count=count, offset=offset).reshape(shape)
            offset += size
        message = Message(self._header["kind"], self._header["meta"], tensors)
        message.started_s = self._started_s
        self._header, self._buffer = {}, bytearray()
        return message


def _nbytes(dtype: str, shape: List[int]) -> int:
    if dtype not in DTYPES or any(not isinstance(n, int) or n < 0 for n in shape):
        raise LinkCorrupt("tensor of dtype {!r} and shape {!r}".format(dtype, shape))
    count = 1
    for size in shape:
        count *= size
    return count * np.dtype(dtype).itemsize
