"""The answers as HTML, for the notebook and the report made from it.

The HTML reads well in Jupyter and in the report, in light and dark mode, on a phone and
in print. A row is a mapping from column names to values, such as Spark's `asDict()`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from IPython.display import HTML

from answers.questions import Question, format_cell, is_number
from cli.program import CommandError

Row: TypeAlias = Mapping[str, Any]

# Its contrast to white and to black is above 3:1 (WCAG 2.2, 1.4.11).
_COLOUR = "#2f7ed8"
_MARKED_COLOUR = "#d9480f"
_LONG = 44  # characters; a longer text is wrapped
_ROWS = 500  # shown of a table; SQL is better for more
_BARS = 10  # of a ranking and all ties with the last; its table has every row
_NUMBER = ' class="number"'
_QUARTILES = ("min_score", "q1_score", "median_score", "q3_score", "max_score")


def answer(question: Question, ask: Callable[[str], Sequence[Any]]) -> HTML:
    """Return a question and its answer: a table, usually a sentence and a picture too.

    Args:
        ask: returns the rows of a query, each with `asDict()`.

    Raises:
        CommandError: the query fails; the message names the question.
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
        said = (
            _filled(question, rows)
            if rows and question.sentence
            else leaders(first, label, value, heading)
        )
        parts.append(sentence(said).data)
        if not rows:
            return HTML("".join(parts))
        parts.append(bars(rows, label, value, f"{heading}, by rank", rank).data)
    elif question.sentence:
        label, value = list(question.headings)[:2]
        if not rows or not rows[0][value]:
            parts.append(sentence("Nothing is counted yet.").data)
            return HTML("".join(parts))
        parts.append(sentence(_filled(question, rows)).data)
        if set(_QUARTILES) <= set(question.headings):
            parts.append(boxes(rows, label).data)
        else:
            caption = f"{question.headings[value]}, by {question.headings[label]}"
            parts.append(bars(rows, label, value, caption).data)
    if question.note:
        parts.append(sentence(question.note, css_class="note").data)
    whole = table(rows, question.source, question.headings).data
    if question.rank or question.sentence:
        whole = f'<details class="rows"><summary>As a table</summary>{whole}</details>'
    return HTML("".join([*parts, whole]))


def _filled(question: Question, rows: Sequence[Row]) -> str:
    label, value = list(question.headings)[:2]
    words = {str(row[label]): format_cell(value, row[value]) for row in rows}
    words |= {name: format_cell(name, rows[0][name]) for name in question.headings}
    try:
        return question.sentence.format_map(words)
    except KeyError as error:
        raise CommandError(
            f"{question.model}: meta.sentence has {error}, which is no shown column "
            f"and no value of {label}"
        ) from error


def leaders(first: Sequence[Row], label: str, value: str, heading: str) -> str:
    """Name the leaders of a ranking: `“a” and “b” come first (attempts: 3).`"""
    if not first:
        return "Nothing is ranked yet."
    number = format_cell(value, first[0][value])
    verb = "comes" if len(first) == 1 else "come"
    names = listed([str(row[label]) for row in first])
    return f"{names} {verb} first ({heading}: {number})."


def listed(names: Sequence[str]) -> str:
    """Return `“a”`, `“a” and “b”`, or for more than four `“a”, “b”, “c” and 2 more`.

    Each name is isolated (Unicode's FSI and PDI), so that a right-to-left name does not
    change the order of the text after it.
    """
    quoted = [f"“\u2068{name}\u2069”" for name in names]
    if len(quoted) > 4:
        quoted = [*quoted[:3], f"{len(quoted) - 3} more"]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def sentence(text: str, css_class: str = "answer") -> HTML:
    return HTML(f'<p class="{css_class}">{escape(text)}</p>')


