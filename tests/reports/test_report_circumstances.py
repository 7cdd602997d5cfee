"""What the report says of the circumstances: what parts cells stands out, what never is the same twice does not."""

from __future__ import annotations

from reports.data import Report, Table


def test_temperatures_are_shown_as_a_span_and_part_nothing(whole: Report) -> None:
    (held,) = [
        block
        for section in whole.sections
        for block in section.blocks
        if isinstance(block, Table) and block.caption == "What held around the cells"
    ]
    shown = {what.text: value for _, what, value in held.rows}
    assert (shown["temperature c"].text, shown["temperature c"].tone) == ("45.5 to 49.5", "")
    assert shown["power mode"].text == "MAXN" and "governor" not in shown
