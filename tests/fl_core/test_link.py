"""One conformance suite for every back end of the link, and the codec's own edges."""

from __future__ import annotations

import queue
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fl_core.errors import LinkClosed, LinkCorrupt, LinkError, LinkTimeout
from fl_core.link import grpc_link, in_process
from fl_core.link.base import Channel, Message
from fl_core.link.codec import CHUNK_BYTES, CRC_BYTES, DTYPES, MAGIC, Assembler, checksum, chunks
from fl_core.link.tls import Identity, read_identity
from harness.tls import write_identity


class Pair:
    """A connected pair: `near` connects, `far` is what the listener got."""

    def __init__(self, back_end: str) -> None:
        arrived: queue.Queue[Channel] = queue.Queue()
        self._release = threading.Event()

        def serve(channel: Channel) -> None:
            arrived.put(channel)
            self._release.wait(30)

        self.listener: Any
        if back_end == "grpc":
            self.listener = grpc_link.GrpcListener("127.0.0.1:0", serve)
            self.near = grpc_link.connect(self.listener.address, 10)
        else:
            self.listener = in_process.InProcessListener(serve)
            self.near = in_process.connect(self.listener.address)
        self.far = arrived.get(timeout=10)

    def close(self) -> None:
        self._release.set()
        self.near.close()
        self.listener.close()


