"""Simulated clients beside a plain PyTorch loop and Flower on Ray; and what a round costs as clients become many."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator

import matplotlib
import numpy as np

from benchmarks.simulation import compare
from benchmarks.simulation.course import Course
from benchmarks.table import OUT, Row

LEAST = {"mcmahan-cnn": ("CNN of 1.66 M parameters, 10 clients x 600, batch 10", 1.2),
         "lenet": ("small clients (44 k parameters, 20 x 100, batch 32)", 1.6)}  # fmt: skip
COUNTS = (32, 64, 128, 256)
MB = 1e6


def simulation_rows() -> Iterator[Row]:
    for setting, (words, least) in LEAST.items():
        bare, ours = compare.bare(setting), compare.ours(setting)
        yield _rate_row(f"simulated {words}: samples/s against the best plain loop", ours, bare, 0.95)
        try:
            theirs = compare.flower(setting)
        except (OSError, subprocess.CalledProcessError) as error:
            yield Row(quantity=f"simulated {words}: against Flower on Ray", target=f">= {least} x", measured="-",
                      spread="-", holds=None, remark=f"cannot be run here: {error}")  # fmt: skip
            continue
        yield _rate_row(f"simulated {words}: samples/s against Flower on Ray", ours, theirs, least)
        yield _share_row(f"simulated {words}: first round", ours.first_s, theirs.first_s, "s")
        yield _share_row(
            f"simulated {words}: memory (PSS of all processes)",
            ours.peak_pss_bytes / MB,
            theirs.peak_pss_bytes / MB,
            "MB",
        )
    yield from many_rows()


def _rate_row(quantity: str, ours: Course, theirs: Course, least: float) -> Row:
    rate, other = statistics.median(ours.rates), statistics.median(theirs.rates)
    return Row(
        quantity=quantity,
        target=f">= {least} x",
        measured=f"{rate / other:.2f} x ({rate:.0f} against {other:.0f})",
        spread=f"{min(ours.rates):.0f}..{max(ours.rates):.0f} against {min(theirs.rates):.0f}..{max(theirs.rates):.0f}"
        f" over {len(ours.rates)} rounds",
        holds=rate / other >= least,
        remark=f"on {compare.PROCESSES} processes of a thread each",
    )


def _share_row(quantity: str, ours: float, theirs: float, unit: str) -> Row:
    return Row(
        quantity=quantity,
        target="<= 0.4 x Flower on Ray",
        measured=f"{ours / theirs:.2f} x ({ours:.1f} against {theirs:.1f} {unit})",
        spread="one run of each",
        holds=ours / theirs <= 0.4,
    )


def many_rows() -> Iterator[Row]:
    """Small clients, 32 to 256 of them, all of them in every round."""
    courses = {count: compare.ours("lenet", str(count)) for count in COUNTS}
    medians = [statistics.median(courses[count].rounds_s) for count in COUNTS]
    slope, offset = np.polyfit(COUNTS, medians, 1)
    worst = max(abs(offset + slope * count - median) / median for count, median in zip(COUNTS, medians, strict=True))
    _plot(courses)
    yield Row(
        quantity="round with 32 to 256 simulated clients: cost grows linearly",
        target="a straight line (within 15 %: OURS)",
        measured=f"{slope * 1e3:.1f} ms a client, at most {worst:.0%} off the line; {COUNTS[-1]}: {medians[-1]:.2f} s",
        spread=f"medians of {len(courses[COUNTS[0]].rounds_s)} rounds each",
        holds=worst <= 0.15,
        remark="plot: benchmarks/out/simulated-clients.png",
    )
    few, many = (courses[count].peak_pss_bytes / MB for count in (COUNTS[0], COUNTS[-1]))
    yield Row(
        quantity="memory of a simulation with 256 clients against 32, data set included",
        target="bounded: <= 1.5 x (OURS)",
        measured=f"{many / few:.2f} x ({many:.0f} against {few:.0f} MB PSS)",
        spread="one run of each",
        holds=many <= 1.5 * few,
        remark=f"of it {(COUNTS[-1] - COUNTS[0]) * 100 * 28 * 28 * 4 / MB:.0f} MB of images, once in each process",
    )


def _plot(courses: dict[int, Course]) -> None:
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (time_axis, memory_axis) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for count, course in courses.items():
        time_axis.plot([count] * len(course.rounds_s), course.rounds_s, ".", color="tab:blue", alpha=0.5)
    time_axis.set(xlabel="simulated clients", ylabel="seconds of a round", xlim=0, ylim=0)
    peaks = [course.peak_pss_bytes / MB for course in courses.values()]
    memory_axis.plot(list(courses), peaks, "o-", color="tab:orange")
    memory_axis.set(xlabel="simulated clients", ylabel="memory of all processes, MB (PSS)", xlim=0, ylim=0)
    OUT.mkdir(exist_ok=True)
    figure.savefig(OUT / "simulated-clients.png", dpi=120)
    pyplot.close(figure)
