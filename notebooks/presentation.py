"""How the notebook shows what it has queried: sentences, tables and charts.

Each returns HTML that reads well in Jupyter and in the report, in light and dark, with
a text in place of every chart.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from html import escape
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from IPython.display import HTML

# Seen on white and on black with a contrast above 3 (WCAG 2.2, 1.4.11).
_COLOURS = ("#2f7ed8", "#c7651a")
_WIDTHS = {"narrow": 320, "wide": 680}
_RATES = ("_rate", "_share")
_LONG = 44
# What no XML, and so no SVG, may hold (XML 1.0, production 2, Char).
_NOT_IN_SVG = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What a table or chart of courses shows; every one of them is in the mart.
TOP_RANK = 5


def sentence(text: str, css_class: str = "answer") -> HTML:
    """One sentence that says in numbers what the table and the chart below it show."""
    return HTML(f'<p class="{css_class}">{escape(text)}</p>')


def table(frame: pd.DataFrame, caption: str, text_limit: int = 300) -> HTML:
    """A table that can be sorted by each column; longer texts are cut and say so."""
    head = "".join(
        f'<th scope="col"{_numeric(frame[name])}>'
        f'<button type="button">{escape(_heading(name))}</button></th>'
        for name in frame
    )
    lines = (
        "".join(
            _cell(frame[name], value, text_limit)
            for name, value in zip(frame, row, strict=True)
        )
        for row in frame.itertuples(index=False)
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    nothing = "" if len(frame) else '<p class="nothing">(none)</p>'
    return HTML(
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{nothing}</div>"
    )


def ranking(
    frame: pd.DataFrame, value: str, label: str, parts: Sequence[str] = ()
) -> HTML:
    """Bars of a ranking, longest or shortest first as ranked; "=" marks tied courses.

    Args:
        frame: `course_rank`, `course_name`, and the values.
        value: the column that is ranked by.
        label: what it counts.
        parts: two columns that the value is the sum of, shown as parts of the bar.
    """
    if frame.empty:
        return HTML("")
    ties = frame["course_rank"].duplicated(keep=False)
    names = [
        f"{rank}{'=' if is_tied else '.'} " + _NOT_IN_SVG.sub("\ufffd", name)
        for rank, name, is_tied in zip(
            frame["course_rank"], frame["course_name"], ties, strict=True
        )
    ]
    texts = [_format(value, each) for each in frame[value]]
    if parts:
        sums = frame[list(parts)].itertuples(index=False)
        texts = [
            f"{text} = {' + '.join(map('{:,}'.format, each))}"
            for text, each in zip(texts, sums, strict=True)
        ]
    # A row by its place, for two names may look alike.
    shown = frame.assign(place=range(len(frame)), name=names, text=texts)
    columns = list(parts) or [value]
    long = shown.melt(["place"], columns, "part", "count").assign(
        part=lambda each: each["part"].map(_heading)
    )
    domain = [_heading(column) for column in columns]

    def chart(width: int) -> Any:
        row = alt.Y("place:O", axis=None, sort=None)
        # Room for the numbers beside the longest bar.
        room = 1.5 if parts else 1.12
        scale = alt.Scale(domain=[0, (float(frame[value].max()) or 1) * room])
        bars = (
            alt.Chart(long)
            .mark_bar(height=13, yOffset=9)
            .encode(
                x=alt.X("sum(count):Q", axis=None, scale=scale),
                y=row,
                order="part:N",
                color=alt.Color(
                    "part:N",
                    scale=alt.Scale(domain=domain, range=_COLOURS[: len(domain)]),
                    legend=alt.Legend(title=None, orient="top") if parts else None,
                ),
            )
        )
        labels = alt.Chart(shown).encode(y=row)
        over = labels.mark_text(align="left", dy=-8, limit=width).encode(
            x=alt.value(0), text="name:N"
        )
        beside = labels.mark_text(align="left", dx=5, dy=9).encode(
            x=alt.X(f"{value}:Q", scale=scale), text="text:N"
        )
        return alt.layer(bars, over, beside).properties(
            width=width - 10, height=alt.Step(38)
        )

    words = "; ".join(
        f"{name}: {text}" for name, text in zip(names, shown["text"], strict=True)
    )
    note = ", with = where courses are tied" if ties.any() else ""
    return _figure(chart, label + note, words)


def histogram(frame: pd.DataFrame, label: str) -> HTML:
    """Columns over the tenths of the score: `tenth` (0 to 9) and `attempt_count`."""
    if frame.empty:
        return HTML("")
    every = frame.set_index("tenth")["attempt_count"].reindex(range(10), fill_value=0)
    names = [f"{tenth * 10} to {tenth * 10 + 10}" for tenth in range(10)]
    shown = pd.DataFrame({"tenth": names, "attempts": every.tolist()})

    def chart(width: int) -> Any:
        return (
            alt.Chart(shown)
            .mark_bar(color=_COLOURS[0])
            .encode(
                x=alt.X("tenth:N", sort=None, title="score, percent").axis(
                    labelAngle=-45 if width == _WIDTHS["narrow"] else 0
                ),
                y=alt.Y("attempts:Q", title="attempts"),
            )
            .properties(width=width - 70, height=220)
        )

    words = "; ".join(
        f"{name} %: {count:,}"
        for name, count in zip(shown["tenth"], shown["attempts"], strict=True)
    )
    return _figure(chart, label, words)


def timeline(frame: pd.DataFrame, label: str) -> HTML:
    """Columns of `attempt_count` over `week`, the Monday it begins with.

    The label counts the attempts of weeks that pandas' nanoseconds don't reach (before
    1677, after 2262).
    """
    shown = frame.assign(week=pd.to_datetime(frame["week"], errors="coerce"))
    shown = shown.dropna(subset="week")
    if shown.empty:
        return HTML("")
    if left_out := int(frame["attempt_count"].sum() - shown["attempt_count"].sum()):
        label += f", but for {counted(left_out, 'attempt')} of impossible years"
    begin, end = shown["week"].min(), shown["week"].max()
    weeks = (end - begin).days // 7 + 1

    def chart(width: int) -> Any:
        room = width - 70
        every = max(weeks * 90 // room, 1)
        ticks = pd.date_range(begin, end, freq=f"{7 * every}D")
        # Half a week of room before the first column and after the last.
        domain = [begin - pd.Timedelta(days=3.5), end + pd.Timedelta(days=3.5)]
        return (
            alt.Chart(shown)
            .mark_bar(color=_COLOURS[0], width=max(room / weeks * 0.8, 1))
            .encode(
                x=alt.X(
                    "week:T",
                    title="week from Monday",
                    scale=alt.Scale(domain=[_vega_date(each) for each in domain]),
                ).axis(
                    values=[_vega_date(tick) for tick in ticks],
                    format="%Y-%m-%d",
                    grid=False,
                ),
                y=alt.Y("attempt_count:Q", title="attempts"),
            )
            .properties(width=room, height=220)
        )

    most = shown.loc[shown["attempt_count"].idxmax()]
    words = (
        f"{counted(len(shown), 'week')} with attempts from {begin:%Y-%m-%d} to "
        f"{end:%Y-%m-%d}; most in the week of {most['week']:%Y-%m-%d}: "
        f"{counted(int(most['attempt_count']), 'attempt')}"
    )
    return _figure(chart, label, words)


def leaders(
    frame: pd.DataFrame, value: str, thing: str, qualifier: str = "", note: str = ""
) -> str:
    """Who is first in a ranking, with how many things: `“a” and “b”: 3 attempts each`.

    Args:
        frame: `course_rank`, `course_name`, and the value.
        value: the column that is ranked by.
        thing: one of what it counts, with its `qualifier` behind it.
        note: what is said of them besides.
    """
    first = frame[frame["course_rank"] == 1]
    if first.empty:
        return "No attempt is scored yet."
    count = int(first[value].iloc[0])
    if not count:
        return " ".join(filter(None, ("No course has a", thing, qualifier))) + "."
    words = (
        f"{listed(first['course_name'].tolist())}: {counted(count, thing)}",
        qualifier,
        "each" if len(first) > 1 else "",
    )
    return " ".join(filter(None, words)) + (f", {note}." if note else ".")


def listed(names: Sequence[str]) -> str:
    """`“a”`, `“a” and “b”`, `“a”, “b” and “c”`; the rest of a long list is counted.

    Each name is isolated (Unicode's FSI and PDI), so that one that is written from
    right to left leaves the order of what follows alone.
    """
    quoted = [f"“\u2068{name}\u2069”" for name in names]
    if len(quoted) > 4:
        quoted = [*quoted[:3], f"{len(quoted) - 3} more"]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def counted(number: int, thing: str) -> str:
    """`1 attempt`, `2 attempts`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1; only what is nothing or all looks like it."""
    if 0 < share < 0.0001:
        return "<0.01%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.2%}" if 0 < share < 0.01 else f"{share:.1%}"


def _figure(chart: Callable[[int], Any], label: str, words: str) -> HTML:
    """The chart in two widths, of which the page shows the one that fits."""
    # Where no style chooses, as in Jupyter, the wide one is shown.
    hidden = {"narrow": ' style="display: none"', "wide": ""}
    pictures = "".join(
        f'<div class="{name}"{hidden[name]}>{_svg(chart(width))}</div>'
        for name, width in _WIDTHS.items()
    )
    return HTML(
        f'<figure><div role="img" aria-label="{escape(label)}. {escape(words)}">'
        f"{pictures}</div><figcaption>{escape(label)}</figcaption></figure>"
    )


def _svg(chart: Any) -> str:
    styled = (
        chart.configure(aria=False, background="transparent", font="sans-serif")
        .configure_view(stroke=None)
        .configure_text(color="currentColor", fontSize=13)
        .configure_legend(labelColor="currentColor", labelFontSize=13)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor="#888",
            tickColor="#888",
            gridColor="#8884",
            labelFontSize=12,
            titleFontSize=13,
            titleFontWeight="normal",
        )
    )
    svg: str = vl_convert.vegalite_to_svg(styled.to_dict())
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _vega_date(when: pd.Timestamp) -> alt.DateTime:
    return alt.DateTime(
        year=when.year, month=when.month, date=when.day, hours=when.hour
    )


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _is_number(column: "pd.Series[Any]") -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def _numeric(column: "pd.Series[Any]") -> str:
    return ' class="number"' if _is_number(column) else ""


def _cell(column: "pd.Series[Any]", value: Any, text_limit: int) -> str:
    """Long texts are wrapped, numbers stand at the right."""
    text = _format(str(column.name), value)
    is_long = len(text) > _LONG and not _is_number(column)
    kind = ' class="long"' if is_long else _numeric(column)
    shown = escape(text[:text_limit]) + (" […]" if len(text) > text_limit else "")
    return f"<td{kind}{_sort_key(value)}>{shown}</td>"


def _sort_key(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f' data-sort="{value}"' if is_number and not pd.isna(value) else ""


def _format(name: str, value: Any) -> str:
    if (
        value is None
        or value is pd.NaT
        or (isinstance(value, float) and pd.isna(value))
    ):
        return "-"
    if isinstance(value, float) and name.endswith(_RATES):
        return percent(value)
    if isinstance(value, float):
        is_count = value.is_integer() and not name.endswith("_score")
        return f"{value:,.0f}" if is_count else f"{value:.4f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)