@pytest.fixture(params=["grpc", "in-process"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(request.param)
    yield made
    made.close()


def test_arrays_of_every_dtype_and_shape_arrive_unchanged_both_ways(pair: Pair) -> None:
    rng = np.random.RandomState(0)
    tensors = {f"x.{name}": (rng.rand(3, 4) * 100).astype(name) for name in DTYPES}
    tensors.update({"empty": np.zeros((0, 3), "float32"), "scalar": np.array(3.5), "big": rng.rand(400_000)})
    tensors["strided"] = np.arange(24, dtype="int64").reshape(4, 6)[:, ::2]
    for sender, receiver in ((pair.near, pair.far), (pair.far, pair.near)):
        sender.send(Message("update", {"round": 3, "text": "é"}, tensors))
        got = receiver.receive(10)
        assert (got.kind, got.meta) == ("update", {"round": 3, "text": "é"})
        assert list(got.tensors) == list(tensors)
        for name, array in tensors.items():
            assert got.tensors[name].dtype == array.dtype and np.array_equal(got.tensors[name], array), name


def test_messages_keep_their_order(pair: Pair) -> None:
    def send() -> None:
        for number in range(50):
            pair.near.send(Message("n", {"n": number}, {"x": np.full(1000, number)}))

    thread = threading.Thread(target=send)
    thread.start()
    numbers = [pair.far.receive(10).meta["n"] for _ in range(50)]
    thread.join()
    assert numbers == list(range(50))


def test_buffers_are_free_after_send(pair: Pair) -> None:
    array = np.ones(CHUNK_BYTES, dtype=np.float32)
    receiver = threading.Thread(target=lambda: kept.append(pair.far.receive(10)))
    kept: list[Message] = []
    receiver.start()
    pair.near.send(Message("x", {}, {"a": array}))
    array[:] = 7
    receiver.join()
    assert (kept[0].tensors["a"] == 1).all()


def test_neither_side_keeps_a_message_that_was_taken(pair: Pair) -> None:
    """While nothing further is said: a device works through its backward with what it sent still in memory, else."""
    array = np.ones(CHUNK_BYTES, dtype=np.float32)
    sender = threading.Thread(target=pair.near.send, args=(Message("x", {}, {"a": array}),))
    sender.start()
    got = pair.far.receive(10)
    sender.join()
    left = [weakref.ref(array), weakref.ref(got)]
    del array, got, sender
    deadline_s = time.monotonic() + 10
    while any(ref() is not None for ref in left) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert [ref() for ref in left] == [None, None]


def test_a_deadline_is_kept(pair: Pair) -> None:
    started = time.monotonic()
    with pytest.raises(LinkTimeout):
        pair.near.receive(0.2)
    assert time.monotonic() - started < 5


def test_a_closed_conversation_ends_the_peers_wait_after_what_was_sent(pair: Pair) -> None:
    pair.near.send(Message("last"))
    pair.near.close()
    assert pair.far.receive(10).kind == "last"
    for _ in range(2):
        with pytest.raises(LinkClosed):
            pair.far.receive(10)


def test_send_to_a_peer_that_left_fails(pair: Pair) -> None:
    pair.near.close()
    with pytest.raises(LinkClosed):
        pair.far.receive(10)
    with pytest.raises(LinkClosed):
        pair.far.send(Message("x", {}, {"a": np.ones(10)}))


def test_nobody_listens() -> None:
    with pytest.raises(LinkTimeout, match=r"no answer from 127\.0\.0\.1:1 within"):
        grpc_link.connect("127.0.0.1:1", 0.5)
    with pytest.raises(LinkClosed):
        in_process.connect("in-process:nowhere")


def resealed(part: bytes, before: int = 0) -> bytes:
    """The chunk with a checksum that is right for what it holds now."""
    begin = 8 + struct.unpack("<I", part[4:8])[0] if part[:4] == MAGIC else 0
    before = zlib.crc32(part[:begin]) if begin else before
    return part[:-CRC_BYTES] + struct.pack("<I", checksum(memoryview(part)[begin:-CRC_BYTES], before))


def sealed(part: bytes) -> int:
    """The checksum that the chunk ends with."""
    (crc,) = struct.unpack("<I", part[-CRC_BYTES:])
    return int(crc)


def test_chunks_are_equal_and_the_frame_is_whole() -> None:
    many = {f"t{i}": np.full(i * 1000, i, "float32") for i in range(40)}  # small ones travel together
    parts = list(chunks(Message("k", {}, many)))
    sizes = [len(part) - CRC_BYTES for part in parts[1:]]
    assert len(parts) == 3 and max(sizes) - min(sizes) < 256 and max(sizes) <= CHUNK_BYTES * 3 // 2
    assembler = Assembler()
    found = [assembler.feed(part) for part in parts]
    assert found[:2] == [None, None] and found[2] is not None
    assert all(np.array_equal(found[2].tensors[name], array) for name, array in many.items())
    assert len(list(chunks(Message("k")))) == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: [b"JUNK" + p[0][4:], *p[1:]], "must begin with b'FRK2'; got b'JUNK'"),
        (lambda p: [p[0], p[1][:5] + bytes([p[1][5] ^ 1]) + p[1][6:]], "wrong checksum"),
        (lambda p: [p[0], p[0]], "wrong checksum"),
        (
            lambda p: [p[0], resealed(p[1][:100] + p[1], sealed(p[0]))],
            r"1800\d{3} bytes arrived where 1800000 were declared",
        ),
        (lambda p: [p[0].replace(b'"k"', b'"j"'), *p[1:]], "wrong checksum"),
        (lambda p: [p[0][:60]], "header of"),
        (lambda p: [resealed(p[0].replace(b"float32", b"object_")), *p[1:]], "dtype"),
        (lambda p: [resealed(p[0].replace(b"[450000]", b"[-90000]")), *p[1:]], "shape"),
        (lambda p: [resealed(p[0].replace(b'"kind"', b'"kinf"')), *p[1:]], "unreadable"),
        (lambda p: [resealed(p[0].replace(b"null", b'"xz"')), *p[1:]], "encoding 'xz'"),
    ],
)
def test_a_damaged_message_is_refused_with_words(damage: Any, words: str) -> None:
    parts = list(chunks(Message("k", {}, {"a": np.arange(450_000, dtype="float32")})))
    assembler = Assembler(max_payload_bytes=2_000_000)
    with pytest.raises(LinkCorrupt, match=words):
        for part in damage(parts):
            assembler.feed(part)


