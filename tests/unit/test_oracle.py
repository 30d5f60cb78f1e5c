"""The independent calculation agrees with the outcome written by hand for each quirk.

Everything else that it calculates is compared with Spark's tables, whose models have
unit tests with results worked out by hand.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.oracle import REJECT_REASONS, Message, Row, expected_tables, judge
from tests.quirks import (
    ACCEPTED,
    PARTITIONS,
    READINGS,
    TEST_EXAM,
    assessment,
    encode,
    quirk_messages,
    quirks,
    variant,
)

MODELS = Path(__file__).parents[2] / "models"
_POSITION = {"_kafka_partition", "_kafka_offset", "_kafka_slice"}
NOT_CALCULATED = {
    "fct_attempts": {"item_ids", "form_id", "_kafka_slice"},
    "fct_form_results": {"item_ids", "form_id"},
    "rpt_assessment_totals": {"definition", "unit_order"},
    "fct_question_responses": {"form_id", *_POSITION},
    "fct_option_responses": {"_kafka_timestamp", *_POSITION},
    "stg_assessments__rejected_messages": {"reject_detail", "message_source"},
}
READ_INTO = {
    "started_at": ("fct_attempts", "started_at"),
    "keen_timestamp": ("fct_attempts", "recorded_at"),
    "max_attempts": ("fct_attempts", "max_attempts"),
    "certification": ("fct_attempts", "is_certification"),
    "sequences.questions.0.user_result": ("fct_question_responses", "result"),
    "sequences.questions.0.options.0.at": ("fct_option_responses", "answered_at"),
}


def _tables(values: Sequence[bytes | None]) -> dict[str, list[Row]]:
    """Return the tables of values that landed in one partition, a second apart."""
    first = datetime(2018, 3, 1, tzinfo=UTC)
    messages = [
        Message(0, offset, first + timedelta(seconds=offset), value)
        for offset, value in enumerate(values)
    ]
    return expected_tables(messages, [TEST_EXAM], "a-topic")


def test_every_quirk_is_judged_as_expected() -> None:
    misjudged = [
        (outcome, reason, value)
        for outcome, value in quirks()
        if (reason := judge(value)[0] or ACCEPTED) != outcome
    ]
    assert misjudged == []


def test_quirks_cover_every_outcome() -> None:
    assert {outcome for outcome, _ in quirks()} == {ACCEPTED, *REJECT_REASONS}


@pytest.mark.parametrize("path", READINGS)
def test_every_text_is_read_as_expected(path: str) -> None:
    readings = READINGS[path]
    values = [
        encode(variant({path: value}, assessment(str(number))))
        for number, (value, _) in enumerate(readings)
    ]
    table, column = READ_INTO[path]
    read = {
        row["attempt_id"]: row[column]
        for row in _tables(values)[f"marts.{table}"]
        if all(row.get(f"{name}_position", 1) == 1 for name in ("question", "option"))
    }
    misread = [
        (value, expected, actual)
        for number, (value, expected) in enumerate(readings)
        if (actual := read[str(number)]) != expected
        or type(actual) is not type(expected)
    ]
    assert misread == []


@pytest.mark.parametrize("table", _tables([None]))
def test_every_column_of_a_model_is_calculated(table: str) -> None:
    name = table.split(".")[1]
    [file] = MODELS.rglob(f"{name}.yml")
    [model] = yaml.safe_load(file.read_text())["models"]
    columns = {column["name"] for column in model["columns"]}
    calculated = set(_expected_of_quirks()[table][0])
    assert columns - calculated <= NOT_CALCULATED.get(name, set())


def test_two_courses_tie_in_every_ranking() -> None:
    rankings = [
        {str(row["course_name"]): row["course_rank"] for row in rows}
        for rows in _expected_of_quirks().values()
        if "course_rank" in rows[0]
    ]
    assert len(rankings) == 6
    for ranks in rankings:
        assert ranks["Knots for Sailors"] == ranks["Knots for Climbers"]
        assert len(set(ranks.values())) > 3


def test_quirk_messages_fill_four_partitions_and_reach_almost_1_mb() -> None:
    messages = quirk_messages()
    assert {message.partition for message in messages} == set(range(PARTITIONS))
    assert 790_000 < max(len(message.value or b"") for message in messages) < 900_000


def test_quirk_messages_are_the_same_for_the_same_seed() -> None:
    assert quirk_messages(5) == quirk_messages(5) != quirk_messages(6)


@cache
def _expected_of_quirks() -> dict[str, list[Row]]:
    """Return the tables of all quirk messages, with gaps in each partition."""
    offsets: Counter[int] = Counter()
    messages = []
    for raw in quirk_messages():
        time = datetime.fromtimestamp(raw.timestamp_ms / 1000, UTC)
        messages.append(Message(raw.partition, offsets[raw.partition], time, raw.value))
        offsets[raw.partition] += 2
    return expected_tables(messages, [TEST_EXAM], "a-topic")