def bars(
    rows: Sequence[Row], label: str, value: str, caption: str, rank: str | None = None
) -> HTML:
    """Return a bar for each row, label above, number beside it; "=" marks ties.

    Args:
        label, value, rank: names of columns.
    """
    if not rows:
        return HTML("")
    largest = max(float(row[value] or 0) for row in rows) or 1.0
    ranks = [row[rank] for row in rows] if rank else []
    lines = []
    # Cut at a rank, so that no tied row is omitted.
    shown = [row for row in rows if not rank or ranks.index(row[rank]) < _BARS]
    for row in shown:
        before = ""
        if rank:
            before = f"{row[rank]}{'=' if ranks.count(row[rank]) > 1 else '.'} "
        # Inline, because Jupyter does not have the report's style sheet.
        width = 78 * float(row[value] or 0) / largest
        style = f"display:inline-block;height:.8em;width:{width:.2f}%"
        lines.append(
            f"<li><span>{escape(before + str(row[label]))}</span><br>"
            f'<i aria-hidden="true" style="{style};background:{_COLOUR}"></i> '
            f"{format_cell(value, row[value])}</li>"
        )
    tie = " (= marks ties)" if len(set(ranks)) < len(ranks) else ""
    if len(shown) < len(rows):
        lines.append(f"<li>… and {len(rows) - len(shown):,} more in the table</li>")
    return HTML(
        f'<figure class="bars"><figcaption>{escape(caption + tie)}</figcaption>'
        f'<ul style="list-style:none">{"".join(lines)}</ul></figure>'
    )


def boxes(rows: Sequence[Row], label: str) -> HTML:
    """Return a box plot for each row, on a scale from 0 to 1.

    A line goes from the lowest to the highest score, a box holds the middle half, and a
    bar marks the median.

    Args:
        rows: with min_score, q1_score, median_score, q3_score and max_score.
        label: column with the name of what a row is about.
    """
    left, right, step = 70, 470, 46
    parts = []
    shown = [row for row in rows if row["median_score"] is not None]
    for place, row in enumerate(shown):
        low, first, middle, third, high = (
            round(left + row[name] * (right - left), 1) for name in _QUARTILES
        )
        height = 24 + place * step
        words = ", ".join(
            f"{name.removesuffix('_score')} {row[name]:.3f}" for name in _QUARTILES
        )
        parts.append(
            _svg_text(left - 8, height + 5, "end", str(row[label]))
            + f"<g><title>{words}</title>"
            f'<path d="M{low} {height}H{high}" stroke="currentColor"/>'
            f'<rect x="{first}" y="{height - 12}" width="{round(third - first, 1)}" '
            f'height="24" fill="{_COLOUR}"/>'
            f'<path d="M{middle} {height - 12}v24" stroke="currentColor" '
            'stroke-width="3"/></g>'
        )
    if not parts:
        return HTML("")
    bottom = 24 + len(parts) * step
    for share in (0, 0.25, 0.5, 0.75, 1):
        across = left + share * (right - left)
        parts.append(_svg_text(across, bottom, "middle", f"{share:.0%}"))
    caption = "From the lowest score to the highest; the box holds the middle half"
    return HTML(
        f'<figure class="boxes"><figcaption>{caption}, the bar marks the median'
        f'</figcaption><svg viewBox="0 0 500 {bottom + 8}" role="img" '
        f'aria-label="{caption}" style="max-width:40rem;width:100%;font-size:14px" '
        f'fill="currentColor">{"".join(parts)}</svg></figure>'
    )


