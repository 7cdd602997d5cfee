"""From a run folder to three files that agree, whatever the run has or lacks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pypdf
import pytest

from harness.errors import FedRackError, UnknownName
from reports.build import Built, build_report

Make = Callable[..., Path]
Row = dict[str, Any]
NANO = {"board_class": "jetson-nano", "virtual": "embedded"}
HOSTILE = ("a_b", "<x>&\"'", "#x $y$ *b* [c] @d `e` \\f // g", "n" * 90)


def squeezed(text: str) -> str:
    """Without spaces and marks where a line may break: line ends are not what is compared."""
    return re.sub(r"[\s\u00a0\u200b\u00ad]", "", text)


def page_text(built: Built) -> str:
    page = re.sub(r"<(style|svg|script).*?</\1>", "", built.html.read_text(encoding="utf-8"), flags=re.DOTALL)
    return squeezed(html.unescape(re.sub(r"<[^>]+>", " ", page)))


def pdf_text(built: Built) -> str:
    return squeezed("".join(page.extract_text() for page in pypdf.PdfReader(built.pdf).pages))


def texts(data: Row) -> Iterator[str]:
    """Everything that the report says: findings, paragraphs, captions and every entry of every table."""
    yield data["title"]
    yield from (finding["text"] for finding in data["findings"])
    for block in (block for section in data["sections"] for block in section["blocks"]):
        if block["kind"] == "paragraph":
            yield block["text"]
            continue
        yield f"{'Table' if block['kind'] == 'table' else 'Figure'} {block['number']}. {block['caption']}"
        for row in block.get("rows", []):
            yield from (entry["text"] for entry in row)


class Attributes(HTMLParser):
    """Collects tags and whatever could make a browser ask for something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        named = {name: value or "" for name, value in attrs}
        self.links += [named[name] for name in ("href", "src", "srcset", "xlink:href", "data") if name in named]
        self.ids += [named["id"]] if "id" in named else []


def test_both_files_say_what_the_data_says(built: Built) -> None:
    data = json.loads(built.json.read_text(encoding="utf-8"))
    page, pages = page_text(built), pdf_text(built)
    said = [squeezed(text) for text in texts(data)]
    assert len(said) > 300
    assert [text for text in said if text not in page] == []
    assert [text for text in said if text not in pages] == []


def test_the_page_opens_offline(built: Built) -> None:
    page = built.html.read_text(encoding="utf-8")
    found = Attributes(page)
    assert all(link.startswith("#") for link in found.links), found.links
    assert not found.tags & {"link", "iframe", "img", "object", "base"}
    assert "default-src 'none'" in page  # the browser itself refuses every request
    page = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "@import" not in page and not re.search(r"url\(\s*['\"]?(?!#)", page)
    assert len(found.ids) == len(set(found.ids))  # several figures share one page
    assert {"caption", "figcaption", "h1", "h2", "main", "nav"} <= found.tags
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert "http:" not in without_namespaces and "https:" not in without_namespaces


def test_links_of_the_page_lead_somewhere(built: Built) -> None:
    found = Attributes(built.html.read_text(encoding="utf-8"))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


def test_hostile_names_stay_text(make_run: Make) -> None:
    def change(_: list[Row], manifest: Row) -> None:
        manifest["title"] = "<script>alert(1)</script> #pagebreak() $x$"

    boards = dict.fromkeys(HOSTILE, NANO)
    built = build_report(make_run(boards=boards, groups=("memory",), change=change))
    assert "alert(1)</script>" not in built.html.read_text(encoding="utf-8")
    for text in (page_text(built), pdf_text(built)):
        for name in (*HOSTILE, "<script>alert(1)</script> #pagebreak() $x$"):
            assert squeezed(name) in text


def test_the_same_run_gives_the_same_page(built: Built) -> None:
    first = built.html.read_bytes()
    assert build_report(built.html.parent).html.read_bytes() == first


