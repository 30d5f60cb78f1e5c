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
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeAlias

import pandas as pd

Row: TypeAlias = dict[str, object]
Json: TypeAlias = dict[str, Any]
Questions: TypeAlias = "list[Any] | None"

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


TEXTS: Mapping[str, tuple[str, ...]] = {
    "": (
        *("keen_timestamp", "keen_created_at", "started_at"),
        *("max_attempts", "certification"),
    ),
    "sequences.questions[]": ("user_result",),
    "sequences.questions[].options[]": ("at",),
}
"""The text fields, by the path of their object."""


def unknown_keys(value: object, shape: Shape, path: str = "") -> Iterator[str]:
    """Yield the path of each key that is neither in the shape nor a text field."""
    if isinstance(value, list) and isinstance(shape, list):
        for each in value:
            yield from unknown_keys(each, shape[0], f"{path}[]")
    elif isinstance(value, dict) and isinstance(shape, Mapping):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else key
            if key in shape:
                yield from unknown_keys(inner, shape[key], here)
            elif key not in TEXTS.get(path, ()):
                # Half of a surrogate pair is not text.
                yield here.encode(errors="replace").decode()


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
    questions = questions_of(content)
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
        "is_scorable": bool(total) and correct is not None,
        "is_scored": score is not None,
        "question_count": total,
        **{f"{name}_count": counts.get(name) for name in (*PARTS, "submitted")},
        "is_all_correct": counts.get("all_correct"),
        "correct_item_count": sum(
            item.is_right for item in responses(questions).values()
        ),
        "last_answered_at": last_answered_at(questions),
        "score": score,
        "started_at": read_time(content.get("started_at")),
        "recorded_at": read_epoch_seconds(content.get("keen_timestamp")),
        **load_columns(message, topic),
    }


def questions_of(content: Json) -> Questions:
    return (content.get("sequences") or {}).get("questions")


def elements(array: list[Any] | None) -> Iterator[tuple[int, Json]]:
    """Yield each element of an array with its position from 1; nulls are skipped."""
    for position, element in enumerate(array or [], start=1):
        if element is not None:
            yield position, element


def first_by_id(array: list[Any] | None) -> dict[str, Json]:
    """Return the first element that has each id; elements without one are omitted."""
    found: dict[str, Json] = {}
    for _, element in elements(array):
        name = as_text(element.get("id"))
        if name is not None:
            found.setdefault(name, element)
    return found


def last_answered_at(questions: Questions) -> datetime | None:
    """Return the latest time of an option that can be read."""
    return max(
        (
            time
            for _, question in elements(questions)
            for _, option in elements(question.get("options"))
            if (time := read_time(option.get("at"))) is not None
        ),
        default=None,
    )


@dataclass(frozen=True)
class Response:
    """A response to an item; `rest` is how many other items are right."""

    question: Json
    is_right: bool
    rest: int


def responses(questions: Questions) -> dict[str, Response]:
    """Return the response to each item of an attempt, by question id."""
    asked = first_by_id(questions)
    right = {name: each.get("user_correct") is True for name, each in asked.items()}
    return {
        name: Response(each, right[name], sum(right.values()) - right[name])
        for name, each in asked.items()
    }


def rest_score(question: Json, items: Mapping[str, Response]) -> int | None:
    """Return the rest score of a question, None if it is no item of its attempt."""
    item = items.get(as_text(question.get("id")) or "")
    return item.rest if item and item.question is question else None


def question_rows(attempt: Row, questions: Questions) -> Iterator[Row]:
    """Unroll an attempt to one row per question."""
    items = responses(questions)
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
            "rest_correct_count": rest_score(question, items),
            "is_scorable": attempt["is_scorable"],
            "is_scored": attempt["is_scored"],
        }


def option_rows(attempt: Row, questions: Questions) -> Iterator[Row]:
    """Unroll an attempt to one row per option of each question."""
    items = responses(questions)
    for question_position, question in elements(questions):
        first = first_by_id(question.get("options"))
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
                "unreadable_answer_time": unreadable(option.get("at"), read_time),
                "rest_correct_count": rest_score(question, items)
                if first.get(as_text(option.get("id")) or "") is option
                else None,
                "exam_id": attempt["exam_id"],
                "is_scorable": attempt["is_scorable"],
                "is_scored": attempt["is_scored"],
            }


