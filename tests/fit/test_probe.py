"""A real board is asked: one batch fits, another does not, and that is an answer."""

from __future__ import annotations

from pathlib import Path

from harness.bench import waking
from harness.fit.probe import Prober
from harness.load import load_inventory
from harness.payload import code_payload
from harness.store import RunFolder
from harness.units import MIB

INVENTORY = Path(__file__).parents[2] / "inventories" / "virtual.yaml"
BUDGET_BYTES = 420 * MIB


def test_a_board_says_what_fits_and_goes_on_after_what_does_not(tmp_path: Path) -> None:
    folder, code = RunFolder.new(tmp_path, "fit"), code_payload()
    with waking(load_inventory(INVENTORY).select("nano-01"), tmp_path / ".virtual") as rack:
        rack.prepare(folder.run_id, [code], lambda board: None)
        prober = Prober(rack, code, folder, "cnn", BUDGET_BYTES)
        too_large = prober.ask("fedavg", 1500)["nano-01"]
        small = prober.ask("recompute", 8)["nano-01"]
    assert too_large.fits is False and "did not fit: budget 420 MiB" in too_large.detail
    assert too_large.peak_process_bytes is None
    assert small.fits is True and small.peak_process_bytes is not None
    assert small.peak_process_bytes < BUDGET_BYTES
