"""What the kernel said of memory: a file of records as /dev/kmsg gives them."""

from __future__ import annotations

import os
from pathlib import Path

from harness.agent import kernel_log

RECORDS = """\
6,811,1000000,-;python3 invoked oom-killer: gfp_mask=0x100cca, order=0
6,812,90000000,-;usb 1-1: new high-speed USB device
 SUBSYSTEM=usb
4,813,100500000,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=500
 DEVICE=c1:2
3,814,100600000,-;Out of memory: Killed process 4711 (python3) total-vm:2411212kB, anon-rss:1301004kB
garbage without a head
6,815,x,-;oom without a time
"""


def test_only_lines_on_memory_from_the_time_on(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_text(RECORDS)
    root = f"{tmp_path}{os.sep}"
    lines = kernel_log.since(root, 100.0)
    assert [line.split()[0] for line in lines] == ["python3", "Out"]
    assert len(kernel_log.since(root, 0.5)) == 3
    assert kernel_log.since(root, 200.0) == []


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert kernel_log.since(f"{tmp_path}{os.sep}", 0.0) == []


def test_the_real_log_is_read_to_its_end_without_waiting() -> None:
    assert isinstance(kernel_log.since("/", 0.0), list)