def nothing_ran(cells: list[Row], manifest: Row) -> None:
    cells.clear()
    manifest.update(state="interrupted", cells=[])


def all_unreachable(cells: list[Row], manifest: Row) -> None:
    known = ("cell_id", "board", "group", "method", "model", "dataset", "batch", "rounds", "seed", "allocator")
    for index, cell in enumerate(cells):
        cells[index] = {name: cell[name] for name in known} | {"outcome": "unreachable"}
    for board in manifest["boards"].values():
        board.update(state="unreachable", facts={})


def one_silent_board(_: list[Row], manifest: Row) -> None:
    manifest["boards"]["dead-01"] = {
        "board_class": "phone",
        "state": "unreachable",
        "detail": "dead-01: no answer in 5 s",
    }


def no_budget_no_sensors_no_outcome(cells: list[Row], _: Row) -> None:
    for cell in cells:
        cell.update(dict.fromkeys(("budget_bytes", "budget_kind", "floor_bytes", "download_s", "board_class")))
    cells[-1].update(dict.fromkeys(("outcome", "peak_tensor_bytes", "peak_process_bytes")))


def bare_manifest(_: list[Row], manifest: Row) -> None:
    for name in set(manifest) - {"format", "report"}:
        del manifest[name]


PARTIAL: dict[str, tuple[Row, str]] = {
    "nothing ran": ({"change": nothing_ran}, "The run has no cell: nothing was measured."),
    "all cells failed": ({"change": all_unreachable}, "no cell completed, so nothing was measured"),
    "a silent board": ({"change": one_silent_board}, "dead-01: no answer in 5 s"),
    "no baseline": ({"methods": ("split", "freeze")}, "No saving can be stated"),
    "one method": ({"methods": ("fedavg",)}, "No cell of recompute and split completed"),
    "no accuracy group": ({"groups": ("memory",)}, "The run has no cells of group accuracy."),
    "no memory group": ({"groups": ("accuracy",)}, "The run has no cells of group memory."),
    "hardly anything": ({"change": no_budget_no_sensors_no_outcome}, "nano-01 (virtual) under no budget"),
    "a bare manifest": ({"change": bare_manifest}, "start not recorded"),
}


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("name", PARTIAL)
def test_a_partial_run_still_has_a_report_that_says_what_is_missing(make_run: Make, name: str) -> None:
    arguments, sentence = PARTIAL[name]
    built = build_report(make_run(**arguments))
    assert squeezed(sentence) in page_text(built)
    assert squeezed(sentence) in pdf_text(built)


def test_an_unknown_report_lists_the_known_ones(make_run: Make) -> None:
    def change(_: list[Row], manifest: Row) -> None:
        manifest["report"] = "../quik"

    folder = make_run(change=change)
    with pytest.raises(UnknownName) as raised:
        build_report(folder)
    assert "quick" in raised.value.remedy
    assert not (folder / "report.html").exists()


@pytest.mark.usefixtures("sketches")
def test_a_failing_writer_leaves_no_half_report(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(groups=("memory",))
    before = build_report(folder).json.read_bytes()

    def broken(_: object) -> bytes:
        raise RuntimeError("no PDF today")

    monkeypatch.setattr("reports.build.pdf", broken)
    make_run(groups=("memory",), methods=("fedavg",))
    with pytest.raises(RuntimeError):
        build_report(folder)
    assert (folder / "report.json").read_bytes() == before


@pytest.mark.usefixtures("sketches")
def test_a_full_disk_is_a_sentence_and_leaves_the_report_before_it(make_run: Make) -> None:
    folder = make_run(groups=("memory",))
    before = build_report(folder).json.read_bytes()
    (folder / "report.pdf.tmp").symlink_to("/dev/full")  # accepts every open and no byte
    with pytest.raises(FedRackError, match="could not be written: No space left on device"):
        build_report(folder)
    assert (folder / "report.json").read_bytes() == before
    assert not list(folder.glob("*.tmp"))