def scatter(
    rows: Sequence[Row],
    x: str,
    y: str,
    label: str,
    mark: str,
    caption: str,
    guides: Sequence[float] = (),
) -> HTML:
    """Return a chart with a dot for each row that has both values.

    Args:
        x: column with a share, 0 to 1.
        y: column with a coefficient, -1 to 1.
        label: column with the name that a dot shows under the pointer.
        mark: column that is None for an ordinary row; any other is a larger diamond.
        guides: values of y at which a line crosses the chart.
    """
    dots = [row for row in rows if row[x] is not None and row[y] is not None]
    if not dots:
        return HTML("")
    left, right, top, bottom = 45, 455, 30, 310
    lowest = min(-0.2, *(math.floor(row[y] * 5) / 5 for row in dots))

    def place(across: float, up: float) -> tuple[float, float]:
        height = (1 - up) / (1 - lowest) * (bottom - top)
        return round(left + across * (right - left), 1), round(top + height, 1)

    parts = [
        _svg_text(left, 16, "start", y.replace("_", " ")),
        _svg_text(right, bottom + 40, "end", x.replace("_", " ")),
    ]
    for step in range(round(lowest * 5), 6):
        _, height = place(0, step / 5)
        parts.append(_svg_text(left - 6, height + 4, "end", f"{step / 5:.1f}"))
    for share in (0, 0.25, 0.5, 0.75, 1):
        across, _ = place(share, 0)
        parts.append(_svg_text(across, bottom + 20, "middle", f"{share:.0%}"))
    for guide in guides:
        _, height = place(0, guide)
        parts.append(f'<path d="M{left} {height}H{right}" stroke="currentColor"/>')
    for row in sorted(dots, key=lambda each: each[mark] is not None):
        across, height = place(row[x], row[y])
        words = (row[label], format_cell(x, row[x]), format_cell(y, row[y]), row[mark])
        title = (
            f"<title>{escape(', '.join(str(word) for word in words if word))}</title>"
        )
        if row[mark] is None:
            shape = f'circle cx="{across}" cy="{height}" r="3.5" fill="{_COLOUR}"'
        else:
            diamond = f"M{across} {round(height - 6, 1)}l6 6-6 6-6-6z"
            shape = f'path d="{diamond}" fill="{_MARKED_COLOUR}"'
        parts.append(f"<{shape}>{title}</{shape.split()[0]}>")
    return HTML(
        f'<figure class="scatter"><figcaption>{escape(caption)}</figcaption>'
        f'<svg viewBox="0 0 480 360" role="img" aria-label="{escape(caption)}" '
        'style="max-width:40rem;width:100%;font-size:14px" fill="currentColor">'
        f"{''.join(parts)}</svg></figure>"
    )


def _svg_text(across: float, height: float, anchor: str, words: str) -> str:
    where = f'x="{across}" y="{height}" text-anchor="{anchor}"'
    return f"<text {where}>{escape(words)}</text>"


def table(
    rows: Sequence[Row],
    caption: str,
    headings: Mapping[str, str] | None = None,
    text_limit: int = 300,
) -> HTML:
    """Return a table that can be sorted by each column; cut texts and tables say so.

    Args:
        headings: columns to show, in order; default: those of the first row.
        text_limit: characters to which a longer text is cut.
    """
    if not rows:
        return sentence(f"{caption}: none.", css_class="nothing")
    if headings is None:
        headings = {name: name.replace("_", " ") for name in rows[0]}
    shown = rows[:_ROWS]
    if len(shown) < len(rows):
        caption += f"; the first {_ROWS} of {len(rows):,} rows"
    numbers = {name for name in headings if any(is_number(row[name]) for row in rows)}
    head = "".join(
        f'<th scope="col"{_NUMBER if name in numbers else ""}>'
        f'<button type="button">{escape(heading)}</button></th>'
        for name, heading in headings.items()
    )
    body = "".join(
        "<tr>"
        + "".join(
            _cell(name, row[name], text_limit, is_number_column=name in numbers)
            for name in headings
        )
        + "</tr>"
        for row in shown
    )
    return HTML(
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(name: str, value: Any, text_limit: int, *, is_number_column: bool) -> str:
    """Return a cell: long texts wrap, numbers are right-aligned."""
    text = format_cell(name, value)
    shown = escape(text[:text_limit]) + (" […]" if len(text) > text_limit else "")
    kind = ' class="long"' if len(text) > _LONG else ""
    if is_number_column:
        kind = _NUMBER + (f' data-sort="{value}"' if is_number(value) else "")
    return f"<td{kind}>{shown}</td>"
