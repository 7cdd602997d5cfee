"""The link over gRPC: one generic bidirectional byte stream, `/fedrack.Link/Talk`, no protobuf code generation.

Each gRPC message is one chunk of the codec, so no side ever holds a second copy of a whole model.
"""

import queue
import threading
import time
from concurrent import futures
from typing import Any, Callable, Iterator, Optional, Set

import grpc

from fl_core.errors import LinkClosed, LinkCorrupt, LinkError, LinkTimeout
from fl_core.link import tls
from fl_core.link.base import Channel, Listener, Message, Serve, serve_quietly
from fl_core.link.codec import Assembler, chunks
from fl_core.link.pipe import Pipe
from fl_core.link.tls import Identity

SERVICE, METHOD = "fedrack.Link", "Talk"
MAX_PEERS = 1024  # a thread each, made when it comes
HANG_UP_S = 2.0
FAREWELL_S = 20.0
OPTIONS = [
    ("grpc.max_receive_message_length", 1 << 23),  # a chunk is 1 MB, a header at most 4
    ("grpc.max_send_message_length", 1 << 23),
    ("grpc.keepalive_time_ms", 10000),
    ("grpc.keepalive_timeout_ms", 10000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    ("grpc.enable_http_proxy", 0),  # a proxy in the board's environment is not for us
    ("grpc.so_reuseport", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class _Outgoing:
    """A message on its way out; `handed_over` once its last chunk is gRPC's, `done` at the latest when the link is."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.handed_over = False
        self.done = threading.Event()


class GrpcChannel(Channel):
    """Either end: `outgoing()` feeds gRPC, a pump thread assembles what comes in."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._outgoing: "queue.Queue[Optional[_Outgoing]]" = queue.Queue()
        self._pending: Set[_Outgoing] = set()
        self._incoming = Pipe(peer)  # back-pressure: when it is full the stream waits, and then the peer
        self._closed = threading.Event()
        self._leave: Callable[[], None] = lambda: None
        self._reader = threading.Thread(daemon=True)

    def start(self, stream: Iterator[bytes], leave: Callable[[], None]) -> None:
        """Begin to read `stream`; `leave` tears the call down."""
        self._leave = leave
        self._reader = threading.Thread(target=self._pump, args=(stream,), daemon=True)
        self._reader.start()

    def outgoing(self) -> Iterator[bytes]:
        while True:
            item = self._outgoing.get()
            if item is None:
                return
            last = b""
            for chunk in chunks(item.message):
                if last:
                    yield last
                last = chunk
            # Before the last one, not after it: the peer may answer, finish and leave before gRPC asks us for more.
            item.handed_over = True
            yield last
            item.done.set()
            del item  # it would hold the message's arrays until the next one is sent

    def send(self, message: Message) -> None:
        item = _Outgoing(message)
        self._pending.add(item)
        self._outgoing.put(item)
        if not self._closed.is_set():
            item.done.wait()
        self._pending.discard(item)
        if not item.handed_over:
            raise LinkClosed("{} is gone".format(self.peer))

    def receive(self, timeout_s: Optional[float] = None) -> Message:
        return self._incoming.get(timeout_s)

    def close(self) -> None:
        """Returns when gRPC's threads have let go: an interpreter that ends under them aborts."""
        self._outgoing.put(None)
        self._closed.set()
        self._incoming.end()
        self._leave()
        if threading.current_thread() is not self._reader:
            self._reader.join(HANG_UP_S)

    def lost(self) -> None:
        """The transport ended: wake whoever sends or yields."""
        self._closed.set()
        self._outgoing.put(None)
        for item in list(self._pending):
            item.done.set()

    def _pump(self, stream: Iterator[bytes]) -> None:
        assembler = Assembler()
        end: LinkError = LinkClosed("{} ended the conversation".format(self.peer))
        try:
            for chunk in stream:
                message = assembler.feed(chunk)
                if message is not None:
                    message.ended_s = time.monotonic()
                    self._incoming.put(message)
                    del message  # as above, until the next one has arrived
            if assembler.midway:
                end = LinkCorrupt("{} ended in the middle of a message".format(self.peer))
        except (LinkClosed, LinkCorrupt) as error:
            end = error
        except Exception as error:  # grpc raises RpcError on one side and a bare Exception on the other
            end = LinkClosed("{} is gone ({})".format(self.peer, _reason(error)))
        self.lost()
        self._incoming.end(end)


def _reason(error: Exception) -> str:
    code = getattr(error, "code", None)
    return str(code() if callable(code) else error) or type(error).__name__


class GrpcListener(Listener):
    """`address` is host:port; port 0 asks for a free one. With an identity only peers that hold it too get in."""

    def __init__(self, address: str, serve: Serve, identity: Optional[Identity] = None) -> None:
        self._serve = serve
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=MAX_PEERS), options=OPTIONS)
        talk = grpc.stream_stream_rpc_method_handler(self._talk)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: talk}),))
        if identity is None:
            port = self._server.add_insecure_port(address)
        else:
            pair, root = (identity.key, identity.certificate), identity.certificate
            port = self._server.add_secure_port(
                address, grpc.ssl_server_credentials([pair], root_certificates=root, require_client_auth=True)
            )
        self.address = "{}:{}".format(address.rpartition(":")[0], port)
        self._server.start()

    def _talk(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        channel = GrpcChannel(context.peer())
        context.add_callback(channel.lost)
        channel.start(requests, lambda: None)
        threading.Thread(target=serve_quietly, args=(self._serve, channel), daemon=True).start()
        return channel.outgoing()

    def close(self) -> None:
        """Let every conversation come to its own end first: a peer on a busy board may not have read our last words."""
        self._server.stop(grace=FAREWELL_S).wait()


def connect(address: str, timeout_s: float, identity: Optional[Identity] = None) -> Channel:
    """A conversation with the listener at host:port. Raises `LinkTimeout` when nobody answers in time."""
    if identity is None:
        transport = grpc.insecure_channel(address, options=OPTIONS)
    else:
        named = [*OPTIONS, ("grpc.ssl_target_name_override", tls.NAME)]
        credentials = grpc.ssl_channel_credentials(identity.certificate, identity.key, identity.certificate)
        transport = grpc.secure_channel(address, credentials, options=named)
    try:
        grpc.channel_ready_future(transport).result(timeout=timeout_s)
    except grpc.FutureTimeoutError:
        transport.close()
        hint = "" if identity is None else ", or it does not hold this run's certificate"
        raise LinkTimeout("no answer from {} within {} s{}".format(address, timeout_s, hint))
    channel = GrpcChannel(address)
    call = transport.stream_stream("/{}/{}".format(SERVICE, METHOD))(channel.outgoing())

    ended = threading.Event()
    call.add_callback(ended.set)
    if not call.is_active():
        ended.set()

    def hang_up() -> None:
        ended.wait(HANG_UP_S)  # let what is under way arrive
        transport.close()

    channel.start(call, hang_up)
    return channel
