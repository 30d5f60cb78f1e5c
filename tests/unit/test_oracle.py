"""The independent calculation, held against results that were worked out by hand.

It judges every table the project makes, so an error in it would pass as a truth. No
result here was taken from what it printed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.oracle import (
    REJECT_REASONS,
    Message,
    Row,
    expected_tables,
    judge,
    read_boolean,
    read_epoch_seconds,
    read_time,
    read_whole_number,
)
from tests.quirks import ACCEPTED, PARTITIONS, TWINS, quirk_messages, quirks

TOPIC = "a-topic"
TEST_EXAMS = ("a-test",)
NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)

COLUMNS = {
    "staging.stg_assessments__rejected_messages": "_kafka_topic _kafka_partition"
    " _kafka_offset _kafka_timestamp reject_reason message_text",
    "marts.fct_attempts": "attempt_id user_exam_id exam_id course_name attempt_number"
    " max_attempts is_certification is_test_exam is_scored question_count"
    " correct_count incorrect_count incomplete_count submitted_count unanswered_count"
    " is_all_correct score started_at recorded_at _kafka_topic _kafka_partition"
    " _kafka_offset _kafka_timestamp",
    "marts.fct_question_responses": "attempt_id question_position question_id exam_id"
    " course_name result is_correct is_incomplete is_submitted",
    "marts.fct_option_responses": "attempt_id question_position option_position"
    " question_id option_id is_checked is_correct is_submitted answered_at",
    "marts.dim_courses": "course_name exam_count attempt_count is_test_course",
    "marts.dim_exams": "exam_id course_name attempt_count question_count is_test_exam",
    "marts.rpt_assessment_totals": "unit assessment_count",
    "marts.rpt_least_common_courses": "course_rank course_name attempt_count"
    " attempt_share",
    "marts.rpt_most_common_courses": "course_rank course_name attempt_count"
    " attempt_share",
    "marts.rpt_longest_courses": "course_rank course_name question_count"
    " min_question_count exam_count",
    "marts.rpt_course_score_summary": "grain item_count mean_score stddev_score"
    " min_score q1_score median_score q3_score max_score",
    "marts.rpt_course_scores": "course_name attempt_count mean_score stddev_score"
    " min_score median_score max_score",
    "marts.rpt_perfect_scores": "course_rank course_name perfect_count attempt_count"
    " perfect_rate",
    "marts.rpt_scores_below_50": "course_rank course_name below_50_count attempt_count"
    " below_50_rate",
    "marts.rpt_incomplete_unanswered_questions": "course_rank course_name"
    " incomplete_count unanswered_count incomplete_unanswered_count question_count"
    " incomplete_unanswered_rate",
    "marts.audit_message_outcomes": "outcome message_count",
    "marts.audit_offset_gaps": "topic partition first_missing_offset"
    " last_missing_offset missing_count",
}

REJECTED: list[tuple[str, bytes | None]] = [
    ("tombstone", None),
    ("empty", b""),
    ("empty", b" "),
    ("empty", b" \t\r\n"),
    ("invalid_utf8", b"\xff"),
    ("invalid_utf8", b'{"keen_id":"\x80"}'),
    ("invalid_utf8", b'{"keen_id":"\xc0\xaf"}'),
    ("invalid_utf8", b'{"keen_id":"\xed\xa0\x80"}'),
    ("invalid_utf8", b'{"keen_id":"\xf4\x90\x80\x80"}'),
    ("invalid_utf8", b'{"keen_id":"\xe2\x82'),
    ("invalid_json", b'{"keen_id":"a"'),
    ("invalid_json", b'{"keen_id":'),
    ("invalid_json", b"{"),
    ("invalid_json", b"{} tail"),
    ("invalid_json", b"{}{}"),
    ("invalid_json", b"{}\n{}"),
    ("invalid_json", b"{},"),
    ("invalid_json", b"{}]"),
    ("invalid_json", b"{}}"),
    ("invalid_json", b"{}] ["),
    ("invalid_json", b"{}} {"),
    ("invalid_json", b'{"a":NaN}'),
    ("invalid_json", b'{"a":-Infinity}'),
    ("invalid_json", b"NaN"),
    ("invalid_json", b"{'a':1}"),
    ("invalid_json", b"{\"a\":'b'}"),
    ("invalid_json", b"{a:1}"),
    ("invalid_json", b'{"a":1,}'),
    ("invalid_json", b'{"a":01}'),
    ("invalid_json", b'{"a":.5}'),
    ("invalid_json", b'{"a":"\n"}'),
    ("invalid_json", b'{"a":"\\x41"}'),
    ("invalid_json", b"{} // comment"),
    ("invalid_json", b"/* comment */{}"),
    ("invalid_json", b"\xef\xbb\xbf{}"),
    ("invalid_json", b"\xef\xbb\xbf"),
    ("invalid_json", b"\x0c"),
    ("invalid_json", b"\xc2\xa0"),
    ("invalid_json", b"{}\x00"),
    ("not_an_object", b"1"),
    ("not_an_object", b"9" * 5000),
    ("not_an_object", b'"{}"'),
    ("not_an_object", b"true"),
    ("not_an_object", b"null"),
    ("not_an_object", b"[]"),
    ("not_an_object", b"[{}]"),
    ("duplicate_key", b'{"a":1,"a":1}'),
    ("duplicate_key", b'{"keen_id":"a","\\u006been_id":"a"}'),
    ("duplicate_key", b'{"a":[{"b":{"c":1,"c":null}}]}'),
    ("duplicate_key", b'{"":1,"":2}'),
]

WRONG_TYPES = [
    '"sequences":[]',
    '"sequences":"{}"',
    '"sequences":""',
    '"sequences":0',
    '"sequences":{"id":{}}',
    '"sequences":{"attempt":"1"}',
    '"sequences":{"attempt":1.0}',
    '"sequences":{"counts":[]}',
    '"sequences":{"counts":{"total":"word"}}',
    '"sequences":{"counts":{"total":"3"}}',
    '"sequences":{"counts":{"total":3.5}}',
    '"sequences":{"counts":{"total":1e1}}',
    '"sequences":{"counts":{"total":2147483648}}',
    '"sequences":{"counts":{"total":-2147483649}}',
    '"sequences":{"counts":{"total":' + "9" * 5000 + "}}",
    '"sequences":{"counts":{"total":true}}',
    '"sequences":{"counts":{"total":[3]}}',
    '"sequences":{"counts":{"all_correct":"true"}}',
    '"sequences":{"counts":{"all_correct":1}}',
    '"sequences":{"questions":{}}',
    '"sequences":{"questions":"x"}',
    '"sequences":{"questions":["x"]}',
    '"sequences":{"questions":[[]]}',
    '"sequences":{"questions":[{},null,1]}',
    '"sequences":{"questions":[{"id":[]}]}',
    '"sequences":{"questions":[{"user_correct":0}]}',
    '"sequences":{"questions":[{"options":{}}]}',
    '"sequences":{"questions":[{"options":[true]}]}',
    '"sequences":{"questions":[{"options":[{"id":{}}]}]}',
    '"sequences":{"questions":[{"options":[{"checked":"true"}]}]}',
    '"sequences":{"questions":[{"options":[{"submitted":true}]}]}',
    '"user_exam_id":[]',
]

INCONSISTENT_COUNTS = [
    '{"total":-1}',
    '{"correct":-1}',
    '{"submitted":-1,"total":3}',
    '{"total":3,"correct":4}',
    '{"total":3,"incorrect":4}',
    '{"total":3,"incomplete":4}',
    '{"total":3,"unanswered":4}',
    '{"total":0,"correct":1}',
]

ACCEPTED_MEMBERS = [
    '"extra":1',
    '"extra":{"keen_id":[]}',
    '"extra":1e999',
    '"extra":' + "9" * 5000,
    '"KEEN_ID":[]',
    '"sequences":null',
    '"sequences":{}',
    '"sequences":{"counts":null}',
    '"sequences":{"counts":{"total":2147483647,"submitted":0}}',
    '"sequences":{"counts":{"total":2,"submitted":3}}',
    '"sequences":{"counts":{"correct":4}}',
    '"sequences":{"questions":[null,{"options":[null]}]}',
    '"sequences":{"questions":[{"user_result":{"a":1}}]}',
    '"sequences":{"questions":[{"options":[{"at":[]}]}]}',
    '"max_attempts":[]',
    '"certification":{}',
    '"started_at":1',
    '"user_exam_id":true',
]


def with_members(members: str) -> bytes:
    """Add members, as they are written, to an object that has its identifiers."""
    identifiers = '"keen_id":"a","exam_name":"b","base_exam_id":"c"'
    return ("{" + identifiers + "," + members + "}").encode()


def attempt(
    keen_id: object = "a",
    course: object = "Course",
    exam: object = "exam",
    questions: Sequence[object] | None = None,
    **counts: object,
) -> bytes:
    """Write a message with these counts alone."""
    sequences: dict[str, object] = {"counts": counts}
    if questions is not None:
        sequences["questions"] = questions
    return json.dumps(
        {
            "keen_id": keen_id,
            "exam_name": course,
            "base_exam_id": exam,
            "sequences": sequences,
        }
    ).encode()


def tables_of(*messages: Message) -> dict[str, list[Row]]:
    """Work out the tables of some messages."""
    return expected_tables(messages, TEST_EXAMS, TOPIC)


def tables(*values: bytes | None) -> dict[str, list[Row]]:
    """Work out the tables of values that landed in one partition, a second apart."""
    return tables_of(
        *(
            Message(0, offset, NOON + timedelta(seconds=offset), value)
            for offset, value in enumerate(values)
        )
    )


def column(rows: Sequence[Row], *names: str) -> list[Any]:
    """Give one column as a list, several as a list of tuples."""
    if len(names) == 1:
        return [row[names[0]] for row in rows]
    return [tuple(row[name] for name in names) for row in rows]


def scored(course: str, scores: Sequence[tuple[int, int]]) -> list[bytes]:
    """Write an attempt for each (correct, total)."""
    return [
        attempt(f"{course}-{number}", course, f"exam-{course}", correct=c, total=t)
        for number, (c, t) in enumerate(scores)
    ]


# The judge -------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "value"), REJECTED)
def test_a_faulty_value_gets_the_reason_that_the_contract_names(
    reason: str, value: bytes | None
) -> None:
    assert judge(value).reject_reason == reason


@pytest.mark.parametrize("members", WRONG_TYPES)
def test_a_known_field_that_cannot_take_its_value_is_a_wrong_type(members: str) -> None:
    assert judge(with_members(members)).reject_reason == "wrong_type"


@pytest.mark.parametrize("name", ["keen_id", "exam_name", "base_exam_id"])
@pytest.mark.parametrize("blank", ["absent", None, "", " ", "    "])
def test_an_absent_or_blank_identifier_is_missing(name: str, blank: object) -> None:
    document: dict[str, object] = {
        "keen_id": "a",
        "exam_name": "b",
        "base_exam_id": "c",
    }
    document[name] = blank
    if blank == "absent":
        del document[name]
    assert judge(json.dumps(document).encode()).reject_reason == "missing_identifier"


@pytest.mark.parametrize("name", ["keen_id", "exam_name", "base_exam_id"])
@pytest.mark.parametrize("wrong", [[], {}, ["a"]])
def test_an_identifier_is_no_object_and_no_array(name: str, wrong: object) -> None:
    document: dict[str, object] = {
        "keen_id": "a",
        "exam_name": "b",
        "base_exam_id": "c",
    }
    document[name] = wrong
    assert judge(json.dumps(document).encode()).reject_reason == "wrong_type"


@pytest.mark.parametrize("counts", INCONSISTENT_COUNTS)
def test_counts_below_zero_or_above_the_total_are_inconsistent(counts: str) -> None:
    value = with_members('"sequences":{"counts":' + counts + "}")
    assert judge(value).reject_reason == "inconsistent_counts"


@pytest.mark.parametrize("members", ACCEPTED_MEMBERS)
def test_what_is_no_reason_is_accepted(members: str) -> None:
    assert judge(with_members(members)).reject_reason is None


@pytest.mark.parametrize("name", [0, True, " a ", "\t", "{", '["x"]', "null", "\u00a0"])
def test_identifiers_may_be_any_scalar_and_any_text(name: object) -> None:
    assert judge(attempt(name, name, name)).reject_reason is None


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("invalid_utf8", b'{"keen_id":"\xff'),
        ("invalid_json", b'{"a":1,"a":2} tail'),
        ("invalid_json", b"[1"),
        ("not_an_object", b'[{"a":1,"a":2}]'),
        ("duplicate_key", b'{"sequences":1,"sequences":1}'),
        ("wrong_type", b'{"sequences":1}'),
        ("missing_identifier", b'{"sequences":{"counts":{"total":-1}}}'),
    ],
)
def test_of_two_faults_the_first_in_the_contract_is_the_reason(
    reason: str, value: bytes
) -> None:
    assert judge(value).reject_reason == reason


def test_every_quirk_is_judged_as_it_says_of_itself() -> None:
    misjudged = {
        quirk.label: (quirk.outcome, outcome)
        for quirk in quirks()
        if (outcome := judge(quirk.value).reject_reason or ACCEPTED) != quirk.outcome
    }
    assert misjudged == {}


def test_a_rejected_message_keeps_its_place_and_shows_its_text() -> None:
    rejected = tables_of(
        Message(3, 17, NOON, b'{"a":"\xff"}'), Message(1, 4, NOON, None)
    )["staging.stg_assessments__rejected_messages"]
    assert rejected == [
        {
            "_kafka_topic": TOPIC,
            "_kafka_partition": 3,
            "_kafka_offset": 17,
            "_kafka_timestamp": NOON,
            "reject_reason": "invalid_utf8",
            "message_text": '{"a":"\ufffd"}',
        },
        {
            "_kafka_topic": TOPIC,
            "_kafka_partition": 1,
            "_kafka_offset": 4,
            "_kafka_timestamp": NOON,
            "reject_reason": "tombstone",
            "message_text": None,
        },
    ]


# Reading values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.0", 1),
        ("3", 3),
        ("10.000", 10),
        ("2147483647", 2147483647),
        ("1.5", None),
        ("2147483648", None),
        ("9" * 5000, None),
        ("many", None),
        ("NaN", None),
        ("", None),
        (None, None),
    ],
)
def test_whole_numbers_are_read_from_text(text: str | None, number: int | None) -> None:
    assert read_whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("true", True),
        ("false", False),
        ("TRUE", None),
        (" true", None),
        ("1", None),
        ("", None),
        (None, None),
    ],
)
def test_only_true_and_false_are_booleans(text: str | None, state: bool | None) -> None:
    assert read_boolean(text) is state


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1516717442.735266", datetime(2018, 1, 23, 14, 24, 2, 735266, tzinfo=UTC)),
        ("1516717442.5", datetime(2018, 1, 23, 14, 24, 2, 500000, tzinfo=UTC)),
        ("1516717442", datetime(2018, 1, 23, 14, 24, 2, tzinfo=UTC)),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9" * 5000, None),
        ("9" * 20, None),
        ("NaN", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_epoch_seconds_are_read_to_the_microsecond(
    text: str | None, time: datetime | None
) -> None:
    assert read_epoch_seconds(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (
            "2018-01-23T14:23:19.082Z",
            datetime(2018, 1, 23, 14, 23, 19, 82000, tzinfo=UTC),
        ),
        (
            "2018-01-23T14:23:19.000001Z",
            datetime(2018, 1, 23, 14, 23, 19, 1, tzinfo=UTC),
        ),
        ("2018-01-23T00:23:19+02:00", datetime(2018, 1, 22, 22, 23, 19, tzinfo=UTC)),
        ("2018-12-31T23:30:00-05:30", datetime(2019, 1, 1, 5, 0, tzinfo=UTC)),
        ("2018-02-30T14:23:19Z", None),
        ("2018-01-23T24:23:19Z", None),
        ("14:23:19", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_as_utc(text: str | None, time: datetime | None) -> None:
    assert read_time(text) == time


# Facts -----------------------------------------------------------------------------

WHOLE_MESSAGE = {
    "keen_timestamp": "1516717442.735266",
    "max_attempts": "1.0",
    "started_at": "2018-01-23T14:23:19.082Z",
    "base_exam_id": "exam",
    "user_exam_id": 7,
    "sequences": {
        "questions": [
            None,
            {
                "id": "question",
                "user_incomplete": True,
                "user_correct": False,
                "user_submitted": True,
                "user_result": "missed_some",
                "options": [
                    {
                        "checked": True,
                        "at": "2018-01-23T14:23:24.670Z",
                        "id": "option",
                        "submitted": 1,
                        "correct": True,
                    },
                    None,
                    {"checked": False, "submitted": 0},
                ],
            },
            {},
        ],
        "attempt": 2,
        "counts": {
            "incomplete": 1,
            "submitted": 4,
            "incorrect": 1,
            "all_correct": False,
            "correct": 2,
            "total": 4,
            "unanswered": 0,
        },
    },
    "certification": True,
    "keen_id": "attempt",
    "exam_name": "Course",
}


def test_an_attempt_takes_its_columns_from_its_message() -> None:
    message = Message(2, 9, NOON, json.dumps(WHOLE_MESSAGE).encode())
    assert tables_of(message)["marts.fct_attempts"] == [
        {
            "attempt_id": "attempt",
            "user_exam_id": "7",
            "exam_id": "exam",
            "course_name": "Course",
            "attempt_number": 2,
            "max_attempts": 1,
            "is_certification": True,
            "is_test_exam": False,
            "is_scored": True,
            "question_count": 4,
            "correct_count": 2,
            "incorrect_count": 1,
            "incomplete_count": 1,
            "submitted_count": 4,
            "unanswered_count": 0,
            "is_all_correct": False,
            "score": 0.5,
            "started_at": datetime(2018, 1, 23, 14, 23, 19, 82000, tzinfo=UTC),
            "recorded_at": datetime(2018, 1, 23, 14, 24, 2, 735266, tzinfo=UTC),
            "_kafka_topic": TOPIC,
            "_kafka_partition": 2,
            "_kafka_offset": 9,
            "_kafka_timestamp": NOON,
        }
    ]


def test_what_is_absent_is_null_and_never_zero() -> None:
    (row,) = tables(with_members('"extra":1'))["marts.fct_attempts"]
    given = {
        "attempt_id": "a",
        "course_name": "b",
        "exam_id": "c",
        "is_test_exam": False,
        "is_scored": False,
        "_kafka_topic": TOPIC,
        "_kafka_partition": 0,
        "_kafka_offset": 0,
        "_kafka_timestamp": NOON,
    }
    names = COLUMNS["marts.fct_attempts"].split()
    assert row == {**dict.fromkeys(names), **given}


def test_questions_and_options_keep_positions_around_nulls() -> None:
    result = tables(json.dumps(WHOLE_MESSAGE).encode())
    assert [list(row.values()) for row in result["marts.fct_question_responses"]] == [
        [
            "attempt",
            2,
            "question",
            "exam",
            "Course",
            "missed_some",
            False,
            True,
            True,
        ],
        ["attempt", 3, None, "exam", "Course", None, None, None, False],
    ]
    answered = datetime(2018, 1, 23, 14, 23, 24, 670000, tzinfo=UTC)
    assert [list(row.values()) for row in result["marts.fct_option_responses"]] == [
        ["attempt", 2, 1, "question", "option", True, True, True, answered],
        ["attempt", 2, 3, "question", None, False, None, False, None],
    ]


def test_texts_show_scalars_as_written_and_objects_as_compact_json() -> None:
    questions = [
        {"user_result": result} for result in (7, True, {"\u00e9": [1, None]}, "", None)
    ]
    rows = tables(attempt(questions=questions))["marts.fct_question_responses"]
    assert column(rows, "result") == ["7", "true", '{"\u00e9":[1,null]}', "", None]


@pytest.mark.parametrize(
    ("counts", "score"),
    [
        ({"total": 4, "correct": 1}, 0.25),
        ({"total": 4, "correct": 0}, 0.0),
        ({"total": 0, "correct": 0}, None),
        ({"total": 4}, None),
        ({"correct": 4}, None),
        ({}, None),
    ],
)
def test_an_attempt_is_scored_with_a_total_and_a_correct_count(
    counts: dict[str, Any], score: float | None
) -> None:
    rows = tables(attempt(**counts))["marts.fct_attempts"]
    assert column(rows, "score", "is_scored") == [(score, score is not None)]


def test_a_test_exam_is_kept_but_not_scored() -> None:
    result = tables(attempt(exam="a-test", total=2, correct=1, questions=[{}]))
    (row,) = result["marts.fct_attempts"]
    assert (row["is_test_exam"], row["is_scored"], row["score"]) == (True, False, None)
    assert len(result["marts.fct_question_responses"]) == 1
    assert result["marts.rpt_most_common_courses"] == []


# Duplicates ------------------------------------------------------------------------

LATER = NOON + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("newest", "others"),
    [
        pytest.param((0, 0, LATER), [(3, 9, NOON)], id="time-before-partition"),
        pytest.param((0, 0, LATER), [(0, 1, NOON)], id="time-before-offset"),
        pytest.param((2, 0, NOON), [(1, 9, NOON)], id="partition-before-offset"),
        pytest.param((1, 9, NOON), [(1, 8, NOON), (1, 7, NOON)], id="offset-last"),
        pytest.param((1, 10, NOON), [(1, 9, NOON)], id="offsets-are-numbers"),
    ],
)
@pytest.mark.parametrize("arrives_first", [True, False])
def test_the_newest_message_of_an_attempt_counts(
    newest: tuple[int, int, datetime],
    others: list[tuple[int, int, datetime]],
    arrives_first: bool,
) -> None:
    messages = [Message(*newest, attempt(total=4, correct=3))]
    messages += [Message(*other, attempt(total=4, correct=0)) for other in others]
    result = tables_of(*(messages if arrives_first else reversed(messages)))
    (row,) = result["marts.fct_attempts"]
    assert row["correct_count"] == 3
    assert (row["_kafka_partition"], row["_kafka_offset"]) == newest[:2]
    outcomes = dict(
        column(result["marts.audit_message_outcomes"], "outcome", "message_count")
    )
    assert (outcomes["accepted"], outcomes["duplicate"]) == (1, len(others))


def test_a_rejected_message_replaces_nothing() -> None:
    result = tables(attempt(total=4, correct=3), attempt(total=4, correct=5))
    assert column(result["marts.fct_attempts"], "correct_count") == [3]
    totals = dict(
        column(result["marts.rpt_assessment_totals"], "unit", "assessment_count")
    )
    assert (totals["rejected_messages"], totals["duplicate_messages"]) == (1, 0)


def test_a_number_and_its_text_are_one_identifier_but_spaces_and_case_differ() -> None:
    rows = tables(*map(attempt, (42, "42", "42 ", "a", "A")))["marts.fct_attempts"]
    assert column(rows, "attempt_id") == ["42", "42 ", "a", "A"]


# Dimensions and totals -------------------------------------------------------------


def test_an_exam_belongs_to_the_course_of_its_newest_attempt() -> None:
    result = tables_of(
        Message(0, 0, LATER, attempt("a", "New Name", "exam", total=3)),
        Message(0, 1, NOON, attempt("b", "Old Name", "exam", total=5)),
        Message(0, 2, NOON, attempt("c", "Old Name", "other")),
    )
    assert column(
        result["marts.dim_exams"],
        "exam_id",
        "course_name",
        "attempt_count",
        "question_count",
        "is_test_exam",
    ) == [("exam", "New Name", 2, 5, False), ("other", "Old Name", 1, None, False)]
    assert column(
        result["marts.dim_courses"], "course_name", "exam_count", "attempt_count"
    ) == [("New Name", 1, 1), ("Old Name", 2, 2)]


def test_a_course_is_a_test_course_when_all_its_exams_are_tests() -> None:
    result = tables(
        attempt("a", "Tests", "a-test"),
        attempt("b", "Mixed", "a-test"),
        attempt("c", "Mixed", "exam"),
    )
    assert column(result["marts.dim_courses"], "course_name", "is_test_course") == [
        ("Tests", True),
        ("Mixed", False),
    ]
    assert column(result["marts.dim_exams"], "exam_id", "is_test_exam") == [
        ("a-test", True),
        ("exam", False),
    ]


def test_totals_count_every_unit() -> None:
    result = tables(
        attempt("a", "One", "exam-1", total=2, correct=1),
        attempt("a", "One", "exam-1", total=2, correct=2),
        attempt("b", "One", "exam-2", total=2, correct=2),
        attempt("c", "Two", "exam-3"),
        attempt("d", "Tests", "a-test", total=2, correct=2),
        b"",
        None,
    )
    assert column(
        result["marts.rpt_assessment_totals"], "unit", "assessment_count"
    ) == [
        ("messages", 7),
        ("rejected_messages", 2),
        ("duplicate_messages", 1),
        ("attempts", 4),
        ("test_attempts", 1),
        ("scored_attempts", 2),
        ("exams", 3),
        ("courses", 2),
    ]
    outcomes = result["marts.audit_message_outcomes"]
    assert column(outcomes, "outcome") == ["accepted", "duplicate", *REJECT_REASONS]
    assert column(outcomes, "message_count") == [4, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


# Answers ---------------------------------------------------------------------------


def test_tied_courses_share_a_rank_and_the_next_rank_is_left_out() -> None:
    result = tables(
        *scored("A", [(1, 2)] * 2),
        *scored("B", [(1, 2)] * 2),
        *scored("C", [(1, 2)]),
        attempt("unscored", "D", "exam-D"),
    )
    names = ("course_rank", "course_name", "attempt_count", "attempt_share")
    assert column(result["marts.rpt_most_common_courses"], *names) == [
        (1, "A", 2, 0.4),
        (1, "B", 2, 0.4),
        (3, "C", 1, 0.2),
    ]
    assert column(result["marts.rpt_least_common_courses"], *names) == [
        (1, "C", 1, 0.2),
        (2, "A", 2, 0.4),
        (2, "B", 2, 0.4),
    ]


def test_the_longest_course_has_the_largest_total() -> None:
    result = tables(
        *scored("A", [(1, 3), (1, 7), (1, 5)]),
        attempt("other", "A", "another-exam", total=4, correct=1),
        attempt("unscored", "A", "unscored-exam", total=99),
        *scored("B", [(1, 7)]),
        *scored("C", [(1, 6)]),
    )
    assert [list(row.values()) for row in result["marts.rpt_longest_courses"]] == [
        [1, "A", 7, 3, 2],
        [1, "B", 7, 7, 1],
        [3, "C", 6, 6, 1],
    ]


def test_quartiles_lie_between_the_two_nearest_scores() -> None:
    result = tables(*scored("A", [(1, 5), (2, 5)]), *scored("B", [(5, 5), (3, 5)]))
    by_course, by_attempt = result["marts.rpt_course_score_summary"]
    # Courses: averages 0.3 and 0.8. Attempts: 0.2, 0.4, 0.6 and 1.0.
    assert list(by_course.values()) == [
        "course",
        2,
        pytest.approx(0.55),
        pytest.approx(0.125**0.5),
        pytest.approx(0.3),
        pytest.approx(0.425),
        pytest.approx(0.55),
        pytest.approx(0.675),
        pytest.approx(0.8),
    ]
    assert list(by_attempt.values()) == [
        "attempt",
        4,
        pytest.approx(0.55),
        pytest.approx((0.35 / 3) ** 0.5),
        pytest.approx(0.2),
        pytest.approx(0.35),
        pytest.approx(0.5),
        pytest.approx(0.7),
        pytest.approx(1.0),
    ]


def test_one_item_has_no_deviation_and_no_item_has_nothing() -> None:
    one = tables(*scored("A", [(1, 4)]))
    for row in one["marts.rpt_course_score_summary"]:
        assert list(row.values())[1:] == [1, 0.25, None, 0.25, 0.25, 0.25, 0.25, 0.25]
    assert [list(row.values()) for row in one["marts.rpt_course_scores"]] == [
        ["A", 1, 0.25, None, 0.25, 0.25, 0.25]
    ]
    none = tables(attempt(total=4))
    assert [list(row.values()) for row in none["marts.rpt_course_score_summary"]] == [
        ["course", 0, *[None] * 7],
        ["attempt", 0, *[None] * 7],
    ]
    assert none["marts.rpt_course_scores"] == []


def test_course_scores_are_those_of_scored_attempts() -> None:
    result = tables(*scored("A", [(0, 4), (4, 4), (1, 4)]), attempt("x", "A", total=4))
    (row,) = result["marts.rpt_course_scores"]
    # Mean 5/12; squared deviations 25/144 + 49/144 + 4/144 = 78/144, over 2.
    assert list(row.values()) == [
        "A",
        3,
        pytest.approx(5 / 12),
        pytest.approx((39 / 144) ** 0.5),
        0.0,
        0.25,
        1.0,
    ]


def test_perfect_and_low_scores_are_counted_and_half_is_not_low() -> None:
    result = tables(
        *scored("A", [(2, 2), (1, 2), (0, 2), (3, 3)]),
        *scored("B", [(4, 4), (499, 1000)]),
        *scored("C", [(1, 2)]),
    )
    assert [list(row.values()) for row in result["marts.rpt_perfect_scores"]] == [
        [1, "A", 2, 4, 0.5],
        [2, "B", 1, 2, 0.5],
        [3, "C", 0, 1, 0.0],
    ]
    assert [list(row.values()) for row in result["marts.rpt_scores_below_50"]] == [
        [1, "A", 1, 4, 0.25],
        [1, "B", 1, 2, 0.5],
        [3, "C", 0, 1, 0.0],
    ]


def test_incomplete_and_unanswered_questions_ignore_what_is_absent() -> None:
    result = tables(
        attempt("a", "A", total=4, correct=1, incomplete=2, unanswered=1),
        attempt("b", "A", total=6, correct=1, unanswered=2),
        attempt("c", "A", total=9, incomplete=9, unanswered=9),
        attempt("d", "B", total=5, correct=1),
        attempt("e", "C", total=10, correct=1, incomplete=5, unanswered=0),
    )
    rows = result["marts.rpt_incomplete_unanswered_questions"]
    assert [list(row.values()) for row in rows] == [
        [1, "A", 2, 3, 5, 10, 0.5],
        [1, "C", 5, 0, 5, 10, 0.5],
        [3, "B", 0, 0, 0, 5, 0.0],
    ]


# Offsets and columns ---------------------------------------------------------------


def test_a_gap_is_what_lies_between_two_offsets_that_landed() -> None:
    landed = ((0, 5), (0, 9), (0, 6), (1, 3), (1, 4), (2, 0), (2, 2), (2, 5))
    gaps = tables_of(*(Message(*place, NOON, None) for place in landed))[
        "marts.audit_offset_gaps"
    ]
    assert [list(row.values()) for row in gaps] == [
        [TOPIC, 0, 7, 8, 2],
        [TOPIC, 2, 1, 1, 1],
        [TOPIC, 2, 3, 4, 2],
    ]


def test_one_place_in_the_topic_holds_one_message() -> None:
    with pytest.raises(ValueError, match="same partition and offset"):
        tables_of(Message(0, 1, NOON, b""), Message(0, 1, NOON, b""))


def test_every_table_has_the_columns_of_the_contract_in_order() -> None:
    result = tables_of(*landed(), Message(0, 10**6, NOON, None))
    assert {
        table: sorted({" ".join(row) for row in rows}) for table, rows in result.items()
    } == {table: [names] for table, names in COLUMNS.items()}


def test_no_message_at_all_is_a_dataset_too() -> None:
    result = tables()
    assert set(result) == set(COLUMNS)
    assert set(column(result["marts.audit_message_outcomes"], "message_count")) == {0}


# The quirks themselves -------------------------------------------------------------


def landed() -> list[Message]:
    """Give the quirk messages the offsets that an empty topic would give them."""
    offsets: Counter[int] = Counter()
    messages: list[Message] = []
    for raw in quirk_messages():
        time = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=raw.timestamp_ms)
        messages.append(Message(raw.partition, offsets[raw.partition], time, raw.value))
        offsets[raw.partition] += 1
    return messages


def test_quirks_hold_every_outcome_under_labels_of_their_own() -> None:
    labels = Counter(quirk.label for quirk in quirks())
    assert set(labels.values()) == {1}
    assert {quirk.outcome for quirk in quirks()} == {ACCEPTED, *REJECT_REASONS}


def test_quirk_messages_are_the_same_for_the_same_seed() -> None:
    assert quirk_messages(5) == quirk_messages(5)
    assert quirk_messages(5) != quirk_messages(6)


def test_quirk_messages_fit_a_topic_of_four_partitions() -> None:
    messages = quirk_messages()
    assert {message.partition for message in messages} == set(range(PARTITIONS))
    sizes = sorted(len(message.value or b"") for message in messages)
    assert sizes[-2] < 100_000 < 790_000 < sizes[-1] < 900_000
    times = [message.timestamp_ms for message in messages]
    assert times != sorted(times)
    assert {message.key for message in messages} >= {None, b""}
    assert any(message.headers for message in messages)


def test_quirk_messages_tie_two_courses_in_every_ranking() -> None:
    result = expected_tables(landed(), {"example-id"}, TOPIC)
    rankings = [
        rows for rows in result.values() if rows and "course_rank" in list(rows[0])
    ]
    assert len(rankings) == 6
    for rows in rankings:
        ranks = {row["course_name"]: row["course_rank"] for row in rows}
        assert ranks[TWINS[0]] == ranks[TWINS[1]]
        assert len(set(ranks.values())) > 3


def test_quirk_messages_hold_every_kind_of_attempt() -> None:
    result = expected_tables(landed(), {"example-id"}, TOPIC)
    attempts = {row["attempt_id"]: row for row in result["marts.fct_attempts"]}
    kept = {
        "repeat-newer-in-lower-partition": 0.0,
        "repeat-equal-times-in-two-partitions": 1.0,
        "repeat-equal-time-and-partition": 1.0,
        "repeat-older-arrives-later": 1.0,
        "repeat-one-millisecond-newer": 1.0,
        "repeat-newest-is-rejected": 1.0,
        "repeat-oldest-is-rejected": 1.0,
        "repeat-loses-questions": 0.5,
        "repeat-loses-counts": None,
        "repeat-becomes-a-test": None,
        "424242": 0.0,
    }
    assert {name: attempts[name]["score"] for name in kept} == kept
    courses = {row["course_name"]: row for row in result["marts.dim_courses"]}
    assert "Left Alone" not in courses
    assert courses["Example Course"]["is_test_course"] is True
    assert courses["Mixed Course"]["is_test_course"] is False
    assert (
        Counter(row["attempt_id"] for row in result["marts.fct_question_responses"])[
            "repeat-loses-questions"
        ]
        == 2
    )
    exams = {row["exam_id"]: row["course_name"] for row in result["marts.dim_exams"]}
    assert {exams[name] for name in exams if str(name).startswith("exam-renamed")} == {
        "Second Name of a Course"
    }
