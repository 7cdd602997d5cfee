"""The figures of the FL engine: the link beside other carriers, rounds without training, memory of a worker."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from benchmarks.engine.peer_rows import peer_rows
from benchmarks.engine.simulation_rows import simulation_rows
from benchmarks.rounds import compression, overlap, shaped, transports
from benchmarks.rounds.overlap import Overlap
from benchmarks.rounds.rounds import Rounds, empty_rounds
from benchmarks.rounds.transports import Cost
from benchmarks.table import Row

MIB = 1 << 20
BATCH, MODEL = (32, 64, 16, 16), (11_173_962,)  # float32: one batch of smashed data; ResNet18
BEFORE_TORCH = (
    "import numpy, fl_core.link.grpc_link as link; from fl_core.memory.process import resident_bytes;"
    "listener = link.GrpcListener('127.0.0.1:0', lambda channel: None);"
    "link.connect(listener.address, 10); print(resident_bytes())"
)


def rows() -> Iterator[Row]:
    for part in PARTS.values():
        yield from part()


def round_rows() -> Iterator[Row]:
    yield empty_round_row(empty_rounds("flat-1mb", 2, 200))


def memory_rows() -> Iterator[Row]:
    yield payload_row(empty_rounds("resnet18", 1, 8))
    yield before_torch_row()


def peers() -> Iterator[Row]:
    batch = np.random.RandomState(0).randn(*BATCH).astype(np.float32)
    return peer_rows(
        {
            "empty": empty_rounds("flat-1mb", 2, 60).gaps_s,
            "resnet18": empty_rounds("resnet18", 2, 6).gaps_s,
            "batch": [cost.seconds for cost in transports.measure(batch, 40)["link"]],
        }
    )


def empty_round_row(found: Rounds) -> Row:
    gaps_ms = np.array(found.gaps_s) * 1e3
    median, p99 = float(np.median(gaps_ms)), float(np.percentile(gaps_ms, 99))
    return Row(
        quantity="empty round (train + evaluate), 2 clients, 1 MB model, loopback",
        target="<= 30 ms median, <= 60 ms p99",
        measured=f"{median:.1f} ms median, {p99:.1f} ms p99",
        spread=f"{gaps_ms.min():.1f}..{gaps_ms.max():.1f} ms over {len(gaps_ms)} rounds",
        holds=median <= 30 and p99 <= 60,
    )


def exchange_rows() -> list[Row]:
    """There and back over each carrier in turn; ratios are of exchanges that followed each other."""
    random = np.random.RandomState(0)
    batch = transports.measure(random.randn(*BATCH).astype(np.float32), 80)
    model = transports.measure(random.randn(*MODEL).astype(np.float32), 10)
    rows = []
    for carrier in batch:
        if carrier != "tcp":
            quantity = f"split exchange of {BATCH} float32, there and back, {carrier}"
            rows.append(_ratio_row(quantity, batch[carrier], batch["tcp"], most=2.0 if carrier == "link" else None))
    rows.append(overlap_row(overlap.measure(random.randn(*BATCH).astype(np.float32), 7)))
    return rows + [_cpu_row(carrier, model, 2 * 4 * MODEL[0]) for carrier in model]


def _ratio_row(quantity: str, ours: list[Cost], raw: list[Cost], most: float | None) -> Row:
    ratios = [a.seconds / b.seconds for a, b in zip(ours, raw, strict=True)]
    median = statistics.median(ratios)
    low, high = np.percentile(ratios, [25, 75])
    milliseconds = statistics.median(cost.seconds for cost in ours) * 1e3
    holds = None if most is None else median <= most
    remarks = {
        None: "shown beside",
        True: "",
        False: "gRPC alone takes most of it (row above); the rest is checksums and a copy",
    }
    return Row(
        quantity=quantity,
        target="-" if most is None else f"<= {most:g} x raw TCP",
        measured=f"{median:.2f} x raw TCP ({milliseconds:.1f} ms)",
        spread=f"quartiles {low:.2f}..{high:.2f} over {len(ratios)} pairs",
        holds=holds,
        remark=remarks[holds],
    )


def overlap_row(found: list[Overlap]) -> Row:
    hidden = [each.hidden for each in found]
    exchange_ms = statistics.median(each.in_turn_s - each.compute_s for each in found) * 1e3
    compute_ms = statistics.median(each.compute_s for each in found) * 1e3
    return Row(
        quantity="split exchange hidden behind compute, one batch ahead",
        target="hidden (>= 80 % of it: OURS)",
        measured=f"{statistics.median(hidden):.0%} of {exchange_ms:.1f} ms, behind {compute_ms:.1f} ms of compute",
        spread=f"{min(hidden):.0%}..{max(hidden):.0%} over {len(hidden)} runs of {overlap.BATCHES} batches",
        holds=statistics.median(hidden) >= 0.8,
        remark="what is not hidden is the device's own share: its copies, checksums and gRPC's threads",
    )


def _cpu_row(carrier: str, costs: dict[str, list[Cost]], moved_bytes: int) -> Row:
    def per_gb(name: str) -> list[float]:
        return [cost.cpu_s / moved_bytes * 1e9 for cost in costs[name]]

    asked, beside = carrier == "link", "zmq" in costs
    mean = statistics.mean(per_gb(carrier))
    ratio = mean / statistics.mean(per_gb("zmq")) if beside else None
    return Row(
        quantity=f"CPU of the board's side per GB moved, {carrier}",
        target="<= 2 x ZeroMQ" if asked else "-",
        measured=f"{mean:.2f} s/GB" + (f", {ratio:.2f} x ZeroMQ" if ratio is not None else ""),
        spread=f"{min(per_gb(carrier)):.2f}..{max(per_gb(carrier)):.2f} s/GB over {len(costs[carrier])} exchanges",
        holds=ratio <= 2 if asked and ratio is not None else None,
        remark="shown beside" if not asked else "" if beside else "no ZeroMQ here: pip install 'fedrack[peers]'",
    )


def shaped_rows() -> list[Row]:
    target = "<= 1.25 x raw TCP"
    quantity = "ResNet18 fp32 round over 1 Gbit/s (loopback shaped by tc)"
    try:
        found = shaped.enter()
    except (OSError, subprocess.CalledProcessError) as error:
        return [Row(quantity=quantity, target=target, measured="-", spread="-", holds=None,
                    remark=f"no namespace with tc: {error}")]  # fmt: skip
    raw, rounds = statistics.median(found["tcp_s"]), found["round_s"]
    ratio, explained = statistics.median(rounds) / raw, statistics.median(found["explained"])
    return [
        Row(
            quantity=quantity,
            target=target,
            measured=f"{ratio:.2f} x raw TCP ({statistics.median(rounds):.2f} s)",
            spread=f"{min(rounds) / raw:.2f}..{max(rounds) / raw:.2f} over {len(rounds)} rounds",
            holds=ratio <= 1.25,
        ),
        Row(
            quantity="share of such a round that its phases explain",
            target=">= 98 %",
            measured=f"{explained:.1%}",
            spread=f"{min(found['explained']):.1%}..{max(found['explained']):.1%} over {len(rounds)} rounds",
            holds=explained >= 0.98,
        ),
    ]


def payload_row(found: Rounds) -> Row:
    """What a round adds to a worker that holds the model: its peak, less what it holds while it trains, by payload."""
    closed = [event["closed"] for event in found.workers[0] if event["event"] == "phase"]
    held = [phase["peak_process_bytes"] for phase in closed if phase["phase"] == "compute"]
    peaks = [phase["peak_process_bytes"] for phase in closed if phase["phase"] in ("download", "upload")]
    payload = found.events[-1]["clients"]["c0"]["bytes"]["model"]
    extra = [(peak - statistics.median(held)) / payload for peak in peaks[2:]]  # the first round builds the model
    return Row(
        quantity="extra memory of a worker for a payload (ResNet18)",
        target="<= 1.2 x payload",
        measured=f"{max(extra):.2f} x of {payload / MIB:.1f} MiB",
        spread=f"at most, over {len(extra)} transfers",
        holds=max(extra) <= 1.2,
    )


def before_torch_row() -> Row:
    found = [int(subprocess.check_output([sys.executable, "-c", BEFORE_TORCH])) / 1e6 for _ in range(3)]
    return Row(
        quantity="worker before torch and model: interpreter, numpy, link with a conversation",
        target="<= 60 MB RSS",
        measured=f"{statistics.median(found):.1f} MB",
        spread=f"{min(found):.1f}..{max(found):.1f} MB over {len(found)} processes",
        holds=statistics.median(found) <= 60,
    )


def compression_rows() -> Iterator[Row]:
    for what, found in compression.measure().items():
        yield Row(
            quantity=f"lossless compression (zlib, level {compression.LEVEL}) of {what}",
            target="measured, not assumed",
            measured=f"saves {found.saving:.0%} at {found.rate_bytes_per_s / 1e6:.0f} MB/s",
            spread="one array",
            holds=None,
            remark=f"pays on links below {found.pays_below_bytes_per_s * 8 / 1e6:.0f} Mbit/s, on a core like this",
        )


PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "rounds": round_rows,
    "exchange": exchange_rows,
    "shaped": shaped_rows,
    "memory": memory_rows,
    "compression": compression_rows,
    "peers": peers,
    "simulation": simulation_rows,
}
