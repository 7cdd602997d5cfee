"""Messages as bytes: a small JSON header, then the raw buffers in chunks of about 1 MB. Never pickle.

b"FRK2", uint32 length of the header (little-endian), the header, then all arrays back to back, C order. The first chunk
holds the header and its share of the arrays; all shares are about equal, so that none is a small one: a message of gRPC
costs tens of microseconds, however short. Every chunk ends with a uint32, a checksum of everything in the message so
far: a chunk that is damaged, lost or out of place is found when it arrives. The receiver allocates the declared size
once and hands out views.

The checksum is the CRC-32 of the header and of each share's sum over rows of 32 KiB, in 64-bit words, with what does
not fill a row. Any one damaged word shows; a CRC-32 of every byte would show more, at fifteen times the time (measured
on x86).
"""

import json
import struct
import time
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from fl_core.errors import LinkCorrupt
from fl_core.link.base import Message
from fl_core.link.encoding import ENCODINGS, PLAIN

MAGIC = b"FRK2"
CHUNK_BYTES = 1 << 20  # about: from none up to one and a half times as many
ALIGNED_BYTES = 64  # shares begin at such places of a large array: sums over unaligned words are slow
CRC_BYTES = 4
ROW_WORDS = 4096
MAX_HEADER_BYTES = 1 << 22
MAX_PAYLOAD_BYTES = 1 << 32  # a header may not make us allocate more
DTYPES = ("float32", "float64", "float16", "int64", "int32", "uint8", "int8", "bool")


