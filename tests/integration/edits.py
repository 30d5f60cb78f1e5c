"""Edit the project at random: `make dev` has to do what `dbt build` does.

Each edit is built twice, in separate schemas: by one session of `make dev`, which
parses what has changed, and by a dbt command in another process, which parses all.
Both have to build the same tables with the same rows, to count the same tests and
failures, and to hold the same nodes, macros and docs in their manifests. The seed
repeats the edits.
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

from bench.stack import copy_project
from cli.settings import from_environment
from cli.spark_sql import Client
from tests.integration.stack import (
    ENVIRONMENT,
    SHARED,
    Dbt,
    fresh_stack,
    printed_until,
    run,
    start,
    workbench,
)
from workbench.diff import difference
from workbench.project import OUTCOMES, key_of, summary

# Prefixes of their schemas, found nowhere else in a manifest.
_SESSION, _COMMAND = "edits_session", "edits_command"
# The last line of a build, or an error before it.
_ENDS = r", \d+\.\d s$|^nothing to build|^(\w+ )*Error\b"
_MANIFEST_PARTS = ("nodes", "sources", "macros", "docs", "exposures", "unit_tests")
_SEED = "excluded_exams"
KINDS = (
    "comment",
    "fewer rows",
    "wrong column",
    "no such macro",
    "wrong Jinja",
    "description",
    "another test",
    "macro",
    "seed",
    "another model",
)


@dataclass(frozen=True)
class Edit:
    """A file to save with this text, or to delete, and what dbt selects for it."""

    file: Path
    text: str | None
    selection: Sequence[str]


class Both:
    """The two that build a copy of the project."""

    def __init__(
        self, place: Path, session: subprocess.Popen[str], command: Dbt, spark: Client
    ) -> None:
        self._place, self._session, self._command = place, session, command
        self._spark = spark
        printed_until(session, "watching")
        command("parse")
        self.project = _Originals(place)

    def build(self, edit: Edit) -> list[str]:
        """Save an edit; return what the two do not agree about."""
        target, before = self._place / _COMMAND, self._place / "before"
        before.mkdir(exist_ok=True)
        shutil.copy(target / "manifest.json", before)
        results = target / "run_results.json"
        results.unlink(missing_ok=True)
        file = self._place / edit.file
        if edit.text is None:
            file.unlink()
        else:
            # A file that is written where it is watched may be seen half written.
            written = before / file.name
            written.write_text(edit.text)
            written.replace(file)
        printed = printed_until(self._session, _ENDS)
        text = self._command(
            *("build", "--no-partial-parse", "--full-refresh", "--defer"),
            *("--defer-state", str(SHARED), "--state", str(before)),
            *("--exclude", "resource_type:exposure", "--select", *edit.selection),
            exit_code=None,
        )
        is_parsed = "Error" not in printed.splitlines()[-1]
        if is_parsed != results.exists():
            return [f"the session: {printed}\nthe command: {text}"]
        if not is_parsed:
            return []
        done = json.loads(results.read_text())["results"]
        if different := [*self._outcomes(printed, done)]:
            return different
        manifest = _manifest(target)
        return [*self._nodes(manifest), *self._rows(manifest, done)]

    def _outcomes(self, printed: str, done: Sequence[dict[str, Any]]) -> Iterator[str]:
        became = Counter(
            OUTCOMES[result["status"]]
            for result in done
            # The session counts a hook only if it fails.
            if result["status"] != "success"
            or not result["unique_id"].startswith("operation.")
        )
        # dbt runs a model's unit tests in any order, and none after one that fails.
        units = [
            OUTCOMES[result["status"]]
            for result in done
            if result["unique_id"].startswith("unit_test.")
        ]
        others = range(-units.count("passed"), units.count("skipped") + 1)
        expected = [
            summary(
                *(became["built"], became["passed"] + more),
                *(became["failed"], became["skipped"] - more),
            )
            for more in (others if "failed" in units else [0])
        ]
        said = printed.splitlines()[-1].rpartition(", ")[0] or "nothing built"
        if said not in expected:
            yield f"the session says {said!r}, the command {' or '.join(expected)!r}"
        built = {f"{_SESSION}_{name}" for name in _built(done)}
        if missing := built - set(printed.splitlines()):
            yield f"the session did not show {', '.join(sorted(missing))}"

    def _nodes(self, manifest: Manifest) -> Iterator[str]:
        # `make dev` keeps artefacts of its own below those of the shared schemas.
        session = _comparable(_manifest(self._place / "target/developer"), _SESSION)
        command = _comparable(manifest, _COMMAND)
        for name in {**session, **command}:
            if session.get(name) != command.get(name):
                yield f"in the manifest: {name}"

    def _rows(
        self, manifest: Manifest, done: Sequence[dict[str, Any]]
    ) -> Iterator[str]:
        nodes = {node.relation_name: node for node in manifest.nodes.values()}
        for name in _built(done):
            command = f"{_COMMAND}_{name}"
            key = key_of(manifest, nodes[command])
            found = difference(self._spark, f"{_SESSION}_{name}", command, key)
            if found.columns or found.changes or found.why_not_matched:
                different = found.why_not_matched or dict(found.row_counts())
                yield f"{name}: {found.columns}, {different}"


class _Originals:
    """The texts of the project before any edit, and its models."""

    def __init__(self, place: Path) -> None:
        folders = (place / name for name in ("models", "macros", "seeds"))
        self.text = {
            path.relative_to(place): path.read_text()
            for folder in folders
            for path in folder.rglob("*.*")
        }
        self.macros = sorted(path for path in self.text if path.match("macros/*.sql"))
        nodes = _manifest(place / _COMMAND).nodes
        self.models = [nodes[key] for key in sorted(nodes) if key.startswith("model.")]


def _built(done: Sequence[dict[str, Any]]) -> list[str]:
    """Return the tables that a dbt command has built, without the prefix."""
    return [
        result["relation_name"].removeprefix(f"{_COMMAND}_")
        for result in done
        if result["status"] == "success" and result["relation_name"]
    ]


def _manifest(target: Path) -> Manifest:
    """Read what dbt keeps of a project between two parses."""
    packed = (target / "partial_parse.msgpack").read_bytes()
    return Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)


def _comparable(manifest: Manifest, prefix: str) -> dict[str, Any]:
    """Return the manifest's nodes by id, without prefix and times."""
    parts = manifest.to_dict()
    text = json.dumps({part: parts[part] for part in _MANIFEST_PARTS}, default=str)
    nodes = json.loads(text.replace(prefix, ""))
    for part in nodes.values():
        for node in part.values():
            node.pop("created_at", None)
    return {key: node for part in nodes.values() for key, node in part.items()}


