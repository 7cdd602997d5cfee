"""An edge server without memory for every device's replica: devices take turns, and nothing of the result changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fl_core.edge import Edge
from fl_core.job import Job
from fl_core.methods.base import EdgeHalf
from fl_core.simulate import simulate

MakeJob = Callable[..., Job]


def test_devices_wait_for_memory_on_the_edge_server(
    make_job: MakeJob, digits_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = simulate(make_job("split"), digits_folder)
    build = Edge._replica

    def one_at_a_time(self: Edge, *args: Any) -> EdgeHalf:
        if self._halves:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes")
        return build(self, *args)

    monkeypatch.setattr(Edge, "_replica", one_at_a_time)
    result = simulate(make_job("split"), digits_folder)
    assert result.facts["parameters_sha256"] == reference.facts["parameters_sha256"]
    edges = [event["edge"] for event in result.events if event["event"] == "round"]
    assert {edge["held"] for edge in edges} == {1} and max(edge["refused"] for edge in edges) > 0
