"""gRPC by itself: the same bytes in pieces of 1 MB over one stream, without header, checksum or assembly.

What our link costs beyond it is ours; what it costs beyond raw TCP is gRPC's.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import numpy as np

from fl_core.link.codec import CHUNK_BYTES
from fl_core.link.grpc_link import OPTIONS

PATH = "/bare/Talk"


class _Handler(grpc.GenericRpcHandler):
    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(_send_back)


def _send_back(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    """Whole messages: a far end that computes cannot answer half a batch."""
    while True:
        (count,) = next(requests)
        pieces = [next(requests) for _ in range(count)]
        yield from pieces


def echo() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1), options=OPTIONS)
    server.add_generic_rpc_handlers((_Handler(),))
    print(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    sys.stdin.read()


def dial(address: str) -> Any:
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    replies = grpc.insecure_channel(address, options=OPTIONS).stream_stream(PATH)(iter(orders.get, None))

    def exchange(array: np.ndarray) -> object:
        view = memoryview(array).cast("B")
        starts = range(0, len(view), CHUNK_BYTES)
        orders.put(bytes([len(starts)]))
        for start in starts:
            orders.put(bytes(view[start : start + CHUNK_BYTES]))
        return [next(replies) for _ in starts]

    return exchange
