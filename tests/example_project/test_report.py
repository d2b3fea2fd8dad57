"""What the demo prints, and that a wrong result stops it."""

import io

import pytest
from demo.report import Report
from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import no_style

from chabad_auth_django.exceptions import DuplicateEmail, NotFound


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _report(stream: io.StringIO) -> Report:
    report = Report(OutputWrapper(stream), no_style())
    report.title("Section")
    return report


def test_check_prints_and_counts() -> None:
    stream = io.StringIO()
    report = _report(stream)
    report.check("a name", True, "word " * 12)
    assert report.checks == 1
    lines = stream.getvalue().splitlines()
    assert [len(line) <= 80 for line in lines] == [True] * len(lines)
    assert [line.index("word") for line in lines[-2:]] == [lines[-1].index("word")] * 2


def test_check_stops_at_a_wrong_result() -> None:
    with pytest.raises(CommandError, match='^Section: "a name: 3" is not so.$') as e:
        _report(io.StringIO()).check("a name", False, "3")
    assert e.value.returncode == 1


def _duplicate() -> None:
    raise DuplicateEmail


def test_refusal_returns_the_error() -> None:
    stream = io.StringIO()
    error = _report(stream).refusal("a name", DuplicateEmail, _duplicate)
    assert isinstance(error, DuplicateEmail)
    assert stream.getvalue().endswith("refused: duplicate_email\n")


def test_refusal_stops_when_nothing_is_refused() -> None:
    with pytest.raises(CommandError, match="a name is not refused with NotFound"):
        _report(io.StringIO()).refusal("a name", NotFound, lambda: None)


def test_progress_is_one_line_on_a_terminal() -> None:
    stream = Terminal()
    with Report(OutputWrapper(stream), no_style()).progress(20) as progress:
        progress.advance(10)
        progress.advance(10)
    assert "\n" not in stream.getvalue()
    shown = [text for text in stream.getvalue().split("\r") if text]
    assert {len(text) for text in shown} == {79}
    assert [text.strip().partition(" events")[0] for text in shown] == ["10 of 20", "20 of 20", ""]


def test_progress_prints_nothing_elsewhere() -> None:
    stream = io.StringIO()
    with Report(OutputWrapper(stream), no_style()).progress(20) as progress:
        progress.advance(10)
    assert stream.getvalue() == ""