class _Entry(NamedTuple):
    """One array, as the header declares it."""

    name: str
    dtype: str  # in memory
    shape: List[int]
    encoding: Optional[str]  # on the wire; None: as in memory
    scale: float

    @property
    def wire_dtype(self) -> str:
        return self.dtype if self.encoding is None else ENCODINGS[self.encoding].dtype

    @property
    def wire_bytes(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count * np.dtype(self.wire_dtype).itemsize


def chunks(message: Message) -> Iterator[bytes]:
    """The message as byte strings; arrays are read while iterating, so that at most one is ever copied whole."""
    encoding = None if message.encoding == PLAIN else message.encoding
    entries, wires = [], []
    for name, array in message.tensors.items():
        scale, wire = 1.0, array
        if encoding is not None and array.dtype == np.float32:
            wire, scale = ENCODINGS[encoding].encode(array)
            entries.append(_Entry(name, "float32", list(array.shape), encoding, scale))
        else:
            entries.append(_Entry(name, str(array.dtype), list(array.shape), None, scale))
        wires.append(wire)
    header = json.dumps({"kind": message.kind, "meta": message.meta, "tensors": entries}).encode()
    begin = MAGIC + struct.pack("<I", len(header)) + header
    crc = zlib.crc32(begin)
    for parts in _shares(wires):
        share = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        crc = checksum(share, crc)
        yield b"".join((begin, share, struct.pack("<I", crc)))
        begin = b""


def _shares(wires: Sequence[np.ndarray]) -> Iterator[List[Any]]:
    """The arrays' bytes in order, cut into about equal shares of about `CHUNK_BYTES`; at least one, perhaps empty."""
    total = sum(wire.nbytes for wire in wires)
    count = max(1, round(total / CHUNK_BYTES))
    size = -(-total // (count * ALIGNED_BYTES)) * ALIGNED_BYTES
    share: List[Any] = []
    room = size
    for wire in wires:
        view = memoryview(np.ascontiguousarray(wire).reshape(-1).view(np.uint8).data)
        while len(view) > room:
            yield [*share, view[:room]]
            view, share, room = view[room:], [], size
        share.append(view)
        room -= len(view)
    yield share


def checksum(part: memoryview, before: int) -> int:
    """Of a chunk's share of the arrays, after what has the checksum `before`."""
    rows = len(part) // (ROW_WORDS * 8)
    if rows > 1:
        words = np.frombuffer(part, np.uint64, rows * ROW_WORDS).reshape(rows, ROW_WORDS)
        before = zlib.crc32(words.sum(axis=0).data, before)
        part = part[rows * ROW_WORDS * 8 :]
    return zlib.crc32(part, before)


class Assembler:
    """Collects chunks; `feed` returns the message when its last byte is there."""

    def __init__(self, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_payload_bytes = max_payload_bytes
        self._header: Dict[str, Any] = {}
        self._entries: List[_Entry] = []
        self._buffer = np.empty(0, np.uint8)
        self._filled = 0
        self._crc = 0
        self._started_s = 0.0

    def feed(self, chunk: bytes) -> Optional[Message]:
        """A finished `Message`, or None. Raises `LinkCorrupt`."""
        whole = memoryview(chunk)
        begin = b"" if self._header else whole[: _begin_bytes(chunk)]
        share = whole[len(begin) : -CRC_BYTES]
        self._check(begin, share, chunk[-CRC_BYTES:])
        if not self._header:
            self._begin(bytes(begin[8:]))
        self._fill(share)
        return self._finish() if self._filled == len(self._buffer) else None

    @property
    def midway(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._header)

    def _check(self, begin: Union[bytes, memoryview], share: memoryview, said: bytes) -> None:
        self._crc = checksum(share, zlib.crc32(begin) if len(begin) else self._crc)
        if said != struct.pack("<I", self._crc):
            raise LinkCorrupt("wrong checksum after {} of {} bytes".format(self._filled, len(self._buffer)))

    def _fill(self, share: memoryview) -> None:
        end = self._filled + len(share)
        if end > len(self._buffer):
            raise LinkCorrupt("{} bytes arrived where {} were declared".format(end, len(self._buffer)))
        self._buffer[self._filled : end] = np.frombuffer(share, np.uint8)
        self._filled = end

    def _begin(self, text: bytes) -> None:
        """Read the header and make room."""
        try:
            header = json.loads(text.decode())
            entries = [_Entry(*values) for values in header["tensors"]]
            if not isinstance(header["kind"], str) or not isinstance(header["meta"], dict):
                raise ValueError("kind or meta")
        except (ValueError, KeyError, TypeError) as error:
            raise LinkCorrupt("unreadable header: {}".format(error))
        total = sum(_declared_bytes(entry) for entry in entries)
        if total > self._max_payload_bytes:
            raise LinkCorrupt("{} bytes declared; at most {} are taken".format(total, self._max_payload_bytes))
        self._header, self._entries, self._filled = header, entries, 0
        self._buffer = np.empty(total, np.uint8)
        self._started_s = time.monotonic()

    def _finish(self) -> Message:
        tensors: Dict[str, np.ndarray] = {}
        encoding, offset = PLAIN, 0
        for entry in self._entries:
            wire = self._buffer[offset : offset + entry.wire_bytes]
            offset += entry.wire_bytes
            array = wire.view(entry.wire_dtype).reshape(entry.shape)
            if entry.encoding is not None:
                encoding = entry.encoding
                array = ENCODINGS[encoding].decode(array, entry.scale)
            tensors[entry.name] = array
        message = Message(self._header["kind"], self._header["meta"], tensors, encoding)
        message.started_s = self._started_s
        self._header, self._entries, self._buffer = {}, [], np.empty(0, np.uint8)
        return message


def _begin_bytes(first: bytes) -> int:
    """Length of magic, length and header at the beginning of a message. Raises `LinkCorrupt`."""
    if first[:4] != MAGIC:
        raise LinkCorrupt("a message must begin with {!r}; got {!r}".format(MAGIC, first[:4]))
    (length,) = struct.unpack("<I", first[4:8]) if len(first) >= 8 else (0,)
    if length > MAX_HEADER_BYTES or len(first) < 8 + length + CRC_BYTES:
        raise LinkCorrupt("header of {} bytes in a chunk of {}".format(length, len(first)))
    return 8 + length


def _declared_bytes(entry: _Entry) -> int:
    if entry.encoding is not None and (entry.encoding not in ENCODINGS or entry.dtype != "float32"):
        raise LinkCorrupt("tensor {!r} of dtype {!r} in encoding {!r}".format(entry.name, entry.dtype, entry.encoding))
    if entry.dtype not in DTYPES or any(not isinstance(n, int) or n < 0 for n in entry.shape):
        raise LinkCorrupt("tensor of dtype {!r} and shape {!r}".format(entry.dtype, entry.shape))
    return entry.wire_bytes
