"""A contestant in a process of its own: ``python -m benchmarks.worker MODULE``.

Each line of input names a function and the arguments of each call of it. The answer is the seconds
that the calls took, and what the last one returned. ``mongoose/worker.js`` is the same in Node.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time

import django


def main() -> None:
    """Serve until the end of input."""
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        django.setup()
    contestant = importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        function = getattr(contestant, order["function"])
        gc.collect()
        result = None
        started = time.perf_counter()
        for arguments in order["calls"]:
            result = function(**arguments)
        seconds = time.perf_counter() - started
        if isinstance(result, bytes):
            result = result.decode()
        print(json.dumps({"seconds": seconds, "result": result}), flush=True)


if __name__ == "__main__":
    main()
