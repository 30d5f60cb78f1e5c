"""python -m answers: the eight questions in their own words, each with a small table.

The questions and the names of the tables come from dbt's manifest, so that a question
has one wording and a developer's target prints the developer's tables.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyhive import hive
from pyhive.exc import Error as HiveError
from rich.console import Console
from rich.table import Table
from rich.text import Text
from thrift.transport.TTransport import TTransportException

MANIFEST = Path(os.environ.get("DBT_TARGET_PATH", "target"), "manifest.json")
_TOP_RANK = 5
_TEXT_COLUMNS = {"course_name", "unit", "definition"}
_WIDTH_WHEN_PIPED = 80


class AnswersError(Exception):
    """What failed and what to do, in one line."""


@dataclass(frozen=True)
class Answer:
    """Which columns of a model to show, under which headings, in which order."""

    model: str
    columns: dict[str, str]
    order_by: str = "course_rank, course_name"
    is_ranking: bool = True
    is_transposed: bool = False
    notes: str = ""


ANSWERS = (
    Answer(
        "rpt_assessment_totals",
        {"unit": "unit", "assessment_count": "count", "definition": "what it counts"},
        order_by="unit_order",
        is_ranking=False,
    ),
    Answer(
        "rpt_least_common_courses",
        {
            "course_rank": "rank",
            "course_name": "course",
            "attempt_count": "attempts",
            "attempt_share": "share",
        },
    ),
    Answer(
        "rpt_most_common_courses",
        {
            "course_rank": "rank",
            "course_name": "course",
            "attempt_count": "attempts",
            "attempt_share": "share",
        },
    ),
    Answer(
        "rpt_longest_courses",
        {
            "course_rank": "rank",
            "course_name": "course",
            "question_count": "questions",
            "exam_count": "exams",
        },
    ),
    Answer(
        "rpt_course_score_summary",
        {
            "grain": "over",
            "item_count": "items",
            "mean_score": "mean",
            "stddev_score": "standard deviation",
            "min_score": "minimum",
            "q1_score": "first quartile",
            "median_score": "median",
            "q3_score": "third quartile",
            "max_score": "maximum",
        },
        order_by="grain desc",
        is_ranking=False,
        is_transposed=True,
        notes="course: over the courses' averages; attempt: over all scores",
    ),
    Answer(
        "rpt_perfect_scores",
        {
            "course_rank": "rank",
            "course_name": "course",
            "perfect_count": "perfect",
            "attempt_count": "of",
            "perfect_rate": "share",
        },
    ),
    Answer(
        "rpt_scores_below_50",
        {
            "course_rank": "rank",
            "course_name": "course",
            "below_50_count": "below 50",
            "attempt_count": "of",
            "below_50_rate": "share",
        },
    ),
    Answer(
        "rpt_incomplete_unanswered_questions",
        {
            "course_rank": "rank",
            "course_name": "course",
            "incomplete_count": "incomplete",
            "unanswered_count": "unanswered",
            "incomplete_unanswered_count": "both",
            "question_count": "of",
            "incomplete_unanswered_rate": "share",
        },
    ),
)


def main() -> int:
    """Exit code: 0 printed, 1 failed with one line on standard error."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _WIDTH_WHEN_PIPED, highlight=False)
    try:
        nodes = _models()
        with _connect() as connection:
            for number, answer in enumerate(ANSWERS, start=1):
                node = nodes[answer.model]
                rows = _read(connection, answer, node["relation_name"])
                question = node["config"]["meta"]["question"]
                console.print(Text(f"{number}. {question}", style="bold"))
                _print(console, answer, rows)
    except AnswersError as error:
        print(f"answers: {error}", file=sys.stderr)
        return 1
    return 0


def _models() -> dict[str, Any]:
    try:
        manifest = json.loads(MANIFEST.read_text())
    except (OSError, ValueError) as error:
        raise AnswersError(
            f"{MANIFEST} can't be read ({error}): make it with `dbt parse`"
        ) from error
    return {node["name"]: node for node in manifest["nodes"].values()}


def _connect() -> Any:
    host = os.environ.get("SPARK_THRIFT_HOST", "127.0.0.1")
    port = int(os.environ.get("SPARK_THRIFT_PORT", "10000"))
    try:
        return hive.connect(host, port)
    except TTransportException as error:
        raise AnswersError(
            f"no answer from Spark at {host}:{port}: start it with `make up`, or set "
            "SPARK_THRIFT_HOST and SPARK_THRIFT_PORT"
        ) from error


def _read(connection: Any, answer: Answer, relation: str) -> list[Sequence[Any]]:
    where = f" where course_rank <= {_TOP_RANK}" if answer.is_ranking else ""
    query = f"select {', '.join(answer.columns)} from {relation}{where}"
    cursor = connection.cursor()
    try:
        cursor.execute(f"{query} order by {answer.order_by}")
        rows: list[Sequence[Any]] = cursor.fetchall()
    except HiveError as error:
        reason = "TABLE_OR_VIEW_NOT_FOUND"
        if reason in str(error):
            raise AnswersError(f"{relation} does not exist: `make build`") from error
        raise AnswersError(f"{relation} can't be read: {_first_line(error)}") from error
    return rows


def _first_line(error: Exception) -> str:
    status = getattr(error.args[0], "status", None) if error.args else None
    return str(getattr(status, "errorMessage", error)).splitlines()[0]


def _print(console: Console, answer: Answer, rows: list[Sequence[Any]]) -> None:
    names = list(answer.columns)
    headings = list(answer.columns.values())
    cells = [
        [_format(name, value) for name, value in zip(names, row, strict=True)]
        for row in rows
    ]
    left = [name in _TEXT_COLUMNS for name in names]
    if answer.is_transposed:
        [headings, *cells] = [list(line) for line in zip(headings, *cells, strict=True)]
        left = [True] + [False] * len(rows)
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for heading, is_left in zip(headings, left, strict=True):
        shown.add_column(heading, justify="left" if is_left else "right")
    for line in cells:
        shown.add_row(*(Text(cell) for cell in line))
    console.print(shown)
    if not rows:
        console.print("(no scored attempt yet)")
    if answer.notes:
        console.print(answer.notes, style="dim")
    ranks = f", ranks 1 to {_TOP_RANK} with all ties" if answer.is_ranking else ""
    console.print(f"{answer.model}{ranks}\n", style="dim")


def _format(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith(("_share", "_rate")):
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.exit(main())
