"""The page in a real browser: figures stand, tables sort, switches switch, keys reach, no request leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.build import Built
from tests.reports.chromium import PROGRAM, Page

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium")

ROWS = "[...document.querySelectorAll('#memory table')[0].tBodies[0].rows]"
TO_TRACES = "document.querySelector('#traces').scrollIntoView()"
WAIT = "new Promise(done => setTimeout(done, 300))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with Page() as page:
        yield page


@pytest.fixture
def page(browser: Page, built: Built) -> Page:
    browser.open(built.html)
    return browser


@pytest.mark.parametrize(
    "how",
    [{}, {"prefers_color_scheme": "dark"}, {"width": 390, "height": 844}, {"media": "print"}],
    ids=["light", "dark", "phone", "print"],
)
def test_it_stands_whole_and_asks_for_nothing(browser: Page, built: Built, how: dict[str, str], tmp_path: Path) -> None:
    browser.open(built.html, **how)
    browser.run(TO_TRACES)
    browser.run(WAIT)
    assert browser.complaints == []
    assert browser.requests == [built.html.resolve().as_uri()]
    visible = "[...document.querySelectorAll('figure')].every(f => f.getBoundingClientRect().height > 100)"
    assert browser.run("document.querySelectorAll('figure').length") >= 5 and browser.run(visible)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    drawn = browser.run("[...document.querySelectorAll('.plot canvas')].filter(c => c.offsetHeight > 0).length")
    assert (drawn == 0) == (how.get("media") == "print")
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_dark_and_light_differ_also_inside_the_pictures(browser: Page, built: Built) -> None:
    ink = "getComputedStyle(document.querySelector('.picture svg text, .picture svg g[style*=currentColor]')).fill"
    inks = set()
    for scheme in ("light", "dark"):
        browser.open(built.html, prefers_color_scheme=scheme)
        inks.add(browser.run(ink))
    assert len(inks) == 2


def test_a_table_sorts_by_value_with_what_is_missing_last(page: Page) -> None:
    heads = "[...document.querySelectorAll('#memory thead')[0].rows[0].cells]"
    column = f"{heads}.findIndex(head => /Δ tensor/.test(head.textContent))"
    values = f"{ROWS}.map(r => r.cells[{column}].dataset.value ?? null)"
    press = f"document.querySelectorAll('#memory thead')[0].rows[0].cells[{column}].querySelector('button').click()"
    page.run(press)
    rising = page.run(values)
    page.run(press)
    falling = page.run(values)
    known = [float(value) for value in rising if value is not None]
    assert len(known) >= 2 and known == sorted(known)
    assert [float(value) for value in falling if value is not None] == known[::-1]
    assert rising[-1] is None and falling[-1] is None


def test_a_switch_takes_rows_and_lines_away_and_brings_them_back(page: Page) -> None:
    page.run(TO_TRACES)
    page.run(WAIT)
    switch = "document.querySelector('.switches button[data-name=freeze]').click()"
    shown = f"{ROWS}.filter(r => !r.hidden && r.dataset.method === 'freeze').length"
    lines = "document.querySelectorAll('.u-series.u-off').length"
    assert page.run(shown) == 1 and page.run(lines) == 0
    page.run(switch)
    assert page.run(shown) == 0 and page.run(lines) >= 1
    page.run(switch)
    assert page.run(shown) == 1 and page.run(lines) == 0


def test_keys_reach_everything_that_acts(page: Page) -> None:
    page.run(TO_TRACES)
    page.run(WAIT)
    acting = "document.querySelectorAll('a[href], button, .plot, .table, .picture, .u-series th')"
    assert (
        page.run(
            f"[...{acting}].filter(e => e.offsetParent && e.tabIndex < 0 && !e.closest('.u-series:first-child')).length"
        )
        == 0
    )
    page.key("Tab")
    assert page.run("document.activeElement.tagName") in ("A", "BUTTON", "DIV")
    page.run("document.querySelector('.plot').focus()")
    ticks = "document.querySelector('.plot canvas').toDataURL()"
    whole = page.run(ticks)
    page.key("+")
    zoomed = page.run(ticks)
    page.key("0")
    assert zoomed != whole and page.run(ticks) == whole


def test_the_provenance_of_a_cell_is_one_click_away(page: Page) -> None:
    page.run("document.querySelector('#memory td a').click()")
    assert page.run("document.querySelector('tr:target').closest('section').id") == "provenance"
    target = page.run("document.querySelector('tr:target').id")
    assert page.run("document.querySelector('#memory td a').hash") == f"#{target}"


def test_every_virtual_second_and_joule_is_called_virtual(page: Page) -> None:
    heads = "[...document.querySelectorAll('th')].map(h => h.textContent.trim()).filter(t => /, (s|J|W)\\b/.test(t))"
    found = page.run(heads)
    assert len(found) >= 8 and [head for head in found if "virtual" not in head and "±" not in head
                                and "CPU time" not in head] == []  # fmt: skip
