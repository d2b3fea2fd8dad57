"""The charts: what is drawn is what was counted, and no name harms the page."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils.translation import override

from chabad_auth_django.contrib.admin.charts.bars import Bar, bars
from chabad_auth_django.contrib.admin.charts.columns import (
    HEIGHT,
    MAX_PARTS,
    TOP,
    Column,
    Columns,
    stack,
)
from chabad_auth_django.contrib.admin.charts.marks import MAX_NAME, number, percent, short, steps
from chabad_auth_django.contrib.admin.charts.strip import Day, strip

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J\x1b]0;title\x07",
    "\u202e" + "שלום " * 100,
    "{0} {} %s {{ x }}",
    None,
    17,
    {"$gt": ""},
)


class Marks(HTMLParser):
    """The elements with their attributes, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def having(self, part: str) -> list[dict[str, str]]:
        return [found for _, found in self.elements if found.get("class", "").startswith(part)]


def chart(*values: tuple[int, ...], **options: Any) -> Columns:
    parts = tuple(f"part {index}" for index in range(len(values[0])))
    columns = tuple(Column(f"day {at}", each) for at, each in enumerate(values))
    return Columns("c", "Events", parts, columns, **options)


def test_heights_are_in_the_proportion_of_the_figures_and_stacks_touch() -> None:
    found = Marks(chart((3, 1), (0, 0), (6, 2)).figure)
    drawn = [mark for mark in found.having("chabad-part") if "y" in mark]
    tops = [float(mark["y"]) for mark in drawn]
    heights = [float(mark["height"]) for mark in drawn]
    assert len(drawn) == 4, "nothing is drawn for 0"
    assert heights == pytest.approx([3 * heights[1], heights[1], 6 * heights[1], 2 * heights[1]])
    assert tops[0] + heights[0] == pytest.approx(TOP + HEIGHT)
    assert tops[1] + heights[1] == pytest.approx(tops[0])
    assert min(tops) >= TOP
    assert float(Marks(chart((1,), (10**9,)).figure).having("chabad-part-0")[0]["height"]) >= 1


def test_the_first_column_is_where_reading_begins() -> None:
    for is_rtl, expected in ((False, ["0%", "50%"]), (True, ["50%", "0%"])):
        found = Marks(chart((1,), (2,), is_rtl=is_rtl).figure)
        assert [mark["x"] for mark in found.having("chabad-hit")] == expected


def test_the_table_has_the_figures_of_the_chart_and_their_totals() -> None:
    found = Marks(chart((1, 2), (10, 20_000)).table).texts
    assert found == [
        *("Events", "Time", "part 0", "part 1", "Total"),
        *("day 0", "1", "2", "3", "day 1", "10", "20,000", "20,010"),
        *("Total", "11", "20,002", "20,013"),
    ]


def test_what_is_archived_or_not_rolled_up_is_marked_and_said() -> None:
    columns = (Column("a", (1,), state="archived"), Column("b", (0,), state="open"))
    found = Marks(Columns("k", "Events", ("Events",), columns).figure)
    fills = [mark["fill"] for _, mark in found.elements if mark.get("fill", "none") != "none"]
    assert fills == ["url(#k-archived)", "url(#k-open)"] * 2, "in the legend, and in the columns"
    assert {"a: 1 (archived)", "b: 0 (not rolled up yet)"} <= set(found.texts)


def test_beyond_six_parts_the_smallest_are_others() -> None:
    rows = [{"time": 1, "eventName": f"n{i}", "count": 10 - i} for i in range(9)]
    parts, values = stack(rows, by="eventName")
    assert parts == ("n0", "n1", "n2", "n3", "n4", "Other")
    assert values == {1: (10, 9, 8, 7, 6, 5 + 4 + 3 + 2)}
    assert len(stack(rows[:MAX_PARTS], by="eventName")[0]) == MAX_PARTS
    assert stack(rows, by=None) == (("Events",), {1: (54,)})
    assert stack([], by="eventName") == ((), {})


def test_no_name_becomes_part_of_the_page() -> None:
    rows = [{"time": 1, "eventName": name, "count": 1} for name in HOSTILE]
    for some in (rows[:4], rows[4:]):
        parts, values = stack(some, by="eventName")
        columns = Columns("k", HOSTILE[1], parts, (Column(HOSTILE[0], values[1], href="?a=1&b"),))
        listed = bars(HOSTILE[0], [Bar(str(row["eventName"]), 1, '"><b>') for row in some])
        days = strip(HOSTILE[1], [Day(HOSTILE[0], "counted")], {"counted": HOSTILE[0]})
        text = columns.figure + columns.table + listed + days
        found = Marks(text)
        assert not {tag for tag, _ in found.elements} & {"script", "img", "b"}
        assert not [name for _, each in found.elements for name in each if name[:2] == "on"]
        assert "style=" not in text, "a strict policy refuses it"
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", "".join(found.texts))
        lines = "\n".join(found.texts).splitlines()
        assert all(len(line) <= MAX_NAME + 10 for line in lines if "שלום" in line)


def test_what_has_links_is_no_image_and_each_link_has_a_name() -> None:
    columns = (Column("a", (1,), href="?from=a"), Column("b", (2,), href="?from=b"))
    found = Marks(Columns("k", "Events", ("Events",), columns).figure)
    links = [each for tag, each in found.elements if tag == "a"]
    assert [link["aria-label"] for link in links] == ["a: 1", "b: 2"]
    assert [each["role"] for tag, each in found.elements if "role" in each] == ["group"]
    assert [each["role"] for tag, each in Marks(chart((1,)).figure).elements if "role" in each] == [
        "img"
    ]


def test_numbers_in_attributes_have_no_commas_whatever_the_language() -> None:
    with override("de"):
        found = Marks(chart((1,), (2,), (3,)).figure)
        assert all("," not in mark["x"] for mark in found.having("chabad-hit"))
        assert number(1234567) == "1.234.567"
    with override("he"):
        assert (number(-1234567), number(1234.5)) == ("-1,234,567", "1,234.5")
    assert percent(1 / 3) == "33.3333%"
    assert [short(value) for value in (0, 999, 1500, 2e6, 3e9)] == ["0", "999", "1.5k", "2M", "3G"]
    for largest in (0, 1, 3, 4, 5, 99, 100, 101, 10**9):
        found_steps = steps(largest)
        assert found_steps[0] == 0 and found_steps[-1] >= largest and len(found_steps) <= 6


def test_no_columns_draw_nothing_and_break_nothing() -> None:
    assert not chart((0,), (0,))
    assert not Columns("k", "Events", ("Events",), ()).figure
    assert strip("Days", [], {}) == ""


def test_the_longest_bar_fills_its_room_and_figures_stand_beside() -> None:
    found = Marks(bars("Names", [Bar("a", 200, "?n=a"), Bar("b", 50), Bar("c", 0)]))
    widths = [mark["width"] for mark in found.having("chabad-part-0")]
    assert widths == ["100%", "25%", "0%"]
    assert found.texts == ["a", "200", "b", "50", "c", "0"]