Reader: TypeAlias = "Callable[[Any], object]"
OPTION_TIME = "sequences.questions[].options[].at"
READERS: Mapping[str, Reader] = {
    "started_at": read_time,
    "keen_timestamp": read_epoch_seconds,
    "max_attempts": read_whole_number,
    "certification": lambda value: BOOLEANS.get(as_text(value)),
}


def unreadable_values(content: Json) -> Iterator[tuple[str, str]]:
    """Yield path and text of each value of an attempt that can't be read."""
    found = [(path, content.get(path), read) for path, read in READERS.items()]
    for _, question in elements(questions_of(content)):
        for _, option in elements(question.get("options")):
            found.append((OPTION_TIME, option.get("at"), read_time))
    for path, value, read in found:
        text = unreadable(value, read)
        if text is not None:
            yield path, text


def unreadable(value: object, read: Reader) -> str | None:
    """Return the text of a value that can't be read, None of any other."""
    return as_text(value) if read(value) is None else None


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
    newest: dict[object, tuple[Row, Json]] = {}
    drift: dict[str, list[datetime]] = defaultdict(list)
    for message in sorted(messages, key=NEWEST, reverse=True):
        reason, content = judge(message.value)
        if reason is None:
            row = attempt_row(message, content, excluded_exams, topic)
            newest.setdefault(row["attempt_id"], (row, content))
            for path in set(unknown_keys(content, ASSESSMENT)):
                drift[path].append(message.timestamp)
        else:
            value = message.value
            text = None if value is None else value.decode(errors="replace")
            shown = {"reject_reason": reason, "message_text": text}
            rejected.append({**load_columns(message, topic), **shown})
    attempts = [row for row, _ in newest.values()]
    asked = [(row, questions_of(content)) for row, content in newest.values()]
    duplicate_count = len(messages) - len(rejected) - len(attempts)
    unread: dict[str, list[str]] = defaultdict(list)
    for _, content in newest.values():
        for path, text in unreadable_values(content):
            unread[path].append(text)
    outcomes = Counter(str(row["reject_reason"]) for row in rejected)
    outcomes.update(accepted=len(attempts), duplicate=duplicate_count)

    return {
        "staging.stg_assessments__rejected_messages": rejected,
        "marts.fct_attempts": attempts,
        "marts.fct_question_responses": [
            row for each in asked for row in question_rows(*each)
        ],
        "marts.fct_option_responses": [
            row for each in asked for row in option_rows(*each)
        ],
        "marts.audit_message_outcomes": [
            {"outcome": outcome, "message_count": outcomes[outcome]}
            for outcome in ("accepted", "duplicate", *REJECT_REASONS)
        ],
        "marts.audit_offset_gaps": list(offset_gaps(messages, topic)),
        "marts.audit_schema_drift": [
            {
                "key_path": path,
                "message_count": len(seen),
                "first_seen_at": min(seen),
                "last_seen_at": max(seen),
            }
            for path, seen in drift.items()
        ],
        "marts.audit_unreadable_values": [
            {
                "field_path": path,
                "value_count": len(texts),
                "example_value": max(texts),
            }
            for path, texts in unread.items()
        ],
        **summaries(attempts, len(messages), len(rejected), duplicate_count),
        **item_tables(asked),
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
    **dict.fromkeys(("started_at", "last_answered_at", "recorded_at"), "object"),
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
        "rpt_attempts_by_day": by_date(scored, "record_date"),
        "rpt_attempts_by_week": by_date(scored, "week_start_date", is_week=True),
        "rpt_course_durations": durations(scored),
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


def by_date(scored: pd.DataFrame, name: str, is_week: bool = False) -> pd.DataFrame:
    """Count the attempts of each day or week; a week begins on Monday."""

    def start(time: datetime | None) -> date | None:
        if time is None:
            return None
        return time.date() - timedelta(time.weekday() if is_week else 0)

    dated = scored.assign(**{name: scored.recorded_at.map(start, na_action=None)})
    return dated.groupby(name, as_index=False, dropna=False).agg(
        attempt_count=("score", "size"), mean_score=("score", "mean")
    )


def durations(scored: pd.DataFrame) -> pd.DataFrame:
    """Describe the seconds from start to last click; quartiles are linear."""

    def seconds(row: Any) -> float | None:
        if row.started_at is None or row.last_answered_at is None:
            return None
        took: float = (row.last_answered_at - row.started_at) / timedelta(seconds=1)
        return took if took >= 0 else None

    took = [seconds(row) for row in scored.itertuples()]
    groups = scored.assign(took=pd.Series(took, scored.index, dtype=float))
    return groups.groupby("course_name", as_index=False).agg(
        attempt_count=("score", "size"),
        timed_count=("took", "count"),
        q1_seconds=("took", lambda times: times.quantile(0.25)),
        median_seconds=("took", "median"),
        q3_seconds=("took", lambda times: times.quantile(0.75)),
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


# Item analysis ---------------------------------------------------------------------

ITEM_MIN_RESPONSES = 20
Z = statistics.NormalDist().inv_cdf(0.975)


def item_tables(newest: Sequence[tuple[Row, Questions]]) -> dict[str, list[Row]]:
    """Calculate the item analysis from every attempt and its questions, newest first.

    Whole numbers and fractions are exact, so a value at a limit is not a rounding error
    beside it.
    """
    courses: dict[object, object] = {}
    items: dict[tuple[object, str], list[Response]] = defaultdict(list)
    options: dict[tuple[object, str, str], list[tuple[Json, int]]] = defaultdict(list)
    forms: dict[object, dict[tuple[str, ...], list[dict[str, bool]]]]
    forms = defaultdict(lambda: defaultdict(list))
    for attempt, questions in newest:
        exam = attempt["exam_id"]
        courses.setdefault(exam, attempt["course_name"])
        if not attempt["is_scored"]:
            continue
        right: dict[str, bool] = {}
        for name, item in responses(questions).items():
            right[name] = item.is_right
            items[exam, name].append(item)
            for option_id, option in first_by_id(item.question.get("options")).items():
                options[exam, name, option_id].append((option, item.rest))
        forms[exam][tuple(sorted(right))].append(right)
    rows = {
        "rpt_item_analysis": [item_row(*key, each) for key, each in items.items()],
        "rpt_option_analysis": [
            option_row(*key, each) for key, each in options.items()
        ],
        "rpt_exam_reliability": [
            reliability_row(exam, each) for exam, each in forms.items()
        ],
    }
    return {
        "marts.fct_form_results": [
            row for exam, each in forms.items() for row in form_rows(exam, each)
        ],
        **{
            f"marts.{name}": [
                {**row, "course_name": courses[row["exam_id"]]} for row in each
            ]
            for name, each in rows.items()
        },
    }


Forms: TypeAlias = Mapping[tuple[str, ...], list[dict[str, bool]]]
"""The attempts at an exam by their set of questions; which of them are right."""


def ranked_forms(forms: Forms) -> list[tuple[str, ...]]:
    """Sort forms: most attempts first, then most questions, then lowest ids."""
    return sorted(forms, key=lambda ids: (-len(forms[ids]), -len(ids), ids))


def form_rows(exam_id: object, forms: Forms) -> Iterator[Row]:
    for rank, form in enumerate(ranked_forms(forms), start=1):
        totals = [sum(right.values()) for right in forms[form]]
        yield {
            "exam_id": exam_id,
            "form_rank": rank,
            "item_count": len(form),
            "attempt_count": len(totals),
            "mean_correct": statistics.fmean(totals),
            "correct_spread": float(
                len(totals) * sum(each**2 for each in from_mean(totals))
            ),
        }


def item_row(exam_id: object, question_id: str, given: Sequence[Response]) -> Row:
    number, right = len(given), sum(each.is_right for each in given)
    discrimination = correlation([(each.is_right, each.rest) for each in given])
    rate, square = right / number, Z**2 / number
    centre = (rate + square / 2) / (1 + square)
    margin = Z * math.sqrt(rate * (1 - rate) / number + square / (4 * number))
    reason = None
    if number < ITEM_MIN_RESPONSES:
        reason = "too_few_responses"
    elif discrimination is not None and discrimination < 0:
        reason = "negative_discrimination"
    elif discrimination is not None and discrimination < 0.2:
        reason = "low_discrimination"
    elif rate < 0.2:
        reason = "too_hard"
    elif rate > 0.95:
        reason = "too_easy"
    questions = [each.question for each in given]
    return {
        "exam_id": exam_id,
        "question_id": question_id,
        "response_count": number,
        "correct_count": right,
        "incomplete_count": sum(
            question.get("user_incomplete") is True for question in questions
        ),
        "unanswered_count": sum(
            question.get("user_result") == "unanswered" for question in questions
        ),
        "correct_rate": rate,
        "correct_rate_low": centre - margin / (1 + square),
        "correct_rate_high": centre + margin / (1 + square),
        "discrimination": discrimination,
        "review_reason": reason,
    }


def option_row(
    exam_id: object,
    question_id: str,
    option_id: str,
    given: Sequence[tuple[Json, int]],
) -> Row:
    """Describe an option, given as offered and with the rest scores, newest first."""
    is_checked = [option.get("checked") is True for option, _ in given]
    rests = [rest for _, rest in given]
    rest_correlation = correlation(list(zip(is_checked, rests, strict=True)))
    is_key = given[0][0].get("correct") is True
    reason = None
    if len(given) < ITEM_MIN_RESPONSES:
        reason = "too_few_responses"
    elif is_key and rest_correlation is not None and rest_correlation < 0:
        reason = "key_repels"
    elif not is_key and rest_correlation is not None and rest_correlation > 0.1:
        reason = "distractor_attracts"
    elif not is_key and not any(is_checked):
        reason = "never_chosen"
    return {
        "exam_id": exam_id,
        "question_id": question_id,
        "option_id": option_id,
        "is_key": is_key,
        "response_count": len(given),
        "checked_count": sum(is_checked),
        "checked_rate": sum(is_checked) / len(given),
        "rest_correlation": rest_correlation,
        "review_reason": reason,
    }


def reliability_row(exam_id: object, forms: Forms) -> Row:
    form = ranked_forms(forms)[0]
    attempts = forms[form]
    totals = [Fraction(sum(right.values())) for right in attempts]
    has_enough = len(attempts) >= ITEM_MIN_RESPONSES
    deviation = math.sqrt(statistics.variance(totals)) if len(totals) > 1 else None
    reliability = error = None
    if deviation and has_enough and len(form) >= 2:
        items = [[Fraction(right[name]) for right in attempts] for name in form]
        share = sum(map(statistics.variance, items)) / statistics.variance(totals)
        reliability = float(Fraction(len(form), len(form) - 1) * (1 - share))
        error = deviation * math.sqrt(1 - reliability)
    reason = None
    if not has_enough:
        reason = "too_few_attempts"
    elif reliability is not None and reliability < 0.5:
        reason = "low_reliability"
    return {
        "exam_id": exam_id,
        "attempt_count": sum(map(len, forms.values())),
        "item_count": len(form),
        "form_attempt_count": len(attempts),
        "mean_correct": float(statistics.mean(totals)),
        "stddev_correct": deviation,
        "reliability": reliability,
        "standard_error": error,
        "review_reason": reason,
    }


def correlation(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Return Pearson's coefficient, None for too few pairs or a constant side."""
    if len(pairs) < ITEM_MIN_RESPONSES:
        return None
    ones = from_mean([one for one, _ in pairs])
    others = from_mean([other for _, other in pairs])
    spread = sum(each**2 for each in ones) * sum(each**2 for each in others)
    together = sum(one * other for one, other in zip(ones, others, strict=True))
    return float(together) / math.sqrt(spread) if spread else None


def from_mean(numbers: Sequence[int]) -> list[Fraction]:
    mean = Fraction(sum(numbers), len(numbers))
    return [number - mean for number in numbers]
