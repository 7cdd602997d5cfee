"""Raw files of a run -> the frames of `schema`, written as parquet. Values nobody measured stay missing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.board_classes import BOARD_CLASSES
from harness.frame.align import on_controller
from harness.frame.circumstances import circumstance_rows, mark
from harness.frame.energy import energy_rows, headline
from harness.frame.readings import BOARD, Row
from harness.frame.schema import FORMAT, FRAMES, Column
from harness.frame.server_side import ServerSide, server_side
from harness.frame.simulated import cell_rows, is_simulated, round_rows
from harness.frame.summary import FROM_CELL, largest, median
from harness.frame.trace import BoardTrace, read_trace
from harness.store import RunFolder, read_lines

SECONDS = ("download", "compute", "exchange", "upload")
BYTES = ("download", "exchange", "upload")
SHARED_SENSORS = {"embedded"}  # levels of virtual boards that have but the machine's, which each would claim


def build_frames(folder: RunFolder) -> dict[str, pd.DataFrame]:
    """All frames of a run, also written into its folder."""
    rows: dict[str, list[Row]] = {name: [] for name in FRAMES}
    for verdict in folder.verdicts():
        cell_path = folder.cell(verdict["cell_id"])
        server = server_side(read_lines(cell_path / "server.jsonl"))
        if is_simulated(verdict):
            own = list(round_rows(verdict, server))
            rows["rounds"] += own
            rows["cells"] += cell_rows(verdict, own, server)
            continue
        for board in verdict["boards"]:
            _add_board(rows, verdict, board, cell_path / "raw" / board, server)
    frames = {name: to_frame(rows[name], FRAMES[name]) for name in FRAMES}
    for name, frame in frames.items():
        frame.attrs["format"] = FORMAT
        frame.to_parquet(folder.path / f"{name}.parquet", index=False)
    return frames


def to_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> pd.DataFrame:
    """Rows as a frame with exactly the schema's columns and types."""
    return pd.DataFrame(
        {column.name: pd.Series([row.get(column.name) for row in rows], dtype=column.dtype) for column in columns}
    )


def _add_board(rows: dict[str, list[Row]], verdict: Row, board: str, raw: Path, server: ServerSide) -> None:
    key = {"cell_id": verdict["cell_id"], "board": board}
    facts = verdict["boards"][board]
    trace = read_trace(raw, facts.get("clock", []), _most_w(facts.get("board_class")))
    rounds = list(_rounds(key, trace.events, server))
    energy = list(energy_rows(key, trace, _step_rate_hz(verdict["cell"], rounds)))
    rows["samples"] += _samples(key, trace)
    rows["sensors"] += _sensors(key, trace)
    rows["phases"] += _phases(key, trace)
    rows["rounds"] += rounds
    rows["energy"] += energy
    rows["circumstances"] += circumstance_rows(key, facts.get("circumstances"))
    rows["cells"].append(
        {
            **_cell(key, verdict, board, trace, rounds, server),
            **({} if facts["virtual"] in SHARED_SENSORS else headline(energy)),
            **_clock(trace),
            **mark(key, facts.get("circumstances")),
        }
    )


def _samples(key: Row, trace: BoardTrace) -> Iterator[Row]:
    controller_s = on_controller(trace.clock, [sample["t_s"] for sample in trace.samples])
    for sample, moment_s in zip(trace.samples, controller_s, strict=True):
        yield {**key, **sample, "controller_s": moment_s}


def _sensors(key: Row, trace: BoardTrace) -> Iterator[Row]:
    """One row per reading. Keys in a reading are `<source>/<sensor>/<quantity>`."""
    for stream in trace.streams:
        times = [line.t_s for line in stream.lines]
        own = stream.clock == BOARD
        moments = on_controller(trace.clock, times) if own else times
        for line, controller_s in zip(stream.lines, moments, strict=True):
            for name, value in line.sensors.items():
                source, sensor, quantity = name.split("/", 2)
                yield {
                    **key,
                    "t_s": line.t_s if own else None,
                    "controller_s": controller_s,
                    "source": source,
                    "sensor": sensor,
                    "quantity": quantity,
                    "value": value,
                }


def _phases(key: Row, trace: BoardTrace) -> Iterator[Row]:
    """Phases as the worker closed them; round and stage are those in force when it did."""
    events = [event for event in trace.events if event["event"] == "phase"]
    starts = on_controller(trace.clock, [event["closed"]["start_s"] for event in events])
    ends = on_controller(trace.clock, [event["closed"]["end_s"] for event in events])
    for event, start_s, end_s in zip(events, starts, ends, strict=True):
        own = {"round": event.get("round"), "stage": event.get("stage")}
        yield {**key, **event["closed"], **own, "start_controller_s": start_s, "end_controller_s": end_s}


