"""dbt and its helpers on raw messages, seeds and queries: without any model's table."""

import json
import re
import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from cli.settings import from_environment
from cli.spark_sql import Client
from tests.integration.stack import (
    ENVIRONMENT,
    OWN,
    TARGET,
    Dbt,
    ingest,
    produce,
    query,
    run,
)
from tests.quirks import FIRST_TIMESTAMP, RawMessage
from workbench.diff import difference

_WRONG_TEST = """\
          - accepted_values:
              arguments:
                values: [another]
"""


@pytest.fixture(scope="module", autouse=True)
def seeds(dbt: Dbt) -> None:
    dbt("seed")


def test_dbt_debug_finds_a_working_connection() -> None:
    assert "All checks passed!" in run("dbt", "debug").stdout


def test_readers_never_find_a_seed_empty(dbt: Dbt) -> None:
    """Each version of the table that a reader could see has all rows."""
    versions = "select summary['total-records'] from reference.excluded_exams.snapshots"
    before = query(versions)
    dbt("seed")
    [(rows,)] = query("select cast(count(*) as string) from reference.excluded_exams")
    assert query(versions) == [*before, (rows,)]


def test_source_is_only_as_fresh_as_its_newest_message(dbt: Dbt) -> None:
    """Nothing has been landed before: test_secured_kafka drops the raw table."""

    def freshness(exit_code: int) -> str:
        dbt("source", "freshness", exit_code=exit_code)
        [source] = json.loads((TARGET / "sources.json").read_text())["results"]
        return str(source["status"])

    produce([RawMessage(0, FIRST_TIMESTAMP, None, b"old")])
    ingest("drain")
    assert freshness(exit_code=1) == "error"
    produce([RawMessage(0, int(time.time() * 1000), None, b"new")])
    ingest("drain")
    assert freshness(exit_code=0) == "pass"


def test_plain_dbt_prints_messages_of_spark_without_plan_and_stack(dbt: Dbt) -> None:
    wrong = "select exam_id,\n  raeson\nfrom reference.excluded_exams"
    printed = run("dbt", "show", "--inline", wrong, exit_code=2).stdout
    assert "`raeson` cannot be resolved. Did you mean" in printed
    assert re.search(r"line \d+ pos 2\n +raeson\n", printed)
    assert "org.apache" not in printed and "Relation" not in printed
    divided = "select 1 / 0 as x from reference.excluded_exams"
    printed = dbt("show", "--inline", divided, exit_code=2)
    assert "[DIVIDE_BY_ZERO] Division by zero." in printed and "^^^" in printed
    assert "org.apache" not in printed


def test_build_says_what_failed_and_the_next_needs_only_what_has_changed(
    project: Path,
) -> None:
    """Only seeds are left to build, which is quick; they go to schemas of one's own."""
    target = project / "target"
    for folder in ("models/marts", "models/intermediate", "tests/assertions"):
        shutil.rmtree(project / folder)
    for file in ("exposures.yml", "staging/assessments/stg_*"):
        for path in (project / "models").glob(file):
            path.unlink()
    seeds = project / "seeds" / "seeds.yml"
    right = seeds.read_text()
    seeds.write_text(right.replace("          - unique\n", _WRONG_TEST, 1))
    environment = {**OWN, "DBT_TARGET": "developer", "DBT_TARGET_PATH": "target"}
    shared = query("select * from reference.excluded_exams")
    build = ("python", "-m", "workbench", "build")
    done = run(*build, cwd=project, environment=environment, exit_code=1)
    counts = "2 built, 5 tests passed, 1 failed"
    assert re.search(rf"^  seeds +{counts} after ", done.stdout, re.MULTILINE)
    assert "seeds/seeds.yml: accepted_values_excluded_exams" in done.stdout
    assert "rows that fail: 1\n" in done.stdout
    assert "value_field" in done.stdout and "example-id" in done.stdout
    assert done.stderr.startswith("workbench: the build failed")
    assert query("select * from ada_reference.excluded_exams") == shared

    last = shutil.copytree(target, project / "last")
    seeds.write_text(right)
    with (project / "seeds" / "excluded_exams.csv").open("a") as rows:
        rows.write("another-id,Another\n")
    again = (*build, "--changed-since", str(last))
    done = run(*again, cwd=project, environment=environment)
    assert "\n1 built, 3 tests passed, " in done.stdout
    assert len(query("select * from ada_reference.excluded_exams")) == len(shared) + 1
    before, after = (
        json.loads((folder / "run_results.json").read_text())["results"]
        for folder in (last, target)
    )
    assert "fail" not in {result["status"] for result in after}
    assert len(after) == len(before)


@pytest.mark.parametrize(
    ("shared", "own", "key", "found"),
    [
        ("1 as k, 0d as x", "1 as k, 1e-17d as x", "k", {}),
        ("1 as k, 1d as x", "1 as k, double('nan') as x", "k", {"changed": 1}),
        ("1 as k, 1 as x, null as y", "1 as k, null as x, 1 as y", "k", {"changed": 1}),
        ("1 as k, null as x", "1 as k, array() as x", "k", {"changed": 1}),
        ("1 as k, 3 as x", "1 as k, 3d as x", "k", {}),
        ("'1' as k, 2 as x", "1 as k, 3 as x", "k", {"changed": 1}),
        (
            "1 as k, struct(1 as a) as x",
            "1 as k, struct(1 as a, 2 as b) as x",
            "k",
            {"changed": 1},
        ),
        ("1 as k", "2 as k", "k", {"added": 1, "removed": 1}),
        ("1 as k", "explode(array(1, 1)) as k", "k", "1 row of"),
        ("1 as k, 2 as x", "1 as k, 3 as x", "", "no test says"),
        ("1 as k, 2 as x", "2 as x", "k", {}),
        ("1 as k, 2 as x", "3 as x", "k", "the key column k is not in both"),
    ],
)
def test_diff_is_right_about_values_that_are_hard_to_compare(
    shared: str, own: str, key: str, found: dict[str, int] | str
) -> None:
    """Nulls, empty arrays, other types, and keys that do not identify a row."""
    with closing(Client(from_environment(ENVIRONMENT))) as spark:
        different = difference(
            spark, f"(select {own})", f"(select {shared})", [key] if key else []
        )
    if isinstance(found, str):
        assert found in different.why_not_matched
    else:
        assert (different.row_counts(), different.why_not_matched) == (found, "")
