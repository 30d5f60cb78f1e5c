"""Every contract table equals an independent calculation, on data with every quirk."""

import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache

import pytest
from rich.cells import cell_len

from tests.integration.stack import (
    ingest,
    produce,
    produce_and_abort,
    query,
    run,
    topic_messages,
    topic_records,
)
from tests.oracle import Row, expected_tables
from tests.quirks import TEST_EXAM, quirk_messages

TABLES = tuple(expected_tables([], [TEST_EXAM], ""))


@pytest.fixture(scope="module")
def built() -> Iterator[None]:
    """Half of the quirks landed and built, then the other half on top of it."""
    messages = quirk_messages()
    for part in (messages[::2], messages[1::2]):
        produce(part[:100])
        produce_and_abort(partition=2)
        produce(part[100:])
        ingest("drain", "--batch-size", "300")
        run("dbt", "build")
    _expected.cache_clear()
    yield


@cache
def _expected() -> dict[str, list[Row]]:
    messages = topic_messages()
    return expected_tables(messages, [TEST_EXAM], "assessment-attempts")


def _actual(table: str, columns: Sequence[str]) -> list[Row]:
    rows = query(f"select {', '.join(columns)} from {table}")
    return [
        {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def _sort_key(row: Row) -> str:
    return repr([text for text in row.values() if not isinstance(text, float)])


def _assert_equal(table: str) -> None:
    expected = sorted(_expected()[table], key=_sort_key)
    assert expected, "the data set has something for every table"
    actual = sorted(_actual(table, list(expected[0])), key=_sort_key)
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        for name, value in theirs.items():
            mine = ours[name]
            if isinstance(value, float) and isinstance(mine, float):
                same = math.isclose(mine, value, rel_tol=1e-9, abs_tol=1e-12)
            else:
                same = mine == value
            assert same, f"{table}.{name}: {ours} is not {theirs}"


@pytest.mark.usefixtures("built")
def test_raw_holds_every_message_as_it_was_sent() -> None:
    raw = query(
        "select topic, partition, offset, hex(key), hex(value), "
        "unix_millis(timestamp), timestamp_type, "
        "to_json(transform(headers, h -> array(h.key, hex(h.value)))) "
        "from raw.assessment_attempts"
    )
    sent = [
        (
            record.topic,
            record.partition,
            record.offset,
            None if record.key is None else record.key.hex().upper(),
            None if record.value is None else record.value.hex().upper(),
            record.timestamp,
            record.timestamp_type,
            [[name, value.hex().upper()] for name, value in record.headers] or None,
        )
        for record in topic_records()
    ]
    landed = [(*row[:-1], json.loads(row[-1]) if row[-1] else None) for row in raw]
    assert sorted(landed, key=lambda row: row[1:3]) == sorted(
        sent, key=lambda row: row[1:3]
    )


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("table", TABLES)
def test_table_equals_the_independent_calculation(table: str) -> None:
    _assert_equal(table)


@pytest.mark.usefixtures("built")
def test_full_refresh_changes_no_table() -> None:
    run("dbt", "build", "--full-refresh")
    for table in TABLES:
        _assert_equal(table)


@pytest.mark.usefixtures("built")
def test_answers_are_plain_text_of_80_columns_and_agree_with_the_calculation() -> None:
    printed = run("python", "-m", "answers").stdout
    assert "\x1b" not in printed
    assert max(cell_len(line) for line in printed.splitlines()) <= 80
    sections = printed.split("\n\n")
    for number, section in enumerate(sections[:8], start=1):
        assert section.lstrip("\n").startswith(f"{number}. ")
    for section, table in ((sections[1], "least"), (sections[2], "most")):
        ranked = _expected()[f"marts.rpt_{table}_common_courses"]
        shown = [
            (int(fields[0]), int(fields[-2]))
            for line in section.splitlines()
            if (fields := line.split()) and line[:4].strip().isdigit()
        ]
        expected = [
            (row["course_rank"], row["attempt_count"])
            for row in ranked
            if int(str(row["course_rank"])) <= 5
        ]
        assert shown == sorted(expected, key=str), "the first ranks, ties shown whole"
