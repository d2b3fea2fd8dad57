"""Running calls at the same time."""

import threading
from collections.abc import Callable, Sequence
from typing import Any


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the calls at once, each in a thread; return each one's result, or its exception."""
    results: list[Any] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[number] = call()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def errors(results: Sequence[Any]) -> list[Exception]:
    """Return the exceptions among the results."""
    return [result for result in results if isinstance(result, Exception)]
