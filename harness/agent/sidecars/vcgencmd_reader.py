"""A Raspberry Pi's throttle flags and, on a Pi 5, its power management chip: vcgencmd as a sidecar.

A process per question, hence here and not in the agent, and at a low rate.
"""

import os
import subprocess
import sys
import time
from typing import Callable, List, Tuple

from ..linux import die_with_parent
from . import feed
from . import vcgencmd_parse as answers

SOURCE = "vcgencmd"
RATE_HZ = 2.0
_DEADLINE_S = 5.0

Parser = Callable[[str], feed.Values]
_QUESTIONS: Tuple[Tuple[str, Parser], ...] = (("pmic_read_adc", answers.pmic), ("get_throttled", answers.throttled))


def read(out: feed.Feed) -> None:
    questions = _about(out)
    if not questions:
        raise feed.Fault("the firmware answers neither pmic_read_adc nor get_throttled; is the user in group video?")
    while True:
        for command, parser in questions:
            began = time.monotonic()
            try:
                values = parser(_ask(command))
                out.sensors((began + time.monotonic()) / 2, values, command)
            except (ValueError, feed.Fault) as error:
                out.fault(str(error), command)
        out.next_tick()


def _about(out: feed.Feed) -> List[Tuple[str, Parser]]:
    """Ask everything once; what this board does not have is said in `about`, and is no fault."""
    works, missing, rails = [], {}, []
    for command, parser in _QUESTIONS:
        try:
            values = parser(_ask(command))
            works.append((command, parser))
            rails += [name.split("/")[0] for name in values if name.endswith("/current_a")]
        except (ValueError, feed.Fault) as error:
            missing[command] = str(error)
    fit = {"fits": {"board_by_published_fit": answers.FIT_SCOPE}} if rails else {}
    out.about(
        version=_version(),
        scope="sum of the PMIC's rails: not the whole board" if rails else "no power sensor",
        total=rails,
        missing=missing,
        **fit,
    )
    return works


def _version() -> str:
    try:
        return " ".join(_ask("version").split())[:200]
    except feed.Fault as error:
        return f"not told: {error}"


def _ask(command: str) -> str:
    me = os.getpid()
    try:
        answer = subprocess.run(
            ["vcgencmd", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_DEADLINE_S,
            preexec_fn=lambda: die_with_parent(me),
        )
    except OSError as error:
        raise feed.Fault(f"vcgencmd does not start: {error.strerror}")
    except subprocess.TimeoutExpired:
        raise feed.Fault(f"no answer to {command} within {_DEADLINE_S:g} s")
    text = answer.stdout.decode("ascii", "replace")
    complaint = answers.error_of(text)
    if complaint or answer.returncode:
        raise feed.Fault(f"{command}: {complaint or text.strip()[:80] or answer.returncode}")
    return text


if __name__ == "__main__":
    sys.exit(feed.run(SOURCE, read, RATE_HZ))
