"""``python -m benchmarks``: measure, print, and write what was found; see README.md."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import arena, chart, contestants, figures, machine, report, staff
from benchmarks.data import FULL, QUICK
from benchmarks.measure import Part, from_json, to_json

PARTS = tuple(report.HEADINGS)


def main() -> int:
    """Run the benchmark; return 1 where a full run misses a budget or a target."""
    options = _parse()
    scale = QUICK if options.quick else FULL
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", file=sys.stderr, flush=True)

    if options.only == "staff":
        return staff.run(options.quick, say)
    if options.only == "figures":
        events, users = (10_000, 500) if options.quick else (options.events, options.users)
        is_held = figures.run(events=events, users=users, say=say)
        return int(not is_held and not options.quick)
    taking_part = contestants.find(say)
    measured: dict[str, Part] = {}
    with arena.prepare(taking_part, scale, say) as prepared:
        about = machine.describe(prepared)
        if options.only != "http":
            titles = {one.name: one.title for one in taking_part if one.worker}
            measured["in-process"] = Part(titles, prepared.run_in_process(), about)
        if options.only != "in-process":
            if results := prepared.run_http():
                about = about | machine.describe_http(prepared)
                titles = {one.name: one.title for one in taking_part}
                measured["http"] = Part(titles, results, about)
            else:
                say("HTTP was checked and not measured: install wrk.")
    for name, part in measured.items():
        print(f"\n{report.HEADINGS[name]}\n\n{report.as_text(report.table(part))}")
    sentences = report.missed(measured)
    print("\n".join(["", *(sentences or ["Every budget is held."])]))
    if options.quick:
        print("With --quick too little is done for the figures to say anything.")
    if options.output:
        _write(options.output, measured)
        say(f"results are in {options.output}")
    return int(bool(sentences) and not options.quick)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="little of everything, in a minute")
    parser.add_argument(
        "--only",
        choices=(*PARTS, "staff", "figures"),
        help="one part; the results of the other stay",
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="of --only figures")
    parser.add_argument("--users", type=int, default=20_000, help="of --only figures")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where to write results; by default here, and nowhere with --quick",
    )
    options = parser.parse_args()
    if options.output is None and not options.quick:
        options.output = Path(__file__).parent
    return options


def _write(folder: Path, measured: Mapping[str, Part]) -> None:
    results = folder / "results.json"
    earlier = from_json(results.read_text(encoding="utf-8")) if results.exists() else {}
    merged = earlier | dict(measured)
    parts = {name: merged[name] for name in PARTS if name in merged}
    texts = {
        results: to_json(parts),
        folder / "results.svg": chart.draw(parts),
        folder / "RESULTS.md": report.as_markdown(parts),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
