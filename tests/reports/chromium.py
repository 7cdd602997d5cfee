"""A real headless Chromium, driven over its debugging pipe (Chrome DevTools Protocol); standard library only."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
    "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
ANSWER_S = 30
KEYS = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "+": 187, "0": 48}


class Page:
    """One tab. Everything that it complains of or asks for is kept from the first moment."""

    def __init__(self) -> None:
        assert PROGRAM, "no Chromium on this machine"
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ends, (self._to, self._from) = _pipes()

        def take_ends() -> None:
            for end, number in zip(ends, (3, 4), strict=True):  # where Chromium looks for them
                os.dup2(end, number)

        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._home.name}"],
            close_fds=False,  # Python opens none that a child would inherit
            preexec_fn=take_ends, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in ends:
            os.close(end)
        self._rest = b""
        self._ids = itertools.count(1)
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._to)  # Chromium ends with its pipe
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._from)
        self._home.cleanup()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps({"id": number, "method": method, "params": params, **session}).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def open(self, file: Path, width: int = 1200, height: int = 900, **media: str) -> None:
        """Load a file and wait for it. `media`: prefers-color-scheme and the like, with underscores; media=print."""
        kind = media.pop("media", "")
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.call("Page.navigate", url=file.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def key(self, name: str) -> None:
        """Press and let go."""
        text = {"Enter": "\r", "Tab": ""}.get(name, name if len(name) == 1 else "")
        facts = {"key": name, "windowsVirtualKeyCode": KEYS[name], "text": text}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **facts)
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """Exceptions, console errors and warnings, and entries of the browser's own log."""
        bad = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        return [event for event in self.events if event.get("method") in bad]

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._from], [], [], ANSWER_S)[0], f"Chromium has not answered for {ANSWER_S} s"
            chunk = os.read(self._from, 1 << 20)
            assert chunk, "Chromium is gone"
            self._rest += chunk
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message


def _pipes() -> tuple[tuple[int, int], tuple[int, int]]:
    """Two pipes: Chromium's reading and writing end, and ours to write to and to read from."""
    given = (*os.pipe(), *os.pipe())
    to_read, to_write, from_read, from_write = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in given)
    for end in given:
        os.close(end)
    return (to_read, from_write), (to_write, from_read)
