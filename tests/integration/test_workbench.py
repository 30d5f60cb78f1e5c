"""What writers of models use, on the tables of the sample."""

import re
import shutil
import signal
from pathlib import Path

import pytest

from cli.settings import ROOT
from tests.integration.stack import (
    OWN,
    built_tables,
    printed_until,
    query,
    run,
    start,
    workbench,
)

_MODEL = Path("models/marts/answers/rpt_perfect_scores.sql")
_DIFFERENT_COLUMNS = """\
    expect:
      rows:
        - course_rank: 1
        - course_name: Alpha
"""


# First, because it parses the project, and copies of the project take that over.
@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("dev rpt_nothing", "no model or seed is called 'rpt_nothing'"),
        ("model dim_courses", "dim_courses.sql exists already"),
        ("model slow_courses", "'slow_courses' is no name of a mart"),
        ("model rpt_a_b --query /dev/null", "/dev/null: there is no select"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(command: str, error: str) -> None:
    done = run(*workbench(*command.split()), environment=OWN, exit_code=1)
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


def test_saved_model_is_built_and_tested_in_own_schemas(project: Path) -> None:
    model = project / _MODEL
    text = model.read_text()
    shared = "select * from marts.rpt_perfect_scores order by all"
    before = query(shared)
    environment = {**OWN, "DBT_TARGET_PATH": "target"}
    with start(*workbench("dev"), cwd=project, environment=environment) as dev:
        printed_until(dev, "watching")
        model.write_text(text.replace("perfect_count,\n", "perfct_count,\n", 1))
        failed = printed_until(dev, "1 failed, 4 skipped")
        assert f"{_MODEL}:10: rpt_perfect_scores\n[UNRESOLVED_COLUMN" in failed
        assert "Did you mean" in failed and "org.apache" not in failed
        model.write_text(text)
        passed = printed_until(dev, "4 tests passed")
        assert "\nada_marts.rpt_perfect_scores\n" in passed
        # dbt would ignore a misspelled key, and all that stands under it.
        described = model.with_suffix(".yml")
        text = described.read_text()
        described.write_text(text.replace("unit_tests:", "unit_test:", 1))
        failed = printed_until(dev, "top-level key unit_test")
        line = text[: text.index("unit_tests:")].count("\n") + 1
        assert f"{_MODEL.with_suffix('.yml')}:{line}: Compilation Error" in failed
        # Otherwise a column that an expected row lacks would be compared with null.
        before_expected, _, _ = text.partition("    expect:\n")
        described.write_text(f"{before_expected}{_DIFFERENT_COLUMNS}")
        failed = printed_until(dev, "1 failed")
        assert "the same columns: course_name is not course_rank" in failed
        described.write_text(text)
        printed_until(dev, "4 tests passed")
        # A saved macro builds what uses it.
        macros = project / "macros" / "reject_details.sql"
        text = macros.read_text()
        macros.write_text(text.replace("    case", "    {{ no_such() }} case", 1))
        failed = printed_until(dev, "'no_such' is undefined")
        assert "\nmacros/reject_details.sql:4: Compilation Error in model" in failed
        macros.write_text(text)
        passed = printed_until(dev, "tests passed")
        assert "\nada_staging.stg_assessments__rejected_messages\n" in passed
        # An incremental table has no new message, but is built by the new SQL.
        facts = project / "models" / "marts" / "core" / "fct_attempts.sql"
        text = facts.read_text()
        for sql in (
            f"{text}-- once more\n",
            text.replace("\n    max_", "\n    8 as max_"),
        ):
            facts.write_text(sql)
            assert "1 built" in printed_until(dev, "passed")
        dev.send_signal(signal.SIGINT)
        assert dev.wait() == 0
    assert query("select distinct max_attempts from ada_marts.fct_attempts") == [(8,)]
    assert query(shared.replace("marts.", "ada_marts.")) == before == query(shared)


def test_sql_prompt_prints_messages_of_spark_without_plan_and_stack() -> None:
    def refused(statement: str) -> str:
        typed = f"make sql <<< '{statement};'"
        return run("bash", "-c", typed, exit_code=2).stderr

    printed = refused("SELECT perfct_count\nFROM rpt_perfect_scores\nLIMIT 1")
    [line] = re.findall(r"Error: (\[.*)", printed)
    assert "`perfct_count` cannot be resolved. Did you mean" in line
    assert not re.search("org.apache|Limit|Relation", printed)
    assert "\nSELECT\n1 +\n---^^^\n" in refused("SELECT\n1 +")


def test_diff_finds_every_change_and_invents_none(tmp_path: Path) -> None:
    """A row that only moved is counted apart; the last digit of a mean says nothing."""
    ranks = dict(query("select course_name, course_rank from marts.rpt_perfect_scores"))
    renamed, changed = sorted(ranks, key=lambda name: ranks[name])[:2]
    query(
        f"""
        create or replace table ada_marts.rpt_perfect_scores as
        select
            course_rank + if(course_name in ('{renamed}', '{changed}'), 0, 1)
                as course_rank,
            if(course_name = '{renamed}', 'A new name', course_name) as course_name,
            cast(perfect_count as int) + if(course_name = '{changed}', 1, 0)
                as perfect_count,
            perfect_rate * (1 + 1e-12) as perfect_rate
        from marts.rpt_perfect_scores
        """
    )
    page = tmp_path / "diff.html"
    command = ("make", "diff", "MODEL=rpt_perfect_scores", f"HTML={page}")
    printed = run(*command, environment=OWN).stdout
    total, moved = len(ranks), len(ranks) - 2
    assert printed.split("\n")[1:10] == [
        "  column   perfect_count bigint → int",
        "  column   - attempt_count bigint",
        f"  rows     {total} → {total}: 1 added, 1 removed, 1 changed, {moved} with "
        "another rank only, matched on course_name",
        f"  changed  course_rank in {moved} rows",
        "  changed  perfect_count in 1 row",
        "  added    course_name A new name",
        f"  changed  course_name {changed}",
        *[line for line in printed.split("\n") if "  perfect_count  " in line],
        f"  removed  course_name {renamed}",
    ]
    assert "1 added, 1 removed, 1 changed" in page.read_text()


def test_model_from_a_query_passes_lint_and_its_tests_as_it_is(project: Path) -> None:
    (project / ".venv-test").symlink_to(ROOT / ".venv-test")
    shutil.copy(ROOT / "pyproject.toml", project)
    query_file = project / "query.sql"
    query_file.write_text(
        "SELECT a.course_name, date(a.started_at) start_date, count(*) attempt_count, "
        "max(e.question_count) as question_count FROM marts.fct_attempts a "
        "JOIN dim_exams e ON a.exam_id = e.exam_id "
        "WHERE a.started_at is not null GROUP BY ALL;"
    )
    done = run(
        *workbench("model", "rpt_course_days", "--query", str(query_file)),
        cwd=project,
        environment={**OWN, "DBT_TARGET_PATH": "target"},
    )
    assert "not in house style" not in done.stdout
    # The unit test, the key, and that neither of its columns is null.
    assert "1 built, 4 tests passed" in done.stdout
    model = project / "models" / "marts" / "answers" / "rpt_course_days.sql"
    assert "select * from {{ ref('dim_exams') }}" in model.read_text()
    declared = model.with_suffix(".yml").read_text()
    assert "One row per course_name, start_date." in declared
    assert '"attempt_count": 1' in declared.partition("expect:")[2]


def test_prune_drops_what_no_model_makes_after_asking() -> None:
    query("create or replace table marts.rpt_gone as select 1 as one")
    assert "no model makes marts.rpt_gone" in run("make", "status").stdout
    kept = run("bash", "-c", "make prune </dev/null", environment=OWN)
    assert kept.stdout.splitlines() == [
        "Tables that no model of this project makes:",
        "marts.rpt_gone",
        # Its file was only in a copy of the project.
        "ada_marts.rpt_course_days",
        "Drop these 2? [y/N] nothing dropped",
    ]
    run("bash", "-c", "echo y | make prune OWN=1", environment=OWN)
    assert not query("show tables in ada_marts")
    assert "rpt_gone" not in run(*workbench("notices")).stdout
    assert "marts.rpt_perfect_scores" in built_tables()
