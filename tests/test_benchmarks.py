"""What the benchmark makes of its figures; ``python -m benchmarks --quick`` proves the rest."""

import importlib
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

# Last, so that the package that is installed stays the one that is tested.
sys.path.append(str(Path(__file__).parent.parent))
measure = importlib.import_module("benchmarks.measure")
report = importlib.import_module("benchmarks.report")
chart = importlib.import_module("benchmarks.chart")
comparing = importlib.import_module("benchmarks.comparing")

TITLES = {"project": "ours", "raw": "raw PyMongo"}


def result(
    project: list[float], raw: list[float], budget: float, more_is_better: bool = False
) -> Any:
    return measure.Result("a work", budget, more_is_better, {"project": project, "raw": raw})


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    # The second round met a machine that was busy: it slowed both.
    ratio = result([1.2, 13.0, 1.0], [1.0, 10.0, 1.0], 1.2).ratio("project")
    assert (ratio.median, ratio.least, ratio.greatest) == (1.2, 1.0, 1.3)


@pytest.mark.parametrize(
    ("ratio", "budget", "more_is_better", "verdict"),
    [
        (1.0, 1.2, False, "held"),
        (1.25, 1.25, False, "held"),
        (1.5, 1.25, False, "missed by 20.0%"),
        (0.9, 0.8, True, "held"),
        (0.6, 0.8, True, "missed by 25.0%"),
    ],
)
def test_a_budget_is_held_or_missed_by_a_part_of_it(
    ratio: float, budget: float, more_is_better: bool, verdict: str
) -> None:
    assert report.verdict(result([ratio], [1.0], budget, more_is_better)) == verdict


def test_the_page_names_each_budget_that_is_missed() -> None:
    held, missed = result([1.0], [1.0], 1.2), result([2.0], [1.0], 1.6)
    page = report.as_markdown({"in-process": measure.Part(TITLES, [held, missed], {})})
    assert "- a work: 2.00, the budget is ≤ 1.6; missed by 25.0%." in page
    assert "Every budget is held." not in page


def test_the_page_says_so_when_every_budget_is_held() -> None:
    part = measure.Part(TITLES, [result([1.0], [1.0], 1.2)], {"Commit": "abc"})
    page = report.as_markdown({"in-process": part})
    assert "Every budget is held." in page
    assert "| a work | ≤ 1.2 | 1.00 (1.00–1.00) | 1,000.00 (1,000.00–1,000.00) ms | held |" in page
    assert "| Commit | abc |" in page


def test_results_are_read_as_they_were_written() -> None:
    part = measure.Part(TITLES, [result([1.0, 2.0], [1.0, 1.0], 1.2)], {"Commit": "abc"})
    parts = {"in-process": part, "http": part}
    assert measure.from_json(measure.to_json(parts)) == parts


def test_the_chart_is_well_formed_and_has_a_bar_for_each_contestant_but_raw_pymongo() -> None:
    part = measure.Part(TITLES, [result([9.0], [1.0], 1.2), result([0.5], [1.0], 1.2)], {})
    drawn = xml.etree.ElementTree.fromstring(chart.draw({"in-process": part}))
    texts = ["".join(element.itertext()) for element in drawn]
    assert [text for text in texts if text in ("9.00 →", "0.50")] == ["9.00 →", "0.50"]


def test_contestants_that_did_something_else_are_found_out() -> None:
    with pytest.raises(AssertionError, match="a work: project differs from raw"):
        comparing.check_equal("a work", {"project": [1], "raw": [2]})
