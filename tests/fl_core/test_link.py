"""One conformance suite for every back end of the link, and the codec's own edges."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fl_core.errors import LinkClosed, LinkCorrupt, LinkTimeout
from fl_core.link import grpc_link, in_process
from fl_core.link.base import Channel, Message
from fl_core.link.codec import CHUNK_BYTES, DTYPES, Assembler, chunks


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


def as_bytes(**changes: Any) -> list[bytes]:
    return list(chunks(Message("k", {}, {"a": np.arange(10, dtype="float32")}, **changes)))


def test_chunks_are_small_and_the_frame_is_whole() -> None:
    parts = list(chunks(Message("k", {}, {"a": np.zeros(3 * CHUNK_BYTES // 4, "float32")})))
    assert [len(part) for part in parts[1:]] == [CHUNK_BYTES] * 3
    assembler = Assembler()
    assert [assembler.feed(part) is not None for part in parts] == [False, False, False, True]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: [b"JUNK" + p[0][4:], *p[1:]], "must begin with"),
        (lambda p: [p[0][:-1], *p[1:]], "header of"),
        (lambda p: [p[0], p[1] + b"x"], "declared"),
        (lambda p: [p[0].replace(b"float32", b"object_"), *p[1:]], "dtype"),
        (lambda p: [p[0].replace(b"[10]", b"[-9]"), *p[1:]], "shape"),
        (lambda p: [p[0].replace(b'"kind"', b'"kinf"'), *p[1:]], "unreadable"),
    ],
)
def test_a_damaged_message_is_refused_with_words(damage: Any, words: str) -> None:
    assembler = Assembler()
    with pytest.raises(LinkCorrupt, match=words):
        for part in damage(as_bytes()):
            assembler.feed(part)
