"""Why a worker ended: out of memory in its many disguises, told apart from every other crash. Pure."""

from __future__ import annotations

from harness.oom.classify import SIGNATURES, UNEXPLAINED, Cause, Evidence, classify
from harness.oom.signatures import Signature

__all__ = ["SIGNATURES", "UNEXPLAINED", "Cause", "Evidence", "Signature", "classify"]
