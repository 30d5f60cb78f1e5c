"""`make run` on the sample, and the ways to use its tables."""

import fcntl
import json
import re
import sys

import pytest
from rich.cells import cell_len

from cli.settings import ROOT
from services.stack import SERVICES, Stack
from tests.integration.stack import (
    SAMPLE_MESSAGES,
    STACK,
    TARGET,
    Dbt,
    query,
    run,
)

PAGE = (ROOT / "docs" / "other-tools.md").read_text()
EXAMPLES = re.findall(r"```(bash|python)\n(.*?)```\n+```text\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module", autouse=True)
def first_run() -> str:
    """The main job on a stack as it is at first, without any table of a model."""
    return run("make", "run").stdout


def _answers(printed: str) -> str:
    return printed[printed.index("\n1. ") :]


def test_main_job_publishes_lands_builds_and_answers(first_run: str) -> None:
    assert f"{SAMPLE_MESSAGES} messages acknowledged" in first_run
    assert f"\n{SAMPLE_MESSAGES} messages of {STACK.topic} landed" in first_run
    assert re.search(
        r"\n  models/marts/answers +\d+ built, \d+ tests passed after .* s\n", first_run
    )
    assert re.search(r"\n\d+ built, \d+ tests passed, \d+\.\d s\n", first_run)
    assert re.search(r"\nattempts +500 ", first_run)


def test_second_run_prints_the_same_answers_and_builds_nothing(first_run: str) -> None:
    again = run("make", "run").stdout
    assert again.splitlines()[:2] == [
        f"topic {STACK.topic} holds {SAMPLE_MESSAGES} messages: nothing published",
        f"0 messages of {STACK.topic} landed in raw.assessment_attempts",
    ]
    assert again.split("\n", 2)[2] == _answers(first_run).lstrip("\n")


def test_run_builds_only_what_has_changed_since_the_last() -> None:
    (ROOT / "models" / "marts" / "answers" / "rpt_perfect_scores.sql").touch()
    assert "\nnothing built, " in run("make", "run").stdout


def test_answers_fit_into_80_columns_of_plain_text(first_run: str) -> None:
    printed = _answers(first_run)
    assert "\x1b" not in printed
    assert max(cell_len(line) for line in printed.splitlines()) <= 80
    numbers = re.findall(r"^(\d)\. .*\?$", printed, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 9)]
    assert "\nWhat became of every message?\n" in printed, "unnumbered questions too"


def test_status_shows_services_lag_rows_and_age() -> None:
    shown = run("make", "status").stdout
    for service in SERVICES:
        [line] = [line for line in shown.splitlines() if line.startswith(service)]
        assert "RUNNING" in line and STACK.log(service) in line
    assert "topic lag            0 messages" in shown
    assert f"raw rows             {SAMPLE_MESSAGES} in" in shown
    assert " ago" in shown


def test_other_tools_page_has_an_example_of_each_way_to_connect() -> None:
    languages = [language for language, _, _ in EXAMPLES]
    assert languages == ["bash", "bash", "python", "python"]


@pytest.mark.nightly
@pytest.mark.parametrize(("language", "code", "output"), EXAMPLES)
def test_example_prints_what_the_page_says(
    language: str, code: str, output: str
) -> None:
    for name, port in Stack("default", {}).ports.items():
        code = re.sub(rf"\b{port}\b", str(STACK.ports[name]), code)
    interpreter = sys.executable if language == "python" else "bash"
    assert _trimmed(output) in _trimmed(run(interpreter, "-c", code).stdout)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_catalog_has_column_types_and_tables_have_descriptions(dbt: Dbt) -> None:
    dbt("docs", "generate")
    manifest = json.loads((TARGET / "manifest.json").read_text())
    catalog = json.loads((TARGET / "catalog.json").read_text())
    tables = catalog["nodes"] | catalog["sources"]
    for name, node in (manifest["nodes"] | manifest["sources"]).items():
        if node["resource_type"] in ("model", "seed", "source"):
            columns = tables[name]["columns"].values()
            assert columns and all(column["type"] for column in columns), name
        if node["resource_type"] == "model":
            described = query(f"describe table {node['relation_name']}")
            comments = {row[0]: row[2] for row in described if row[0][:1] != "#"}
            declared = node["columns"].items()
            assert list(comments.items()) == [
                (column, text["description"]) for column, text in declared
            ], name


def test_example_query_of_each_mart_returns_rows() -> None:
    """Except where it lists faults that the sample does not have."""
    nodes = json.loads((TARGET / "manifest.json").read_text())["nodes"].values()
    empty = {
        node["name"]
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] == "marts"
        if not query(node["config"]["meta"]["example"])
    }
    assert empty <= {"audit_schema_drift", "audit_unreadable_values"}


def test_build_beside_another_one_is_refused() -> None:
    run("make", "up")
    file = STACK.directory / "run" / "built-shared-.lock"
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = run("make", "build", exit_code=2)
    assert "another build of these schemas is running" in refused.stderr