def _rounds(key: Row, events: Sequence[Row], server: ServerSide) -> Iterator[Row]:
    """A round that was done again, after a server that died in it, counts as it was done last."""
    tensor_peaks = _tensor_peaks(events)
    for event in {event["round"]: event for event in events if event["event"] == "round"}.values():
        row = {**key, **server.of_round(event["round"]), "peak_tensor_bytes": tensor_peaks.get(event["stage"])}
        row["analytic_bytes"] = server.analytic_bytes.get(event["stage"])
        for name in ("round", "stage", "round_s", "peak_process_bytes", "samples", "train_loss"):
            row[name] = event.get(name)
        row.update({f"{name}_s": event["seconds"].get(name) for name in SECONDS})
        row.update({f"{name}_bytes": event["bytes"].get(name) for name in BYTES})
        yield row


def _tensor_peaks(events: Sequence[Row]) -> dict[str, int | None]:
    return {event["stage"]: event["peak_tensor_bytes"] for event in events if event["event"] == "rehearsal"}


def _cell(key: Row, verdict: Row, board: str, trace: BoardTrace, rounds: Sequence[Row],
          server: ServerSide) -> Row:  # fmt: skip
    cell, facts = verdict["cell"], verdict["boards"][board]
    start: Row = next((event for event in trace.events if event["event"] == "start"), {})
    row: Row = {**key, **{name: cell[name] for name in FROM_CELL}}
    row.update({name: facts.get(name) for name in ("board_class", "virtual", "outcome", "budget_bytes", "budget_kind")})
    row.update(
        outcome_signature=facts.get("signature") or None,
        outcome_detail=facts["detail"] or None,
        rounds_done=len(rounds) if trace.events else None,
        floor_bytes=start.get("floor_bytes"),
        torch_version=start.get("torch"),
        analytic_bytes=largest(server.analytic_bytes.get(stage) for stage in _tensor_peaks(trace.events)),
        peak_tensor_bytes=largest(_tensor_peaks(trace.events).values()),
        peak_process_bytes=largest(round_["peak_process_bytes"] for round_ in rounds),
        peak_pss_bytes=largest(sample.get("pss_bytes") for sample in trace.samples),
        peak_cgroup_bytes=trace.exit_facts.get("cgroup_peak_bytes"),
        peak_board_bytes=None if facts["virtual"] in SHARED_SENSORS else _board_peak(trace.samples),
        late_ticks=trace.exit_facts.get("late_ticks"),
        missed_ticks=trace.exit_facts.get("missed_ticks"),
        faults="; ".join(trace.faults) or None,
        accuracy=server.final_accuracy,
        parameters_sha256=verdict.get("parameters_sha256"),
    )
    for name in ("round_s", *(f"{name}_s" for name in SECONDS)):
        row[name] = median(round_[name] for round_ in rounds)
    for name in BYTES:
        middle = median(round_[f"{name}_bytes"] for round_ in rounds)
        row[f"{name}_bytes"] = None if middle is None else round(middle)
    return row


def _most_w(board_class: str | None) -> float:
    known = BOARD_CLASSES.get(board_class or "")
    return known.most_w if known else math.inf


def _clock(trace: BoardTrace) -> Row:
    if trace.clock is None:
        return {}
    return {
        "clock_offset_s": trace.clock.offset_s,
        "clock_uncertainty_s": trace.clock.uncertainty_s,
        "clock_drift_ppm": trace.clock.drift_ppm,
    }


def _step_rate_hz(cell: Row, rounds: Sequence[Row]) -> float | None:
    """How often the load repeats itself: local steps per second of computing, and of exchanging where each does."""
    rates = [
        _steps(cell, each["samples"]) / (each["compute_s"] + (each["exchange_s"] or 0.0))
        for each in rounds
        if each["compute_s"]
    ]
    return statistics.median(rates) if rates else None


def _steps(cell: Row, samples: int) -> int:
    """Local steps of a round; `samples` is the size of the client's data."""
    steps: int = -(-samples // cell["batch"]) * cell["local_epochs"]
    return min(steps, cell["batches_per_round"] or steps)


def _board_peak(samples: Sequence[Row]) -> int | None:
    """Largest drop of MemAvailable below its first sample, taken when the worker had just been started.

    An embedded board has no memory of its own: MemAvailable is then the whole machine's, and says nothing.
    """
    available = [sample["mem_available_bytes"] for sample in samples if "mem_available_bytes" in sample]
    return max(0, available[0] - min(available)) if available else None
