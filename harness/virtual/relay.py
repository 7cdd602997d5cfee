"""Bytes between an SSH session and the pipes of its command.

asyncssh's own `redirect` is not used: asyncio's pipe transport loses what is buffered when the end of input arrives
from within its `resume_writing`, which is where asyncssh delivers it.
"""

from __future__ import annotations

import asyncio
from typing import IO

import asyncssh

_CHUNK = 65536


async def feed(source: asyncssh.SSHReader[bytes], stdin: IO[bytes] | None) -> None:
    """The client's input to the command's stdin, until either ends; then the command sees the end of its input."""
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # only for its flow control
    transport, _ = await loop.connect_write_pipe(lambda: protocol, stdin)
    pipe = asyncio.StreamWriter(transport, protocol, None, loop)
    listens = True
    try:
        while data := await _read(source):
            if not listens:
                continue  # as sshd does: a client may go on talking to a command that closed its stdin
            try:
                pipe.write(data)
                await pipe.drain()
            except ConnectionError:
                listens = False
    finally:
        pipe.close()


async def relay(pipe: IO[bytes] | None, target: asyncssh.SSHWriter[bytes]) -> None:
    """The command's output to the client, until either ends; then the command's next write fails."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    try:
        while data := await reader.read(_CHUNK):
            target.write(data)
            await target.drain()
    except (OSError, asyncssh.Error):
        pass  # the client is gone
    finally:
        transport.close()


async def _read(source: asyncssh.SSHReader[bytes]) -> bytes:
    """The next input; b"" when the client is done or gone."""
    while True:
        try:
            return await source.read(_CHUNK)
        except (asyncssh.SignalReceived, asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            pass  # the OpenSSH of older boards ignores them too
        except (OSError, asyncssh.Error):
            return b""
