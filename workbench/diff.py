"""Compare tables in one's own schemas with the shared ones, row by row."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.program import CommandError
from cli.settings import Settings
from cli.spark_sql import Client, Rows
from workbench.leftovers import tables
from workbench.project import Project, downstream, exposures, key_of

_EXAMPLES = 3  # rows shown of each kind of change
_TEXT = 60  # characters shown of a value
_FLOATING = ("float", "double")
# Sums of the same numbers in another order differ by less.
_TOLERANCE = "1e-9"

Read = Callable[[str], Rows]


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
    """

    key: list[str]
    old_count: int
    new_count: int
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

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
    project = Project(shared)
    project.parse()
    spark = Client(settings)
    console = Console(highlight=False, soft_wrap=True, record=True)
    there = tables(spark.read, {node.schema for node in project.built()})
    nodes = [node for node in project.built() if node.relation_name in there]
    if model:
        project.check(model)
        nodes = [node for node in nodes if node.name == model]
    if not nodes:
        raise CommandError(
            f"{model or 'no model'} is not built in your own schemas: run `make dev`"
        )
    for node in nodes:
        title = f"{node.name}: {node.relation_name}"
        if relation := project.shared_relations().get(node.name):
            key = key_of(project.manifest, node)
            found = difference(spark.read, node.relation_name, relation, key)
            console.print(Text(f"{title} against {relation}", style="bold"))
            _print(console, found)
        else:
            console.print(Text(f"{title} is new", style="bold"))
        readers = downstream(project.manifest, [node.name])
        readers += exposures(project.manifest, [node.name, *readers])
        if readers:
            console.print(Text(f"  read by  {', '.join(readers)}", style="dim"))
    if html:
        console.save_html(str(html))
        console.print(f"written to {html}")


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
    if not found.changes:
        say("equal", f"{_counted(found.new_count)}, matched on {', '.join(found.key)}")
        return
    counts = found.row_counts()
    rows = [f"{counts[kind]:,} {kind}" for kind in ("added", "removed", "changed")]
    if counts["moved"]:
        rows.append(f"{counts['moved']:,} with another rank only")
    total = f"{found.old_count:,} → {found.new_count:,}"
    say("rows", f"{total}: {', '.join(rows)}, matched on {', '.join(found.key)}")
    for name, row_count in found.column_counts().items():
        say("changed", f"{name} in {_counted(row_count)}", "yellow")
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


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _shown(text: str | None) -> str:
    if text is None:
        return "NULL"
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"


def difference(read: Read, own: str, shared: str, key: Sequence[str]) -> Difference:
    """Compare two tables.

    Args:
        read: returns columns with types, and rows, of a statement.
        key: columns that identify a row; none if only whole rows can be compared.
    """
    new = read(f"select * from {own} limit 0").columns
    old = read(f"select * from {shared} limit 0").columns
    columns = {
        name: (old.get(name, ""), new.get(name, ""))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    }
    both = [name for name in new if name in old]
    matched = [name for name in key if name in both] or both
    (old_print, new_print) = (
        read(_fingerprint(relation, both)).rows[0] for relation in (shared, own)
    )
    changes = []
    if old_print != new_print or any(name in columns for name in both):
        types = {name: (old[name], new[name]) for name in both}
        changes = _changes(read(_changed_rows(own, shared, matched, types)).rows)
    return Difference(matched, old_print[0], new_print[0], columns, changes)


def _fingerprint(relation: str, columns: Sequence[str]) -> str:
    return (
        f"select count(*), sum(cast(xxhash64({', '.join(columns)}) as decimal(38)))"
        f" from {relation}"
    )


def _changed_rows(
    own: str, shared: str, key: Sequence[str], types: Mapping[str, tuple[str, str]]
) -> str:
    """Return a query for some rows of each kind of change, and how many there are.

    Columns: kind, names of the changed columns, number of such rows, key as JSON, and
    each change as struct of name, old and new text.
    """
    matched = " and ".join(f"new.{name} <=> old.{name}" for name in key)
    named = ", ".join(f"coalesce(new.{name}, old.{name}) as {name}" for name in key)
    changed = ", ".join(
        f"if({_is_equal(name, *pair)}, null, named_struct('name', '{name}', "
        f"'old', cast(old.{name} as string), 'new', cast(new.{name} as string)))"
        for name, pair in types.items()
        if name not in key
    )
    both = "old.is_there and new.is_there"
    return f"""
        with pairs as (
            select
                struct({named}) as row_key,
                case when old.is_there is null then 'added'
                    when new.is_there is null then 'removed'
                    else 'changed' end as kind,
                if({both}, array_compact(array({changed})), array()) as changes
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


def _is_equal(name: str, old_type: str, new_type: str) -> str:
    if old_type != new_type:
        return f"cast(old.{name} as string) <=> cast(new.{name} as string)"
    equal = f"old.{name} <=> new.{name}"
    if old_type in _FLOATING:
        equal += (
            f" or coalesce(abs(old.{name} - new.{name}) <= {_TOLERANCE}"
            f" * greatest(abs(old.{name}), abs(new.{name})), false)"
        )
    return equal


def _changes(rows: Sequence[Sequence[Any]]) -> list[Change]:
    found: dict[tuple[str, str], Change] = {}
    for kind, names, row_count, key, changes in rows:
        change = found.setdefault(
            (kind, names), Change(kind, tuple(json.loads(names)), row_count, [])
        )
        pairs = [(each.get("old"), each.get("new")) for each in json.loads(changes)]
        change.examples.append((json.loads(key), pairs))
    return list(found.values())