@contextmanager
def both() -> Iterator[Both]:
    """Yield a session and a command on a copy of the project."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        copy_project(place)
        with (
            closing(Client(from_environment(ENVIRONMENT))) as spark,
            _session(place) as session,
            closing(_command(place)) as command,
        ):
            yield Both(place, session, command, spark)


def _session(place: Path) -> Any:
    environment = {"DBT_SCHEMA_PREFIX": _SESSION, "DBT_TARGET_PATH": "target"}
    return start(*workbench("dev"), cwd=place, environment=environment)


def _command(place: Path) -> Dbt:
    environment = {
        "DBT_SCHEMA_PREFIX": _COMMAND,
        "DBT_TARGET": "developer",
        "DBT_TARGET_PATH": _COMMAND,
    }
    return Dbt(place, environment)


def edits(
    choice: random.Random, project: _Originals, kinds: Sequence[str]
) -> Iterator[Edit]:
    """Yield an edit of each kind, and one more that mends what it breaks."""
    for number, kind in enumerate(kinds):
        model = choice.choice(project.models)
        file = Path(model.original_file_path)
        sql, build = project.text[file], [model.name]
        properties = file.with_suffix(".yml")
        yml, build_with_tests = project.text[properties], [*build, f"path:{properties}"]
        match kind:
            case "comment":
                yield Edit(file, f"{sql}-- {number}\n", build)
            case "fewer rows":
                columns = ", ".join(list(model.columns)[:2])
                condition = f"hash({columns}, {number}) % 4 != 0"
                text = (
                    f"with every as (\n{sql}\n) select * from every where {condition}\n"
                )
                yield Edit(file, text, build)
            case "wrong column":
                yield Edit(file, f"select no_such from (\n{sql}\n)\n", build)
                yield Edit(file, sql, build)
            case "no such macro":
                yield Edit(file, f"{sql}{{{{ no_such() }}}}\n", build)
                yield Edit(file, sql, build)
            case "wrong Jinja":
                yield Edit(file, f"{sql}{{% if %}}\n", build)
                yield Edit(file, sql, build)
            case "description":
                lines = f"description: >-\n      {number}\n"
                text = yml.replace("description: >-\n", lines, 1)
                yield Edit(properties, text, build_with_tests)
            case "another test":
                yield Edit(properties, _with_test(yml, choice), build_with_tests)
            case "macro":
                macros = choice.choice(project.macros)
                for text in _failing_and_mended(project.text[macros], number):
                    yield Edit(macros, text, ["state:modified"])
            case "seed":
                seed = Path(f"seeds/{_SEED}.csv")
                text = f"{project.text[seed]}exam-{number},an edit\n"
                yield Edit(seed, text, [_SEED])
            case "another model":
                copy = file.with_name(f"rpt_copy_{number}.sql")
                config = "{{ config(contract={'enforced': false}) }}\n"
                yield Edit(copy, config + sql, [copy.stem])
                yield Edit(copy, None, [copy.stem])
            case _:
                raise ValueError(kind)


def _with_test(yml: str, choice: random.Random) -> str:
    declared = yaml.safe_load(yml)
    columns = declared["models"][0]["columns"]
    column = choice.choice([each for each in columns if "data_tests" not in each])
    column["data_tests"] = ["not_null"]
    return str(yaml.safe_dump(declared, sort_keys=False))


def _failing_and_mended(macros: str, number: int) -> Iterator[str]:
    """Make every macro raise an error; then mend it, with another text than before."""
    fails = f"{{%- do exceptions.raise_compiler_error('{number}') -%}}"
    for text in (fails, f"{{#- {number} -#}}"):
        yield re.sub(r"\{%-? macro .*?%\}", rf"\g<0>{text}", macros, flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.edits", description=__doc__
    )
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parsed = parser.parse_args()
    print(f"seed {parsed.seed}", flush=True)
    choice = random.Random(parsed.seed)
    kinds = [KINDS[number % len(KINDS)] for number in range(parsed.edits)]
    choice.shuffle(kinds)
    builds = failed = 0
    with fresh_stack():
        run("make", "run")
        with both() as builders:
            for edit in edits(choice, builders.project, kinds):
                print(f"{edit.file}: ", end="", flush=True)
                different = builders.build(edit)
                print("; ".join(different) or "equal", flush=True)
                builds += 1
                failed += bool(different)
    print(f"{builds} builds, {failed} where make dev differs from dbt build")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
