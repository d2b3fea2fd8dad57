"""Many cases of one assertion, in one test: one setup for all of them."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from reprlib import repr as repr_of
from typing import Any

import pytest


def each(names: str | Sequence[str], cases: Iterable[Any], **_: Any) -> Callable[[Any], Any]:
    """Run the test for each case in turn, as ``pytest.mark.parametrize`` would do in as many tests.

    A case must leave nothing behind that another one sees.
    """
    together = isinstance(names, str) and "," not in names
    given = (names,) if together else names.split(",") if isinstance(names, str) else tuple(names)
    all_cases = list(cases)

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        asked = inspect.signature(test).parameters
        fixtures = {name: item for name, item in asked.items() if name not in given}
        subtests = inspect.Parameter("subtests", inspect.Parameter.POSITIONAL_OR_KEYWORD)

        @wraps(test)
        def run(subtests: pytest.Subtests, **kwargs: Any) -> None:
            if "subtests" in asked:
                kwargs["subtests"] = subtests
            for case in all_cases:
                values = dict(zip(given, [case] if together else case, strict=True))
                with subtests.test(**{name: repr_of(value) for name, value in values.items()}):
                    test(**kwargs, **values)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*{**fixtures, "subtests": subtests}.values()]
        )
        return run

    return decorate
