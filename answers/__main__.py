"""python -m answers: print each question with a small table that answers it."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from answers.questions import (
    Question,
    format_cell,
    is_number,
    questions,
    read_manifest,
)
from cli import program
from cli.program import CommandError
from cli.settings import from_environment
from cli.spark_sql import Client, StatementError

EXAMPLES = """\
  make answers                                  from the shared schemas
  DBT_TARGET=developer make answers             from your own schemas
"""
_WIDTH_WHEN_PIPED = 80
_ROWS = 20  # shown of a model that is not a ranking


def main() -> int:
    parser = program.parser(
        "python -m answers",
        "Print every question in dbt's manifest with its answer from the marts.",
        EXAMPLES,
    )
    return program.run(_run, parser.parse_args(), "answers")


def _run(_: argparse.Namespace) -> None:
    asked = questions(read_manifest())
    is_piped = not sys.stdout.isatty()
    console = Console(width=_WIDTH_WHEN_PIPED if is_piped else None, highlight=False)
    with closing(Client(from_environment(os.environ))) as spark:
        for question in asked:
            rows = _read(spark, question)
            console.print(Text(question.title, style="bold"))
            _print(console, question, rows)


def _read(spark: Client, question: Question) -> list[Sequence[Any]]:
    try:
        return spark.read(question.query, None if question.rank else _ROWS + 1).rows
    except StatementError as error:
        reason = f"can't be read: {error}"
        if error.error and error.error.error_class == "TABLE_OR_VIEW_NOT_FOUND":
            reason = "does not exist: build it with `make build`"
        raise CommandError(f"{question.relation} {reason}") from error


def _print(console: Console, question: Question, rows: list[Sequence[Any]]) -> None:
    shown = rows if question.rank else rows[:_ROWS]
    headings = list(question.headings.values())
    cells = [list(map(format_cell, question.headings, row)) for row in shown]
    right = [any(map(is_number, column)) for column in zip(*shown, strict=True)]
    right = right or [False] * len(headings)
    # A few rows with many columns don't fit a terminal, so they are transposed.
    if not question.rank and 0 < 2 * len(shown) < len(headings):
        [headings, *cells] = [list(line) for line in zip(headings, *cells, strict=True)]
        right = [False] + [True] * len(shown)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for heading, is_right in zip(headings, right, strict=True):
        justify: JustifyMethod = "right" if is_right else "left"
        # A long identifier is broken, not cut.
        table.add_column(heading, justify=justify, overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))
    console.print(table)
    if not rows:
        console.print("(no rows)")
    if len(shown) < len(rows):
        console.print(f"… and more rows: select * from {question.relation}")
    if question.note:
        console.print(question.note, style="dim")
    console.print(f"{question.source}\n", style="dim")


if __name__ == "__main__":
    sys.exit(main())
