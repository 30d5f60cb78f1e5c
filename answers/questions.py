"""The questions and how their answers are shown, from dbt's manifest.

A question is set in its model's yml, under `config: meta:`

    question   its text; it is all that a model needs to be among the answers
    number     its place among the numbered questions; the others follow, by model name
    headings   columns to show, in order, each with its heading; default: all columns,
               headed by their names
    where      rows to show, unless it is a ranking; default: all
    order_by   default: a ranking by rank, anything else by all columns
    sentence   the answer in words, for the report, which then also draws the first two
               shown columns as bars; default of a ranking: what comes first. In braces:
               a column of the first row, or a value of the first column, which stands
               for that of the second
    note       one line with the answer, such as what is left out

A ranking is a model whose first shown column ends in `_rank`. Its second column is what
is ranked, its third the value that it is ranked by.
"""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from cli.program import CommandError
from cli.settings import dbt_target

MANIFEST = dbt_target() / "manifest.json"
# A ranking is cut at a rank, never at a number of rows, so that no tied row is omitted.
TOP_RANK = 5
_RATES = ("_rate", "_share")
_KEYS = {"question", "number", "headings", "where", "order_by", "sentence", "note"}


@dataclass(frozen=True)
class Question:
    """One question and the model that answers it."""

    text: str
    model: str
    relation: str
    number: int | None = None
    headings: dict[str, str] = field(default_factory=dict)
    where: str = ""
    order_by: str = ""
    sentence: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.number}. {self.text}" if self.number else self.text

    @property
    def rank(self) -> str | None:
        """The column with the rank, if the model is a ranking."""
        first = next(iter(self.headings), "")
        return first if first.endswith("_rank") else None

    @property
    def source(self) -> str:
        """The model, and how much of it is shown."""
        cut = f", ranks 1 to {TOP_RANK} with all ties" if self.rank else ""
        return self.model + cut

    @property
    def query(self) -> str:
        shown = f"{self.rank} <= {TOP_RANK}" if self.rank else self.where
        where = f" where {shown}" if shown else ""
        columns = list(self.headings)
        order = self.order_by or ", ".join(columns[:2] if self.rank else columns)
        return (
            f"select {', '.join(columns)} from {self.relation}{where} order by {order}"
        )


def read_manifest() -> Any:
    """Return dbt's manifest.

    Raises:
        CommandError: it can't be read.
    """
    try:
        return json.loads(MANIFEST.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{MANIFEST} can't be read ({error}): create it with `dbt parse`"
        ) from error


def questions(manifest: Any) -> list[Question]:
    """Return the models with a `meta.question`: numbered ones first, in their order.

    Raises:
        CommandError: a key of `meta` is misspelled, or a heading is of no column.
    """
    found = []
    for node in manifest["nodes"].values():
        meta = node["config"].get("meta", {})
        if node["resource_type"] == "model" and "question" in meta:
            # Other keys may be of use to others.
            for key in meta.keys() - _KEYS:
                for similar in get_close_matches(key, _KEYS, n=1, cutoff=0.75):
                    raise CommandError(
                        f"{node['name']}: meta.{key} is unknown: is it {similar}?"
                    )
            names = {name: name.replace("_", " ") for name in node["columns"]}
            for name in meta.get("headings", ()):
                if name not in names:
                    raise CommandError(
                        f"{node['name']}: meta.headings has {name}, which is no column"
                    )
            found.append(
                Question(
                    text=meta["question"],
                    model=node["name"],
                    relation=node["relation_name"],
                    number=meta.get("number"),
                    headings=meta.get("headings") or names,
                    where=meta.get("where", ""),
                    order_by=meta.get("order_by", ""),
                    sentence=meta.get("sentence", ""),
                    note=meta.get("note", ""),
                )
            )
    return sorted(
        found, key=lambda each: (each.number is None, each.number or 0, each.model)
    )


def format_cell(column: str, value: Any) -> str:
    """Format a value for people; the column's name says if a number is a rate."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return percent(value) if column.endswith(_RATES) else f"{value:.4f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)


def percent(share: float) -> str:
    """Format a share of 0 to 1; only exactly 0 and 1 become 0.0% and 100.0%."""
    if 0 < share < 0.0001:
        return "<0.01%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.2%}" if 0 < share < 0.01 else f"{share:.1%}"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
