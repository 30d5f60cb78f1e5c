"""Write a new model from a query: SQL, yml with contract and tests, a unit test."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from cli.program import CommandError
from cli.settings import ROOT, Settings
from cli.spark_sql import Client, StatementError
from workbench.project import OwnProject

_FOLDERS = {"rpt": "answers", "audit": "audit", "fct": "core", "dim": "core"}
_EXAMPLE = """\
select course_name, count(*) as attempt_count
from marts.fct_attempts
where is_scored
group by course_name
"""
_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_][\w.]*)", re.IGNORECASE)
_NAMED_QUERY = re.compile(r"\b(\w+)\s+as\s*\(", re.IGNORECASE)
_KEYLIKE = re.compile(r"_(id|name|date|position)$")
_SIMPLE = re.compile(
    r"string|boolean|(tiny|small|big)?int|double|float|decimal|date|time"
)
_KEY_COLUMNS = 3
_TRIED = 200  # combinations of so many columns
_ROWS = 3  # of each input of the unit test
_EXPECTED = 50  # rows of its result, which somebody has to read

Types = dict[str, str]


def write_model(
    settings: Settings, shared: Path, name: str, query: Path | None
) -> list[Path]:
    """Write the files of a model; return their paths.

    Args:
        name: with the prefix of its layer, such as `rpt_slow_courses`.
        query: a file with a select on tables of the marts; default: an example.

    Raises:
        CommandError: the files exist, or the query can't become a model; says why.
    """
    prefix = name.partition("_")[0]
    if prefix not in _FOLDERS or not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name):
        raise CommandError(
            f"{name!r} is no name of a mart: use rpt_…, fct_…, dim_… or audit_…"
        )
    sql = ROOT / "models" / "marts" / _FOLDERS[prefix] / f"{name}.sql"
    for path in sorted((ROOT / "models").rglob(f"{name}.*")):
        raise CommandError(
            f"{path.relative_to(ROOT)} exists already: remove it, or use another NAME"
        )
    project = OwnProject(shared)
    project.parse()
    spark = Client(settings)
    text = query.read_text() if query else _EXAMPLE
    model = _Model(spark, project, name, text, str(query or "the example"))
    written = {sql: model.sql(), sql.with_suffix(".yml"): model.yml()}
    for path, content in written.items():
        path.write_text(content)
    _sqlfluff("fix", sql)
    if left := _sqlfluff("lint", sql):
        print(f"mend what is not in house style:\n{left}")
    return list(written)


def _sqlfluff(verb: str, sql: Path) -> str:
    """Return what it prints; empty if nothing is wrong."""
    done = subprocess.run(
        (ROOT / ".venv-test" / "bin" / "sqlfluff", verb, "--quiet", sql),
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.stdout.strip() if done.returncode else ""


class _Model:
    """A query, with the models that it reads."""

    def __init__(
        self, spark: Client, project: OwnProject, name: str, text: str, file: str
    ) -> None:
        self._spark, self._project, self._name = spark, project, name
        relations = project.shared_relations
        known = {relation: model for model, relation in relations.items()}
        # `make sql` begins in the marts.
        known |= {
            relation.removeprefix("marts."): model for relation, model in known.items()
        }
        body = text.strip().rstrip(";").rstrip()
        own = {found.lower() for found in _NAMED_QUERY.findall(body)}
        self._inputs: dict[str, str] = {}
        schemas = {relation.partition(".")[0] for relation in relations.values()}
        for table in dict.fromkeys(_TABLE.findall(body)):
            model = known.get(table.lower())
            if table.lower() in own:
                continue
            if not model:
                # Another word after `from` may be a column: extract(year from …).
                if table.partition(".")[0].lower() in {*schemas, "raw"}:
                    raise CommandError(
                        f"{file}: {table} is no table of the last shared build: "
                        "`dbt ls` lists the models, `make build` builds them"
                    )
                continue
            if model in own:
                raise CommandError(f"{file}: give `{model} as (…)` another name")
            self._inputs[model] = relations[model]
            body = re.sub(rf"\b{re.escape(table)}\b", model, body)
        for relation in relations.values():
            if re.search(rf"\b{re.escape(relation)}\b", body):
                raise CommandError(f"{file}: write `join {relation}`, not a comma")
        if not self._inputs:
            raise CommandError(f"{file}: there is no select from a table of a model")
        self._body = body
        self._read_by_dbt = {
            model: f"select * from {{{{ ref('{model}') }}}}" for model in self._inputs
        }
        live = {
            model: f"select * from {table}" for model, table in self._inputs.items()
        }
        self._live = self._with(live)
        try:
            self._columns = spark.types(self._live)
        except StatementError as error:
            raise CommandError(f"{file}: {error}") from error
        for column in self._columns:
            if not re.fullmatch(r"[a-z_][a-z0-9_]*", column):
                raise CommandError(f"{file}: name the column {column}: … as …_count")
        self._key = self._find_key(file)

    def sql(self) -> str:
        return self._with(self._read_by_dbt) + "\n"

    def yml(self) -> str:
        key = ", ".join(self._key)
        lines = [
            "models:",
            f"  - name: {self._name}",
            "    description: >-",
            f"      One row per {key}. Say who uses it, and what may surprise them.",
        ]
        if len(self._key) > 1:
            lines += [
                "    data_tests:",
                "      - unique_combination:",
                "          arguments:",
                f"            columns: [{key}]",
            ]
        lines += ["    config:", "      meta:"]
        if self._name.startswith("rpt_"):
            words = self._name.removeprefix("rpt_").replace("_", " ").capitalize()
            lines.append(f"        question: {words}?")
        lines.append(f"        example: select * from marts.{self._name} limit 10")
        lines.append("    columns:")
        for column, kind in self._columns.items():
            lines += [
                f"      - name: {column}",
                f"        data_type: {kind}",
                f"        description: {json.dumps(self._description(column))}",
            ]
            if column in self._key:
                tests = ["unique"] * (len(self._key) == 1) + ["not_null"]
                lines += [
                    "        data_tests:",
                    *(f"          - {test}" for test in tests),
                ]
        return "\n".join([*lines, *self._unit_test(), ""])

    def _with(self, inputs: Mapping[str, str]) -> str:
        """Return the query, with each table that it reads as a query before it."""
        imports = ",\n\n".join(
            f"{model} as (\n\n    {select}\n\n)" for model, select in inputs.items()
        )
        further = re.match(r"with\b\s*", self._body, re.IGNORECASE)
        if further:
            return f"with {imports},\n\n{self._body[further.end() :]}"
        return f"with {imports}\n\n{self._body}"

    def _find_key(self, file: str) -> list[str]:
        """Return the fewest columns that identify a row, ids and names first."""
        names = [
            name
            for name, kind in self._columns.items()
            if _SIMPLE.match(kind) and kind not in ("double", "float", "boolean")
        ]
        for some in ([name for name in names if _KEYLIKE.search(name)], names):
            for size in range(1, min(_KEY_COLUMNS, len(some)) + 1):
                if key := self._unique(list(islice(combinations(some, size), _TRIED))):
                    return key
        raise CommandError(
            f"{file}: no column, and no {_KEY_COLUMNS} of them, identify a row: group "
            "by what does, or select it too"
        )

    def _unique(self, tried: Sequence[Sequence[str]]) -> list[str]:
        """Return the first of these combinations that no two rows share, if any."""
        # count(distinct) ignores a row with a null, so that it is not a key either.
        counts = ", ".join(f"count(distinct {', '.join(some)})" for some in tried)
        [[rows, *distinct]] = self._spark.read(
            f"select count(*), {counts} from ({self._live}\n)"
        ).rows
        for some, count in zip(tried, distinct, strict=True):
            if count == rows:
                return list(some)
        return []

    def _description(self, column: str) -> str:
        if self._project.has_doc(column):
            return f"{{{{ doc('{column}') }}}}"
        for model in self._inputs:
            if description := self._project.column_description(model, column):
                return description
        return "To be described."

    def _unit_test(self) -> list[str]:
        """Return a test on a few real rows, whose result is what the query returns.

        There is none if the query makes too many rows of these.
        """
        lines = [
            "",
            "unit_tests:",
            f"  - name: {self._name}_of_a_few_rows",
            "    description: Say what these rows show.",
            f"    model: {self._name}",
            "    given:",
        ]
        fixtures: dict[str, str] = {}
        first: list[dict[str, Any]] = []
        for model, relation in self._inputs.items():
            types = self._spark.types(f"select * from {relation}")
            rows = self._some_rows(relation, types, first)
            first = first or rows
            fixtures[model] = "\n    union all ".join(
                _literals(row, types) for row in rows or [{}]
            ) + ("" if rows else " where false")
            lines += [f"      - input: ref('{model}')", *_listed(rows, "        ")]
        found = self._spark.read(self._with(fixtures))
        if len(found.rows) > _EXPECTED:
            print(
                f"a unit test is left to write: of {_ROWS} rows of each table, the "
                f"query makes {len(found.rows):,}"
            )
            return []
        if not found.rows:
            print("the unit test's rows give no row of the result: add some that do")
        expected = [dict(zip(self._columns, row, strict=True)) for row in found.rows]
        return [*lines, "    expect:", *_listed(expected, "      ")]

    def _some_rows(
        self, relation: str, types: Types, first: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return rows with the columns that the query names.

        Rows that a join with those of the first input would keep, and flags that are
        true, come first.
        """
        used = [
            name
            for name, kind in types.items()
            if _SIMPLE.match(kind) and re.search(rf"\b{name}\b", self._body)
        ] or [name for name, kind in types.items() if _SIMPLE.match(kind)]
        order = [f"{name} desc" for name in used if types[name] == "boolean"]
        for name in used:
            values = {row[name] for row in first if row.get(name) is not None}
            if values and _KEYLIKE.search(name):
                order.insert(0, f"{name} in ({', '.join(map(_literal, values))}) desc")
        ordered = f" order by {', '.join(order)}" if order else ""
        found = self._spark.read(
            f"select {', '.join(used)} from {relation}{ordered} limit 50"
        )
        rows = [dict(zip(used, row, strict=True)) for row in found.rows]
        # dbt does not escape quotes and backslashes in a fixture as Spark wants it.
        return [
            row
            for row in rows
            if not any(re.search(r"['\\]", str(value)) for value in row.values())
        ][:_ROWS]


def _literals(row: Mapping[str, Any], types: Types) -> str:
    return "select " + ", ".join(
        f"cast({_literal(row.get(name))} as {kind}) as {name}"
        for name, kind in types.items()
    )


def _literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def _listed(rows: Sequence[Mapping[str, Any]], indent: str) -> list[str]:
    """Return rows of a fixture; YAML reads JSON."""
    if not rows:
        return [f"{indent}rows: []"]
    return [
        f"{indent}rows:",
        *(f"{indent}  - {json.dumps(row, default=str)}" for row in rows),
    ]
