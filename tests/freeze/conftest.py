"""One thread, on which results are bit-equal."""

from __future__ import annotations

from tests.fl_core.conftest import one_thread

__all__ = ["one_thread"]  # a fixture
