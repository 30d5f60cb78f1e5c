"""The contract's tables, calculated a second time without SQL.

The end-to-end test compares these tables with those that dbt and Spark made. A second
calculation is useful only if it shares nothing with the first, so this module is
written from the contract and uses no model, and no schema or constant of a model. It is
meant to be obviously right, not fast: everything is kept in memory.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeAlias

import pandas as pd

Row: TypeAlias = dict[str, object]
Json: TypeAlias = dict[str, Any]

REJECT_REASONS = (
    *("tombstone", "empty", "invalid_utf8", "invalid_json", "not_an_object"),
    *("duplicate_key", "wrong_type", "missing_identifier", "inconsistent_counts"),
)


@dataclass(frozen=True)
class Message:
    """One Kafka message as it landed; (partition, offset) is its identity.

    `timestamp` is an aware UTC time; `value` is None for a tombstone.
    """

    partition: int
    offset: int
    timestamp: datetime
    value: bytes | None


NEWEST = attrgetter("timestamp", "partition", "offset")
"""Of several messages with one keen_id, the one that is largest by these is used."""

# What a message may hold -----------------------------------------------------------

Shape: TypeAlias = "type | Mapping[str, Shape] | list[Shape]"
"""What a known field accepts: a flag (`bool`), a count (`int`), an identifier (`str`),
an object with these fields, or an array of such elements. Text fields accept anything,
so they are not listed."""

OPTION: Mapping[str, Shape] = {
    "id": str,
    "checked": bool,
    "correct": bool,
    "submitted": int,
}
QUESTION: Mapping[str, Shape] = {
    "id": str,
    "user_incomplete": bool,
    "user_correct": bool,
    "user_submitted": bool,
    "options": [OPTION],
}
PARTS = ("correct", "incorrect", "incomplete", "unanswered")
COUNTS = ("total", *PARTS, "submitted")
REQUIRED_IDENTIFIERS = ("keen_id", "exam_name", "base_exam_id")
ASSESSMENT: Mapping[str, Shape] = {
    **dict.fromkeys((*REQUIRED_IDENTIFIERS, "user_exam_id"), str),
    "sequences": {
        "id": str,
        "attempt": int,
        "counts": {**dict.fromkeys(COUNTS, int), "all_correct": bool},
        "questions": [QUESTION],
    },
}


def fits(value: object, shape: Shape) -> bool:
    """Return whether a known field accepts a value; null is the same as absent."""
    if value is None:
        return True
    if isinstance(shape, Mapping):
        return isinstance(value, dict) and all(
            fits(value.get(name), field) for name, field in shape.items()
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(each, shape[0]) for each in value)
    if shape is bool:
        return isinstance(value, bool)
    return is_count(value) if shape is int else not isinstance(value, dict | list)


def is_count(value: object) -> bool:
    """Return whether a value is a whole number of 32 bits."""
    return type(value) is int and -(2**31) <= value < 2**31


# The judge of messages -------------------------------------------------------------


def judge(value: bytes | None) -> tuple[str | None, Json]:
    """Return the first reason to reject a value and {}, or None and its object."""
    if value is None:
        return "tombstone", {}
    if not value.strip(b" \t\r\n"):
        return "empty", {}
    try:
        content, has_duplicate_key = parse_strictly(value.decode())
    except UnicodeDecodeError:
        return "invalid_utf8", {}
    except ValueError:
        return "invalid_json", {}
    if not isinstance(content, dict):
        return "not_an_object", {}
    if has_duplicate_key:
        return "duplicate_key", {}
    if not fits(content, ASSESSMENT):
        return "wrong_type", {}
    identifiers = [as_text(content.get(name)) for name in REQUIRED_IDENTIFIERS]
    if not all(text and text.strip(" ") for text in identifiers):
        return "missing_identifier", {}
    counts = (content.get("sequences") or {}).get("counts") or {}
    present = {name: counts[name] for name in COUNTS if counts.get(name) is not None}
    largest = max(present.get(name, 0) for name in PARTS)
    if min(present.values(), default=0) < 0 or largest > present.get("total", largest):
        return "inconsistent_counts", {}
    return None, content


def parse_strictly(text: str) -> tuple[object, bool]:
    """Parse one RFC 8259 value; return it, and whether an object has a duplicate key.

    Python's parser would accept NaN and the infinities, which are not JSON.

    Raises:
        ValueError: the text is not exactly one complete strict value.
    """
    has_duplicate_key = False

    def object_from(pairs: list[tuple[str, object]]) -> Json:
        nonlocal has_duplicate_key
        has_duplicate_key |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not a JSON value")

    content = json.loads(text, object_pairs_hook=object_from, parse_constant=refuse)
    return content, has_duplicate_key


# Reading values --------------------------------------------------------------------


def as_text(value: object) -> str | None:
    """Return a value as the text that a text column shows for it."""
    return value if value is None or isinstance(value, str) else json_text(value)


def json_text(value: object) -> str:
    """Write a parsed value as compact JSON, as `from_json` does."""
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, dict):
        pairs = (f"{json_text(key)}:{json_text(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def float_text(number: float) -> str:
    """Write a double as Java does: plainly from 0.001 to 9999999.0, then as 1.0E7."""
    if math.isinf(number):
        return '"Infinity"' if number > 0 else '"-Infinity"'
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    mantissa, exponent = f"{Decimal(repr(number)).normalize():E}".split("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


WHOLE_NUMBER = re.compile(r" *([+-]?[0-9]+)([.]0+)? *")
SECONDS = re.compile(r" *([+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]{1,2})?) *")
TIME = re.compile(
    r" *([0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9]([.][0-9]+)?"
    r"(Z|[+-](0[0-9]|1[0-7]):?[0-5][0-9]|[+-]18:?00)?)?) *"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = Decimal("0.000001")
BOOLEANS: Mapping[str | None, bool] = {"true": True, "false": False}


def read_whole_number(value: object) -> int | None:
    """Read text such as "3" or "1.0"; return None for a fraction or a word."""
    match = WHOLE_NUMBER.fullmatch(as_text(value) or "")
    number = int(match[1]) if match else None
    return number if is_count(number) else None


def read_epoch_seconds(value: object) -> datetime | None:
    """Read seconds since 1970, rounded to microseconds, in the years 1 to 9999.

    Decimal, because a double can't hold today's time to the microsecond exactly.
    """
    match = SECONDS.fullmatch(as_text(value) or "")
    if match is None:
        return None
    try:
        seconds = Decimal(match[1]).quantize(MICROSECOND, ROUND_HALF_UP)
        return EPOCH + timedelta(microseconds=int(seconds.scaleb(6)))
    except (InvalidOperation, OverflowError):
        return None


def read_time(value: object) -> datetime | None:
    """Read an ISO 8601 date and time, cut to microseconds; UTC if no zone is given.

    Seconds may be omitted only together with the zone.
    """
    match = TIME.fullmatch(as_text(value) or "")
    try:
        time = datetime.fromisoformat(match[1]) if match else None
        return time and (
            time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        )
    except (ValueError, OverflowError):
        return None


# Facts -----------------------------------------------------------------------------


def load_columns(message: Message, topic: str) -> Row:
    """Return the columns that say which message a row came from."""
    return {
        "_kafka_topic": topic,
        "_kafka_partition": message.partition,
        "_kafka_offset": message.offset,
        "_kafka_timestamp": message.timestamp,
    }


def attempt_row(
    message: Message, content: Json, excluded_exams: Collection[str], topic: str
) -> Row:
    """Turn an accepted message into a row of fct_attempts."""
    sequences = content.get("sequences") or {}
    counts = sequences.get("counts") or {}
    total, correct = counts.get("total"), counts.get("correct")
    exam_id = as_text(content["base_exam_id"])
    is_test_exam = exam_id in excluded_exams
    score = None
    if not is_test_exam and total and correct is not None:
        score = correct / total
    return {
        "attempt_id": as_text(content["keen_id"]),
        "user_exam_id": as_text(content.get("user_exam_id")),
        "exam_id": exam_id,
        "course_name": as_text(content["exam_name"]),
        "attempt_number": sequences.get("attempt"),
        "max_attempts": read_whole_number(content.get("max_attempts")),
        "is_certification": BOOLEANS.get(as_text(content.get("certification"))),
        "is_test_exam": is_test_exam,
        "is_scored": score is not None,
        "question_count": total,
        **{f"{name}_count": counts.get(name) for name in (*PARTS, "submitted")},
        "is_all_correct": counts.get("all_correct"),
        "score": score,
        "started_at": read_time(content.get("started_at")),
        "recorded_at": read_epoch_seconds(content.get("keen_timestamp")),
        **load_columns(message, topic),
    }


def elements(array: list[Any] | None) -> Iterator[tuple[int, Json]]:
    """Yield each element of an array with its position from 1; nulls are skipped."""
    for position, element in enumerate(array or [], start=1):
        if element is not None:
            yield position, element


def question_rows(attempt: Row, questions: list[Any] | None) -> Iterator[Row]:
    """Unroll an attempt to one row per question."""
    for position, question in elements(questions):
        yield {
            "attempt_id": attempt["attempt_id"],
            "question_position": position,
            "question_id": as_text(question.get("id")),
            "exam_id": attempt["exam_id"],
            "course_name": attempt["course_name"],
            "result": as_text(question.get("user_result")),
            "is_correct": question.get("user_correct"),
            "is_incomplete": question.get("user_incomplete"),
            "is_submitted": question.get("user_submitted") is True,
        }


def option_rows(attempt: Row, questions: list[Any] | None) -> Iterator[Row]:
    """Unroll an attempt to one row per option of each question."""
    for question_position, question in elements(questions):
        for option_position, option in elements(question.get("options")):
            yield {
                "attempt_id": attempt["attempt_id"],
                "question_position": question_position,
                "option_position": option_position,
                "question_id": as_text(question.get("id")),
                "option_id": as_text(option.get("id")),
                "is_checked": option.get("checked"),
                "is_correct": option.get("correct"),
                "is_submitted": (option.get("submitted") or 0) > 0,
                "answered_at": read_time(option.get("at")),
            }


# The tables ------------------------------------------------------------------------


def expected_tables(
    messages: Sequence[Message], excluded_exams: Collection[str], topic: str
) -> dict[str, list[Row]]:
    """Calculate the contract's tables from all messages of one raw table.

    Keys are `schema.table`; rows have the contract's columns and are in any order.
    `definition` of rpt_assessment_totals is omitted, because it is free text. Every
    missing offset is a gap, because no loss is taken as accepted.
    """
    rejected: list[Row] = []
    accepted: list[tuple[Row, list[Any] | None]] = []
    for message in sorted(messages, key=NEWEST, reverse=True):
        reason, content = judge(message.value)
        if reason is None:
            questions = (content.get("sequences") or {}).get("questions")
            row = attempt_row(message, content, excluded_exams, topic)
            accepted.append((row, questions))
        else:
            value = message.value
            text = None if value is None else value.decode(errors="replace")
            shown = {"reject_reason": reason, "message_text": text}
            rejected.append({**load_columns(message, topic), **shown})
    newest: dict[object, tuple[Row, list[Any] | None]] = {}
    for row, questions in accepted:
        newest.setdefault(row["attempt_id"], (row, questions))
    attempts = [row for row, _ in newest.values()]
    duplicate_count = len(accepted) - len(attempts)
    outcomes = Counter(str(row["reject_reason"]) for row in rejected)
    outcomes.update(accepted=len(attempts), duplicate=duplicate_count)

    return {
        "staging.stg_assessments__rejected_messages": rejected,
        "marts.fct_attempts": attempts,
        "marts.fct_question_responses": [
            row for each in newest.values() for row in question_rows(*each)
        ],
        "marts.fct_option_responses": [
            row for each in newest.values() for row in option_rows(*each)
        ],
        "marts.audit_message_outcomes": [
            {"outcome": outcome, "message_count": outcomes[outcome]}
            for outcome in ("accepted", "duplicate", *REJECT_REASONS)
        ],
        "marts.audit_offset_gaps": list(offset_gaps(messages, topic)),
        **summaries(attempts, len(messages), len(rejected), duplicate_count),
    }


def offset_gaps(messages: Iterable[Message], topic: str) -> Iterator[Row]:
    """Find the offset ranges missing between a partition's first and last offset."""
    landed: dict[int, list[int]] = defaultdict(list)
    for message in messages:
        landed[message.partition].append(message.offset)
    for partition, offsets in landed.items():
        for before, after in pairwise(sorted(offsets)):
            if after - before > 1:
                yield {
                    "topic": topic,
                    "partition": partition,
                    "first_missing_offset": before + 1,
                    "last_missing_offset": after - 1,
                    "missing_count": after - before - 1,
                }


