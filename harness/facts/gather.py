"""Several facts in one round trip: a board on a slow link answers them all in the time of one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from harness.connect.base import Result
from harness.errors import CommandFailed
from harness.facts.base import DEADLINE_S, Fact, Found, Runner, found_in


def gather(runner: Runner, facts: Sequence[Fact[Any]], timeout_s: float = DEADLINE_S) -> dict[str, Found[Any]]:
    """What came of asking for each, by name. Only a lost connection is raised (`Unreachable`)."""
    cut = f"--- {secrets.token_hex(8)}"
    try:
        whole = runner.run(_together(facts, cut), timeout_s)
    except CommandFailed as error:
        return {fact.name: Found(value=None, fault=error.message) for fact in facts}
    outs, errors = (stream.decode(errors="replace").split(f"{cut}\n")[1:-1] for stream in (whole.stdout, whole.stderr))
    if len(outs) != len(facts) or len(errors) != len(facts):
        return {fact.name: Found(value=None, fault=f"{fact.name}: the board's shell stopped halfway") for fact in facts}
    return {fact.name: found_in(fact, _result(*each)) for fact, *each in zip(facts, outs, errors, strict=True)}


def _together(facts: Sequence[Fact[Any]], cut: str) -> str:
    """Each fact in a subshell whose output ends with its exit code; `cut` stands before, between and behind them."""
    mark = f'echo "{cut}"; echo "{cut}" >&2'
    return "; ".join([mark, *(f'( {fact.command} ) </dev/null; echo "=$?"; {mark}' for fact in facts)])


def _result(out: str, error: str) -> Result:
    text, _, code = out.rpartition("=")
    return Result(stdout=text.encode(), stderr=error.encode(), exit_code=int(code))
