"""A plug on 127.0.0.1 that answers as it is told, and a Poller's file as data."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[1] / "recorded" / "meters"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Plug:
    """`answers` are given in turn, the last one again and again; `asked` are the paths of the requests."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        plug = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                plug.asked.append(self.path)
                answer = plug.answers.pop(0) if len(plug.answers) > 1 else plug.answers[0]
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def says(body: object, code: int = 200) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if code == 302:
            handler.send_header("Location", "http://127.0.0.1:9/")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


def hangs(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: each socket operation is in time, the answer never is."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(15):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def not_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"ESP-ROM:esp32 boot\r\n\r\n")


@pytest.fixture
def plug() -> Iterator[Plug]:
    serving = Plug()
    yield serving
    serving.close()