def test_every_damaged_word_of_a_chunk_shows() -> None:
    whole = np.random.RandomState(0).bytes(5 * 32768 + 777)
    right = checksum(memoryview(whole), 0)
    for place in np.random.RandomState(1).randint(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        assert checksum(memoryview(damaged), 0) != right
    swapped = whole[8:16] + whole[:8] + whole[16:]
    assert checksum(memoryview(swapped), 0) != right != checksum(memoryview(whole), 1)


def test_a_header_may_not_make_us_allocate_more_than_we_take() -> None:
    first = next(chunks(Message("k", {}, {"a": np.zeros(10, "float32")})))
    with pytest.raises(LinkCorrupt, match="40 bytes declared; at most 39 are taken"):
        Assembler(max_payload_bytes=39).feed(first)


VALUES = np.concatenate([np.random.RandomState(1).randn(5000), [0.0, -0.0, 1e-30, 3e38]]).astype("float32")


@pytest.mark.parametrize(
    ("name", "relative", "absolute", "size"),
    [
        ("float32", 0.0, 0.0, 4),
        ("bfloat16", 2**-8, 0.0, 2),
        ("float16", 2**-11, 2**-25, 2),
        ("int8", 0.0, 0.5 / 127, 1),
    ],
)
def test_an_encoding_costs_its_bytes_and_no_more_digits_than_it_says(
    pair: Pair, name: str, relative: float, absolute: float, size: int
) -> None:
    values = VALUES if name in ("float32", "bfloat16") else np.clip(VALUES, -4, 4)
    message = Message("x", {}, {"a": values, "n": np.arange(3)}, encoding=name)
    assert message.wire_bytes == size * len(values) + 24
    pair.near.send(message)
    got = pair.far.receive(10)
    assert got.wire_bytes == message.wire_bytes and got.tensors["n"].tolist() == [0, 1, 2]
    error = np.abs(got.tensors["a"].astype("float64") - values)
    assert (error <= np.maximum(relative * np.abs(values.astype("float64")), absolute * np.abs(values).max())).all()


@pytest.mark.parametrize("name", ["bfloat16", "float16", "int8"])
def test_what_is_not_finite_stays_so_on_the_wire(pair: Pair, name: str) -> None:
    pair.near.send(Message("x", {}, {"a": np.array([1, np.nan, np.inf], "float32")}, encoding=name))
    assert not np.isfinite(pair.far.receive(10).tensors["a"][1:]).any()


def test_a_sender_waits_for_a_slow_receiver(pair: Pair) -> None:
    sent: list[int] = []

    def send() -> None:
        for number in range(20):
            pair.near.send(Message("n", {}, {"x": np.zeros(CHUNK_BYTES, "float32")}))
            sent.append(number)

    thread = threading.Thread(target=send)
    thread.start()
    thread.join(1.0)
    assert len(sent) < 12  # of 4 MiB each: 48 MiB at most are under way, not 80
    for _ in range(20):
        pair.far.receive(10)
    thread.join(10)
    assert len(sent) == 20


def identity(path: Path) -> Identity:
    write_identity(path, timedelta(hours=1))
    return read_identity(str(path))


def test_only_who_holds_the_runs_certificate_gets_in(tmp_path: Path) -> None:
    ours, others = identity(tmp_path / "ours.pem"), identity(tmp_path / "others.pem")
    listener = grpc_link.GrpcListener("127.0.0.1:0", lambda channel: channel.send(channel.receive()), ours)
    try:
        near = grpc_link.connect(listener.address, 10, ours)
        near.send(Message("echo", {}, {"x": np.arange(5)}))
        assert near.receive(10).tensors["x"].tolist() == [0, 1, 2, 3, 4]
        near.close()
        with pytest.raises(LinkTimeout, match="or it does not hold this run's certificate"):
            grpc_link.connect(listener.address, 1.0, others)
        with pytest.raises(LinkError):  # gRPC calls a channel ready before it has understood the other side
            bare = grpc_link.connect(listener.address, 1.0)
            bare.send(Message("hello"))
            bare.receive(5)
    finally:
        listener.close()
    assert (tmp_path / "ours.pem").stat().st_mode & 0o077 == 0


def test_a_peer_that_answers_and_leaves_at_once_has_heard_us() -> None:
    """A server whose last round is over leaves while gRPC has not yet come back to the sender for more."""

    def serve(channel: Channel) -> None:
        channel.receive(10)
        channel.send(Message("ack"))
        channel.close()

    listener = grpc_link.GrpcListener("127.0.0.1:0", serve)
    try:
        for _ in range(60):
            near = grpc_link.connect(listener.address, 10)
            near.send(Message("update", {}, {"x": np.zeros(300_000, "float32")}))
            assert near.receive(10).kind == "ack"
            near.close()
    finally:
        listener.close()
