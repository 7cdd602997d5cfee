"""Ansible's host ranges: `nano-[01:04]`, `rack-[a:c]`, `pi[01:10:2]`. Pure."""

from __future__ import annotations

import itertools
import re
import string

LIMIT = 4096  # boards from one pattern; more is a slip of the keyboard

_RANGE = re.compile(r"\[([^\[\]]*)\]")


def expand(pattern: str) -> list[str]:
    """The names that a pattern stands for, in order. Raises `ValueError` with a sentence."""
    pieces = _RANGE.split(pattern)  # text, range, text, range, ..., text
    choices = [_members(piece) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > LIMIT:
        raise ValueError(f"stands for {count} boards; {LIMIT} is the most")
    return ["".join(parts) for parts in itertools.product(*choices)]


def _members(text: str) -> list[str]:
    begin, colon, rest = text.partition(":")
    end, _, step_text = rest.partition(":")
    if not colon or not begin or not end or not (step_text or "1").isdecimal():
        raise ValueError(f"[{text}] is not a range like [01:04], [a:c] or [01:10:2]")
    step = int(step_text or "1")
    if step < 1:
        raise ValueError(f"[{text}] has step 0")
    members = _numbers(begin, end, step) if begin.isdecimal() else _letters(begin, end, step)
    if not members:
        raise ValueError(f"[{text}] ends before it begins")
    return members


def _numbers(begin: str, end: str, step: int) -> list[str]:
    if not end.isdecimal():
        raise ValueError(f"[{begin}:{end}] mixes numbers and letters")
    padded = len(begin) > 1 and begin.startswith("0")
    if padded and len(begin) != len(end):
        raise ValueError(f"[{begin}:{end}]: zero-padded ends must be of the same length")
    if int(end) - int(begin) > LIMIT * step:
        raise ValueError(f"[{begin}:{end}] stands for more than {LIMIT} boards")
    width = len(begin) if padded else 0
    return [str(number).zfill(width) for number in range(int(begin), int(end) + 1, step)]


def _letters(begin: str, end: str, step: int) -> list[str]:
    letters = string.ascii_letters
    if len(begin) != 1 or len(end) != 1 or begin not in letters or end not in letters:
        raise ValueError(f"[{begin}:{end}] is not a range of numbers or of single letters")
    return list(letters[letters.index(begin) : letters.index(end) + 1 : step])
