"""Loading of single files: what is in the box, what a study becomes, and files that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.board_classes import BOARD_CLASSES
from harness.errors import BadInput
from harness.load import load_inventory, load_study
from harness.load.ranges import expand
from harness.meters import meter

ROOT = Path(__file__).parents[2]
STUDY = Path(__file__).parent / "cases" / "study" / "good_product.yaml"


def test_the_inventories_in_the_box_load() -> None:
    virtual = load_inventory(ROOT / "inventories" / "virtual.yaml")
    assert [board.name for board in virtual.boards] == ["nano-01", "nano-02", "pi4-01", "pi4-02", "phone-01"]
    assert {board.virtual for board in virtual.boards} == {"embedded"}
    rack = load_inventory(ROOT / "inventories" / "example-rack.yaml")
    assert {board.virtual for board in rack.boards} == {None}
    assert all(board.board_class in BOARD_CLASSES for board in (*virtual.boards, *rack.boards))


def test_a_study_is_the_product_of_its_blocks() -> None:
    study = load_study(STUDY)
    assert study.name == "good_product"
    memory, accuracy = study.templates[:8], study.templates[8:]
    assert [(c.method, c.batch, c.repeat) for c in memory] == [
        (method, batch, repeat) for method in ("fedavg", "freeze") for batch in (8, 16) for repeat in (1, 2)
    ]
    assert memory[-1].options == {"order": "progressive"}
    assert (memory[0].learning_rate, memory[0].momentum, memory[0].batches_per_round) == (0.05, 0.9, 4)
    (cell,) = accuracy
    assert (cell.model, cell.dataset, cell.batch) == ("cnn", "digits", 16)
    assert (cell.batches_per_round, cell.learning_rate, cell.budget_bytes) == (None, 0.01, 512 * 2**20)
    assert cell.partition == {"kind": "dirichlet", "alpha": 0.5}
    assert len({c.cell_id for c in study.cells(("nano-01",))}) == 9


def test_a_study_is_named_after_its_folder(tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    copy = tmp_path / "quick" / "study.yaml"
    copy.write_text(STUDY.read_text())
    assert load_study(copy).name == "quick"


def test_a_wrong_path_names_the_nearest_file() -> None:
    with pytest.raises(BadInput, match=r"no such file -> did you mean 'virtual\.yaml'"):
        load_inventory(ROOT / "inventories" / "virtul.yaml")


def test_home_and_neighbours_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "pins").write_text("")
    (tmp_path / "rack.yaml").write_text(
        "all: {hosts: {a: {board_class: phone, server_address: 192.0.2.1, known_hosts: pins,"
        " ansible_ssh_private_key_file: ~/key}}}"
    )
    (board,) = load_inventory(tmp_path / "rack.yaml").boards
    assert (board.key_file, board.known_hosts) == (str(tmp_path / "me" / "key"), str(tmp_path / "pins"))


def test_a_loggers_file_is_taken_from_the_inventorys_folder(tmp_path: Path) -> None:
    (tmp_path / "my rack").mkdir()
    inventory = tmp_path / "my rack" / "rack.yaml"
    meters = '["csv:log 1.csv?time=t&power=P", "csv:/logs/b.csv?time=t&power=P", "shelly2://192.0.2.40"]'
    inventory.write_text(f"all: {{hosts: {{a: {{board_class: phone, virtual: embedded, meters: {meters}}}}}}}")
    (board,) = load_inventory(inventory).boards
    files = [getattr(meter(text), "path", None) for text in board.observation.meters]
    assert files == [tmp_path / "my rack" / "log 1.csv", Path("/logs/b.csv"), None]
    assert board.observation.meters[2] == "shelly2://192.0.2.40"


def test_two_boards_do_not_share_a_meter(tmp_path: Path) -> None:
    inventory = tmp_path / "rack.yaml"
    inventory.write_text("""
all:
  vars: {board_class: raspberry-pi-4, virtual: embedded}
  hosts:
    a: {meters: ["shelly2://192.0.2.40?id=0", "shelly2://192.0.2.40?id=1"]}
    b: {meters: ["shelly2://192.0.2.40"]}
    c: {meters: ["shelly2://192.0.2.41", "csv:log.csv?time=t&power=P"]}
    d: {meters: ["csv:log.csv?time=t&power=Q"]}
""")
    with pytest.raises(BadInput) as caught:
        load_inventory(inventory)
    (problem,) = caught.value.problems
    assert str(problem).startswith("all.hosts.b.meters[0]: b has the same meter as a ->")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("nano", ["nano"]),
        ("nano-[01:03]", ["nano-01", "nano-02", "nano-03"]),
        ("n[9:11]", ["n9", "n10", "n11"]),
        ("n[a:c]", ["na", "nb", "nc"]),
        ("n[01:10:4]x", ["n01x", "n05x", "n09x"]),
        ("r[1:2]-b[a:b]", ["r1-ba", "r1-bb", "r2-ba", "r2-bb"]),
    ],
)
def test_ranges(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize("pattern", ["n[1]", "n[:3]", "n[a:3]", "n[1:3:0]", "n[1:3:x]", "n[]", "n[ab:cd]"])
def test_bad_ranges(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\["):
        expand(pattern)
