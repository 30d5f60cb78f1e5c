"""Land and build in random order, and compare each table with one full refresh.

A history publishes new attempts, and old ones again: later, earlier, longer, shorter,
in another exam, in another partition. In between it lands what is there, builds all or
some models, as a build does that fails on the way, edits the seed of test exams, and
refreshes some models in full. The seed repeats a history.
"""

import argparse
import csv
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.stack import copy_project
from tests.integration.stack import (
    Dbt,
    built_tables,
    fresh_stack,
    ingest,
    produce,
    query,
)
from tests.quirks import FIRST_TIMESTAMP, PARTITIONS, RawMessage, assessment

_HISTORY = "config.materialized:incremental"
_RESULTS = ("items", "audit", "dim_courses", "dim_exams")
_EXAMS = ("alpha-1", "alpha-2", "beta-1")


def _shorten_slices(project: Path, length: int) -> None:
    """Let a few messages fill many slices, in a copy of the project."""
    slices = project / "macros" / "slices.sql"
    text = slices.read_text()
    assert text.count("10000") == 1
    slices.write_text(text.replace("10000", str(length)))


class Project(Dbt):
    """A dbt project with tiny slices."""

    def __init__(self, place: Path) -> None:
        self._place = place
        copy_project(place)
        _shorten_slices(place, 3)
        self._seed = place / "seeds" / "excluded_exams.csv"
        super().__init__(place, {"DBT_TARGET_PATH": "target"})

    def exclude(self, exams: Sequence[str]) -> None:
        """Make these the test exams."""
        with self._seed.open("w", newline="") as file:
            csv.writer(file).writerows(
                [("exam_id", "reason"), *((exam, "tries the system") for exam in exams)]
            )
        self("seed", "--select", "excluded_exams")

    def models(self) -> list[str]:
        """Return the incremental models, once dbt has parsed the project."""
        manifest = json.loads((self._place / "target" / "manifest.json").read_text())
        return sorted(
            node["name"]
            for node in manifest["nodes"].values()
            if node["config"].get("materialized") == "incremental"
        )


def history(dbt: Project, steps: int, seed: int) -> list[str]:
    """Run one history on the test stack; return the tables that differ in the end."""
    choice = random.Random(seed)
    _land(choice, seed)
    dbt.exclude(_EXAMS[:1])
    dbt("run", "--full-refresh", "--select", _HISTORY)
    models = dbt.models()
    for _ in range(steps):
        _land(choice, seed)
        some = choice.sample(models, choice.randint(1, len(models)))
        match choice.randrange(5):
            case 0:
                dbt.exclude(choice.sample(_EXAMS, choice.randint(0, 2)))
            case 1:
                dbt("run", "--full-refresh", "--select", *some)
            case 2 | 3:
                dbt("run", "--select", *some)
            case _:
                dbt("run", "--select", _HISTORY)
    dbt("run", "--select", _HISTORY, *_RESULTS)
    built = _tables()
    dbt("run", "--full-refresh", "--select", _HISTORY, *_RESULTS)
    refreshed = _tables()
    return [name for name, rows in refreshed.items() if built[name] != rows]


def _land(choice: random.Random, history: int) -> None:
    messages = [_message(choice, history) for _ in range(choice.randint(1, 12))]
    produce(messages)
    ingest("drain")


def _message(choice: random.Random, history: int) -> RawMessage:
    """Return a message of one of few attempts, so that most come more than once."""
    exam = choice.choice(_EXAMS)
    results = [
        choice.choice(("correct", "incorrect", "missed_some", "unanswered"))
        for _ in range(choice.randint(0, 4))
    ]
    attempt = assessment(
        f"{history}-{choice.randrange(20)}",
        exam_id=exam,
        course_name=exam.partition("-")[0],
        results=results,
    )
    value = choice.choice((b"{", *[json.dumps(attempt).encode()] * 9))
    return RawMessage(
        partition=choice.randrange(PARTITIONS),
        timestamp_ms=FIRST_TIMESTAMP + choice.randrange(5),
        key=None,
        value=value,
    )


def _tables() -> dict[str, list[str]]:
    """Return the sorted rows of every table that dbt has built."""
    return {
        name: sorted(map(_text, query(f"select * from {name}")))
        for name in built_tables()
    }


def _text(row: tuple[Any, ...]) -> str:
    """Return a row as text; the order of an attempt's messages means nothing."""
    return repr(
        [
            sorted(json.loads(value), key=str)
            if isinstance(value, str) and value.startswith('[{"_kafka_partition"')
            else value
            for value in row
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.histories", description=__doc__
    )
    parser.add_argument("--histories", type=int, default=30)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parsed = parser.parse_args()
    failed = 0
    with (
        tempfile.TemporaryDirectory() as place,
        fresh_stack(),
        closing(Project(Path(place))) as dbt,
    ):
        for seed in range(parsed.seed, parsed.seed + parsed.histories):
            different = history(dbt, parsed.steps, seed)
            failed += bool(different)
            print(f"seed {seed}: {', '.join(different) or 'equal'}", flush=True)
    print(f"{parsed.histories} histories, {failed} differ from a full refresh")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
