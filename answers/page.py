"""The answers as HTML, for the notebook and the report made of it.

Each function returns HTML that reads well in Jupyter and in the report, in light and
dark, on a phone and on paper. Rows are those of Spark: `spark.sql(…).collect()`.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from IPython.display import HTML

from answers.questions import Question, format_cell, is_number
from cli.program import CommandError

Row: TypeAlias = Mapping[str, Any]

# Seen on white and on black with a contrast above 3 (WCAG 2.2, 1.4.11).
_COLOUR = "#2f7ed8"
_LONG = 44  # characters, from which on a text is wrapped
_ROWS = 500  # of a table; a reader of more wants SQL


def answer(question: Question, ask: Callable[[str], Sequence[Any]]) -> HTML:
    """The question, and its answer as a sentence and bars (a ranking) and a table.

    Args:
        ask: returns the rows of a query, each with `asDict()`.

    Raises:
        CommandError: the query fails; the line names the question.
    """
    try:
        rows = [row.asDict() for row in ask(question.query)]
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"“{question.title}”: {reason}") from error
    anchor = escape(question.model)
    parts = [f'<h3 id="{anchor}">{escape(question.title)}</h3>']
    if question.rank:
        rank, label, value = list(question.headings)[:3]
        heading = question.headings[value]
        first = [row for row in rows if row[rank] == 1]
        parts.append(sentence(leaders(first, label, value, heading)).data)
        parts.append(bars(rows, label, value, f"{heading}, by rank", rank).data)
    caption = " — ".join(filter(None, (question.source, question.note)))
    parts.append(table(rows, caption, question.headings).data)
    return HTML("".join(parts))


def leaders(first: Sequence[Row], label: str, value: str, heading: str) -> str:
    """Who is first in a ranking: `“a” and “b” come first (attempts: 3)`."""
    if not first:
        return "Nothing is ranked yet."
    number = format_cell(value, first[0][value])
    verb = "comes" if len(first) == 1 else "come"
    names = listed([str(row[label]) for row in first])
    return f"{names} {verb} first ({heading}: {number})."


def listed(names: Sequence[str]) -> str:
    """`“a”`, `“a” and “b”`, `“a”, “b” and “c”`; the rest of a long list is counted.

    Each name is isolated (Unicode's FSI and PDI), so that one that is written from
    right to left does not change the order of what follows.
    """
    quoted = [f"“\u2068{name}\u2069”" for name in names]
    if len(quoted) > 4:
        quoted = [*quoted[:3], f"{len(quoted) - 3} more"]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def counted(number: int, thing: str) -> str:
    """`1 attempt`, `2 attempts`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def sentence(text: str, css_class: str = "answer") -> HTML:
    return HTML(f'<p class="{css_class}">{escape(text)}</p>')


def bars(
    rows: Sequence[Row], label: str, value: str, caption: str, rank: str | None = None
) -> HTML:
    """One bar a row, its label above it and its number beside it; "=" marks ties."""
    if not rows:
        return HTML("")
    largest = max(float(row[value] or 0) for row in rows) or 1.0
    ranks = [row[rank] for row in rows] if rank else []
    lines = []
    for row in rows:
        before = ""
        if rank:
            before = f"{row[rank]}{'=' if ranks.count(row[rank]) > 1 else '.'} "
        # Where no style sheet is, as in Jupyter, the bar has its own.
        width = 85 * float(row[value] or 0) / largest
        style = f"display:inline-block;height:.8em;width:{width:.2f}%"
        lines.append(
            f"<li><span>{escape(before + str(row[label]))}</span><br>"
            f'<i aria-hidden="true" style="{style};background:{_COLOUR}"></i> '
            f"{format_cell(value, row[value])}</li>"
        )
    tie = ", with = where tied" if len(set(ranks)) < len(ranks) else ""
    return HTML(
        f'<figure class="bars"><figcaption>{escape(caption + tie)}</figcaption>'
        f'<ul style="list-style:none">{"".join(lines)}</ul></figure>'
    )


def table(
    rows: Sequence[Row],
    caption: str,
    headings: Mapping[str, str] | None = None,
    text_limit: int = 300,
) -> HTML:
    """A table that can be sorted by each column; longer texts are cut and say so.

    Args:
        headings: columns to show, in order; default: those of the first row.
    """
    if headings is None:
        headings = {name: name.replace("_", " ") for name in (rows[0] if rows else ())}
    shown = rows[:_ROWS]
    if len(shown) < len(rows):
        caption += f"; the first {_ROWS} of {len(rows):,} rows"
    head = "".join(
        f'<th scope="col"{_align(rows, name)}>'
        f'<button type="button">{escape(heading)}</button></th>'
        for name, heading in headings.items()
    )
    body = "".join(
        f"<tr>{''.join(_cell(name, row[name], text_limit) for name in headings)}</tr>"
        for row in shown
    )
    nothing = "" if rows else '<p class="nothing">(none)</p>'
    return HTML(
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{nothing}</div>"
    )


def _cell(name: str, value: Any, text_limit: int) -> str:
    """Long texts are wrapped, numbers stand at the right."""
    text = format_cell(name, value)
    shown = escape(text[:text_limit]) + (" […]" if len(text) > text_limit else "")
    if is_number(value):
        return f'<td class="number" data-sort="{value}">{shown}</td>'
    kind = ' class="long"' if len(text) > _LONG else ""
    return f"<td{kind}>{shown}</td>"


def _align(rows: Sequence[Row], name: str) -> str:
    return ' class="number"' if any(is_number(row[name]) for row in rows) else ""
