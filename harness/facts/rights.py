"""How we become root on a board: already, by sudo without a password, or not."""

from __future__ import annotations

from harness.facts.base import Fact

RIGHTS = ("root", "sudo", "password", "none")  # password: sudo is there, but asks


def parse_rights(text: str) -> str:
    """The one word that our command says."""
    word = text.strip()
    if word not in RIGHTS:
        raise ValueError(f"no word on sudo: {text[:80]!r}")
    return word


RIGHTS_FACT = Fact(
    name="rights",
    command="if [ $(id -u) = 0 ]; then echo root; elif ! command -v sudo >/dev/null; then echo none; "
    # Not `sudo -n true`: our rules allow a fixed list, and `true` is not on it.
    "elif sudo -n -l >/dev/null 2>&1; then echo sudo; else echo password; fi",
    parse=parse_rights,
)
