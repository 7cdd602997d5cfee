"""The process behind an embedded rack: one SSH server on loopback for each board, a folder as the board's home.

`python -m harness.virtual.serve` reads {"state_dir", "boards"} as one line of JSON on stdin and answers
{board: {"port", "host_key"}} on stdout. Stdin is its life line: at its end, however the controller died,
everything that ran on the boards is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh

from harness.virtual.processes import Processes
from harness.virtual.relay import feed, relay
from harness.virtual.sftp import HomeSftp


def main() -> None:
    """Serves until stdin ends."""
    request = json.loads(sys.stdin.buffer.readline())
    asyncssh.set_log_level("WARNING")
    asyncio.run(serve(Path(request["state_dir"]), request["boards"]))


async def serve(state_dir: Path, boards: list[str]) -> None:
    """Starts the boards, tells where they are, and ends them all once stdin ends."""
    loop = asyncio.get_running_loop()
    processes = Processes(loop)
    login_key = load_key(state_dir / "login_key").convert_to_public()
    served = {name: await serve_board(state_dir / name, login_key, processes) for name in boards}
    print(json.dumps(served), flush=True)
    parent_gone = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), parent_gone.set)  # nothing more is sent: readable means its end
    loop.add_signal_handler(signal.SIGTERM, parent_gone.set)
    await parent_gone.wait()
    processes.kill_all()
    os._exit(0)  # sessions are still open, and taking them down one by one would serve nobody


async def serve_board(folder: Path, login_key: asyncssh.SSHKey, processes: Processes) -> dict[str, Any]:
    """One board: its own port, host key and home."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    host_key = load_key(folder / "host_key")

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await run_command(process, home, processes)

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(login_key.export_public_key().decode()),
        process_factory=run,
        server_factory=_Login,
        sftp_factory=lambda channel: HomeSftp(channel, home),
        encoding=None,
        allow_pty=False,
        agent_forwarding=False,
        compression_algs=None,
    )
    return {"port": listener.get_port(), "host_key": host_key.export_public_key().decode().strip()}


class _Login(asyncssh.SSHServer):
    """A board's sshd lets its controller in through the connection, to ports of the board's own loopback."""

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return listen_host == "127.0.0.1"


async def run_command(process: asyncssh.SSHServerProcess[bytes], home: Path, processes: Processes) -> None:
    """What sshd does with an exec request: a shell in the home folder, pipes, and its exit code or signal."""
    command = ["/bin/sh", "-c", process.command] if process.command is not None else ["/bin/sh"]
    user = process.get_extra_info("username")
    child, ended = processes.start(command, home, environment(home, user))
    feeding = asyncio.create_task(feed(process.stdin, child.stdin))
    await asyncio.gather(relay(child.stdout, process.stdout), relay(child.stderr, process.stderr))
    code = os.waitstatus_to_exitcode(await ended)
    feeding.cancel()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


def environment(home: Path, user: str) -> dict[str, str]:
    """A board's environment, and nothing of the controller's but the way to an interpreter that has torch."""
    python_dir = str(Path(sys.executable).parent)
    passed_on = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        "PATH": f"{python_dir}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(home),
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        **passed_on,
    }


def load_key(path: Path) -> asyncssh.SSHKey:
    """The private key in a file; made there first if need be, readable for us alone from its first byte."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        key = asyncssh.generate_private_key("ssh-ed25519", comment="fedrack virtual rack")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key.export_private_key())
        with suppress(FileExistsError):
            os.link(fresh, path)  # unlike a rename it loses to another rack that was first
        fresh.unlink()
    return asyncssh.read_private_key(path)


if __name__ == "__main__":
    main()