COLUMN_TYPES = {
    **dict.fromkeys(("exam_id", "course_name"), "object"),
    **dict.fromkeys(("is_test_exam", "is_scored"), "bool"),
    **dict.fromkeys(("question_count", "correct_count"), "Int64"),
    **dict.fromkeys(("incomplete_count", "unanswered_count"), "Int64"),
    "score": "float64",
}
"""Columns of attempts to summarise; Int64 keeps NULL distinct from 0, numbers exact."""

RANKINGS = {
    "rpt_most_common_courses": "attempt_count attempt_share",
    "rpt_longest_courses": "question_count min_question_count exam_count",
    "rpt_perfect_scores": "perfect_count attempt_count perfect_rate",
    "rpt_scores_below_50": "below_50_count attempt_count below_50_rate",
}
"""The columns of each descending ranking; the first column is what it ranks by."""


def summaries(
    rows: Sequence[Row], message_count: int, rejected_count: int, duplicate_count: int
) -> dict[str, list[Row]]:
    """Calculate dimensions and answers from the attempts, given newest first."""
    attempts = pd.DataFrame(rows, columns=list(COLUMN_TYPES), dtype=object)
    attempts = attempts.astype(COLUMN_TYPES)
    normal, scored = attempts[~attempts.is_test_exam], attempts[attempts.is_scored]
    courses = scored_courses(scored)
    totals = {
        "messages": message_count,
        "rejected_messages": rejected_count,
        "duplicate_messages": duplicate_count,
        "attempts": len(attempts),
        "test_attempts": len(attempts) - len(normal),
        "scored_attempts": len(scored),
        "exams": normal.exam_id.nunique(),
        "courses": normal.course_name.nunique(),
    }
    frames = {
        "dim_courses": attempts.groupby("course_name", as_index=False).agg(
            exam_count=("exam_id", "nunique"),
            attempt_count=("exam_id", "size"),
            is_test_course=("is_test_exam", "all"),
        ),
        "dim_exams": attempts.groupby("exam_id", as_index=False).agg(
            course_name=("course_name", "first"),
            attempt_count=("course_name", "size"),
            question_count=("question_count", "max"),
            is_test_exam=("is_test_exam", "first"),
        ),
        "rpt_assessment_totals": pd.DataFrame(
            totals.items(), columns=["unit", "assessment_count"]
        ),
        **{name: ranked(courses, columns) for name, columns in RANKINGS.items()},
        "rpt_least_common_courses": ranked(
            courses, "attempt_count attempt_share", ascending=True
        ),
        "rpt_incomplete_unanswered_questions": ranked(
            courses.assign(question_count=courses.all_question_count),
            "incomplete_unanswered_count incomplete_count unanswered_count"
            " question_count incomplete_unanswered_rate",
        ),
        "rpt_course_score_summary": score_summary(
            course=courses.mean_score, attempt=scored.score
        ),
        "rpt_course_scores": courses.filter(
            regex="^(course_name|attempt_count|.*_score)$"
        ),
    }
    return {
        f"marts.{name}": frame.astype(object)
        .where(frame.notna(), None)
        .to_dict("records")
        for name, frame in frames.items()
    }


