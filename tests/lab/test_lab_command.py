"""`fedrack lab` as a user types it."""

from __future__ import annotations

from tests.lab.conftest import PLAN, LiveLab


def test_up_fault_list_down(cut_off: LiveLab) -> None:
    (cut_off.folder / "plan.yaml").write_text(PLAN.replace("{far: }", "{far: {faults: [under-voltage]}}"))
    name = ("--name", cut_off.name)
    files = ("--plan", str(cut_off.folder / "plan.yaml"), "--inventory", str(cut_off.inventory))
    code, said = cut_off.cli("up", *name, *files)
    assert code == 0 and f"3 boards are up. Next:  fedrack bench --inventory {cut_off.inventory}" in said
    code, said = cut_off.cli("up", *name, *files)
    assert code == 1 and f"there is a lab '{cut_off.name}' already\n  fedrack lab down --name {cut_off.name}" in said
    assert cut_off.cli("fault", *name, "nano", "slow-link") == (0, "")
    listed = cut_off.cli("list")[1]
    assert "slow-link" in listed and "under-voltage" in listed
    assert cut_off.cli("fault", *name, "nano", "slow-link", "--clear") == (0, "")
    code, said = cut_off.cli("fault", *name, "nan", "hang")
    assert code == 2 and f"unknown board of lab '{cut_off.name}' 'nan'\n  did you mean 'nano'?" in said
    assert cut_off.cli("down", *name) == (0, f"Nothing is left of lab '{cut_off.name}'.\n")
    assert cut_off.traces() == []
