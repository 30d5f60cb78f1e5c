"""Every contract table equals an independent calculation, on data with every quirk."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from kafka import KafkaAdminClient, TopicPartition
from playwright.sync_api import Browser, Page

from answers.questions import Question, questions
from answers.report import NOTEBOOK
from bench.stack import copy_project
from cli.settings import ROOT
from tests.integration.browser import answers_of, open_report, write_report
from tests.integration.stack import (
    STACK,
    TARGET,
    Dbt,
    aborted_transaction,
    ingest,
    landed_messages,
    produce,
    query,
    read_by_ingest,
    run,
    sent_messages,
    topic_messages,
)
from tests.oracle import Row, expected_tables
from tests.quirks import RawMessage, quirk_messages, shortened_attempt

# The length of a slice, in macros/slices.sql.
_SLICE = 10_000
# What is right need not be described: 1.6 s a page instead of 3.6.
_AXE = {"resultTypes": ["violations"]}
_STAGED = "stg_assessments__messages"
_REFUSAL = "holds messages that raw.assessment_attempts does not"
TABLES = tuple(expected_tables([], [], ""))
# All that an analyst adds: SQL and yml.
NINTH_QUESTION = {
    "rpt_largest_exams.sql": """
        with exams as (
            select * from {{ ref('dim_exams') }} where question_count is not null
        )
        select
            rank() over (order by question_count desc) as exam_rank,
            exam_id,
            question_count,
            attempt_count
        from exams
    """,
    "rpt_largest_exams.yml": """
models:
  - name: rpt_largest_exams
    description: One row per exam.
    config:
      meta:
        question: Which exams have most questions?
    columns:
      - {name: exam_rank, data_type: int, description: Rank.}
      - {name: exam_id, data_type: string, description: Exam.}
      - {name: question_count, data_type: int, description: Questions.}
      - {name: attempt_count, data_type: bigint, description: Attempts.}
""",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project with one more model."""
    place = tmp_path_factory.mktemp("project")
    copy_project(place)
    for name, text in NINTH_QUESTION.items():
        (place / "models" / "marts" / "answers" / name).write_text(text)
    return place


@pytest.fixture(scope="module")
def dbt(project: Path) -> Iterator[Dbt]:
    with closing(Dbt(project)) as dbt:
        yield dbt


@pytest.fixture(scope="module", autouse=True)
def built(project: Path, dbt: Dbt) -> None:
    """Land and build the quirks in two parts, on top of the sample.

    The first build makes only some models; the second makes all. Each excludes other
    exams of the sample, some of whose slices have no new message.
    """
    seed = project / "seeds" / "excluded_exams.csv"
    shipped = seed.read_text()
    (for_a_time,), (from_now_on,) = query(
        "select exam_id from marts.dim_exams order by attempt_count desc limit 2"
    )
    messages = quirk_messages()
    middle = len(messages) // 2
    longer, shorter = shortened_attempt()
    _land([longer, *messages[:middle]])
    seed.write_text(f"exam_id,reason\n{for_a_time},for a time\n")
    dbt(
        *("build", "--exclude-resource-type", "test", "unit_test", "--select"),
        *("+fct_attempts", "+fct_question_responses", "+fct_option_responses"),
    )
    _land([shorter, *messages[middle:]])
    seed.write_text(f"{shipped}{from_now_on},from now on\n")
    dbt("build", "--exclude-resource-type", "unit_test")


def _land(messages: Sequence[RawMessage]) -> None:
    """Land messages in several slices: aborted ones use up the offsets in between.

    The first message has a slice of partition 1 to itself. In partition 2, neighbours
    lie on both sides of the end of a slice.
    """
    with aborted_transaction(1, _SLICE):
        pass
    produce(messages[:1])
    with aborted_transaction(1, _SLICE):
        pass
    end = read_by_ingest()[2][2].end
    with aborted_transaction(2, -(end + 20) % _SLICE):
        pass
    produce(messages[1:])
    ingest("drain")


# The tables ------------------------------------------------------------------------