def scored_courses(scored: pd.DataFrame) -> pd.DataFrame:
    """Return each course with a scored attempt, with every number an answer shows.

    An absent count adds nothing, so a course without any has 0.
    """
    is_perfect = scored.correct_count == scored.question_count
    marked = scored.assign(is_perfect=is_perfect, is_below_50=scored.score < 0.5)
    courses = marked.groupby("course_name", as_index=False).agg(
        attempt_count=("score", "size"),
        exam_count=("exam_id", "nunique"),
        question_count=("question_count", "max"),
        min_question_count=("question_count", "min"),
        all_question_count=("question_count", "sum"),
        mean_score=("score", "mean"),
        stddev_score=("score", "std"),
        min_score=("score", "min"),
        median_score=("score", "median"),
        max_score=("score", "max"),
        perfect_count=("is_perfect", "sum"),
        below_50_count=("is_below_50", "sum"),
        incomplete_count=("incomplete_count", "sum"),
        unanswered_count=("unanswered_count", "sum"),
    )
    both = courses.incomplete_count + courses.unanswered_count
    return courses.assign(
        attempt_share=courses.attempt_count / len(scored),
        perfect_rate=courses.perfect_count / courses.attempt_count,
        below_50_rate=courses.below_50_count / courses.attempt_count,
        incomplete_unanswered_count=both,
        incomplete_unanswered_rate=both / courses.all_question_count,
    )


def ranked(courses: pd.DataFrame, names: str, ascending: bool = False) -> pd.DataFrame:
    """Rank courses by the first of some columns, as SQL's rank() does: 1, 1, 3."""
    columns = names.split()
    ranks = courses[columns[0]].rank(method="min", ascending=ascending).astype(int)
    return courses[["course_name", *columns]].assign(course_rank=ranks)


def score_summary(**grains: pd.Series) -> pd.DataFrame:
    """Describe the scores of each grain; quartiles are interpolated linearly."""
    summary = pd.DataFrame({name: scores.describe() for name, scores in grains.items()})
    summary = summary.T.reset_index().astype({"count": int})
    names = ("mean", "stddev", "min", "q1", "median", "q3", "max")
    return summary.set_axis(
        ["grain", "item_count", *(f"{name}_score" for name in names)], axis=1
    )
