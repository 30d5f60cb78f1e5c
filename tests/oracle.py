"""The contract's tables, worked out a second time in plain Python.

The end-to-end test holds the tables that dbt and Spark made against these. A second
calculation only means something when it shares nothing with the first, so this module
is written from the contract alone: no SQL, no schema and no constant is read from the
models, and only the standard library is used. It is meant to be obviously right, not
fast: everything is kept in memory and counted by hand.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum, auto
from itertools import pairwise
from typing import TypeAlias

Row: TypeAlias = dict[str, object]

REJECT_REASONS = (
    "tombstone",
    "empty",
    "invalid_utf8",
    "invalid_json",
    "not_an_object",
    "duplicate_key",
    "wrong_type",
    "missing_identifier",
    "inconsistent_counts",
)
"""The reasons in the contract's order: the first that applies is the reason."""

JSON_WHITE_SPACE = b" \t\r\n"
SMALLEST_WHOLE_NUMBER = -(2**31)
LARGEST_WHOLE_NUMBER = 2**31 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ISO_8601 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]+))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
DECIMAL_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
MICROSECOND = Decimal("0.000001")
BEYOND_MICROSECONDS = ROUND_HALF_UP
"""Times are cut to whole microseconds, so that no event moves into the future."""


@dataclass(frozen=True)
class Message:
    """One Kafka message as it landed; (partition, offset) is its identity.

    `timestamp` is an aware UTC time; `value` is None for a tombstone.
    """

    partition: int
    offset: int
    timestamp: datetime
    value: bytes | None


# What a message may hold -----------------------------------------------------------


class Kind(Enum):
    """What a known field with a single value stands for."""

    IDENTIFIER = auto()
    TEXT = auto()
    COUNT = auto()
    FLAG = auto()


@dataclass(frozen=True)
class ObjectShape:
    """The known fields of an object; any other key is accepted and ignored."""

    known_fields: Mapping[str, Shape]


@dataclass(frozen=True)
class ArrayShape:
    """The shape of each element of an array; an element may also be null."""

    element: Shape


Shape: TypeAlias = Kind | ObjectShape | ArrayShape

OPTION = ObjectShape(
    {
        "id": Kind.IDENTIFIER,
        "checked": Kind.FLAG,
        "correct": Kind.FLAG,
        "at": Kind.TEXT,
        "submitted": Kind.COUNT,
    }
)
QUESTION = ObjectShape(
    {
        "id": Kind.IDENTIFIER,
        "user_incomplete": Kind.FLAG,
        "user_correct": Kind.FLAG,
        "user_submitted": Kind.FLAG,
        "user_result": Kind.TEXT,
        "options": ArrayShape(OPTION),
    }
)
COUNTS = ObjectShape(
    {
        "total": Kind.COUNT,
        "correct": Kind.COUNT,
        "incorrect": Kind.COUNT,
        "incomplete": Kind.COUNT,
        "submitted": Kind.COUNT,
        "unanswered": Kind.COUNT,
        "all_correct": Kind.FLAG,
    }
)
SEQUENCES = ObjectShape(
    {
        "id": Kind.IDENTIFIER,
        "attempt": Kind.COUNT,
        "counts": COUNTS,
        "questions": ArrayShape(QUESTION),
    }
)
ASSESSMENT = ObjectShape(
    {
        "keen_id": Kind.IDENTIFIER,
        "exam_name": Kind.IDENTIFIER,
        "base_exam_id": Kind.IDENTIFIER,
        "user_exam_id": Kind.IDENTIFIER,
        "keen_timestamp": Kind.TEXT,
        "keen_created_at": Kind.TEXT,
        "started_at": Kind.TEXT,
        "max_attempts": Kind.TEXT,
        "certification": Kind.TEXT,
        "sequences": SEQUENCES,
    }
)
REQUIRED_IDENTIFIERS = ("keen_id", "exam_name", "base_exam_id")
COUNT_NAMES = (
    "total",
    "correct",
    "incorrect",
    "incomplete",
    "submitted",
    "unanswered",
)
COUNTS_WITHIN_TOTAL = ("correct", "incorrect", "incomplete", "unanswered")


