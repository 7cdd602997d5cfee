"""A cell of simulated clients -> rows of the frames: each client stands where a board does, and is called simulated.

Seconds are virtual time. What only a board can tell (process peaks, samples, energy, clocks) is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.frame.readings import Row
from harness.frame.server_side import ServerSide
from harness.frame.summary import FROM_CELL, largest, median

LEVEL = "simulated"  # in the column `virtual`
BYTES = ("download_bytes", "upload_bytes")
SECONDS = ("round_s", "download_s", "compute_s", "upload_s")


def is_simulated(verdict: Row) -> bool:
    return any(facts["virtual"] == LEVEL for facts in verdict["boards"].values())


def round_rows(verdict: Row, server: ServerSide) -> Iterator[Row]:
    """One per round and client whose report was used."""
    for index, event in sorted(server.rounds.items()):
        shared = {"cell_id": verdict["cell_id"], "round": index, **server.of_round(index)}
        for client, told in event.get("clients", {}).items():
            yield {**shared, "board": client, **_told(told, server)}


def _told(told: Row, server: ServerSide) -> Row:
    seconds, stage = told["seconds"], told["stage"]
    return {
        **{name: told[name] for name in ("stage", "samples", "train_loss")},
        **{f"{name}_s": seconds.get(name) for name in ("download", "compute", "upload")},
        **{f"{name}_bytes": size for name, size in told["bytes"].items()},
        "round_s": sum(seconds.values()) if seconds else None,
        "analytic_bytes": server.analytic_bytes.get(stage),
        "peak_tensor_bytes": server.peak_tensor_bytes.get(stage),
    }


def cell_rows(verdict: Row, rounds: list[Row], server: ServerSide) -> Iterator[Row]:
    """One per client, those who never took part included: they have no rounds."""
    for client, facts in verdict["boards"].items():
        own = [row for row in rounds if row["board"] == client]
        yield {
            "cell_id": verdict["cell_id"],
            "board": client,
            **{name: verdict["cell"][name] for name in FROM_CELL},
            **{name: facts[name] for name in ("board_class", "virtual", "outcome", "budget_bytes")},
            "outcome_detail": facts["detail"] or None,
            "rounds_done": len(own),
            "analytic_bytes": largest(row["analytic_bytes"] for row in own),
            "peak_tensor_bytes": largest(row["peak_tensor_bytes"] for row in own),
            "accuracy": server.final_accuracy,
            "parameters_sha256": verdict.get("parameters_sha256"),
            **{name: median(row[name] for row in own) for name in SECONDS},
            **{name: _whole(median(row[name] for row in own)) for name in BYTES},
        }


def _whole(value: float | None) -> Any:
    return None if value is None else round(value)
