"""Which tests run: those with a database are marked, of many cases some.

A plugin of pytest. With ``--sample 4`` one in four cases of each test with many cases runs, chosen
by a seed that the header shows; ``--sample-seed`` chooses the same ones again. One always runs.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

#: What a test that needs a MongoDB server asks for.
DATABASE_FIXTURES = {"either_server", "replica_set_server", "standalone_server", "own_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sampling")
    group.addoption("--sample", type=int, default=1, help="run one in so many of many cases")
    group.addoption("--sample-seed", type=int, help="the seed that chooses them")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "mongo: needs a MongoDB server; set by its fixtures")
    if config.option.sample_seed is None:
        # A worker of pytest-xdist chooses the cases that the others choose.
        worker = getattr(config, "workerinput", {})
        config.option.sample_seed = worker.get("sample_seed", random.randrange(2**32))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["sample_seed"] = node.config.option.sample_seed


def pytest_report_header(config: pytest.Config) -> str | None:
    if config.option.sample == 1:
        return None
    return f"sample: --sample={config.option.sample} --sample-seed={config.option.sample_seed}"


# Before -m selects by the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("mongo")
        cases[item.nodeid.partition("[")[0]].append(item)
    left_out = {
        item
        for test, all_cases in cases.items()
        for item in _all_but_a_sample(test, all_cases, config)
    }
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _all_but_a_sample(
    test: str, cases: list[pytest.Item], config: pytest.Config
) -> list[pytest.Item]:
    chosen = max(1, len(cases) // config.option.sample)
    chance = random.Random(f"{config.option.sample_seed} {test}")
    # Not in the order in which pytest-randomly put them.
    in_order = sorted(cases, key=lambda item: item.nodeid)
    return chance.sample(in_order, len(cases) - chosen)


@pytest.fixture
def sampled(request: pytest.FixtureRequest) -> Callable[[list[Any]], list[Any]]:
    """Choose one in so many of the cases that a test has inside, by the same seed."""
    option = request.config.option
    chance = random.Random(f"{option.sample_seed} {request.node.nodeid}")
    return lambda cases: chance.sample(cases, max(1, len(cases) // option.sample))