@cache
def _expected() -> dict[str, list[Row]]:
    excluded = [row[0] for row in query("select exam_id from reference.excluded_exams")]
    return expected_tables(topic_messages(), excluded, STACK.topic)


def _sort_key(row: Row) -> str:
    return repr([text for text in row.values() if not isinstance(text, float)])


def _assert_equal(table: str) -> None:
    expected = sorted(_expected()[table], key=_sort_key)
    assert expected, "the data set has something for every table"
    columns = list(expected[0])
    rows = query(f"select {', '.join(columns)} from {table}")
    actual = sorted((_row(columns, row) for row in rows), key=_sort_key)
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        for name, value in theirs.items():
            mine = ours[name]
            if isinstance(value, float) and isinstance(mine, float):
                same = math.isclose(mine, value, rel_tol=1e-9, abs_tol=1e-12)
            else:
                same = mine == value
            assert same, f"{table}.{name}: {ours} is not {theirs}"


def _row(columns: Sequence[str], values: Sequence[object]) -> Row:
    return {
        name: _value(name, value) for name, value in zip(columns, values, strict=True)
    }


def _value(name: str, value: Any) -> object:
    """PyHive returns times without a zone, and dates as text."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if name.endswith("_date") and value is not None:
        return date.fromisoformat(value)
    return value


def test_raw_holds_every_message_as_it_was_sent() -> None:
    landed = landed_messages()
    by_identity = {row[1:3]: row for row in landed}
    assert len(by_identity) == len(landed)
    assert by_identity == {row[1:3]: row for row in sent_messages()}


def test_messages_fill_several_slices() -> None:
    """They would not if `_SLICE` were shorter than a slice of macros/slices.sql."""
    slices = query(
        "select partition._kafka_partition, count(*) "
        "from staging.stg_assessments__messages.partitions group by all order by all"
    )
    assert slices == [(0, 1), (1, 5), (2, 3), (3, 1)]


@pytest.mark.parametrize("table", TABLES)
def test_table_equals_the_independent_calculation(table: str) -> None:
    _assert_equal(table)


def test_build_tests_what_was_written_until_it_passes(dbt: Dbt) -> None:
    def build(exit_code: int) -> None:
        tested = ("fct_question_results", "--exclude-resource-type", "unit_test")
        dbt("build", "--select", *tested, exit_code=exit_code)

    table = "marts.fct_question_results"
    [(good,)] = query(f"select snapshot_id from {table}.refs where name = 'main'")
    query(f"insert into {table} select * from {table} limit 1")
    build(exit_code=1)
    build(exit_code=1)
    query(f"call lake.system.rollback_to_snapshot('{table}', {good})")
    build(exit_code=0)
    ran = json.loads((TARGET / "run_results.json").read_text())["results"]
    tests = [each for each in ran if each["unique_id"].startswith("test.")]
    assert tests
    assert all("where false) as tested" in test["compiled_code"] for test in tests)


def test_build_refuses_messages_that_raw_does_not_hold(dbt: Dbt) -> None:
    """Raw was rolled back; once it has been filled again, it is built upon."""
    raw = "raw.assessment_attempts"
    [first, *_] = query(
        f"select snapshot_id from {raw}.snapshots order by committed_at"
    )
    query(f"call lake.system.rollback_to_snapshot('{raw}', {first[0]})")
    assert _REFUSAL in dbt("run", "--select", _STAGED, exit_code=2)
    ingest("drain")
    dbt("run", "--select", _STAGED)


@pytest.mark.nightly
def test_full_refresh_changes_no_incremental_table(dbt: Dbt) -> None:
    """Each build makes the other tables in full from these.

    Readers always find a table, because it is replaced in one commit, never dropped.
    """
    versions = "select snapshot_id from staging.stg_assessments__messages.snapshots"
    before = query(versions)
    selected = "config.materialized:incremental"
    dbt("run", "--full-refresh", "--select", selected)
    assert set(before) < set(query(versions))
    for table in (
        "staging.stg_assessments__rejected_messages",
        "marts.fct_attempts",
        "marts.fct_question_responses",
        "marts.fct_option_responses",
    ):
        _assert_equal(table)


def test_each_rejected_message_is_shown_with_what_is_wrong_and_where() -> None:
    rejected = "staging.stg_assessments__rejected_messages"
    unexplained = query(
        f"select distinct reject_reason from {rejected} where reject_detail is null"
    )
    # The reason says it all.
    assert sorted(unexplained) == [("empty",), ("tombstone",)]
    [(count,)] = query(f"select count(*) from {rejected}")
    command = ("python", "-m", "workbench", "rejects", "--shared", str(TARGET))
    printed = run(*command).stdout
    assert printed.startswith(f"{count:,} messages rejected: ")
    [(partition, offset, detail), *_] = query(
        f"select _kafka_partition, _kafka_offset, reject_detail from {rejected} "
        "where reject_reason = 'wrong_type' "
        "order by _kafka_timestamp desc, _kafka_partition, _kafka_offset"
    )
    assert f"partition {partition}, offset {offset}\n  {detail}\n" in printed


# The answers and the report --------------------------------------------------------


def _questions() -> list[Question]:
    return questions(json.loads((TARGET / "manifest.json").read_text()))


def test_answers_include_an_added_model_with_a_question() -> None:
    printed = run("python", "-m", "answers").stdout
    [section] = [
        each
        for each in printed.split("\n\n")
        if each.lstrip().startswith("Which exams")
    ]
    assert "exam rank" in section
    assert section.rstrip().endswith("rpt_largest_exams, ranks 1 to 5 with all ties")


@pytest.fixture(scope="module")
def report(browser: Browser) -> Iterator[Page]:
    """The report on these tables, open."""
    write_report()
    with closing(open_report(browser)) as page:
        yield page


def test_contents_link_to_every_section_and_question(report: Page) -> None:
    headings = [text.strip() for text in report.locator("h2, h3").all_inner_texts()]
    assert {question.title for question in _questions()} <= set(headings)
    assert report.locator("nav a").all_inner_texts() == headings
    for link in report.locator("nav a").all():
        target = (link.get_attribute("href") or "")[1:]
        assert report.locator(f"[id='{target}']").count() == 1


def test_sentence_of_each_ranking_names_the_leaders_of_its_mart(
    report: Page,
) -> None:
    said = answers_of(report)
    rankings = [question for question in _questions() if question.rank]
    others = {"rpt_assessment_totals", "rpt_course_score_summary"}
    assert set(said) == {question.model for question in rankings} | others
    for question in rankings:
        _, label, value = list(question.headings)[:3]
        leaders = query(
            f"select {label}, {value} from {question.relation} "
            f"where {question.rank} = 1"
        )
        text = said[question.model]
        names = re.findall("“\u2068(.*?)\u2069”", text, re.DOTALL)
        assert set(names) <= {name for name, _ in leaders}
        assert len(names) == (len(leaders) if len(leaders) <= 4 else 3)
        assert text.endswith(f"({question.headings[value]}: {leaders[0][1]:,}).")


def test_report_shows_rejected_messages_and_every_outcome(report: Page) -> None:
    outcomes = dict(query("select * from marts.audit_message_outcomes"))
    rejected = sum(outcomes.values()) - outcomes["accepted"] - outcomes["duplicate"]
    doubts = report.locator(".doubts").inner_text()
    assert f"{rejected:,} messages rejected" in doubts
    assert "not landed" not in doubts and "not in the marts" not in doubts
    table = report.locator(".table[aria-label^='audit_message_outcomes']")
    rows = table.locator("tbody tr").all()
    shown = {tuple(row.locator("td").all_inner_texts()) for row in rows}
    assert shown == {
        (outcome, f"{count:,}") for outcome, count in outcomes.items() if count
    }


def test_report_draws_each_item_with_enough_responses(report: Page) -> None:
    drawn = query(
        "select count_if(review_reason is null), count_if(review_reason is not null) "
        "from marts.rpt_item_analysis where discrimination is not null"
    )
    chart = report.locator(".scatter svg")
    dots = chart.locator("circle").count(), chart.locator("path title").count()
    assert [dots] == drawn


def test_table_can_be_sorted_by_mouse_and_by_keyboard(report: Page) -> None:
    table = report.locator(".table[aria-label^='rpt_course_scores'] table")

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr td:nth-child({number})").all_inner_texts()

    def numbers() -> list[int]:
        return [int(text.replace(",", "")) for text in column(2)]

    assert numbers() != sorted(numbers()), "sorted by score at first"
    heading = table.locator("th").nth(1)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers() == sorted(numbers())
    report.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert numbers() == sorted(numbers(), reverse=True)
    report.keyboard.press("Shift+Tab")
    report.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") is None
    assert table.locator("th").nth(0).get_attribute("aria-sort") == "ascending"


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_report_passes_axe(browser: Browser, width: int, scheme: str) -> None:
    page = open_report(browser, width, scheme)
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in Axe().run(page, options=_AXE).response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_report_lists_every_reason_to_doubt_the_numbers(
    dbt: Dbt, tmp_path: Path
) -> None:
    query("insert into marts.dim_exams select * from marts.dim_exams limit 1")
    dbt("test", "--select", "unique_dim_exams_exam_id", exit_code=1)
    produce([RawMessage(0, 2, None, b"landed, not built")])
    ingest("drain")
    produce([RawMessage(0, 3, None, b"deleted"), RawMessage(1, 3, None, b"to land")])
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.delete_records({TopicPartition(STACK.topic, 0): -1})
    said = _verdict(tmp_path)
    assert "1 dbt test failed" in said
    assert "1 landed message not in the marts yet" in said
    assert "1 message of the topic not landed yet" in said
    lost = r"offsets (\d+) to \1 are no longer in the topic"
    assert re.search(lost, said)
    assert re.search(lost, ingest("drain", exit_code=1).stderr)


def test_messages_landed_during_a_build_wait_for_the_next_one(dbt: Dbt) -> None:
    """And a loss that was accepted is a gap."""
    accepted = ingest("drain", "--accept-loss").stdout
    lost = re.search(r"accepted as lost: partition 0, offsets (\d+) to \1", accepted)
    assert lost
    dbt("run", "--select", _STAGED)
    staged = query("select count(*) from staging.stg_assessments__messages")
    produce([RawMessage(0, 4, None, b"landed in the middle of the build")])
    ingest("drain")
    dbt(
        *("build", "--select", "+audit_message_outcomes", "audit_offset_gaps"),
        *("--exclude", _STAGED, "resource_type:unit_test"),
        "test_type:generic",
    )
    counted = query("select sum(message_count) from marts.audit_message_outcomes")
    assert counted == staged
    gaps = query(
        "select first_missing_offset, last_missing_offset, missing_count "
        "from marts.audit_offset_gaps where partition = 0"
    )
    assert (int(lost[1]), int(lost[1]), 1) in gaps


def test_build_refuses_a_raw_table_that_was_created_again(dbt: Dbt) -> None:
    """Last: only a full refresh would build again."""
    query("drop table raw.assessment_attempts purge")
    ingest("drain")
    assert _REFUSAL in dbt("run", "--select", _STAGED, exit_code=2)


def _verdict(folder: Path) -> str:
    """Return the notebook's verdict on the data; run only the cells up to it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    [index] = [
        index for index, cell in enumerate(notebook.cells) if "verdict" in cell.source
    ]
    notebook.cells = notebook.cells[: index + 1]
    nbformat.write(notebook, folder / "verdict.ipynb")
    report = (".venv-report/bin/jupyter", "execute", "--inplace")
    run(*report, str(folder / "verdict.ipynb"), environment={"PYTHONPATH": str(ROOT)})
    executed = nbformat.read(folder / "verdict.ipynb", as_version=4)
    html: str = executed.cells[-1].outputs[-1]["data"]["text/html"]
    return html
