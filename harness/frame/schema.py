"""The one table of columns: every frame's names, types and meanings. Units stand in the names.

All sizes are bytes, all times seconds. Times that end in `_s` without a phase are on the board's monotonic
clock. A value that nobody measured is missing (NA), never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = 1  # of the parquet files, in their metadata


@dataclass(frozen=True)
class Column:
    name: str
    dtype: str  # a pandas extension dtype: string, Int64, Float64, boolean
    meaning: str


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_KEY = (
    ("cell_id", "string", "hash of the cell's specification"),
    ("board", "string", "name of the board in the inventory"),
)

CELLS = _columns(
    *_KEY,
    ("group", "string", "block of the study the cell belongs to"),
    ("method", "string", "federated-learning method"),
    ("model", "string", "model"),
    ("dataset", "string", "data set"),
    ("batch", "Int64", "samples per local step"),
    ("rounds", "Int64", "rounds asked for"),
    ("seed", "Int64", "seed of data, initialisation and order"),
    ("threads", "Int64", "torch threads on the board"),
    ("allocator", "string", "fixed: every large tensor its own mapping; default: as glibc comes"),
    ("repeat", "Int64", "repetition of the same cell"),
    ("board_class", "string", "class of the board"),
    ("virtual", "string", "level of a virtual board; missing on real hardware"),
    (
        "outcome",
        "string",
        "completed, out_of_memory, crashed, stopped, timed_out, lost, unreachable, busy, ...",
    ),
    ("outcome_signature", "string", "what decided the outcome, a name of harness.oom"),
    ("outcome_detail", "string", "one sentence: what happened, where, under which budget"),
    ("rounds_done", "Int64", "rounds the board finished"),
    ("budget_bytes", "Int64", "memory budget of the worker's process tree"),
    ("budget_kind", "string", "what enforced it: cgroup_v2, cgroup_v1, rlimit, none"),
    ("floor_bytes", "Int64", "resident bytes of the worker after its imports, before model and data"),
    ("analytic_bytes", "Int64", "what plain training of the device's part needs by arithmetic, the largest stage"),
    ("peak_tensor_bytes", "Int64", "most bytes of live tensors during the rehearsed steps, all stages"),
    ("peak_process_bytes", "Int64", "most resident bytes of the worker over all measured rounds (VmHWM)"),
    ("peak_pss_bytes", "Int64", "largest sampled proportional set size of the worker's tree"),
    ("peak_cgroup_bytes", "Int64", "what the kernel charged the worker's cgroup at most"),
    ("peak_board_bytes", "Int64", "largest sampled drop of MemAvailable below its level at the first sample"),
    ("round_s", "Float64", "median over rounds: task received to result acknowledged"),
    ("download_s", "Float64", "median over rounds: receiving model and task"),
    ("compute_s", "Float64", "median over rounds: forward, backward, step, loading data"),
    ("exchange_s", "Float64", "median over rounds: smashed data out to gradients back, edge compute included"),
    ("upload_s", "Float64", "median over rounds: sending the update until it is acknowledged"),
    ("download_bytes", "Int64", "median over rounds"),
    ("upload_bytes", "Int64", "median over rounds"),
    ("exchange_bytes", "Int64", "median over rounds, both directions"),
    (
        "energy_j",
        "Float64",
        "gross, over the measured rounds, by the best witness that saw them all; missing where none did",
    ),
    ("energy_uncertainty_j", "Float64", "half width of about 95 %: sensor, sampling, gaps"),
    ("net_energy_j", "Float64", "the same less what the board drew at rest; missing where rest was not measured"),
    ("energy_scope", "string", "what the energy covers: module, board, package, and its rails"),
    (
        "energy_covered_share",
        "Float64",
        "of the measured rounds, by that witness, 0..1; the best one's where none was enough",
    ),
    ("energy_warnings", "string", "why the energy may be wrong: aliasing, gaps, unsteady rest"),
    ("accuracy", "Float64", "of the global model after the last round, on the test split, 0..1"),
    ("parameters_sha256", "string", "digest of the final global parameters, without output modules"),
    ("torch_version", "string", "torch on the board"),
    ("late_ticks", "Int64", "samples taken more than half a period late"),
    ("missed_ticks", "Int64", "samples that were due and never taken"),
    ("faults", "string", "sensors that failed, by name"),
    ("clock_offset_s", "Float64", "board's monotonic clock less the controller's raw one, at the start"),
    ("clock_uncertainty_s", "Float64", "of a moment of the cell on the controller's clock, at most"),
    ("clock_drift_ppm", "Float64", "of the board's raw clock over the cell; missing where it jumped"),
    ("circumstances_id", "string", "hash of all circumstances but the board's name: only equal ones are averaged"),
    ("objections", "string", "why the cell's numbers do not stand by themselves"),
)

ROUNDS = _columns(
    *_KEY,
    ("round", "Int64", "from 1; the rehearsal before a stage is not a round"),
    ("stage", "string", "the method's stage in this round"),
    ("round_s", "Float64", "task received to result acknowledged"),
    ("download_s", "Float64", "receiving model and task"),
    ("compute_s", "Float64", "forward, backward, step, loading data"),
    ("exchange_s", "Float64", "smashed data out to gradients back"),
    ("upload_s", "Float64", "sending the update until it is acknowledged"),
    ("download_bytes", "Int64", "payload"),
    ("upload_bytes", "Int64", "payload"),
    ("exchange_bytes", "Int64", "payload, both directions"),
    ("analytic_bytes", "Int64", "what plain training of the stage's part needs by arithmetic"),
    ("peak_tensor_bytes", "Int64", "of the stage's rehearsal"),
    ("peak_process_bytes", "Int64", "VmHWM within the round"),
    ("samples", "Int64", "samples trained on"),
    ("train_loss", "Float64", "mean over the round's batches"),
    ("test_loss", "Float64", "of the global model after the round"),
    ("accuracy", "Float64", "of the global model after the round, 0..1"),
    ("perturbation", "Float64", "how much the block that is followed still moved after the round before, 0..1"),
    ("ended", "string", "the stages that ended with the round before, and why"),
)

PHASES = _columns(
    *_KEY,
    ("phase", "string", "import, setup, rehearse, download, compute, exchange, upload, wait"),
    ("round", "Int64", "missing outside rounds"),
    ("stage", "string", "the method's stage"),
    ("start_s", "Float64", "board's monotonic clock"),
    ("end_s", "Float64", "board's monotonic clock"),
    ("start_controller_s", "Float64", "the same on the controller's raw monotonic clock"),
    ("end_controller_s", "Float64", "the same on the controller's raw monotonic clock"),
    ("peak_process_bytes", "Int64", "VmHWM within the phase, where it can be reset"),
)

SAMPLES = _columns(
    *_KEY,
    ("t_s", "Float64", "board's monotonic clock, middle of the reading"),
    ("controller_s", "Float64", "the same on the controller's raw monotonic clock"),
    ("late_s", "Float64", "how long after its due time the tick began"),
    ("rss_bytes", "Int64", "resident bytes of the worker's tree"),
    ("hwm_bytes", "Int64", "VmHWM of the worker"),
    ("pss_bytes", "Int64", "proportional set size of the tree, at a low rate"),
    ("uss_bytes", "Int64", "memory of the tree that nobody shares, at a low rate"),
    ("cgroup_bytes", "Int64", "charged to the worker's cgroup"),
    ("cgroup_peak_bytes", "Int64", "highest charge so far"),
    ("cgroup_oom_kills", "Int64", "kills for memory in the worker's cgroup so far"),
    ("mem_available_bytes", "Int64", "MemAvailable of the board"),
    ("swap_used_bytes", "Int64", "swap in use on the board"),
    ("nvmap_bytes", "Int64", "memory of a Jetson's GPU, which is the board's and which RSS does not show"),
    ("cpu_worker_s", "Float64", "CPU seconds of the worker's tree since its start"),
    ("cpu_board_share", "Float64", "busy share of all cores since the last reading, 0..1"),
    ("cpu_agent_s", "Float64", "CPU seconds of the agent itself since its start"),
)

SENSORS = _columns(
    *_KEY,
    ("t_s", "Float64", "board's monotonic clock, middle of the reading; missing for meters beside the board"),
    ("controller_s", "Float64", "the same on the controller's raw monotonic clock"),
    ("source", "string", "jetson_power, temperature, rapl, jtop, meter0, ..."),
    ("sensor", "string", "the rail, zone, core or flag; total = the whole board by the source's rule"),
    ("quantity", "string", "with its unit: power_w, temperature_c, frequency_hz, ..."),
    ("value", "Float64", "as read; negative idle values are kept"),
)

ENERGY = _columns(
    *_KEY,
    ("source", "string", "who tells it: jetson_power/total, rapl/total, meter0/wall, ..."),
    ("scope", "string", "what it covers, by its own word"),
    ("rails", "string", "the rails that enter it"),
    ("whole", "boolean", "whether it may stand for the board"),
    ("window", "string", "rounds: all measured rounds and what lies between; else the phases of that name in them"),
    ("duration_s", "Float64", "of the window, on the board's clock"),
    ("energy_j", "Float64", "gross, over what is covered; missing where nothing was measured"),
    ("uncertainty_j", "Float64", "half width of about 95 %: sensor, sampling, gaps"),
    ("net_j", "Float64", "gross less what the board drew at rest"),
    ("net_uncertainty_j", "Float64", "missing where rest was measured on one side only"),
    ("mean_power_w", "Float64", "over what is covered"),
    ("idle_power_w", "Float64", "mean of before and after the cell"),
    ("covered_s", "Float64", "seconds that samples cover"),
    ("gaps", "Int64", "holes in the samples, or resets of a counter"),
    ("gap_s", "Float64", "seconds that nothing covers"),
    ("samples", "Int64", "readings within the window"),
    ("warnings", "string", "why it may be wrong"),
)

CIRCUMSTANCES = _columns(
    *_KEY,
    ("name", "string", "power_mode, governor, clocks_locked, torch, swap, warmth, throttled, ..."),
    ("value", "string", "missing: the board has no such thing; unreadable: it has, and did not tell"),
)

FRAMES = {
    "cells": CELLS,
    "rounds": ROUNDS,
    "phases": PHASES,
    "samples": SAMPLES,
    "sensors": SENSORS,
    "energy": ENERGY,
    "circumstances": CIRCUMSTANCES,
}
