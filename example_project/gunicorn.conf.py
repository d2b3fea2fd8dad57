"""gunicorn's configuration, which it finds by itself in the folder that it is started from."""

import gc
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Let the garbage collector do less, now that the worker has imported everything.

    A page of a hundred rows is more new objects than Python's threshold, so the collector would run
    for each of them, and look through all modules now and then, although there is next to nothing
    to collect: what a request was answered from is freed without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
