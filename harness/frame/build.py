"""Raw files of a run -> the four frames of `schema`, written as parquet. Values nobody measured stay missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.frame.power import cell_energy, sensor_rows
from harness.frame.schema import FRAMES, Column
from harness.store import RunFolder, read_json, read_lines

Row = dict[str, Any]
SECONDS = ("download", "compute", "exchange", "upload")
BYTES = ("download", "exchange", "upload")


def build_frames(folder: RunFolder) -> dict[str, pd.DataFrame]:
    """All frames of a run, also written into its folder."""
    rows: dict[str, list[Row]] = {name: [] for name in FRAMES}
    for verdict in folder.verdicts():
        cell_path = folder.cell(verdict["cell_id"])
        server_rounds = {
            event["round"]: event for event in read_lines(cell_path / "server.jsonl") if event["event"] == "round"
        }
        for board in verdict["boards"]:
            _add_board(rows, verdict, board, cell_path / "raw" / board, server_rounds)
    frames = {name: to_frame(rows[name], FRAMES[name]) for name in FRAMES}
    for name, frame in frames.items():
        frame.to_parquet(folder.path / f"{name}.parquet", index=False)
    return frames


def to_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> pd.DataFrame:
    """Rows as a frame with exactly the schema's columns and types."""
    return pd.DataFrame(
        {column.name: pd.Series([row.get(column.name) for row in rows], dtype=column.dtype) for column in columns}
    )


def _add_board(rows: dict[str, list[Row]], verdict: Row, board: str, raw: Path, server: Mapping[int, Row]) -> None:
    key = {"cell_id": verdict["cell_id"], "board": board}
    events = list(read_lines(raw / "events.jsonl"))
    samples = [{**key, **sample} for sample in read_lines(raw / "samples.jsonl") if "t_s" in sample]
    rounds = list(_rounds(key, events, server))
    rows["samples"] += samples
    rows["sensors"] += sensor_rows(key, samples)
    rows["phases"] += _phases(key, events)
    rows["rounds"] += rounds
    rows["cells"].append(_cell(key, verdict, board, raw, events, rounds, samples, server))


def _phases(key: Row, events: Sequence[Row]) -> list[Row]:
    """Phases as the worker closed them; round and stage are those in force when it did."""
    return [
        {**key, **event["closed"], "round": event.get("round"), "stage": event.get("stage")}
        for event in events
        if event["event"] == "phase"
    ]


def _rounds(key: Row, events: Sequence[Row], server: Mapping[int, Row]) -> Iterator[Row]:
    tensor_peaks = _tensor_peaks(events)
    for event in events:
        if event["event"] != "round":
            continue
        facts = server.get(event["round"], {})
        row = {**key, "peak_tensor_bytes": tensor_peaks.get(event["stage"])}
        for name in ("round", "stage", "round_s", "peak_process_bytes", "samples", "train_loss"):
            row[name] = event.get(name)
        row.update({f"{name}_s": event["seconds"].get(name) for name in SECONDS})
        row.update({f"{name}_bytes": event["bytes"].get(name) for name in BYTES})
        row.update({"accuracy": facts.get("accuracy"), "test_loss": facts.get("test_loss")})
        yield row


def _tensor_peaks(events: Sequence[Row]) -> dict[str, int | None]:
    return {event["stage"]: event["peak_tensor_bytes"] for event in events if event["event"] == "rehearsal"}


def _cell(
    key: Row, verdict: Row, board: str, raw: Path, events: Sequence[Row], rounds: Sequence[Row],
    samples: Sequence[Row], server: Mapping[int, Row],
) -> Row:  # fmt: skip
    cell, facts = verdict["cell"], verdict["boards"][board]
    start = next((event for event in events if event["event"] == "start"), {})
    exit_facts = read_json(raw / "exit.json") if (raw / "exit.json").is_file() else {}
    row: Row = {**key, **{name: cell[name] for name in _FROM_CELL}}
    row.update({name: facts.get(name) for name in ("board_class", "virtual", "outcome", "budget_bytes", "budget_kind")})
    row.update(
        outcome_signature=facts.get("signature") or None,
        outcome_detail=facts["detail"] or None,
        rounds_done=len(rounds) if events else None,
        floor_bytes=start.get("floor_bytes"),
        torch_version=start.get("torch"),
        peak_tensor_bytes=_largest(_tensor_peaks(events).values()),
        peak_process_bytes=_largest(round_["peak_process_bytes"] for round_ in rounds),
        peak_pss_bytes=_largest(sample.get("pss_bytes") for sample in samples),
        peak_cgroup_bytes=exit_facts.get("cgroup_peak_bytes"),
        peak_board_bytes=None if facts["virtual"] == "embedded" else _board_peak(samples),
        late_ticks=exit_facts.get("late_ticks"),
        accuracy=server[max(server)].get("accuracy") if server else None,
        parameters_sha256=verdict.get("parameters_sha256"),
    )
    row.update(cell_energy(raw, samples, _measured_window(events)))
    for name in ("round_s", *(f"{name}_s" for name in SECONDS)):
        row[name] = _median(round_[name] for round_ in rounds)
    for name in BYTES:
        median = _median(round_[f"{name}_bytes"] for round_ in rounds)
        row[f"{name}_bytes"] = None if median is None else round(median)
    return row


_FROM_CELL = ("group", "method", "model", "dataset", "batch", "rounds", "seed", "threads", "allocator", "repeat")


def _measured_window(events: Sequence[Row]) -> tuple[float, float] | None:
    """From the beginning of the first measured round to the end of the last."""
    ends = [(event["t_s"] - event["round_s"], event["t_s"]) for event in events if event["event"] == "round"]
    return (ends[0][0], ends[-1][1]) if ends else None


def _largest(values: Any) -> Any:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _median(values: Any) -> float | None:
    known = pd.Series([value for value in values if value is not None], dtype="float64")
    return float(known.median()) if len(known) else None


def _board_peak(samples: Sequence[Row]) -> int | None:
    """Largest drop of MemAvailable below its first sample, taken when the worker had just been started.

    An embedded board has no memory of its own: MemAvailable is then the whole machine's, and says nothing.
    """
    available = [sample["mem_available_bytes"] for sample in samples if "mem_available_bytes" in sample]
    return max(0, available[0] - min(available)) if available else None
