"""How long a build takes after little has changed, in histories of several sizes.

One history grows from size to size. At each size, what was added is built first, as a
backlog. Then `dbt run` and `dbt build` follow no new message, one new attempt, and one
that replaces the first attempt of the history. Rows and bytes are what Spark's tasks
have read.
"""

import argparse
import json
import sys
import urllib.request
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from bench.history import record
from bench.stack import INGEST, held, peak_memory, publish, seconds
from cli.settings import FILE, HOST

_DBT = (str(Path(sys.executable).with_name("dbt")), "--quiet")
_UI_PORT = FILE["ports"]["spark_ui"] + FILE["offsets"]["bench"]
_SPARK = f"http://{HOST}:{_UI_PORT}/api/v1/applications"
_SEEDS = count(1_000_000)
_CHANGES: dict[str, Callable[[], None]] = {
    "nothing new": lambda: None,
    "one new": lambda: publish(1, seed=next(_SEEDS)),
    "one replaced": lambda: publish(1),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.builds", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[3_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parsed = parser.parse_args()
    if (messages := held()) > 2 * parsed.sizes[0]:
        parser.error(
            f"the stack already holds {messages:,} messages: begin with a larger size, "
            "or run `make STACK=bench down` and remove .stack/bench"
        )
    seconds(*_DBT, "seed")
    print(f"{'messages':>9}  {'change':<12} {'command':<7} {'s':<20} {'rows':>11}  MB")
    medians: dict[int, dict[str, float]] = {}
    for size in parsed.sizes:
        if (messages := held()) < size:
            publish(size, skip=messages)
            _land()
        _measure("backlog", "run", runs=1)
        _measure("backlog", "build", runs=1)
        messages = held()
        medians[messages] = {
            f"{command}, {change}": _measure(change, command, parsed.runs)
            for change in _CHANGES
            for command in ("run", "build")
        }
        print(f"peak resident memory of Spark: {peak_memory():.1f} GB", flush=True)
    (first, before), *_, (last, after) = [*medians.items()] * 2
    if last > 2 * first:
        sizes = f"{last:,} / {first:,} messages"
        ratios = {f"{name}, {sizes}": after[name] / before[name] for name in after}
        record("builds", ratios)
    else:
        print("no ratio: the last size is not more than twice the first")
    return 0


def _land() -> None:
    seconds(*INGEST, "drain")


def _measure(change: str, command: str, runs: int) -> float:
    """Print a line: seconds of each run, and what the last one has read.

    Returns:
        The median of the seconds.
    """
    times = []
    for _ in range(runs):
        if change in _CHANGES:
            _CHANGES[change]()
            _land()
        done = _newest_stage()
        times.append(seconds(*_DBT, command))
    rows, size = _read_since(done)
    listed = " / ".join(f"{each:.1f}" for each in times)
    print(
        f"{held():>9,}  {change:<12} {command:<7} {listed:<20} {rows:>11,}  "
        f"{size / 1e6:,.1f}",
        flush=True,
    )
    return median(times)


def _stages() -> list[dict[str, Any]]:
    with urllib.request.urlopen(_SPARK) as answer:
        [application] = json.load(answer)
    with urllib.request.urlopen(f"{_SPARK}/{application['id']}/stages") as answer:
        stages: list[dict[str, Any]] = json.load(answer)
    return stages


def _newest_stage() -> int:
    return max((stage["stageId"] for stage in _stages()), default=-1)


def _read_since(done: int) -> tuple[int, int]:
    """Return the rows and bytes that the tasks of later stages have read."""
    later = [stage for stage in _stages() if stage["stageId"] > done]
    return (
        sum(stage["inputRecords"] for stage in later),
        sum(stage["inputBytes"] for stage in later),
    )


if __name__ == "__main__":
    sys.exit(main())