@dataclass(frozen=True)
class Number:
    """A JSON number as it is written.

    The literal is kept because a number where text belongs is shown as it stands in
    the source, and because Python's own int refuses literals of thousands of digits.
    """

    literal: str
    is_integer_literal: bool


# The judge of messages -------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """Why a message is rejected (None when it is not), and the object it holds."""

    reject_reason: str | None
    content: object = None


def judge(value: bytes | None) -> Verdict:
    """Give the first of the contract's reasons that applies, or the parsed object."""
    if value is None:
        return Verdict("tombstone")
    if not value.strip(JSON_WHITE_SPACE):
        return Verdict("empty")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return Verdict("invalid_utf8")
    try:
        content, has_duplicate_key = parse_strictly(text)
    except ValueError:
        return Verdict("invalid_json")
    if not isinstance(content, dict):
        return Verdict("not_an_object")
    if has_duplicate_key:
        return Verdict("duplicate_key")
    if not fits(content, ASSESSMENT):
        return Verdict("wrong_type")
    if any(is_blank(content.get(name)) for name in REQUIRED_IDENTIFIERS):
        return Verdict("missing_identifier")
    if has_inconsistent_counts(content):
        return Verdict("inconsistent_counts")
    return Verdict(None, content)


def parse_strictly(text: str) -> tuple[object, bool]:
    """Parse exactly one RFC 8259 value; say whether an object has one key twice.

    Python's parser takes NaN and the infinities, which JSON has not: they raise here.
    A byte order mark, text after the value and control characters in text raise by
    themselves. Raises ValueError for anything but one complete strict value.
    """
    has_duplicate_key = False

    def object_from(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal has_duplicate_key
        members = dict(pairs)
        has_duplicate_key = has_duplicate_key or len(members) < len(pairs)
        return members

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is no JSON value")

    content: object = json.loads(
        text,
        object_pairs_hook=object_from,
        parse_constant=refuse,
        parse_int=lambda literal: Number(literal, is_integer_literal=True),
        parse_float=lambda literal: Number(literal, is_integer_literal=False),
    )
    return content, has_duplicate_key


def fits(value: object, shape: Shape) -> bool:
    """Tell whether a known field can take a value; null is the same as absent."""
    if value is None:
        return True
    if isinstance(shape, ObjectShape):
        return isinstance(value, dict) and all(
            fits(value.get(name), field) for name, field in shape.known_fields.items()
        )
    if isinstance(shape, ArrayShape):
        return isinstance(value, list) and all(
            fits(element, shape.element) for element in value
        )
    if shape is Kind.IDENTIFIER:
        return not isinstance(value, dict | list)
    if shape is Kind.COUNT:
        return whole_number(value) is not None
    if shape is Kind.FLAG:
        return isinstance(value, bool)
    return True


def whole_number(value: object) -> int | None:
    """Read a JSON number without fraction or exponent in the range of 32 bits."""
    if not isinstance(value, Number) or not value.is_integer_literal:
        return None
    if len(value.literal) > len(str(SMALLEST_WHOLE_NUMBER)):
        return None
    number = int(value.literal)
    if SMALLEST_WHOLE_NUMBER <= number <= LARGEST_WHOLE_NUMBER:
        return number
    return None


def is_blank(value: object) -> bool:
    """Tell whether an identifier says nothing: null, empty or spaces alone."""
    text = as_text(value)
    return text is None or not text.strip(" ")


def has_inconsistent_counts(content: object) -> bool:
    """Tell whether a count is negative or a part is above the total."""
    counts = member(content, "sequences", "counts")
    present = {
        name: count
        for name in COUNT_NAMES
        if (count := whole_number(member(counts, name))) is not None
    }
    if any(count < 0 for count in present.values()):
        return True
    total = present.get("total")
    return total is not None and any(
        present.get(name, 0) > total for name in COUNTS_WITHIN_TOTAL
    )


# Reading values --------------------------------------------------------------------


def member(value: object, *path: str) -> object:
    """Follow keys into nested objects; None where one is absent or null."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def elements(value: object) -> Iterator[tuple[int, object]]:
    """Give each element of an array its position from 1; a null only takes one."""
    if isinstance(value, list):
        for position, element in enumerate(value, start=1):
            if element is not None:
                yield position, element


def as_text(value: object) -> str | None:
    """Give a value as the text that a text column shows for it."""
    if value is None or isinstance(value, str):
        return value
    return json_text(value)


def identifier(content: object, name: str) -> str:
    """Give an identifier that every accepted message has; ValueError without one."""
    text = as_text(member(content, name))
    if text is None:
        raise ValueError(f"an accepted message has no {name}")
    return text


def json_text(value: object) -> str:
    """Write a parsed value as compact JSON, numbers exactly as in the source."""
    if isinstance(value, Number):
        return value.literal
    if isinstance(value, dict):
        pairs = (f"{json_text(key)}:{json_text(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def flag(value: object) -> bool | None:
    """Give a flag, None when it is absent."""
    return value if isinstance(value, bool) else None


def read_whole_number(text: str | None) -> int | None:
    """Read text such as "3" or "1.0"; a fraction or a word can't be read."""
    if text is None or not DECIMAL_NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if not SMALLEST_WHOLE_NUMBER <= number <= LARGEST_WHOLE_NUMBER:
        return None
    return int(number) if number == number.to_integral_value() else None


def read_boolean(text: str | None) -> bool | None:
    """Read "true" or "false", spelled so; nothing else can be read."""
    return {"true": True, "false": False}.get(text or "")


def read_epoch_seconds(text: str | None) -> datetime | None:
    """Read seconds since 1970 with a decimal fraction as a time to the microsecond.

    Decimal, because a double can't hold the microseconds of today's epoch exactly.
    """
    if text is None or not DECIMAL_NUMBER.fullmatch(text):
        return None
    try:
        seconds = Decimal(text).quantize(MICROSECOND, rounding=BEYOND_MICROSECONDS)
        return EPOCH + timedelta(microseconds=int(seconds.scaleb(6)))
    except (InvalidOperation, OverflowError):
        return None


def read_time(text: str | None) -> datetime | None:
    """Read an ISO 8601 date and time with a zone as a UTC time."""
    parts = ISO_8601.fullmatch(text or "")
    if parts is None:
        return None
    seconds, fraction, zone = parts.groups()
    microseconds = (fraction or "")[:6].ljust(6, "0")
    try:
        moment = datetime.strptime(
            f"{seconds}.{microseconds}{zone}", "%Y-%m-%dT%H:%M:%S.%f%z"
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# Attempts --------------------------------------------------------------------------


@dataclass(frozen=True)
class Attempt:
    """One attempt: the columns of fct_attempts in their order, then its origin."""

    attempt_id: str
    user_exam_id: str | None
    exam_id: str
    course_name: str
    attempt_number: int | None
    max_attempts: int | None
    is_certification: bool | None
    is_test_exam: bool
    is_scored: bool
    question_count: int | None
    correct_count: int | None
    incorrect_count: int | None
    incomplete_count: int | None
    submitted_count: int | None
    unanswered_count: int | None
    is_all_correct: bool | None
    score: float | None
    started_at: datetime | None
    recorded_at: datetime | None
    questions: object
    message: Message


NOT_COLUMNS = ("questions", "message")


def attempt_from(
    message: Message, content: object, excluded_exams: Collection[str]
) -> Attempt:
    """Turn an accepted message into an attempt."""
    sequences = member(content, "sequences")
    counts = member(sequences, "counts")
    exam_id = identifier(content, "base_exam_id")
    total = whole_number(member(counts, "total"))
    correct = whole_number(member(counts, "correct"))
    is_test_exam = exam_id in excluded_exams
    score = None
    if not is_test_exam and total is not None and total > 0 and correct is not None:
        score = correct / total
    return Attempt(
        attempt_id=identifier(content, "keen_id"),
        user_exam_id=as_text(member(content, "user_exam_id")),
        exam_id=exam_id,
        course_name=identifier(content, "exam_name"),
        attempt_number=whole_number(member(sequences, "attempt")),
        max_attempts=read_whole_number(as_text(member(content, "max_attempts"))),
        is_certification=read_boolean(as_text(member(content, "certification"))),
        is_test_exam=is_test_exam,
        is_scored=score is not None,
        question_count=total,
        correct_count=correct,
        incorrect_count=whole_number(member(counts, "incorrect")),
        incomplete_count=whole_number(member(counts, "incomplete")),
        submitted_count=whole_number(member(counts, "submitted")),
        unanswered_count=whole_number(member(counts, "unanswered")),
        is_all_correct=flag(member(counts, "all_correct")),
        score=score,
        started_at=read_time(as_text(member(content, "started_at"))),
        recorded_at=read_epoch_seconds(as_text(member(content, "keen_timestamp"))),
        questions=member(sequences, "questions"),
        message=message,
    )


def age(attempt: Attempt) -> tuple[datetime, int, int]:
    """Order attempts as the contract does: the largest is the newest."""
    message = attempt.message
    return message.timestamp, message.partition, message.offset


def newest_of_each(candidates: Iterable[Attempt]) -> list[Attempt]:
    """Keep the newest message of each attempt_id; the others are duplicates."""
    newest: dict[str, Attempt] = {}
    for candidate in candidates:
        rival = newest.get(candidate.attempt_id)
        if rival is None or age(candidate) > age(rival):
            newest[candidate.attempt_id] = candidate
    return list(newest.values())


# The tables ------------------------------------------------------------------------


def expected_tables(
    messages: Sequence[Message], excluded_exams: Collection[str], topic: str
) -> dict[str, list[Row]]:
    """Work out every table of the contract from all messages of one raw table.

    Keys are `schema.table`, rows hold the contract's columns in its order. The order
    of rows means nothing. `definition` of rpt_assessment_totals is free text and left
    out. Offsets that are missing count as gaps: no loss is taken as accepted. Raises
    ValueError when two messages have one (partition, offset), since then the raw
    table itself is wrong.
    """
    identities = Counter((message.partition, message.offset) for message in messages)
    if len(identities) < len(messages):
        raise ValueError("two messages have the same partition and offset")

    verdicts = [(message, judge(message.value)) for message in messages]
    rejected = [
        (message, verdict.reject_reason)
        for message, verdict in verdicts
        if verdict.reject_reason is not None
    ]
    accepted = [
        attempt_from(message, verdict.content, excluded_exams)
        for message, verdict in verdicts
        if verdict.reject_reason is None
    ]
    attempts = newest_of_each(accepted)
    duplicate_count = len(accepted) - len(attempts)
    scored = by_course(attempt for attempt in attempts if attempt.is_scored)

    return {
        "staging.stg_assessments__rejected_messages": [
            rejected_message(message, reason, topic) for message, reason in rejected
        ],
        "marts.fct_attempts": [attempt_row(attempt, topic) for attempt in attempts],
        "marts.fct_question_responses": list(question_rows(attempts)),
        "marts.fct_option_responses": list(option_rows(attempts)),
        "marts.dim_courses": dim_courses(attempts),
        "marts.dim_exams": dim_exams(attempts),
        "marts.rpt_assessment_totals": assessment_totals(
            attempts, len(messages), len(rejected), duplicate_count
        ),
        "marts.rpt_least_common_courses": common_courses(scored, most_first=False),
        "marts.rpt_most_common_courses": common_courses(scored, most_first=True),
        "marts.rpt_longest_courses": longest_courses(scored),
        "marts.rpt_course_score_summary": course_score_summary(scored),
        "marts.rpt_course_scores": course_scores(scored),
        "marts.rpt_perfect_scores": perfect_scores(scored),
        "marts.rpt_scores_below_50": scores_below_50(scored),
        "marts.rpt_incomplete_unanswered_questions": incomplete_unanswered(scored),
        "marts.audit_message_outcomes": message_outcomes(
            [reason for _, reason in rejected], len(attempts), duplicate_count
        ),
        "marts.audit_offset_gaps": offset_gaps(messages, topic),
    }


def load_columns(message: Message, topic: str) -> Row:
    """Say where a row came from."""
    return {
        "_kafka_topic": topic,
        "_kafka_partition": message.partition,
        "_kafka_offset": message.offset,
        "_kafka_timestamp": message.timestamp,
    }


def rejected_message(message: Message, reason: str, topic: str) -> Row:
    """Show a message that can't be used; invalid bytes appear as U+FFFD."""
    value = message.value
    return {
        **load_columns(message, topic),
        "reject_reason": reason,
        "message_text": None if value is None else value.decode("utf-8", "replace"),
    }


def attempt_row(attempt: Attempt, topic: str) -> Row:
    """Give the row of fct_attempts."""
    columns = {
        field.name: getattr(attempt, field.name)
        for field in fields(attempt)
        if field.name not in NOT_COLUMNS
    }
    return {**columns, **load_columns(attempt.message, topic)}


def question_rows(attempts: Iterable[Attempt]) -> Iterator[Row]:
    """Unroll attempts to one row per question."""
    for attempt in attempts:
        for position, question in elements(attempt.questions):
            yield {
                "attempt_id": attempt.attempt_id,
                "question_position": position,
                "question_id": as_text(member(question, "id")),
                "exam_id": attempt.exam_id,
                "course_name": attempt.course_name,
                "result": as_text(member(question, "user_result")),
                "is_correct": flag(member(question, "user_correct")),
                "is_incomplete": flag(member(question, "user_incomplete")),
                "is_submitted": flag(member(question, "user_submitted")) is True,
            }


def option_rows(attempts: Iterable[Attempt]) -> Iterator[Row]:
    """Unroll attempts to one row per option of each question."""
    for attempt in attempts:
        for question_position, question in elements(attempt.questions):
            for option_position, option in elements(member(question, "options")):
                submitted = whole_number(member(option, "submitted"))
                yield {
                    "attempt_id": attempt.attempt_id,
                    "question_position": question_position,
                    "option_position": option_position,
                    "question_id": as_text(member(question, "id")),
                    "option_id": as_text(member(option, "id")),
                    "is_checked": flag(member(option, "checked")),
                    "is_correct": flag(member(option, "correct")),
                    "is_submitted": submitted is not None and submitted > 0,
                    "answered_at": read_time(as_text(member(option, "at"))),
                }


def by_course(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    """Group attempts by the name that each one's own message gives."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        groups[attempt.course_name].append(attempt)
    return dict(groups)


def dim_courses(attempts: Sequence[Attempt]) -> list[Row]:
    """Describe each course; its exams are those with an attempt under its name."""
    return [
        {
            "course_name": course_name,
            "exam_count": len({attempt.exam_id for attempt in taken}),
            "attempt_count": len(taken),
            "is_test_course": all(attempt.is_test_exam for attempt in taken),
        }
        for course_name, taken in by_course(attempts).items()
    ]


def dim_exams(attempts: Sequence[Attempt]) -> list[Row]:
    """Describe each exam; its course is the one its newest attempt names."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        groups[attempt.exam_id].append(attempt)
    return [
        {
            "exam_id": exam_id,
            "course_name": max(taken, key=age).course_name,
            "attempt_count": len(taken),
            "question_count": max(present(question_counts(taken)), default=None),
            "is_test_exam": taken[0].is_test_exam,
        }
        for exam_id, taken in groups.items()
    ]


def assessment_totals(
    attempts: Sequence[Attempt],
    message_count: int,
    rejected_count: int,
    duplicate_count: int,
) -> list[Row]:
    """Answer question 1, one row per unit; exams and courses leave test exams out."""
    normal = [attempt for attempt in attempts if not attempt.is_test_exam]
    totals = {
        "messages": message_count,
        "rejected_messages": rejected_count,
        "duplicate_messages": duplicate_count,
        "attempts": len(attempts),
        "test_attempts": len(attempts) - len(normal),
        "scored_attempts": sum(attempt.is_scored for attempt in attempts),
        "exams": len({attempt.exam_id for attempt in normal}),
        "courses": len({attempt.course_name for attempt in normal}),
    }
    return [{"unit": unit, "assessment_count": count} for unit, count in totals.items()]


def present(values: Iterable[int | None]) -> list[int]:
    """Leave out NULLs, as every aggregate of SQL does."""
    return [value for value in values if value is not None]


def question_counts(attempts: Iterable[Attempt]) -> list[int | None]:
    """Give the total of each attempt."""
    return [attempt.question_count for attempt in attempts]


def scores_of(attempts: Iterable[Attempt]) -> list[float]:
    """Give the scores of scored attempts, lowest first."""
    return sorted(attempt.score for attempt in attempts if attempt.score is not None)


def ranked(
    numbers: Mapping[str, int],
    columns: Mapping[str, Row],
    *,
    most_first: bool,
) -> list[Row]:
    """Rank courses by a number, as SQL's rank() does: 1, 1, 3."""
    rows: list[Row] = []
    for course_name in sorted(
        numbers,
        key=lambda name: (-numbers[name] if most_first else numbers[name], name),
    ):
        own = numbers[course_name]
        ahead = sum(
            number > own if most_first else number < own for number in numbers.values()
        )
        rows.append(
            {
                "course_rank": ahead + 1,
                "course_name": course_name,
                **columns[course_name],
            }
        )
    return rows


def common_courses(
    scored: Mapping[str, list[Attempt]], *, most_first: bool
) -> list[Row]:
    """Answer questions 2 and 3: courses by the number of scored attempts."""
    all_scored = sum(len(taken) for taken in scored.values())
    numbers = {name: len(taken) for name, taken in scored.items()}
    columns: dict[str, Row] = {
        name: {"attempt_count": number, "attempt_share": number / all_scored}
        for name, number in numbers.items()
    }
    return ranked(numbers, columns, most_first=most_first)


def longest_courses(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Answer question 4: courses by the largest total of a scored attempt."""
    numbers = {
        name: max(present(question_counts(taken))) for name, taken in scored.items()
    }
    columns: dict[str, Row] = {
        name: {
            "question_count": numbers[name],
            "min_question_count": min(present(question_counts(taken))),
            "exam_count": len({attempt.exam_id for attempt in taken}),
        }
        for name, taken in scored.items()
    }
    return ranked(numbers, columns, most_first=True)


def sample_deviation(values: Sequence[float]) -> float | None:
    """Give the sample standard deviation, which one item has not."""
    return statistics.stdev(values) if len(values) > 1 else None


def percentile(ordered: Sequence[float], fraction: float) -> float | None:
    """Interpolate linearly between the two nearest items of an ordered list."""
    if not ordered:
        return None
    position = (len(ordered) - 1) * fraction
    below, above = math.floor(position), math.ceil(position)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def course_score_summary(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Answer question 5 twice: over the courses' averages and over all scores."""
    grains = {
        "course": sorted(
            statistics.fmean(scores_of(taken)) for taken in scored.values()
        ),
        "attempt": scores_of(attempt for taken in scored.values() for attempt in taken),
    }
    return [
        {
            "grain": grain,
            "item_count": len(ordered),
            "mean_score": statistics.fmean(ordered) if ordered else None,
            "stddev_score": sample_deviation(ordered),
            "min_score": min(ordered, default=None),
            "q1_score": percentile(ordered, 0.25),
            "median_score": percentile(ordered, 0.5),
            "q3_score": percentile(ordered, 0.75),
            "max_score": max(ordered, default=None),
        }
        for grain, ordered in grains.items()
    ]


def course_scores(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Summarise the scores of each course."""
    return [
        {
            "course_name": name,
            "attempt_count": len(taken),
            "mean_score": statistics.fmean(scores_of(taken)),
            "stddev_score": sample_deviation(scores_of(taken)),
            "min_score": min(scores_of(taken)),
            "median_score": percentile(scores_of(taken), 0.5),
            "max_score": max(scores_of(taken)),
        }
        for name, taken in scored.items()
    ]


def perfect_scores(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Answer question 6: courses by attempts with every question correct."""
    numbers = {
        name: sum(attempt.correct_count == attempt.question_count for attempt in taken)
        for name, taken in scored.items()
    }
    columns: dict[str, Row] = {
        name: {
            "perfect_count": numbers[name],
            "attempt_count": len(taken),
            "perfect_rate": numbers[name] / len(taken),
        }
        for name, taken in scored.items()
    }
    return ranked(numbers, columns, most_first=True)


def scores_below_50(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Answer question 7: courses by attempts with a score under one half."""
    numbers = {
        name: sum(score < 0.5 for score in scores_of(taken))
        for name, taken in scored.items()
    }
    columns: dict[str, Row] = {
        name: {
            "below_50_count": numbers[name],
            "attempt_count": len(taken),
            "below_50_rate": numbers[name] / len(taken),
        }
        for name, taken in scored.items()
    }
    return ranked(numbers, columns, most_first=True)


def incomplete_unanswered(scored: Mapping[str, list[Attempt]]) -> list[Row]:
    """Answer question 8: courses by questions left incomplete or unanswered.

    A count that is absent adds nothing, so a course without any has 0 and keeps its
    place in the ranking.
    """
    numbers: dict[str, int] = {}
    columns: dict[str, Row] = {}
    for name, taken in scored.items():
        incomplete = sum(present(attempt.incomplete_count for attempt in taken))
        unanswered = sum(present(attempt.unanswered_count for attempt in taken))
        questions = sum(present(question_counts(taken)))
        numbers[name] = incomplete + unanswered
        columns[name] = {
            "incomplete_count": incomplete,
            "unanswered_count": unanswered,
            "incomplete_unanswered_count": incomplete + unanswered,
            "question_count": questions,
            "incomplete_unanswered_rate": (incomplete + unanswered) / questions,
        }
    return ranked(numbers, columns, most_first=True)


def message_outcomes(
    reasons: Iterable[str], attempt_count: int, duplicate_count: int
) -> list[Row]:
    """Count every outcome, 0 included; the counts add up to all messages."""
    reason_counts = Counter(reasons)
    outcomes = {"accepted": attempt_count, "duplicate": duplicate_count}
    outcomes.update((reason, reason_counts[reason]) for reason in REJECT_REASONS)
    return [
        {"outcome": outcome, "message_count": count}
        for outcome, count in outcomes.items()
    ]


def offset_gaps(messages: Iterable[Message], topic: str) -> list[Row]:
    """Find the offset ranges missing between a partition's first and last offset."""
    landed: dict[int, list[int]] = defaultdict(list)
    for message in messages:
        landed[message.partition].append(message.offset)
    return [
        {
            "topic": topic,
            "partition": partition,
            "first_missing_offset": before + 1,
            "last_missing_offset": after - 1,
            "missing_count": after - before - 1,
        }
        for partition, offsets in sorted(landed.items())
        for before, after in pairwise(sorted(offsets))
        if after - before > 1
    ]
