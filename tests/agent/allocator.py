"""A worker that does one thing: what the agent's tests put under watch. Python 3.6 and up, standard library only."""

import ctypes
import os
import signal
import subprocess
import sys
import time


def main(what, *values):
    if what == "exit":
        sys.exit(int(values[0]))
    elif what == "hold":  # MB, then seconds
        block = b"x" * (int(values[0]) << 20)
        say("holding")
        time.sleep(float(values[1]))
        del block
    elif what == "grow":  # MB at a time, until something stops it
        blocks = []
        while True:
            blocks.append(b"x" * (8 << 20))
    elif what == "peak":  # MB, held for no longer than it takes to touch them
        before = high_water()
        block = ctypes.create_string_buffer(int(values[0]) << 20)
        ctypes.memset(block, 1, len(block))
        del block
        say(before)
        time.sleep(1)
    elif what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say("ready")
        time.sleep(60)
    elif what == "family":  # a child in a session of its own, with a child of its own whose parent ends
        subprocess.Popen([sys.executable, __file__, "orphan"], start_new_session=True)
        time.sleep(60)
    elif what == "orphan":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        say(f"{os.getpid()} {child.pid}")
        child.returncode = 0  # leave it behind
    elif what == "spin":
        end = time.monotonic() + float(values[0])
        while time.monotonic() < end:
            pass


def high_water():
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))


def say(words):
    print(words, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
