"""Kafka messages with every quirk that the contract names.

Real data is well behaved, so it can't show that odd data is judged correctly. In this
module, each rule of the contract has messages that keep it, break it, and break it in a
way that an engine is known to overlook. The outcome of each message and the value read
from each text are written by hand, never calculated. Ordinary attempts are mixed in, so
that statistics and rankings have something to count.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from data.generate import attempts

Json: TypeAlias = dict[str, Any]
Headers: TypeAlias = tuple[tuple[str, bytes], ...]
Quirk: TypeAlias = tuple[str, bytes | None]
"""The expected outcome, `accepted` or a reject reason, and the value."""

PARTITIONS = 4
TEST_EXAM = "example-id"
ACCEPTED = "accepted"
OWN_ID = "own-id"
"""Placeholder for an id that no other message has; it is filled in at the end."""

DAY = 24 * 60 * 60 * 1000
FIRST_TIMESTAMP = 1_519_862_400_000
"""2018-03-01T00:00:00Z in ms, so the topic must not expire old messages."""
DAYS = 20


@dataclass(frozen=True)
class RawMessage:
    """A message as it is given to a Kafka producer; the timestamp is in epoch ms."""

    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


# Building assessments --------------------------------------------------------------


def assessment(
    keen_id: object = OWN_ID,
    *,
    course_name: object = "Odd Shapes",
    exam_id: object = "exam-odd-shapes",
    results: Sequence[str] = ("correct", "missed_some", "unanswered"),
    started_at: str = "2018-03-01T10:20:30.456Z",
) -> Json:
    """Build a valid assessment with one question per result and counts that agree."""
    return {
        "keen_timestamp": "1519900000.123456",
        "max_attempts": "1.0",
        "started_at": started_at,
        "base_exam_id": exam_id,
        "user_exam_id": f"user-exam-of-{keen_id}",
        "sequences": {
            "questions": [
                question(f"{exam_id}-question-{position}", result, position)
                for position, result in enumerate(results, start=1)
            ],
            "attempt": 1,
            "id": f"{exam_id}-sequence",
            "counts": {
                "incomplete": results.count("missed_some"),
                "submitted": len(results) - results.count("unanswered"),
                "incorrect": results.count("incorrect"),
                "all_correct": results.count("correct") == len(results),
                "correct": results.count("correct"),
                "total": len(results),
                "unanswered": results.count("unanswered"),
            },
        },
        "keen_created_at": "1519900000.123456",
        "certification": "false",
        "keen_id": keen_id,
        "exam_name": course_name,
    }


def question(question_id: str, result: str, position: int) -> Json:
    """Build a question; two options are right for `missed_some`, otherwise one."""
    right = 2 if result == "missed_some" else 1
    checked = {"correct": {1}, "missed_some": {1}, "incorrect": {2}}.get(result, set())
    options: list[Json] = []
    for number in range(1, 4 + position % 2):
        option: Json = {"checked": number in checked, "id": f"{question_id}-{number}"}
        if number in checked:
            option["at"] = f"2018-03-01T10:{20 + position % 40}:{number:02}.250Z"
            option["submitted"] = 1
        if number <= right:
            option["correct"] = True
        options.append(option)
    return {
        "user_incomplete": result == "missed_some",
        "user_correct": result == "correct",
        "options": options,
        "user_submitted": result != "unanswered",
        "id": question_id,
        "user_result": result,
    }


ABSENT = object()
"""As a value for `variant`, removes the key."""


def variant(changes: Mapping[str, object], document: Json | None = None) -> Json:
    """Copy an assessment with other values at paths such as `a.b.0.c`."""
    copy = deepcopy(document or assessment())
    for path, value in changes.items():
        *steps, last = (int(s) if s.isdigit() else s for s in path.split("."))
        place: Any = copy
        for step in steps:
            place = place[step]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return copy


def literal(source: str) -> str:
    """Mark a number literal that must reach the message exactly as it is written."""
    return f"literal:{source}"


def encode(document: object) -> bytes:
    """Write a value as compact JSON in UTF-8."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"literal:([^"]*)"', r"\1", text).encode()


def with_members(members: bytes, good: bytes) -> bytes:
    """Insert members, given as raw JSON, before those of an object."""
    return b"{" + members + b"," + good.removeprefix(b"{")


GOOD = encode(assessment())

COUNTS = "sequences.counts"
QUESTIONS = "sequences.questions"
QUESTION = f"{QUESTIONS}.0"
OPTIONS = f"{QUESTION}.options"
OPTION = f"{OPTIONS}.0"
LATER_QUESTION = f"{QUESTIONS}.2"
LATER_OPTION = f"{QUESTIONS}.1.options.2"

PARTS = ("correct", "incorrect", "incomplete", "unanswered")
COUNT_NAMES = ("total", *PARTS, "submitted")
COUNT_PATHS = (
    *(f"{COUNTS}.{name}" for name in COUNT_NAMES),
    "sequences.attempt",
    f"{OPTION}.submitted",
    f"{LATER_OPTION}.submitted",
)
FLAG_PATHS = (
    f"{COUNTS}.all_correct",
    f"{QUESTION}.user_incomplete",
    f"{QUESTION}.user_correct",
    f"{LATER_QUESTION}.user_submitted",
    f"{OPTION}.checked",
    f"{LATER_OPTION}.correct",
)
OBJECT_PATHS = ("sequences", COUNTS, QUESTION, LATER_QUESTION, OPTION, LATER_OPTION)
REQUIRED_IDENTIFIERS = ("keen_id", "exam_name", "base_exam_id")
IDENTIFIER_PATHS = (
    *REQUIRED_IDENTIFIERS,
    "user_exam_id",
    "sequences.id",
    f"{QUESTION}.id",
    f"{LATER_OPTION}.id",
)
FOUR_HUNDRED_DIGITS = "9" * 400

# Messages to reject ----------------------------------------------------------------

# fmt: off
EMPTY = (b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b" \t\r\n" * 50)

INVALID_UTF8 = (
    b"\x80", b"\xe9", b"\xfe\xff",  # lone continuation, Latin 1, never in UTF-8
    b"\xc0\xaf", b"\xc0\x80", b"\xe0\x80\xaf",  # overlong
    b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80",  # a surrogate, a surrogate pair
    b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",  # beyond U+10FFFF
    b"\xe2\x82", b"\xf0\x9f\x98",  # truncated
)

# Text that must not surround GOOD, a message that would be accepted.
INVALID_AROUND = (
    b"GOOD tail", b"GOOD null", b"GOOD 1", b'GOOD""', b"value: GOOD",
    b"GOOD GOOD", b"GOODGOOD", b"GOOD\nGOOD\n", b"GOOD,GOOD",
    b"GOOD,", b"GOOD;", b"GOOD:", b",GOOD",
    b"GOOD]", b"GOOD}", b"[GOOD", b"]GOOD", b"}GOOD", b"[GOOD,", b"[GOOD,]",
    # Closes an array or object that a checker puts around the value, opens another.
    b"GOOD] [", b"GOOD] tail", b"GOOD],[GOOD", b"GOOD],", b"GOOD] //",
    b"GOOD} {", b"GOOD} tail", b"GOOD}} {", b'GOOD},{"v":GOOD', b'GOOD,"w":GOOD',
    b"GOOD}] [{", b"GOOD]} {[",
    # White space that JSON does not know, control characters, byte order marks.
    b"GOOD\x00", b"\x00GOOD", b"\x1eGOOD", b"GOOD\x1a", b"GOOD\x0c", b"\x0bGOOD",
    b"GOOD\xc2\xa0", b"GOOD\xe2\x80\xa8", b"\xe3\x80\x80GOOD",
    b"\xef\xbb\xbfGOOD", b" \xef\xbb\xbfGOOD", b"GOOD\xef\xbb\xbf",
    b"GOOD // comment", b"// comment\nGOOD", b"GOOD /* comment */", b"/**/GOOD",
    b"GOOD # comment", b")]}',\nGOOD",
)

# Members that must not be in an object whose other members are valid.
INVALID_MEMBERS = (
    b'"extra":NaN', b'"extra":Infinity', b'"extra":-Infinity', b'"extra":+Infinity',
    b'"extra":+INF', b'"extra":{"deep":[[NaN]]}',
    b"'extra':1", b"\"extra\":'one'", b"extra:1", b'1:"extra"', b'"extra":one',
    b'"extra":', b'"extra"', b'"extra"::1', b'"extra"=1', b'"extra":1,',
    b'"extra":[1,2,]', b'"extra":{"a":1,}', b'"extra":[,1]', b'"extra":[1,,2]',
    b'"extra":[1}', b'"extra":{"a":1]',
    b'"extra":1 // comment\n', b'"extra":/* comment */1', b'"extra":1 # comment\n',
    b'"extra":+1', b'"extra":01', b'"extra":-01', b'"extra":.5', b'"extra":5.',
    b'"extra":1e', b'"extra":-', b'"extra":0x10', b'"extra":1_000', b'"extra":1L',
    b'"extra":TRUE', b'"extra":True', b'"extra":None', b'"extra":undefined',
    b'"extra":tru',
    b'"extra":"one\ntwo"', b'"extra":"one\ttwo"', b'"extra":"one\x00two"',
    b'"extra":"one\x1btwo"', b'"ex\ntra":1',
    b'"extra":"\\x41"', b'"extra":"it\\\'s"', b'"extra":"one\\\ntwo"',
    b'"extra":"\\u12"', b'"extra":"\\u12G4"', b'"extra":"\\U00012345"',
    b'"extra":"say "hello" twice"', '"extra":\u0663'.encode(),
    "\u201cextra\u201d:1".encode(), '"extra":\u00a01'.encode(),
)

INVALID_ALONE = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b'""""', b'"abc', b"hello",
    b"NaN", b"Infinity", b"-Infinity", b"'text'",
    b"{}}", b"{}]", b"{}{}", b"[] []", b"1] , [2", b'1}, {"v":2',
    b'"keen_id":"a","exam_name":"b"', b"1 2", b"1,2",
    b"{,}", b'{"keen_id"}', b'{"keen_id":}',
    b"\xef\xbb\xbf", b"\x0c", b"\x0b", b"\x00", b"\xc2\xa0", b"\xe2\x80\xa8",
    b"\xe2\x80\x8b", b"// nothing", b"{'keen_id': 'a', 'exam_name': None}",
    b"<assessment><keen_id>a</keen_id></assessment>",
    b"keen_id,exam_name,base_exam_id\na,b,c",
)

NOT_AN_OBJECT = (
    b"0", b"-1.5e3", FOUR_HUNDRED_DIGITS.encode(), b"1e400",
    b'"hello"', b'""', encode(GOOD.decode()), b'"{"',
    b"true", b"false", b"null", b" null\r\n",
    b"[]", b" [ ] ", b"[[],[[]]]", b"[1,2,3]", b"[null]",
    b"[" + GOOD + b"]", b"[" + GOOD + b"," + GOOD + b"]",
)

# Members with a duplicate key, or with one that the object already has.
DUPLICATE_KEYS = (
    b'"extra":1,"extra":1', b'"extra":1,"extra":2', b'"extra":null,"extra":1',
    b'"extra":null,"extra":null', b'"extra":1,"other":2,"extra":3',
    b'"extra":1,"extra":2,"extra":3', b'"":1,"":2',
    b'"exam_name":"again"', b'"sequences":{}', b'"base_exam_id":null',
    # Equal only after unescaping.
    b'"\\u006been_id":"again"', b'"\\u006b\\u0065\\u0065\\u006e_\\u0069\\u0064":"x"',
    b'"a/b":1,"a\\/b":2', b'"\\u00E9":1,"\\u00e9":2', '"\u00e9":1,"\\u00e9":2'.encode(),
    '"\U0001f600":1,"\\ud83d\\ude00":2'.encode(), b'"a\\"b":1,"a\\u0022b":2',
    b'"extra":{"a":1,"a":2}', b'"extra":[0,[{"b":1},{"a":1,"a":2}]]',
    b'"extra":' + b'{"a":' * 50 + b'{"b":1,"b":2}' + b"}" * 50,
    b'"extra":[null,{"a":null,"a":null}]',
)
DUPLICATE_KEYS_INSIDE = (
    (b'"attempt":1,', b'"attempt":1,"attempt":1,'),
    (b'"correct":1,', b'"correct":1,"correct":2,'),
    (b'"total":3,', b'"total":3,"tot\\u0061l":3,'),
    (b'"user_correct":true,', b'"user_correct":true,' * 2),
    (b'"checked":true,', b'"checked":true,"checked":false,'),
    (b'"checked":true,', b'"checked":true,"x":1,"x":1,'),
)

WRONG_TYPES: tuple[tuple[tuple[str, ...], tuple[object, ...]], ...] = (
    (COUNT_PATHS, (
        "three", "3", "", 3.5, literal("3.0"), literal("1e1"),
        2**31, -(2**31) - 1, 2**64, literal(FOUR_HUNDRED_DIGITS),
        True, False, [], [3], {},
    )),
    (FLAG_PATHS, ("true", "false", "yes", "", 0, 1, [], [True], {})),
    (OBJECT_PATHS, ("text", "", "{}", 1, True, False, [], [{}], [None])),
    ((QUESTIONS, OPTIONS), ({}, {"0": {}}, "text", "", "[]", 0, True)),
    (IDENTIFIER_PATHS, ({}, {"id": "x"}, [], ["x"])),
    ((QUESTIONS,), ([None, None, {"id": {}}],)),
)
# fmt: on


def invalid_values() -> Iterator[bytes]:
    """Yield what is nearly, but not exactly, one complete strict JSON value."""
    for template in INVALID_AROUND:
        yield template.replace(b"GOOD", GOOD)
    for members in INVALID_MEMBERS:
        yield with_members(members, GOOD)
    yield from INVALID_ALONE
    length = len(GOOD)
    for end in (2, 15, length // 3, length // 2, length - 2, length - 1):
        yield GOOD[:end]
    for name in ("correct", "total", "all_correct"):
        yield encode(variant({f"{COUNTS}.{name}": literal("NaN")}))
    yield GOOD.replace(b'"', b"'")
    yield GOOD.decode().encode("utf-16-le")


def missing_identifiers() -> Iterator[bytes]:
    """Each identifier absent, null, empty and blank, and objects without any."""
    for name in REQUIRED_IDENTIFIERS:
        for blank in (ABSENT, None, "", " ", " " * 20):
            yield encode(variant({name: blank}))
    yield encode(variant(dict.fromkeys(REQUIRED_IDENTIFIERS, " ")))
    yield from (b"{}", b" {\n} ", b'{"hello":"world"}')
    yield b'{"sequences":{"questions":[{"id":"a"}]}}'
    yield GOOD.replace(b'"keen_id"', b'"Keen_Id"')
    yield GOOD.replace(b'"exam_name"', b'"exam_name "')
    yield encode(variant({"keen_id": ABSENT, "extra": {"keen_id": OWN_ID}}))


def inconsistent_counts() -> Iterator[Json]:
    """Each count below zero, and each part above the total."""
    for name in COUNT_NAMES:
        yield variant({f"{COUNTS}.{name}": -1})
        yield variant({f"{COUNTS}.{name}": -(2**31)})
        yield variant({COUNTS: {name: -1}})
    for name in PARTS:
        for total, part in ((3, 4), (0, 1), (1, 2**31 - 1)):
            yield variant({COUNTS: {"total": total, name: part}})


def values_with_two_faults() -> Iterator[Quirk]:
    """Yield values with two faults, and the reason that the contract lists first."""
    correct = f"{COUNTS}.correct"
    repeated = b'"extra":1,"extra":2'
    wrong = encode(variant({correct: "one"}))
    unnamed = encode(variant({"exam_name": ABSENT}))
    inconsistent = encode(variant({correct: 9}))
    not_a_flag = {correct: 9, f"{COUNTS}.all_correct": "no"}
    # fmt: off
    cases: dict[str, tuple[bytes, ...]] = {
        "invalid_utf8": (
            b'{"keen_id":"\xff', b"\xef\xbb\xbf\xff", b'["\xff"]', b"  \xff  ",
            b'{"a":"\xff","a":"\xff"}',
        ),
        "invalid_json": (
            b"[1,2] 3", b"[1,2", with_members(repeated, GOOD) + b" tail",
            wrong + b"]", unnamed[:-1], inconsistent + b"}", b"\xef\xbb\xbf  \n",
        ),
        "not_an_object": (b'[{"a":1,"a":2}]', b"[" + wrong + b"]", b"[{}]"),
        "duplicate_key": (
            *(with_members(repeated, each) for each in (wrong, unnamed, inconsistent)),
            with_members(b'"keen_id":" "', GOOD), with_members(b'"keen_id":[]', GOOD),
        ),
        "wrong_type": (
            encode(variant({correct: "one", "keen_id": ABSENT})),
            encode(variant({correct: "one", "base_exam_id": " "})),
            encode(variant(not_a_flag)), b'{"sequences":[]}',
        ),
        "missing_identifier": (
            encode(variant({correct: 9, "exam_name": ABSENT})),
            b'{"sequences":{"counts":{"total":-1}}}',
        ),
    }
    # fmt: on
    for outcome, values in cases.items():
        for value in values:
            yield outcome, value


def rejected_quirks() -> Iterator[Quirk]:
    """Every odd value that must be rejected."""
    yield "tombstone", None
    for value in EMPTY:
        yield "empty", value
    for bad in INVALID_UTF8:
        yield "invalid_utf8", bad
        yield "invalid_utf8", with_members(b'"note":"' + bad + b'"', GOOD)
    utf_16 = GOOD.decode().encode("utf-16")
    for value in (GOOD + b"\xff", b"\xff" + GOOD, utf_16, b"\x1f\x8b\x08\x00" + GOOD):
        yield "invalid_utf8", value
    for value in invalid_values():
        yield "invalid_json", value
    for value in NOT_AN_OBJECT:
        yield "not_an_object", value
    for members in DUPLICATE_KEYS:
        yield "duplicate_key", with_members(members, GOOD)
    for once, twice in DUPLICATE_KEYS_INSIDE:
        yield "duplicate_key", GOOD.replace(once, twice, 1)
    yield "duplicate_key", b'{"a":1,"a":1}'
    for paths, wrong_values in WRONG_TYPES:
        for path in paths:
            for wrong in wrong_values:
                yield "wrong_type", encode(variant({path: wrong}))
    yield "wrong_type", GOOD.replace(b'"own-id"', b'{"b":1,"\\ud800":2}', 1)
    for value in missing_identifiers():
        yield "missing_identifier", value
    for document in inconsistent_counts():
        yield "inconsistent_counts", encode(document)
    yield from values_with_two_faults()


# Texts and what they are read as ---------------------------------------------------

Reading: TypeAlias = tuple[object, object]
"""A value as sent, and what its column must hold: None if it can't be read."""


def unreadable(*values: object) -> Iterator[Reading]:
    """Pair values that can't be read with None."""
    return ((value, None) for value in values)


utc = partial(datetime, tzinfo=UTC)
NO_TEXT: tuple[object, ...] = (
    *(None, "", " ", "   ", "yesterday", "now", True, {}, [], {"a": 1}),
)

# fmt: off
TIMES: tuple[Reading, ...] = (
    ("2018-03-04T05:06:07Z", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07.5Z", utc(2018, 3, 4, 5, 6, 7, 500_000)),
    ("2018-03-04T05:06:07.123456Z", utc(2018, 3, 4, 5, 6, 7, 123_456)),
    ("2018-03-04T05:06:07.000001Z", utc(2018, 3, 4, 5, 6, 7, 1)),
    ("2018-03-04T01:06:07.089+02:00", utc(2018, 3, 3, 23, 6, 7, 89_000)),
    ("2018-12-31T23:06:07.089-05:30", utc(2019, 1, 1, 4, 36, 7, 89_000)),
    ("2018-03-04T05:06:07.089+00:00", utc(2018, 3, 4, 5, 6, 7, 89_000)),
    ("2020-02-29T23:59:59.999Z", utc(2020, 2, 29, 23, 59, 59, 999_000)),
    ("2000-02-29T05:06:07Z", utc(2000, 2, 29, 5, 6, 7)),
    ("1969-12-31T23:59:59.999Z", utc(1969, 12, 31, 23, 59, 59, 999_000)),
    ("1582-10-10T00:00:00Z", utc(1582, 10, 10)),
    ("0001-01-01T00:00:00Z", utc(1, 1, 1)),
    ("0001-01-01T00:00:00-02:00", utc(1, 1, 1, 2)),
    ("9999-12-31T23:00:00+02:00", utc(9999, 12, 31, 21)),
    ("9999-12-31T23:59:59.9999999Z", utc(9999, 12, 31, 23, 59, 59, 999_999)),
    # Spaces around are allowed; the zone, or zone and seconds, may be missing.
    (" 2018-03-04T05:06:07Z", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07Z  ", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07.25", utc(2018, 3, 4, 5, 6, 7, 250_000)),
    ("2018-03-04T05:06", utc(2018, 3, 4, 5, 6)),
    ("2018-03-04 05:06", utc(2018, 3, 4, 5, 6)),
    ("2018-03-04 05:06:07", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04 05:06:07.5+0200", utc(2018, 3, 4, 3, 6, 7, 500_000)),
    ("2018-03-04T05:06:07-0530", utc(2018, 3, 4, 10, 36, 7)),
    ("2018-03-04T05:06:07-00:00", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07+18:00", utc(2018, 3, 3, 11, 6, 7)),
    ("2018-03-04T05:06:07-1800", utc(2018, 3, 4, 23, 6, 7)),
    # Digits after microseconds are cut, not rounded.
    ("2018-03-04T05:06:07.1234567Z", utc(2018, 3, 4, 5, 6, 7, 123_456)),
    ("2018-03-04T05:06:07.9999999Z", utc(2018, 3, 4, 5, 6, 7, 999_999)),
    ("2018-03-04T05:06:07.0000005Z", utc(2018, 3, 4, 5, 6, 7)),
    ("2018-03-04T05:06:07." + "9" * 40 + "Z", utc(2018, 3, 4, 5, 6, 7, 999_999)),
    ("1969-12-31T23:59:59.9999999Z", utc(1969, 12, 31, 23, 59, 59, 999_999)),
    *unreadable(
        "05:06:07", "T05:06:07", "4 March 2018", "04/03/2018 05:06", "epoch", "today",
        "2018", "2018-03", "2018-03-04", "2018-03-04T", "2018-03-04T05",
        "2018-03-04T05Z", "2018-03-04T05:06:", "20180304T050607Z",
        "2018-W09-7T05:06:07Z", "2018-063T05:06:07Z", "1516717442", 1516717442,
        "2018-02-30T05:06:07Z", "2018-13-01T05:06:07Z", "2018-00-04T05:06:07Z",
        "2018-03-00T05:06:07Z", "2019-02-29T05:06:07Z", "1900-02-29T05:06:07Z",
        "2018-03-04T25:06:07Z", "2018-03-04T24:00:00Z", "2018-03-04T24:00",
        "2018-03-04T23:60:00Z", "2018-03-04T23:59:60Z", "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z", "+2018-03-04T05:06:07Z", "-2018-03-04T05:06:07Z",
        "18-03-04T05:06:07Z", "2018-3-4T5:6:7Z", "2018-03-04T5:06:07Z",
        "2018-03-04T05:06:7Z", "2018-03-04t05:06:07Z", "2018-03-04T05:06:07z",
        "2018-03-04  05:06:07Z", "2018-03-04_05:06:07Z", "2018-03-04T05:06:07 Z",
        "2018/03/04 05:06:07", "2018-03-04T05:06:07.Z", "2018-03-04T05:06:07,5Z",
        "2018-03-04T05:06.5Z", "2018-03-04T05:06:07.5.5Z", "2018-03-04T05:06:07ZZ",
        "2018-03-04T05:06Z", "2018-03-04T05:06+0200",  # a zone needs seconds
        "2018-03-04T05:06:07+02", "2018-03-04T05:06:07+2:00",
        "2018-03-04T05:06:07 +02:00", "2018-03-04T05:06:07+02:00:00",
        "2018-03-04T05:06:07+18:01", "2018-03-04T05:06:07-19:00",
        "2018-03-04T05:06:07+01:60", "2018-03-04T05:06:07+99:99",
        "2018-03-04T05:06:07UTC", "2018-03-04T05:06:07 Europe/Paris",
        "2018-03-04T05:06:07+02:00[Europe/Paris]", "2018-03-04T05:06:07\u221202:00",
        "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00",
        "2018-03-04T05:06:07Z\n", "2018-03-04T05:06:07Z\r\n",
        "\t2018-03-04T05:06:07Z", "2018-03-04T05:06:07Z\t", "\n2018-03-04T05:06:07Z",
        "\u00a02018-03-04T05:06:07Z", "2018-03-04T05:06:07Z\u3000",
        "2018-03-04T05:06:07Z\x00", "\uff12\uff10\uff11\uff18-03-04T05:06:07Z",
        *NO_TEXT,
    ),
)

SECONDS: tuple[Reading, ...] = (
    ("253402300799.999999", utc(9999, 12, 31, 23, 59, 59, 999_999)),
    ("1516717442.735266", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("1516717442.000001", utc(2018, 1, 23, 14, 24, 2, 1)),
    ("1516717442.999999", utc(2018, 1, 23, 14, 24, 2, 999_999)),
    ("1516717442.5", utc(2018, 1, 23, 14, 24, 2, 500_000)),
    ("1516717442.50", utc(2018, 1, 23, 14, 24, 2, 500_000)),
    ("1516717442.0", utc(2018, 1, 23, 14, 24, 2)),
    ("1516717442", utc(2018, 1, 23, 14, 24, 2)),
    ("1516717442.", utc(2018, 1, 23, 14, 24, 2)),
    ("1.", utc(1970, 1, 1, 0, 0, 1)),
    (1516717442, utc(2018, 1, 23, 14, 24, 2)),
    ("0", utc(1970, 1, 1)),
    ("-0", utc(1970, 1, 1)),
    ("-0.0", utc(1970, 1, 1)),
    ("-1", utc(1969, 12, 31, 23, 59, 59)),
    ("-1516717442.735266", utc(1921, 12, 9, 9, 35, 57, 264_734)),
    ("+1516717442.735266", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    (" 1516717442.735266", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("1516717442.735266  ", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("0001516717442.5", utc(2018, 1, 23, 14, 24, 2, 500_000)),
    ("0" * 50 + "1516717442", utc(2018, 1, 23, 14, 24, 2)),
    ("1516717442." + "0" * 80, utc(2018, 1, 23, 14, 24, 2)),
    ("-62135596800", utc(1, 1, 1)),
    ("253402300799", utc(9999, 12, 31, 23, 59, 59)),
    # Digits after microseconds are rounded, half away from 1970.
    ("1516717442.7352664", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("1516717442.7352665", utc(2018, 1, 23, 14, 24, 2, 735_267)),
    ("1516717442.0000005", utc(2018, 1, 23, 14, 24, 2, 1)),
    ("1516717442.0000015", utc(2018, 1, 23, 14, 24, 2, 2)),
    ("1516717442.9999994", utc(2018, 1, 23, 14, 24, 2, 999_999)),
    ("1516717442.9999995", utc(2018, 1, 23, 14, 24, 3)),
    ("-0.0000005", utc(1969, 12, 31, 23, 59, 59, 999_999)),
    ("-0.0000004", utc(1970, 1, 1)),
    # Exponents, and JSON numbers, which are read as the text of a Java double.
    ("1.516717442735266E9", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("1.516717442735266e+9", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("1516717442735266e-6", utc(2018, 1, 23, 14, 24, 2, 735_266)),
    ("15167174427352665e-7", utc(2018, 1, 23, 14, 24, 2, 735_267)),
    ("1e9", utc(2001, 9, 9, 1, 46, 40)),
    ("1e+09", utc(2001, 9, 9, 1, 46, 40)),
    ("1" + "0" * 60 + "e-52", utc(1973, 3, 3, 9, 46, 40)),
    ("5e-7", utc(1970, 1, 1, 0, 0, 0, 1)),
    ("1e-99", utc(1970, 1, 1)),
    (literal("1516717442.735266"), utc(2018, 1, 23, 14, 24, 2, 735_266)),
    (literal("1516717442.7352661234567"), utc(2018, 1, 23, 14, 24, 2, 735_266)),
    (literal("1.516717442735266e9"), utc(2018, 1, 23, 14, 24, 2, 735_266)),
    (literal("1e9"), utc(2001, 9, 9, 1, 46, 40)),
    (literal("-0"), utc(1970, 1, 1)),
    (literal("0.5"), utc(1970, 1, 1, 0, 0, 0, 500_000)),
    *unreadable(
        "NaN", "nan", "Infinity", "-Infinity", "inf", literal("1e400"),
        "2018-03-04T05:06:07Z", "1516717442s", "1516717442d", "1516717442f",
        "1516717442L", "0x1p30", "0x5a674642", "1,516,717,442", "1516717442,5",
        "1_516_717_442", "1 516717442", "1516717442 s", "1516717442.5.5",
        ".5", "-.5", ".", "+", "-", "--1", "+-1", "- 1", "e9", "1e", "1e+", "1e1.5",
        "1e12", "3e11", "1e99", "1e100", "1e-100", "1e009", "1e-999999999",
        "-62135596801", "253402300800", "1516717442735", "1516717442735266",
        FOUR_HUNDRED_DIGITS, literal(FOUR_HUNDRED_DIGITS),
        "-62135596800.000001", "1516717442\n",
        "\t1516717442", "1516717442\t", "\n1516717442", "\u00a01516717442",
        "1516717442\u3000", "1516717442\x00", "\uff11\uff15\uff11\uff16\uff17",
        *NO_TEXT,
    ),
)

WHOLE_NUMBERS: tuple[Reading, ...] = (
    ("1.0", 1), ("1", 1), ("2", 2), ("3.00", 3), ("10", 10), ("0", 0), (3, 3),
    ("2147483647", 2147483647), ("2147483647.0", 2147483647),
    ("+2147483647", 2147483647), ("-2147483648", -2147483648),
    (" 1", 1), ("1 ", 1), ("  1.0  ", 1), ("+1", 1), ("+1.0", 1), ("-1", -1),
    ("-1.0", -1), ("-0", 0), ("+0", 0), ("-0.0", 0), ("01", 1), ("001.0", 1),
    ("0" * 30 + "1", 1), ("1." + "0" * 50, 1),
    # JSON numbers, which are read as the text of a Java double: 1e7 is 1.0E7.
    (literal("1.0"), 1), (literal("1.00"), 1), (literal("1e0"), 1),
    (literal("10e-1"), 1), (literal("-0"), 0), (literal("-0.0"), 0),
    (literal("1.50"), None), (literal("1e7"), None), (literal("10000000.0"), None),
    *unreadable(
        "1.5", "1.50", "0.1", "1.", ".5", ".0", "+.0", ".", "+", "-", "--1", "+-1",
        "+ 1", "- 1", "1-", "1 000", "1_000", "1,000", "1. 0", "1 .0", "1.0 0",
        "1e0", "1e3", "1E0", "10e-1", "1.0e0", "1e-999999999",
        "2147483648", "2147483648.0", "-2147483649", "9223372036854775808",
        "99999999999999999999", FOUR_HUNDRED_DIGITS, literal(FOUR_HUNDRED_DIGITS),
        "1." + "0" * 40 + "1", "many", "one", "NaN", "Infinity", "1,0", "0x1",
        "0x1p1", "0b1", "1d", "1D", "1f", "1.0f", "1L", "1%", "1.0.0", "1..0",
        "1\n", "1.0\r\n", "\t1", "1\t", "\n1", "\u00a01", "1\u3000", "1\x00",
        "\uff11", "\u0663",
        "\u00b2", "\u00bd", *NO_TEXT, [1],
    ),
)

BOOLEANS: tuple[Reading, ...] = (
    ("true", True), ("false", False), (True, True), (False, False),
    *unreadable(
        "maybe", "TRUE", "True", "False", "yes", "t", "f", "1", "0", 1, 0, " true",
        "true ", "\ttrue", "true\n", '"true"', "", {"a": True}, [], ["true"], None,
    ),
)

# Text is taken as it is, and anything else as from_json prints it.
RESULTS: tuple[Reading, ...] = (
    ("", ""), (" ", " "), (" a\t", " a\t"), ("null", "null"), ("a\u0000b", "a\u0000b"),
    ('say "hello"', 'say "hello"'), ("\u7b54\u3048", "\u7b54\u3048"), (None, None),
    (7, "7"), (True, "true"), ({"a": 1}, '{"a":1}'), ([1, "b", None], '[1,"b",null]'),
    ({"\u00e9": {}}, '{"\u00e9":{}}'), ([], "[]"), (2**80, str(2**80)),
    (literal("1.50"), "1.5"), (literal("1e3"), "1000.0"), (literal("1e7"), "1.0E7"),
    (literal("12345680.0"), "1.234568E7"), (literal("9999999.5"), "9999999.5"),
    (literal("0.001"), "0.001"), (literal("-0.0001"), "-1.0E-4"),
    (literal("-0"), "0"), (literal("-0.0"), "-0.0"), (literal("1e400"), '"Infinity"'),
    ([literal("1.50"), literal("1E+2")], "[1.5,100.0]"),
)
# fmt: on

READINGS: dict[str, tuple[Reading, ...]] = {
    "started_at": TIMES,
    f"{OPTION}.at": TIMES,
    "keen_timestamp": SECONDS,
    "max_attempts": WHOLE_NUMBERS,
    "certification": BOOLEANS,
    f"{QUESTION}.user_result": RESULTS,
}

# Messages to accept ----------------------------------------------------------------


def odd_counts() -> Iterator[Json]:
    """Counts that are absent, null, zero or at the edge of what is consistent."""
    for path in ("sequences", COUNTS):
        for value in (ABSENT, None, {}):
            yield variant({path: value})
    for path in COUNT_PATHS[:7]:
        yield variant({path: ABSENT})
        yield variant({path: None})
    for counts in (
        dict.fromkeys((*COUNT_NAMES, "all_correct")),
        *(dict.fromkeys(COUNT_NAMES, number) for number in (0, 5)),
        *({"total": 0, "correct": 0}, {"total": 0}, {"total": 4}, {"correct": 4}),
        {"correct": 5, "incorrect": 7, "unanswered": 9},
        {"total": 2, "correct": 1, "submitted": 9},
        {"total": 3, "correct": 2, "incorrect": 2},
        {"total": 9, "correct": 1, "incorrect": 1},
        {"total": 2, "correct": 2, "all_correct": False},
    ):
        yield variant({COUNTS: counts})


def odd_arrays() -> Iterator[Json]:
    """Questions and options that are absent, null, empty or hold nulls."""
    first, *others = assessment("arrays")["sequences"]["questions"]
    options = first["options"]
    between_nulls = {**first, "options": [None, *options, None, options[0]]}
    some_questions: tuple[object, ...] = (
        *(ABSENT, None, [], [None, None], [{}], [{"hello": "world"}], [first, first]),
        [None, first, None, *others, None],
        [variant({"options": ABSENT}, first), *others],
        *([{**first, "options": value}] for value in (None, [], [None, None])),
        [None, between_nulls],
        [{**first, "options": [{}, *options]}],
        [question(f"many-{number}", "correct", number) for number in range(1, 61)],
    )
    for questions in some_questions:
        yield variant({QUESTIONS: questions})
    optional = ("user_exam_id", "sequences.id", f"{COUNTS}.all_correct")
    for path in (*optional, *(f"{QUESTION}.{k}" for k in first if k != "options")):
        yield variant({path: ABSENT})
        yield variant({path: None})
    for path in (f"{OPTION}.{k}" for k in options[0]):
        yield variant({path: ABSENT})
        yield variant({path: None})
    for path in FLAG_PATHS:
        yield variant({path: True})
        yield variant({path: False})
    for number in (0, 1, 2, 2**31 - 1):
        yield variant({f"{OPTION}.submitted": number})
        yield variant({"sequences.attempt": number})


def odd_texts() -> Iterator[Json]:
    """Texts that stand for another type; an unreadable one is not rejected."""
    for path, readings in READINGS.items():
        for value, _ in readings:
            yield variant({path: value})
        yield variant({path: ABSENT})
    for value in (ABSENT, *NO_TEXT):
        yield variant({"keen_created_at": value})


# fmt: off
# Legitimate names: identifiers are taken exactly, never trimmed and never parsed.
ODD_NAMES = (
    "Cuisine fran\u00e7aise", "Cuisine franc\u0327aise",
    "\u65e5\u672c\u8a9e\u5165\u9580", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "Emoji \U0001f600 \U0001f1eb\U0001f1f7 Basics",
    " Leading Space", "Leading Space", "Trailing Space ", "Trailing Space",
    "Two  Spaces", "lower and UPPER", "LOWER AND upper",
    "{Braces} in Practice", "{", "}", '{"a":1}', "{}",
    "[Draft] Names", "[", "]", "[1, 2]", '["x"]',
    "O'Brien's Tools", "'quoted'", '"Quoted" Titles', '"',
    "'; drop table marts.fct_attempts; --", "100% of C:\\temp\\new", "\\",
    "Line\nBreak", "Tab\tStop", "\t", "\u00a0", "Zero\u200bWidth",
    "Mark \ufeff Inside", "Replacement \ufffd Character", "Noncharacter \uffff Inside",
    "Last \U0010ffff Character", "Line\u2028Separator", "Delete \u007f Character",
    "null", "NULL", "NaN", "true", "0", "-", "{{ ref('fct_attempts') }}",
    "<b>Bold</b> & More", "A, B; C | D", "x" * 600,
)

# Unknown keys: odd, but valid.
EXTRA_MEMBERS = (
    b'"extra":"text"', b'"extra":null', b'"extra":[1,[2,[3,{"a":[]}]],null]',
    b'"extra":{"keen_id":"inner","sequences":[],"counts":"none"}',
    b'"":1', b'"a.b":1,"a":{"b":2}', b'" extra key ":1', '"\U0001f600":1'.encode(),
    b'"KEEN_ID":"other","Exam_Name":["other"],"SEQUENCES":1',
    b'"_corrupt_record":"not corrupt","_malformed":1,"v":{"v":1}',
    b'"\'a\'":1,"`b`":2,"\\"c\\"":3', b'"extra":1,"Extra":2,"EXTRA":3',
    b'"extra":{"a":1},"other":[{"a":1},{"a":2}]',
    b'"extra":' + FOUR_HUNDRED_DIGITS.encode(),
    b'"extra":0.' + b"1234567890" * 10, b'"extra":1e400,"other":-1E+400',
    b'"extra":1e-400', b'"extra":-0,"other":-0.0',
    b'"extra":"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000 \\uFFFF"',
    b'"extra":"]}] [ {{ // /* # \' NaN"',
    b'"extra":' + b'{"a":' * 100 + b"1" + b"}" * 100,
    b'"extra":' + b"[" * 100 + b"]" * 100,
    # Half of a surrogate pair in a key, which no text can hold.
    b'"a":1,"\\ud800":2', b'"\\ud800":1,"\\udfff":2', b'"extra":{"b":1,"\\uDC00":2}',
)
# fmt: on


def odd_spellings() -> Iterator[bytes]:
    """Valid messages with unusual but valid spelling, and with unknown keys."""
    for members in EXTRA_MEMBERS:
        yield with_members(members, GOOD)
    for path in ("sequences", COUNTS, QUESTION, LATER_QUESTION, OPTION):
        for value in ("x", {"a": [{"b": 1}]}):
            yield encode(variant({f"{path}.new_key": value}))
    escaped = GOOD
    for key in (b"keen_id", b"sequences", b"total", b"checked"):
        spelt = b"".join(b"\\u%04x" % byte for byte in key)
        escaped = escaped.replace(b'"' + key + b'"', b'"' + spelt + b'"')
    yield escaped
    yield json.dumps(assessment(), indent=3).replace("\n", "\r\n").encode()
    yield json.dumps(assessment(), indent="\t").encode()
    yield b" \t\r\n" + GOOD + b"\n\r\t "
    emoji = "Emoji \U0001f600 \U0001f1eb\U0001f1f7"
    yield json.dumps(assessment(course_name=emoji)).encode()
    yield encode(dict(sorted(assessment().items())))
    bare = {"keen_id": OWN_ID, "exam_name": "Bare Bones", "base_exam_id": "bare"}
    yield encode(bare)
    yield encode({**assessment(), "extra": "A text no column takes. " * 33_000})


def odd_identifiers() -> Iterator[Json]:
    """Numbers and booleans as identifiers, and names that look like something else.

    A text and a scalar with the same text are one identifier, here `true` and `0`.
    """
    for number, name in enumerate(ODD_NAMES, start=1):
        results = ["correct"] * (number % 4) + ["incorrect"] * (1 + number % 3)
        exam_id = f"exam-name-{number}"
        yield assessment(course_name=name, exam_id=exam_id, results=results)
        yield assessment(course_name="Odd Exams", exam_id=name)
        yield assessment(name, course_name="Odd Identifiers")
    scalars = (2018, -7, 2**80, True, False, *map(literal, ("-0", "2.50", "1e7")))
    for path in IDENTIFIER_PATHS:
        for scalar in scalars:
            yield variant({path: scalar})
    for keen_id in ("case-and-space", "CASE-AND-SPACE", "case-and-space "):
        yield assessment(keen_id)


SMALL_COURSES = {
    "Half and Half": "ci cucu ci cucu",
    "Nothing Right": "iiii uuu mm",
    "All Right": "cccc ccccc c cccc ccccc c",
    "Taken Once": "cci",
    "Also Taken Once": "cci",
    "Taken Once and Failed": "im",
    "Knots for Sailors": "ccmu cccc cccc iiuu cmuu",
    "Knots for Climbers": "ccmu cccc cccc iiuu cmuu",
}
"""Attempts, as the initials of their results: scores of exactly 0, 0.5 and 1, courses
that tie for last place, and two that tie in every ranking."""


def special_attempts() -> Iterator[Json]:
    """Attempts at test exams, and attempts that give a course an unusual result."""
    initials = {"c": "correct", "i": "incorrect", "m": "missed_some", "u": "unanswered"}
    for name, attempts_of_course in SMALL_COURSES.items():
        for letters in attempts_of_course.split():
            results = [initials[letter] for letter in letters]
            yield assessment(course_name=name, exam_id=f"of {name}", results=results)
    as_it_is: Json = {}
    no_counts = dict.fromkeys(("total", "correct"))
    cases: tuple[tuple[str, str, list[Json]], ...] = (
        ("Example Course", TEST_EXAM, [as_it_is] * 4),
        ("Example Course", TEST_EXAM, [{COUNTS: ABSENT}]),
        ("Mixed Course", TEST_EXAM, [as_it_is] * 2),
        ("Mixed Course", "exam-mixed", [as_it_is] * 3),
        ("Nearly a Test", "Example-ID", [as_it_is]),
        ("Nearly a Test", "example-id ", [as_it_is]),
        ("Nearly a Test", " example-id", [as_it_is]),
        ("Nearly a Test", "example-id-2", [as_it_is]),
        ("Unscored Studies", "unscored-1", [{COUNTS: {}}]),
        ("Unscored Studies", "unscored-2", [{COUNTS: {"total": 0, "correct": 0}}]),
        ("Unscored Studies", "unscored-3", [{COUNTS: {"total": 5}}]),
        ("Unscored Studies", "unscored-4", [{COUNTS: {"correct": 5}}]),
        ("Unscored Studies", "unscored-5", [{COUNTS: no_counts}]),
        ("Silent Counts", "exam-silent", [{COUNTS: {"total": 4, "correct": 1}}] * 2),
    )
    for course, exam_id, changes in cases:
        for change in changes:
            yield variant(change, assessment(course_name=course, exam_id=exam_id))
    largest, half = 2**31 - 1, 2**30
    limit = assessment(course_name="Counting to the Limit", exam_id="exam-limit")
    for counts in (
        {"correct": largest, "submitted": largest},
        {"correct": 0, "incomplete": half, "unanswered": half},
        {"correct": 0, "incomplete": 0, "unanswered": largest},
    ):
        yield variant({COUNTS: {"total": largest, **counts}}, limit)


def item_attempts() -> Iterator[Json]:
    """Attempts at exams whose questions have each reason to be reviewed, and none.

    One exam has just enough attempts for a correlation, the other one too few. Some
    attempts have a question or an option twice, or one without an id.
    """
    for exam_id, attempt_count in (("exam-items", 20), ("exam-few-items", 19)):
        for number in range(attempt_count):
            is_strong = number < 10
            right = (
                *(is_strong, is_strong, is_strong),
                not is_strong,
                number % 2 == 0,  # as many of the strong as of the others: exactly 0
                number in (0, 1, 2, 3, 4, 5, 10, 11, 12, 13),  # six against four
                number < 2,
                True,
            )
            results = ["correct" if each else "incorrect" for each in right]
            attempt = assessment(course_name="Items", exam_id=exam_id, results=results)
            asked = attempt["sequences"]["questions"]
            options = asked[0]["options"]
            if number % 3 == 0:
                other = question(asked[0]["id"], "incorrect", 1)
                asked += [None, other, variant({"id": ABSENT}, other)]
                options += [{**options[1], "checked": True}, {"checked": True}]
            # The key is corrected: some say that the second option is right as well.
            if number % 4 == 0:
                asked[1]["options"][1]["correct"] = True
            yield attempt


def quirks() -> list[Quirk]:
    """Return every odd value with its expected outcome, each with its own id."""
    documents = (odd_counts(), odd_arrays(), odd_texts(), odd_identifiers())
    accepted = [encode(each) for some in documents for each in some]
    accepted += [*odd_spellings(), *map(encode, special_attempts())]
    accepted += map(encode, item_attempts())
    every = [*rejected_quirks(), *((ACCEPTED, value) for value in accepted)]
    return [
        (outcome, with_id(value, f"quirk-{number}") if value else value)
        for number, (outcome, value) in enumerate(every, start=1)
    ]


def with_id(value: bytes, own_id: str) -> bytes:
    """Replace the placeholder by an id that no other message has."""
    return value.replace(OWN_ID.encode(), own_id.encode())


# Messages that belong together -----------------------------------------------------

Sent: TypeAlias = tuple[int, float, bytes]
"""Partition, days after the first timestamp, and value."""


def groups() -> Iterator[list[Sent]]:
    """Yield groups of messages that belong together, each in order of arrival."""

    def version(*results: str) -> bytes:
        exam_id = "exam-repeats"
        return encode(
            assessment(course_name="Repeats", exam_id=exam_id, results=results)
        )

    def changed(value: bytes, path: str, new: object) -> bytes:
        return encode(variant({path: new}, json.loads(value)))

    all_right, all_wrong = version(*["correct"] * 4), version(*["incorrect"] * 4)
    same = encode(assessment(course_name="Repeats"))
    yield [(1, 3, same), (1, 3, same), (2, 4, same), (0, 3, same)]
    # The newest counts: by time, then by partition, then by offset.
    yield [(3, 5, all_right), (0, 6, all_wrong)]
    yield [(2, 5, all_right), (1, 5, all_wrong)]
    yield [(1, 5, all_wrong), (1, 5, all_right)]
    yield [(2, 9, all_right), (2, 8, all_wrong), (3, 7, all_wrong)]
    yield [(0, 9 + 1 / DAY, all_right), (3, 9, all_wrong)]
    # A rejected message replaces nothing.
    broken = changed(all_wrong, f"{COUNTS}.correct", 99)
    yield [(1, 5, all_right), (1, 6, broken), (3, 7, all_wrong[:-1])]
    broken = changed(all_wrong, f"{COUNTS}.total", "four")
    yield [(1, 5, broken), (0, 6, all_right)]
    # The newest has fewer questions, none at all, no counts, another exam.
    yield [(0, 5, version(*["correct"] * 6)), (0, 6, version("correct", "unanswered"))]
    few = version(*["correct"] * 3)
    yield [(0, 5, few), (3, 6, changed(all_right, QUESTIONS, ABSENT))]
    yield [(0, 5, all_right), (1, 6, changed(all_right, COUNTS, ABSENT))]
    left = encode(assessment(course_name="Left Alone", exam_id="left"))
    yield [(1, 5, left), (2, 6, all_right)]
    test = encode(assessment(course_name="Example Course", exam_id=TEST_EXAM))
    yield [(1, 5, all_right), (0, 6, test)]
    # A number and the same number as text are one identifier.
    number, text = (
        encode(assessment(keen_id, course_name="Repeats", results=[result] * 4))
        for keen_id, result in ((424242, "correct"), ("424242", "incorrect"))
    )
    yield [(1, 5, number), (0, 6, text)]

    # Attempts at one exam that name its course differently.
    def named(number: int, name: str) -> bytes:
        keen_id, course = f"{OWN_ID}-{number}", f"{name} Name of a Course"
        return encode(assessment(keen_id, course_name=course, exam_id=OWN_ID))

    yield [
        (1, 8, named(1, "Second")),
        (2, 4, named(2, "First")),
        (3, 5, named(3, "First")),
    ]
    yield [(2, 4, named(1, "Second")), (1, 4, named(2, "First"))]
    yield [(0, 4, named(1, "First")), (0, 4, named(2, "Second"))]


# All of them -----------------------------------------------------------------------

ODD_KEYS = (None, b"", b"\xff\x00", b"another-key", " key \u00e9 ".encode())
ODD_HEADERS: tuple[Headers, ...] = (
    (("source", b"tests"),),
    (("trace", b"\x00\x01\xff"), ("empty", b"")),
    (("same", b"1"), ("same", b"2"), ("same", b"1")),
    (("name \u00e9", "\U0001f600".encode()),),
)


def quirk_messages(seed: int = 1) -> list[RawMessage]:
    """Return all messages in the order in which to produce them.

    The seed determines the order, but the messages of a group keep theirs. Kafka
    timestamps are not in this order. They are in 2018, so the topic must keep old
    messages (`retention.ms=-1`). The largest message has about 800,000 bytes. The
    topic needs four partitions.
    """
    chance = random.Random(seed)
    arrivals: list[tuple[float, RawMessage]] = []

    values = [*map(encode, attempts(300, seed)), *(value for _, value in quirks())]
    for number, value in enumerate((*values, None, None)):
        odd_key, odd_headers = chance.random() < 0.2, chance.random() < 0.2
        message = RawMessage(
            chance.randrange(PARTITIONS),
            FIRST_TIMESTAMP + chance.randrange(DAYS * DAY),
            chance.choice(ODD_KEYS) if odd_key else b"key-%d" % number,
            value,
            chance.choice(ODD_HEADERS) if odd_headers else (),
        )
        arrivals.append((chance.random(), message))
    for number, group in enumerate(groups(), start=1):
        places = sorted(chance.random() for _ in group)
        for place, (partition, day, value) in zip(places, group, strict=True):
            timestamp_ms = round(FIRST_TIMESTAMP + day * DAY)
            own = with_id(value, f"repeat-{number}")
            arrivals.append((place, RawMessage(partition, timestamp_ms, None, own)))
    return [message for _, message in sorted(arrivals, key=lambda each: each[0])]


def shortened_attempt() -> tuple[RawMessage, RawMessage]:
    """Return two messages of one attempt; the later one has fewer questions.

    Both are for the same partition, so that only their offsets tell their rows apart.
    """
    longer, shorter = (
        encode(assessment("shortened", course_name="Repeats", results=results))
        for results in (["correct"] * 6, ["correct", "unanswered"])
    )
    return (
        RawMessage(1, FIRST_TIMESTAMP, None, longer),
        RawMessage(1, FIRST_TIMESTAMP + DAY, None, shorter),
    )
