"""A board that reaches the controller through its SSH connection alone: FL server and edge server among it."""

from __future__ import annotations

import pandas as pd

from tests.bench.conftest import Command


def test_a_split_trains_through_the_tunnel(command: Command) -> None:
    command.inventory = command.folder / "inventory.yaml"
    command.inventory.write_text(
        "all: {hosts: {behind: {board_class: jetson-nano, virtual: embedded, reverse_tunnel: true}}}\n"
    )
    code, output = command.run(command.study("fedavg, split", rounds=2), "behind")
    assert code == 0, output
    frame = pd.read_parquet(command.runs[0] / "cells.parquet")
    assert frame.outcome.tolist() == ["completed"] * 2 and frame.parameters_sha256.nunique() == 1
