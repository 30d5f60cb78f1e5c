"""Compare tables in one's own schemas with the shared ones, row by row."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.program import CommandError, counted
from cli.settings import Settings
from cli.spark_sql import Client, StatementError
from workbench.leftovers import tables
from workbench.project import OwnProject, downstream, exposures, key_of

_EXAMPLES = 3  # rows shown of each kind of change
_TEXT = 60  # characters shown of a value
_NUMBER = re.compile(r"(tiny|small|big)?int|decimal|float|double")
_NESTED = re.compile(r"array|struct|map|variant")
# Sums of the same numbers in another order differ by less.
_TOLERANCE = "1e-9 * greatest(1e-3, {size})"

_OLDER = (
    "built before the shared table, which may have newer messages: build it again with "
    "`make dev`"
)


@dataclass(frozen=True)
class Change:
    """Rows that changed in the same columns; or that only one table has.

    Attributes:
        kind: `added`, `removed` or `changed`.
        columns: that differ, of changed rows.
        examples: of some rows, the key and the old and new text of each such column.
    """

    kind: str
    columns: tuple[str, ...]
    row_count: int
    examples: list[tuple[dict[str, Any], list[tuple[str | None, str | None]]]]

    @property
    def is_rank_only(self) -> bool:
        """Another row has moved this one, whose own numbers are the same."""
        return bool(self.columns) and all(
            name.endswith("_rank") for name in self.columns
        )


@dataclass(frozen=True)
class Difference:
    """How a table differs from the shared one, matched by its key.

    Attributes:
        columns: that were added, removed, or have another type: old and new type.
        is_equal: whether each value is the same, to the last digit.
        why_not_matched: why rows could not be compared one by one.
    """

    key: list[str]
    old_count: int
    new_count: int
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    is_equal: bool = False
    why_not_matched: str = ""

    def row_counts(self) -> Counter[str]:
        """Return the rows of each kind; those that only moved count as `moved`."""
        counts: Counter[str] = Counter()
        for change in self.changes:
            kind = "moved" if change.is_rank_only else change.kind
            counts[kind] += change.row_count
        return counts

    def column_counts(self) -> Counter[str]:
        """Return in how many rows each column changed."""
        counts: Counter[str] = Counter()
        for change in self.changes:
            counts.update(dict.fromkeys(change.columns, change.row_count))
        return counts


def diff(
    settings: Settings, shared: Path, model: str | None, html: Path | None
) -> None:
    """Print how one's own tables differ from the shared ones, which stay as they are.

    Args:
        shared: directory with the manifest of the last shared build.
        model: its name; default: every model and seed that is in one's own schemas.
        html: also write what is printed to this page.

    Raises:
        CommandError: there is nothing to compare.
    """
    project = OwnProject(shared)
    project.parse()
    spark = Client(settings)
    console = Console(highlight=False, soft_wrap=True, record=True)
    there = tables(spark, {node.schema for node in project.built()})
    nodes = [node for node in project.built() if node.relation_name in there]
    if model:
        project.check(model)
        nodes = [node for node in nodes if node.name == model]
    if not nodes:
        what = f"{model} is not" if model else "nothing is"
        raise CommandError(f"{what} built in your own schemas: run `make dev`")
    for node in nodes:
        _compare(console, spark, project, node)
    if html:
        console.save_html(str(html))
        console.print(f"written to {html}")


def _compare(console: Console, spark: Client, project: OwnProject, node: Any) -> None:
    own, shared = node.relation_name, project.shared_relations.get(node.name)
    title = f"{own} against {shared}" if shared else f"{own} is new"
    console.print(Text(f"{node.name}: {title}", style="bold"))
    try:
        if shared:
            found = difference(spark, own, shared, key_of(project.manifest, node))
            _print(console, found)
            if not found.is_equal and _is_older(spark, own, shared):
                console.print(Text(f"  {_OLDER}", style="yellow"))
    except StatementError as error:
        console.print(Text(f"  can't be compared: {error}", style="red"))
    readers = downstream(project.manifest, [node.name])
    readers += exposures(project.manifest, [node.name, *readers])
    if readers:
        console.print(Text(f"  read by  {', '.join(readers)}", style="dim"))


def _is_older(spark: Client, own: str, shared: str) -> bool:
    [[is_older]] = spark.read(
        f"select (select max(committed_at) from {own}.snapshots)"
        f" < (select max(committed_at) from {shared}.snapshots)"
    ).rows
    return bool(is_older)


def _print(console: Console, found: Difference) -> None:
    def say(heading: str, text: str, style: str = "") -> None:
        console.print(Text(f"  {heading:<8} {text}", style=style))

    for name, (old, new) in found.columns.items():
        if not old:
            say("column", f"+ {name} {new}", "green")
        elif not new:
            say("column", f"- {name} {old}", "red")
        else:
            say("column", f"{name} {old} → {new}", "yellow")
    total = f"{found.old_count:,} → {found.new_count:,}"
    if found.why_not_matched:
        say("rows", f"{total}, not compared one by one: {found.why_not_matched}", "red")
        return
    if not found.changes:
        digits = "" if found.is_equal else ", but for the last digits of numbers"
        say("equal", f"{counted(found.new_count, 'row')}{digits}")
        return
    counts = found.row_counts()
    rows = [f"{counts[kind]:,} {kind}" for kind in ("added", "removed", "changed")]
    if counts["moved"]:
        rows.append(f"{counts['moved']:,} with another rank only")
    say("rows", f"{total}: {', '.join(rows)}, matched on {', '.join(found.key)}")
    for name, row_count in found.column_counts().items():
        say("changed", f"{name} in {counted(row_count, 'row')}", "yellow")
    styles = {"added": "green", "removed": "red", "changed": "yellow"}
    for change in found.changes:
        if change.is_rank_only:
            continue
        for key, pairs in change.examples:
            row = ", ".join(f"{name} {value}" for name, value in key.items())
            say(change.kind, row, styles[change.kind])
            for name, (old_text, new_text) in zip(change.columns, pairs, strict=True):
                say("", f"  {name}  {_shown(old_text)} → {_shown(new_text)}")
        if len(change.examples) < change.row_count:
            say("", f"… and {change.row_count - len(change.examples):,} more such rows")


def _shown(text: str | None) -> str:
    if text is None:
        return "NULL"
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"


def difference(spark: Client, own: str, shared: str, key: Sequence[str]) -> Difference:
    """Compare two tables.

    Args:
        own, shared: names, or queries in parentheses.
        key: columns that identify a row.
    """
    old, new = (spark.types(f"select * from {table}") for table in (shared, own))
    columns = {
        name: (old.get(name, ""), new.get(name, ""))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    }
    types = {name: (old[name], new[name]) for name in new if name in old}
    # A sum of hashes of rows: one scan of each table tells that they are equal.
    [[old_count, old_sum]], [[new_count, new_sum]] = (
        spark.read(
            f"select count(*), sum(cast(xxhash64({_hashed(kinds)}) as decimal(38)))"
            f" from {table}"
        ).rows
        for table, kinds in (
            (shared, {name: old[name] for name in types}),
            (own, {name: new[name] for name in types}),
        )
    )
    is_equal = (old_count, old_sum) == (new_count, new_sum) and not any(
        name in columns for name in types
    )
    found = Difference(list(key), old_count, new_count, columns, is_equal=is_equal)
    if is_equal:
        return found
    if reason := _why_not_matched(spark, own, shared, key, types):
        return replace(found, why_not_matched=reason)
    rows = spark.read(_changed_rows(own, shared, key, types)).rows
    return replace(found, changes=_changes(rows))


def _hashed(types: Mapping[str, str]) -> str:
    """Return columns for a hash, which skips nulls and empty arrays by itself."""
    return ", ".join(
        f"isnull({name}), {f'to_json({name})' if _NESTED.match(kind) else name}"
        for name, kind in types.items()
    )


def _why_not_matched(
    spark: Client,
    own: str,
    shared: str,
    key: Sequence[str],
    types: Mapping[str, tuple[str, str]],
) -> str:
    if not key:
        return "no test says which columns identify a row"
    for name in key:
        if name not in types:
            return f"the key column {name} is not in both tables"
    for table in (own, shared):
        [[repeated]] = spark.read(
            f"select count(*) - count(distinct struct({', '.join(key)})) from {table}"
        ).rows
        if repeated:
            return f"{counted(repeated, 'row')} of {table} too many for a unique key"
    return ""


def _changed_rows(
    own: str, shared: str, key: Sequence[str], types: Mapping[str, tuple[str, str]]
) -> str:
    """Return a query for some rows of each kind of change, and how many there are.

    Columns: kind, names of the changed columns as JSON, number of such rows, key as
    JSON, and as JSON an array of each changed column's name, old and new text.
    """
    matched = " and ".join(_is_equal(name, *types[name]) for name in key)
    named = ", ".join(
        f"coalesce({_text('new', name, types[name][1])}, "
        f"{_text('old', name, types[name][0])}) as {name}"
        for name in key
    )
    changed = ", ".join(
        f"if({_is_near(name, *pair)}, null, struct('{name}' as name, "
        f"{_text('old', name, pair[0])} as old, {_text('new', name, pair[1])} as new))"
        for name, pair in types.items()
        if name not in key
    )
    changes = (
        f"cast(array({changed}) as array<struct<name:string,old:string,new:string>>)"
    )
    return f"""
        with pairs as (
            select
                struct({named}) as row_key,
                case when old.is_there is null then 'added'
                    when new.is_there is null then 'removed'
                    else 'changed' end as kind,
                if(old.is_there and new.is_there, array_compact({changes}), array())
                    as changes
            from (select *, true as is_there from {own}) as new
            full outer join (select *, true as is_there from {shared}) as old
                on {matched}
        ),
        changed as (
            select *, transform(changes, change -> change.name) as names
            from pairs
            where kind != 'changed' or size(changes) > 0
        ),
        counted as (
            select
                *,
                count(*) over (partition by kind, names) as row_count,
                row_number() over (partition by kind, names order by row_key) as place
            from changed
        )
        select kind, to_json(names), row_count, to_json(row_key), to_json(changes)
        from counted
        where place <= {_EXAMPLES}
        order by kind, row_count desc, names, place
    """


def _text(side: str, name: str, kind: str) -> str:
    value = f"{side}.{name}"
    return f"to_json({value})" if _NESTED.match(kind) else f"cast({value} as string)"


def _is_equal(name: str, old_type: str, new_type: str) -> str:
    if old_type == new_type and not _NESTED.match(old_type):
        return f"old.{name} <=> new.{name}"
    if _NUMBER.match(old_type) and _NUMBER.match(new_type):
        return f"cast(old.{name} as double) <=> cast(new.{name} as double)"
    return f"{_text('old', name, old_type)} <=> {_text('new', name, new_type)}"


def _is_near(name: str, old_type: str, new_type: str) -> str:
    """Return whether two values are the same, but for the last digits of a double."""
    equal = _is_equal(name, old_type, new_type)
    if not {"double", "float"} & {old_type, new_type} or not (
        _NUMBER.match(old_type) and _NUMBER.match(new_type)
    ):
        return equal
    size = f"greatest(abs(old.{name}), abs(new.{name}))"
    tolerance = _TOLERANCE.format(size=size)
    # NaN and infinity are near nothing; Spark has NaN above infinity.
    return (
        f"{equal} or coalesce({size} < double('infinity')"
        f" and abs(old.{name} - new.{name}) <= {tolerance}, false)"
    )


def _changes(rows: Sequence[Sequence[Any]]) -> list[Change]:
    found: dict[tuple[str, str], Change] = {}
    for kind, names, row_count, key, changes in rows:
        change = found.setdefault(
            (kind, names), Change(kind, tuple(json.loads(names)), row_count, [])
        )
        pairs = [(each.get("old"), each.get("new")) for each in json.loads(changes)]
        change.examples.append((json.loads(key), pairs))
    return list(found.values())
