"""`fedrack serve`: the results folder in a browser, on this machine only."""

from __future__ import annotations

import html
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
from rich.console import Console

from harness.cli.paths import RESULTS
from harness.errors import FedRackError

HOST = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Files below the results; the front page lists the reports."""

    def __init__(self, *arguments: object, results: Path, **facts: object) -> None:
        self._results = results
        super().__init__(*arguments, directory=str(results), **facts)  # type: ignore[arg-type]  # passed through

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        page = front_page(self._results).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *arguments: object) -> None:
        """A line per request is of no use to anybody here."""


def front_page(results: Path) -> str:
    """Every report below a results folder, the latest first."""
    found = sorted(results.glob("*/*/report.html"), key=lambda path: path.parent.name, reverse=True)
    lines = []
    for path in found:
        name = html.escape(path.parent.relative_to(results).as_posix())
        lines.append(f'<li><a href="{name}/report.html">{name}</a> (<a href="{name}/report.pdf">PDF</a>)</li>')
    body = f"<ul>{''.join(lines)}</ul>" if lines else "<p>No report yet: make bench.</p>"
    style = "font:1rem/1.7 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>FedRack</title><body style="{style}">' \
           f"<h1>FedRack: reports</h1>{body}</body></html>"  # fmt: skip


def server(results: Path, port: int) -> ThreadingHTTPServer:
    """Bound and not yet serving. Raises `FedRackError` where the port is taken."""
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Handler, results=results))
    except OSError as error:
        raise FedRackError(f"{HOST}:{port}: {error.strerror}", remedy="choose another one: --port") from None


@click.command()
@RESULTS
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
def serve(results: Path, port: int) -> None:
    """Show all reports at a local address, until Ctrl-C."""
    with server(results, port) as serving:
        Console().print(f"http://{HOST}:{serving.server_address[1]}/", highlight=False)
        serving.serve_forever()
