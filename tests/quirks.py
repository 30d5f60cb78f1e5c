"""Messages of the project's own making that hold every quirk the contract names.

Real data is well behaved, so it can't show that a message of another kind is judged
rightly. Here each rule of the contract has messages that keep it, break it, and break
it in the way an engine is known to overlook. What each one is worth is written beside
it by hand (`Quirk.outcome`), never taken from a calculation. Around them stand some
hundred ordinary attempts, so that statistics and rankings have something to count.

All names, ids and times are made up. Nothing is left to chance but what the seed says.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]
Headers: TypeAlias = tuple[tuple[str, bytes], ...]

PARTITIONS = 4
TEST_EXAM = "example-id"
ACCEPTED = "accepted"

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
FIRST_TIMESTAMP = 1_519_862_400_000
"""2018-03-01T00:00:00Z in milliseconds: a topic must not expire old messages."""
DAYS = 20


@dataclass(frozen=True)
class RawMessage:
    """A message as it is given to a Kafka producer; the time is epoch milliseconds."""

    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True)
class Quirk:
    """One odd value and its outcome: `accepted` or the reject reason it must get."""

    label: str
    outcome: str
    value: bytes | None


# Building assessments --------------------------------------------------------------


def assessment(
    keen_id: object,
    *,
    course_name: object = "Odd Shapes",
    exam_id: object = "exam-odd-shapes",
    results: Sequence[str] = ("correct", "missed_some", "unanswered"),
    recorded_at: str = "1519900000.123456",
    started_at: str = "2018-03-01T10:20:30.456Z",
) -> Json:
    """Build a good assessment with one question per result and counts that agree."""
    return {
        "keen_timestamp": recorded_at,
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
        "keen_created_at": recorded_at,
        "certification": "false",
        "keen_id": keen_id,
        "exam_name": course_name,
    }


def question(question_id: str, result: str, position: int) -> Json:
    """Build a question; its first two options are right when some can be missed."""
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


def literal(source: str) -> str:
    """Mark a number literal that must reach the message exactly as it is written."""
    return f"literal:{source}"


def encode(document: object) -> bytes:
    """Write a value as compact JSON in UTF-8."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"literal:([^"]*)"', r"\1", text).encode()


def holder(document: Json, path: Path) -> Any:
    """Find the object or array that the last step of a path looks into."""
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    return place


def changed(document: Json, path: Path, value: object) -> Json:
    """Copy an assessment with another value at a path."""
    copy = deepcopy(document)
    holder(copy, path)[path[-1]] = value
    return copy


def without(document: Json, *paths: Path) -> Json:
    """Copy an assessment without the keys at some paths."""
    copy = deepcopy(document)
    for path in paths:
        del holder(copy, path)[path[-1]]
    return copy


def with_counts(keen_id: str, **counts: object) -> Json:
    """Build an assessment that has just these counts."""
    return changed(assessment(keen_id), COUNTS, counts)


def with_members(members: bytes, good: bytes) -> bytes:
    """Put members, written as they must arrive, in front of those of an object."""
    return b"{" + members + b"," + good.removeprefix(b"{")


def slug(*words: object) -> str:
    """Join words to a label that reads well as an id."""
    return "-".join(str(word).replace(" ", "-") for word in words)


COUNTS: Path = ("sequences", "counts")
QUESTIONS: Path = ("sequences", "questions")
QUESTION: Path = (*QUESTIONS, 0)
OPTIONS: Path = (*QUESTION, "options")
OPTION: Path = (*OPTIONS, 0)
LATER_QUESTION: Path = (*QUESTIONS, 2)
LATER_OPTION: Path = (*QUESTIONS, 1, "options", 2)

COUNT_NAMES = (
    "total",
    "correct",
    "incorrect",
    "incomplete",
    "submitted",
    "unanswered",
)
COUNT_PATHS: tuple[Path, ...] = (
    *((*COUNTS, name) for name in COUNT_NAMES),
    ("sequences", "attempt"),
    (*OPTION, "submitted"),
    (*LATER_OPTION, "submitted"),
)
FLAG_PATHS: tuple[Path, ...] = (
    (*COUNTS, "all_correct"),
    (*QUESTION, "user_incomplete"),
    (*QUESTION, "user_correct"),
    (*LATER_QUESTION, "user_submitted"),
    (*OPTION, "checked"),
    (*LATER_OPTION, "correct"),
)
OBJECT_PATHS: tuple[Path, ...] = (
    ("sequences",),
    COUNTS,
    QUESTION,
    LATER_QUESTION,
    OPTION,
    LATER_OPTION,
)
ARRAY_PATHS: tuple[Path, ...] = (QUESTIONS, OPTIONS)
IDENTIFIER_PATHS: tuple[Path, ...] = (
    ("keen_id",),
    ("exam_name",),
    ("base_exam_id",),
    ("user_exam_id",),
    ("sequences", "id"),
    (*QUESTION, "id"),
    (*LATER_OPTION, "id"),
)
REQUIRED_IDENTIFIERS = ("keen_id", "exam_name", "base_exam_id")

FOUR_HUNDRED_DIGITS = "9" * 400


# Messages to reject ----------------------------------------------------------------


def empty_values() -> Iterator[Quirk]:
    """No byte at all, and each white space that JSON knows."""
    yield Quirk("tombstone", "tombstone", None)
    values = (b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b" \t\r\n" * 50)
    for number, value in enumerate(values, start=1):
        yield Quirk(slug("empty", number), "empty", value)


def invalid_utf8_values() -> Iterator[Quirk]:
    """Bytes that no UTF-8 text holds, inside a good message and on their own."""
    sequences = {
        "lone continuation": b"\x80",
        "latin 1": b"\xe9",
        "byte that never occurs": b"\xfe\xff",
        "overlong slash": b"\xc0\xaf",
        "overlong nul": b"\xc0\x80",
        "overlong three bytes": b"\xe0\x80\xaf",
        "surrogate": b"\xed\xa0\x80",
        "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
        "beyond the last character": b"\xf4\x90\x80\x80",
        "five bytes": b"\xf8\x88\x80\x80\x80",
        "two of three bytes": b"\xe2\x82",
        "three of four bytes": b"\xf0\x9f\x98",
    }
    for name, sequence in sequences.items():
        label = slug("invalid utf8", name)
        good = encode(assessment(label))
        spoilt = with_members(b'"note":"' + sequence + b'"', good)
        yield Quirk(label, "invalid_utf8", spoilt)
        yield Quirk(slug(label, "alone"), "invalid_utf8", sequence)
    good = encode(assessment("invalid-utf8-around"))
    yield Quirk("invalid-utf8-after", "invalid_utf8", good + b"\xff")
    yield Quirk("invalid-utf8-before", "invalid_utf8", b"\xff" + good)
    yield Quirk("invalid-utf8-utf-16", "invalid_utf8", good.decode().encode("utf-16"))
    yield Quirk("invalid-utf8-compressed", "invalid_utf8", b"\x1f\x8b\x08\x00" + good)


INVALID_AROUND = {
    "text after": b"GOOD tail",
    "word after": b"GOOD null",
    "number after": b"GOOD 1",
    "second value": b"GOOD GOOD",
    "second value without space": b"GOODGOOD",
    "second value on its own line": b"GOOD\nGOOD\n",
    "second value after comma": b"GOOD,GOOD",
    "empty text after": b'GOOD""',
    "comma after": b"GOOD,",
    "semicolon after": b"GOOD;",
    "colon after": b"GOOD:",
    "bracket after": b"GOOD]",
    "brace after": b"GOOD}",
    "bracket before": b"[GOOD",
    "close bracket before": b"]GOOD",
    "close brace before": b"}GOOD",
    "comma before": b",GOOD",
    "text before": b"value: GOOD",
    "break out of array": b"GOOD] [",
    "break out of array with text": b"GOOD] tail",
    "break out of array and back": b"GOOD],[GOOD",
    "break out of array with comma": b"GOOD],",
    "break out of array with comment": b"GOOD] //",
    "break out of object": b"GOOD} {",
    "break out of object with text": b"GOOD} tail",
    "break out of object with brace": b"GOOD}} {",
    "break out of object and back": b'GOOD},{"v":GOOD',
    "break out into a second member": b'GOOD,"w":GOOD',
    "break out of both": b"GOOD}] [{",
    "break out of both reversed": b"GOOD]} {[",
    "nul after": b"GOOD\x00",
    "nul before": b"\x00GOOD",
    "record separator before": b"\x1eGOOD",
    "control z after": b"GOOD\x1a",
    "form feed after": b"GOOD\x0c",
    "vertical tab before": b"\x0bGOOD",
    "no-break space after": b"GOOD\xc2\xa0",
    "line separator after": b"GOOD\xe2\x80\xa8",
    "ideographic space before": b"\xe3\x80\x80GOOD",
    "byte order mark": b"\xef\xbb\xbfGOOD",
    "byte order mark after space": b" \xef\xbb\xbfGOOD",
    "byte order mark after": b"GOOD\xef\xbb\xbf",
    "line comment after": b"GOOD // comment",
    "line comment before": b"// comment\nGOOD",
    "block comment after": b"GOOD /* comment */",
    "block comment before": b"/**/GOOD",
    "hash comment after": b"GOOD # comment",
    "guard before": b")]}',\nGOOD",
    "array without end": b"[GOOD,",
    "array with comma at the end": b"[GOOD,]",
}
"""What may not stand around a value; GOOD is a message that would be accepted."""

INVALID_MEMBERS = {
    "not a number": b'"extra":NaN',
    "infinity": b'"extra":Infinity',
    "minus infinity": b'"extra":-Infinity',
    "plus infinity": b'"extra":+Infinity',
    "short infinity": b'"extra":+INF',
    "nested not a number": b'"extra":{"deep":[[NaN]]}',
    "single quoted key": b"'extra':1",
    "single quoted value": b"\"extra\":'one'",
    "key without quotes": b"extra:1",
    "number as key": b'1:"extra"',
    "value without quotes": b'"extra":one',
    "no value": b'"extra":',
    "no colon": b'"extra"',
    "two colons": b'"extra"::1',
    "equals sign": b'"extra"=1',
    "two commas": b'"extra":1,',
    "comma at the end of an array": b'"extra":[1,2,]',
    "comma at the end of an object": b'"extra":{"a":1,}',
    "comma at the start of an array": b'"extra":[,1]',
    "two commas in an array": b'"extra":[1,,2]',
    "array closed by a brace": b'"extra":[1}',
    "object closed by a bracket": b'"extra":{"a":1]',
    "line comment": b'"extra":1 // comment\n',
    "block comment": b'"extra":/* comment */1',
    "hash comment": b'"extra":1 # comment\n',
    "plus sign": b'"extra":+1',
    "zero in front": b'"extra":01',
    "zero in front of a negative": b'"extra":-01',
    "nothing before the point": b'"extra":.5',
    "nothing after the point": b'"extra":5.',
    "nothing after the exponent": b'"extra":1e',
    "minus alone": b'"extra":-',
    "hexadecimal": b'"extra":0x10',
    "underscore in a number": b'"extra":1_000',
    "letter after a number": b'"extra":1L',
    "upper case true": b'"extra":TRUE',
    "capital true": b'"extra":True',
    "none": b'"extra":None',
    "undefined": b'"extra":undefined',
    "cut true": b'"extra":tru',
    "line end in text": b'"extra":"one\ntwo"',
    "tab in text": b'"extra":"one\ttwo"',
    "nul in text": b'"extra":"one\x00two"',
    "escape in text": b'"extra":"one\x1btwo"',
    "line end in a key": b'"ex\ntra":1',
    "unknown escape": b'"extra":"\\x41"',
    "escaped apostrophe": b'"extra":"it\\\'s"',
    "escaped line end": b'"extra":"one\\\ntwo"',
    "short unicode escape": b'"extra":"\\u12"',
    "unicode escape with a letter": b'"extra":"\\u12G4"',
    "upper case unicode escape": b'"extra":"\\U00012345"',
    "quote in text": b'"extra":"say "hello" twice"',
    "non-ASCII digit": '"extra":\u0663'.encode(),
    "curly quotes": "\u201cextra\u201d:1".encode(),
    "no-break space between": '"extra":\u00a01'.encode(),
}
"""What may not stand inside an object whose other members are all right."""

INVALID_ALONE = {
    "brace": b"{",
    "close brace": b"}",
    "bracket": b"[",
    "close bracket": b"]",
    "quote": b'"',
    "comma": b",",
    "colon": b":",
    "two texts": b'""""',
    "text without end": b'"abc',
    "word": b"hello",
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "single quoted text": b"'text'",
    "empty object and brace": b"{}}",
    "empty object and bracket": b"{}]",
    "empty objects": b"{}{}",
    "empty arrays": b"[] []",
    "array broken out of": b"1] , [2",
    "object broken out of": b'1}, {"v":2',
    "members alone": b'"keen_id":"a","exam_name":"b"',
    "two numbers": b"1 2",
    "two numbers with comma": b"1,2",
    "comma in an empty object": b"{,}",
    "key alone": b'{"keen_id"}',
    "key without value": b'{"keen_id":}',
    "byte order mark alone": b"\xef\xbb\xbf",
    "form feed alone": b"\x0c",
    "vertical tab alone": b"\x0b",
    "nul alone": b"\x00",
    "no-break space alone": b"\xc2\xa0",
    "line separator alone": b"\xe2\x80\xa8",
    "zero width space alone": b"\xe2\x80\x8b",
    "comment alone": b"// nothing",
    "python dictionary": b"{'keen_id': 'a', 'exam_name': None}",
    "xml": b"<assessment><keen_id>a</keen_id></assessment>",
    "csv": b"keen_id,exam_name,base_exam_id\na,b,c",
}


def invalid_json_values() -> Iterator[Quirk]:
    """Everything that is nearly, but not exactly, one complete strict JSON value."""
    for name, template in INVALID_AROUND.items():
        label = slug("invalid json", name)
        value = template.replace(b"GOOD", encode(assessment(label)))
        yield Quirk(label, "invalid_json", value)
    for name, members in INVALID_MEMBERS.items():
        label = slug("invalid json member", name)
        value = with_members(members, encode(assessment(label)))
        yield Quirk(label, "invalid_json", value)
    for name, value in INVALID_ALONE.items():
        yield Quirk(slug("invalid json alone", name), "invalid_json", value)
    good = encode(assessment("invalid-json-truncated"))
    for length in (2, 15, len(good) // 3, len(good) // 2, len(good) - 2, len(good) - 1):
        label = slug("invalid json truncated at", length)
        yield Quirk(label, "invalid_json", good[:length])
    for place in ("correct", "total", "all_correct"):
        label = slug("invalid json not a number as", place)
        document = changed(assessment(label), (*COUNTS, place), literal("NaN"))
        yield Quirk(label, "invalid_json", encode(document))
    good = encode(assessment("invalid-json-single-quotes"))
    yield Quirk("invalid-json-single-quotes", "invalid_json", good.replace(b'"', b"'"))
    good = encode(assessment("invalid-json-utf-16"))
    yield Quirk(
        "invalid-json-utf-16", "invalid_json", good.decode().encode("utf-16-le")
    )


def not_an_object_values() -> Iterator[Quirk]:
    """Good JSON of every other type, also with a good object inside."""
    good = encode(assessment("not-an-object"))
    values = {
        "zero": b"0",
        "number": b"-1.5e3",
        "long number": FOUR_HUNDRED_DIGITS.encode(),
        "large exponent": b"1e400",
        "text": b'"hello"',
        "empty text": b'""',
        "text of an object": encode(good.decode()),
        "text with a brace": b'"{"',
        "true": b"true",
        "false": b"false",
        "null": b"null",
        "null with space": b" null\r\n",
        "empty array": b"[]",
        "empty array with space": b" [ ] ",
        "array of arrays": b"[[],[[]]]",
        "array of numbers": b"[1,2,3]",
        "array of one": b"[" + good + b"]",
        "array of two": b"[" + good + b"," + good + b"]",
        "array of null": b"[null]",
    }
    for name, value in values.items():
        yield Quirk(slug("not an object", name), "not_an_object", value)


def duplicate_key_values() -> Iterator[Quirk]:
    """One key twice in one object, at every depth and in every spelling."""
    members = {
        "same value": b'"extra":1,"extra":1',
        "other value": b'"extra":1,"extra":2',
        "first null": b'"extra":null,"extra":1',
        "both null": b'"extra":null,"extra":null',
        "apart": b'"extra":1,"other":2,"extra":3',
        "three times": b'"extra":1,"extra":2,"extra":3',
        "known and escaped": b'"\\u006been_id":"again"',
        "known and all escaped": b'"\\u006b\\u0065\\u0065\\u006e_\\u0069\\u0064":"x"',
        "known": b'"exam_name":"again"',
        "known object": b'"sequences":{}',
        "known and null": b'"base_exam_id":null',
        "empty key": b'"":1,"":2',
        "escaped solidus": b'"a/b":1,"a\\/b":2',
        "case of the escape": b'"\\u00E9":1,"\\u00e9":2',
        "accent raw and escaped": '"\u00e9":1,"\\u00e9":2'.encode(),
        "emoji raw and escaped": '"\U0001f600":1,"\\ud83d\\ude00":2'.encode(),
        "quote in a key": b'"a\\"b":1,"a\\u0022b":2',
        "nested": b'"extra":{"a":1,"a":2}',
        "nested in an array": b'"extra":[0,[{"b":1},{"a":1,"a":2}]]',
        "nested deep": b'"extra":' + b'{"a":' * 50 + b'{"b":1,"b":2}' + b"}" * 50,
        "nested in null neighbours": b'"extra":[null,{"a":null,"a":null}]',
    }
    for name, member in members.items():
        label = slug("duplicate key", name)
        value = with_members(member, encode(assessment(label)))
        yield Quirk(label, "duplicate_key", value)
    places = {
        "sequences": (b'"attempt":1,', b'"attempt":1,"attempt":1,'),
        "counts": (b'"correct":1,', b'"correct":1,"correct":2,'),
        "counts escaped": (b'"total":3,', b'"total":3,"tot\\u0061l":3,'),
        "question": (b'"user_correct":true,', b'"user_correct":true,' * 2),
        "option": (b'"checked":true,', b'"checked":true,"checked":false,'),
        "option unknown": (b'"checked":true,', b'"checked":true,"x":1,"x":1,'),
    }
    for name, (once, twice) in places.items():
        label = slug("duplicate key in", name)
        value = encode(assessment(label)).replace(once, twice, 1)
        yield Quirk(label, "duplicate_key", value)
    yield Quirk("duplicate-key-alone", "duplicate_key", b'{"a":1,"a":1}')


def wrong_type_values() -> Iterator[Quirk]:
    """For each known field, values of every type that it can't take."""
    wrong_counts: dict[str, object] = {
        "word": "three",
        "number in text": "3",
        "empty text": "",
        "fraction": 3.5,
        "whole fraction": literal("3.0"),
        "exponent": literal("1e1"),
        "just above 32 bits": 2**31,
        "just below 32 bits": -(2**31) - 1,
        "above 64 bits": 2**64,
        "four hundred digits": literal(FOUR_HUNDRED_DIGITS),
        "true": True,
        "false": False,
        "array": [],
        "array of one": [3],
        "object": {},
    }
    wrong_flags: dict[str, object] = {
        "true in text": "true",
        "false in text": "false",
        "word": "yes",
        "empty text": "",
        "zero": 0,
        "one": 1,
        "array": [],
        "array of one": [True],
        "object": {},
    }
    wrong_objects: dict[str, object] = {
        "text": "text",
        "empty text": "",
        "object in text": "{}",
        "number": 1,
        "true": True,
        "false": False,
        "array": [],
        "array of one": [{}],
        "array of null": [None],
    }
    wrong_arrays: dict[str, object] = {
        "object": {},
        "object of one": {"0": {}},
        "text": "text",
        "empty text": "",
        "array in text": "[]",
        "number": 0,
        "true": True,
    }
    wrong_identifiers: dict[str, object] = {
        "object": {},
        "object of one": {"id": "x"},
        "array": [],
        "array of one": ["x"],
    }
    for paths, wrong_values in (
        (COUNT_PATHS, wrong_counts),
        (FLAG_PATHS, wrong_flags),
        (OBJECT_PATHS, wrong_objects),
        (ARRAY_PATHS, wrong_arrays),
        (IDENTIFIER_PATHS, wrong_identifiers),
    ):
        for path in paths:
            for name, wrong in wrong_values.items():
                label = slug("wrong type", *path, name)
                document = changed(assessment(label), path, wrong)
                yield Quirk(label, "wrong_type", encode(document))
    label = "wrong-type-after-null-elements"
    document = changed(assessment(label), QUESTIONS, [None, None, {"id": {}}])
    yield Quirk(label, "wrong_type", encode(document))


def missing_identifier_values() -> Iterator[Quirk]:
    """Each identifier absent, null, empty and blank, and objects without any."""
    blanks: dict[str, object] = {
        "null": None,
        "empty": "",
        "space": " ",
        "spaces": " " * 20,
    }
    for name in REQUIRED_IDENTIFIERS:
        label = slug("missing", name)
        document = assessment(label)
        absent = encode(without(document, (name,)))
        yield Quirk(slug(label, "absent"), "missing_identifier", absent)
        for kind, blank in blanks.items():
            value = encode(changed(document, (name,), blank))
            yield Quirk(slug(label, kind), "missing_identifier", value)
    all_blank: Json = assessment("missing-all")
    for name in REQUIRED_IDENTIFIERS:
        all_blank = changed(all_blank, (name,), " ")
    objects: dict[str, bytes] = {
        "empty object": b"{}",
        "empty object with space": b" {\n} ",
        "sequences alone": b'{"sequences":{"questions":[{"id":"a"}]}}',
        "unknown keys alone": b'{"hello":"world"}',
        "all blank": encode(all_blank),
        "key in another case": encode(assessment("missing-case")).replace(
            b'"keen_id"', b'"Keen_Id"'
        ),
        "key with a space": encode(assessment("missing-space")).replace(
            b'"exam_name"', b'"exam_name "'
        ),
        "key inside another object": encode(
            changed(
                without(assessment("missing-inside"), ("keen_id",)),
                ("extra",),
                {"keen_id": "missing-inside"},
            )
        ),
    }
    for name, value in objects.items():
        yield Quirk(slug("missing", name), "missing_identifier", value)


def inconsistent_counts_values() -> Iterator[Quirk]:
    """Each count below zero, and each part above the total."""
    for name in COUNT_NAMES:
        for number in (-1, -(2**31)):
            label = slug("inconsistent", name, number)
            document = changed(assessment(label), (*COUNTS, name), number)
            yield Quirk(label, "inconsistent_counts", encode(document))
        label = slug("inconsistent", name, "negative alone")
        document = with_counts(label, **{name: -1})
        yield Quirk(label, "inconsistent_counts", encode(document))
    for name in ("correct", "incorrect", "incomplete", "unanswered"):
        for total, part in ((3, 4), (0, 1), (1, 2**31 - 1)):
            label = slug("inconsistent", name, part, "of", total)
            document = with_counts(label, total=total, **{name: part})
            yield Quirk(label, "inconsistent_counts", encode(document))


def values_with_two_faults() -> Iterator[Quirk]:
    """Two faults in one message: the one that the contract names first counts."""
    label = "two-faults"
    good = assessment(label)
    no_name = without(good, ("exam_name",))
    wrong = changed(good, (*COUNTS, "correct"), "one")
    inconsistent = changed(good, (*COUNTS, "correct"), 9)
    repeated = b'"extra":1,"extra":2'
    cases = {
        "invalid_utf8": {
            "and truncated": b'{"keen_id":"\xff',
            "and byte order mark": b"\xef\xbb\xbf\xff",
            "and array": b'["\xff"]',
            "and space": b"  \xff  ",
            "and duplicate key": b'{"a":"\xff","a":"\xff"}',
        },
        "invalid_json": {
            "and array": b"[1,2] 3",
            "and array without end": b"[1,2",
            "and duplicate key": with_members(repeated, encode(good)) + b" tail",
            "and wrong type": encode(wrong) + b"]",
            "and missing": encode(no_name)[:-1],
            "and inconsistent": encode(inconsistent) + b"}",
            "and nothing but a mark and space": b"\xef\xbb\xbf  \n",
        },
        "not_an_object": {
            "and duplicate key": b'[{"a":1,"a":2}]',
            "and wrong type": b"[" + encode(wrong) + b"]",
            "and missing": b"[{}]",
        },
        "duplicate_key": {
            "and wrong type": with_members(repeated, encode(wrong)),
            "and missing": with_members(repeated, encode(no_name)),
            "and inconsistent": with_members(repeated, encode(inconsistent)),
            "and blank again": with_members(b'"keen_id":" "', encode(good)),
            "and array again": with_members(b'"keen_id":[]', encode(good)),
        },
        "wrong_type": {
            "and missing": encode(without(wrong, ("keen_id",))),
            "and blank": encode(changed(wrong, ("base_exam_id",), " ")),
            "and inconsistent": encode(
                changed(inconsistent, (*COUNTS, "all_correct"), "no")
            ),
            "alone": b'{"sequences":[]}',
        },
        "missing_identifier": {
            "and inconsistent": encode(without(inconsistent, ("exam_name",))),
            "and negative": b'{"sequences":{"counts":{"total":-1}}}',
        },
    }
    for outcome, values in cases.items():
        for name, value in values.items():
            yield Quirk(slug(label, outcome, name), outcome, value)


def rejected_quirks() -> Iterator[Quirk]:
    """Every odd value that must be rejected."""
    yield from empty_values()
    yield from invalid_utf8_values()
    yield from invalid_json_values()
    yield from not_an_object_values()
    yield from duplicate_key_values()
    yield from wrong_type_values()
    yield from missing_identifier_values()
    yield from inconsistent_counts_values()
    yield from values_with_two_faults()


# Messages to accept ----------------------------------------------------------------


def odd_counts() -> Iterator[tuple[str, Json]]:
    """Counts that are absent, null, zero or at the edge of what is consistent."""
    for name in ("sequences", "counts"):
        path: Path = ("sequences",) if name == "sequences" else COUNTS
        label = slug(name, "absent")
        yield label, without(assessment(label), path)
        label = slug(name, "null")
        yield label, changed(assessment(label), path, None)
        label = slug(name, "empty")
        yield label, changed(assessment(label), path, {})
    for path in COUNT_PATHS[:7]:
        label = slug(path[-1], "absent")
        yield label, without(assessment(label), path)
        label = slug(path[-1], "null")
        yield label, changed(assessment(label), path, None)
    counts: dict[str, Json] = {
        "counts all null": dict.fromkeys((*COUNT_NAMES, "all_correct")),
        "counts all zero": dict.fromkeys(COUNT_NAMES, 0),
        "total zero": {"total": 0, "correct": 0},
        "total zero without correct": {"total": 0},
        "total alone": {"total": 4},
        "correct alone": {"correct": 4},
        "parts without total": {"correct": 5, "incorrect": 7, "unanswered": 9},
        "each part as large as the total": dict.fromkeys(COUNT_NAMES, 5),
        "submitted above total": {"total": 2, "correct": 1, "submitted": 9},
        "sum above total": {"total": 3, "correct": 2, "incorrect": 2},
        "sum below total": {"total": 9, "correct": 1, "incorrect": 1},
        "flag against counts": {"total": 2, "correct": 2, "all_correct": False},
    }
    for name, members in counts.items():
        label = slug(name)
        yield label, with_counts(label, **members)


def odd_arrays() -> Iterator[tuple[str, Json]]:
    """Questions and options that are absent, null, empty or hold nulls."""
    first, *others = assessment("arrays")["sequences"]["questions"]
    options = first["options"]
    questions: dict[str, object] = {
        "questions null": None,
        "questions empty": [],
        "questions of null alone": [None, None],
        "questions between nulls": [None, first, None, *others, None],
        "question empty": [{}],
        "question twice": [first, first],
        "question with extra keys alone": [{"hello": "world"}],
        "options absent": [without(first, ("options",)), *others],
        "options null": [changed(first, ("options",), None)],
        "options empty": [changed(first, ("options",), [])],
        "options of null alone": [changed(first, ("options",), [None, None])],
        "options between nulls": [
            None,
            changed(first, ("options",), [None, *options, None, options[0]]),
        ],
        "option empty": [changed(first, ("options",), [{}, *options])],
        "many questions": [
            question(f"many-{position}", "correct", position)
            for position in range(1, 61)
        ],
    }
    for name, value in questions.items():
        label = slug(name)
        yield label, changed(assessment(label), QUESTIONS, value)
    yield "questions-absent", without(assessment("questions-absent"), QUESTIONS)
    optional: tuple[Path, ...] = (
        *FLAG_PATHS[:3],
        (*QUESTION, "user_submitted"),
        (*QUESTION, "user_result"),
        (*QUESTION, "id"),
        (*OPTION, "checked"),
        (*OPTION, "correct"),
        (*OPTION, "submitted"),
        (*OPTION, "at"),
        (*OPTION, "id"),
        ("user_exam_id",),
        ("sequences", "id"),
        ("keen_created_at",),
    )
    for path in optional:
        label = slug(*path, "absent")
        yield label, without(assessment(label), path)
        label = slug(*path, "null")
        yield label, changed(assessment(label), path, None)
    for path in FLAG_PATHS:
        for state in (True, False):
            label = slug(*path, state)
            yield label, changed(assessment(label), path, state)
    for number in (0, 1, 2, 2**31 - 1):
        label = slug("option submitted", number)
        yield label, changed(assessment(label), (*OPTION, "submitted"), number)
    for number in (0, 2, 2**31 - 1):
        label = slug("attempt number", number)
        yield label, changed(assessment(label), ("sequences", "attempt"), number)


def odd_texts() -> Iterator[tuple[str, Json]]:
    """Texts that must be read, and texts that can't be: the column is NULL then."""
    option_time: Path = (*OPTION, "at")
    unreadable: tuple[object, ...] = ("", "yesterday", "now", True, {}, [], {"a": 1})
    times: tuple[object, ...] = (
        "2018-03-04T05:06:07Z",
        "2018-03-04T05:06:07.5Z",
        "2018-03-04T05:06:07.123456Z",
        "2018-03-04T05:06:07.000001Z",
        "2018-03-04T01:06:07.089+02:00",
        "2018-12-31T23:06:07.089-05:30",
        "2018-03-04T05:06:07.089+00:00",
        "2020-02-29T23:59:59.999Z",
        "1969-12-31T23:59:59.999Z",
        "2018-02-30T05:06:07Z",
        "2018-13-01T05:06:07Z",
        "2018-03-04T25:06:07Z",
        "05:06:07",
        "4 March 2018",
        "04/03/2018 05:06",
    )
    seconds: tuple[object, ...] = (
        "1516717442.735266",
        "1516717442.000001",
        "1516717442.999999",
        "1516717442.5",
        "1516717442.0",
        "1516717442",
        1516717442,
        "0",
        "NaN",
        "Infinity",
        "2018-03-04T05:06:07Z",
        "1516717442s",
        "1516717442d",
        "0x1p30",
        "1,516,717,442",
    )
    attempts: tuple[object, ...] = (
        "1.0",
        "1",
        "2",
        "3.00",
        "10",
        "0",
        "2147483647",
        "2147483647.0",
        3,
        "1.5",
        "0.1",
        "2147483648",
        "-2147483649",
        "99999999999999999999",
        "many",
        "NaN",
        "Infinity",
        "1,0",
        "0x1",
        "0x1p1",
        "1d",
        "1.0f",
        "1L",
        "1.0.0",
        "",
        True,
        {},
        [1],
    )
    certifications: tuple[object, ...] = (
        "true",
        "false",
        True,
        False,
        None,
        "maybe",
        "TRUE",
        "True",
        "yes",
        "t",
        "1",
        1,
        " true",
        "",
        {"a": True},
        [],
        ["true"],
    )
    results: tuple[object, ...] = (
        "",
        " ",
        "null",
        "a\u0000b",
        'say "hello"',
        "\u7b54\u3048",
        7,
        True,
        {"a": 1},
        [1, "b", None],
    )
    for path, values in (
        (("started_at",), times + unreadable),
        (option_time, times + unreadable),
        (("keen_timestamp",), seconds + unreadable),
        (("max_attempts",), attempts),
        (("certification",), certifications),
        ((*QUESTION, "user_result"), results),
        (("keen_created_at",), unreadable),
    ):
        for number, value in enumerate(values, start=1):
            label = slug("text", path[-1], number)
            yield label, changed(assessment(label), path, value)
    for name in ("started_at", "keen_timestamp", "max_attempts", "certification"):
        label = slug("text", name, "absent")
        yield label, without(assessment(label), (name,))
        label = slug("text", name, "null")
        yield label, changed(assessment(label), (name,), None)


ODD_NAMES = (
    "Cuisine fran\u00e7aise",
    "Cuisine franc\u0327aise",
    "\u65e5\u672c\u8a9e\u5165\u9580",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "Emoji \U0001f600 \U0001f1eb\U0001f1f7 Basics",
    " Leading Space",
    "Leading Space",
    "Trailing Space ",
    "Trailing Space",
    "Two  Spaces",
    "lower and UPPER",
    "LOWER AND upper",
    "{Braces} in Practice",
    "{",
    "}",
    '{"a":1}',
    "{}",
    "[Draft] Names",
    "[",
    "]",
    "[1, 2]",
    '["x"]',
    "O'Brien's Tools",
    "'quoted'",
    '"Quoted" Titles',
    '"',
    "'; drop table marts.fct_attempts; --",
    "100% of C:\\temp\\new",
    "\\",
    "Line\nBreak",
    "Tab\tStop",
    "\t",
    "\u00a0",
    "Zero\u200bWidth",
    "Mark \ufeff Inside",
    "Replacement \ufffd Character",
    "Noncharacter \uffff Inside",
    "Last \U0010ffff Character",
    "Line\u2028Separator",
    "Delete \u007f Character",
    "null",
    "NULL",
    "NaN",
    "true",
    "0",
    "-",
    "{{ ref('fct_attempts') }}",
    "<b>Bold</b> & More",
    "A, B; C | D",
    "x" * 600,
)
"""Legitimate names: identifiers are taken exactly, never trimmed and never parsed."""

EXTRA_MEMBERS = {
    "text": b'"extra":"text"',
    "null": b'"extra":null',
    "array": b'"extra":[1,[2,[3,{"a":[]}]],null]',
    "object": b'"extra":{"keen_id":"inner","sequences":[],"counts":"none"}',
    "empty key": b'"":1',
    "key with a point": b'"a.b":1,"a":{"b":2}',
    "key with spaces": b'" extra key ":1',
    "emoji key": '"\U0001f600":1'.encode(),
    "key in another case": b'"KEEN_ID":"other","Exam_Name":["other"],"SEQUENCES":1',
    "key of a parser": b'"_corrupt_record":"not corrupt","_malformed":1,"v":{"v":1}',
    "keys in quotes": b'"\'a\'":1,"`b`":2,"\\"c\\"":3',
    "keys that differ in case": b'"extra":1,"Extra":2,"EXTRA":3',
    "same key in other objects": b'"extra":{"a":1},"other":[{"a":1},{"a":2}]',
    "long number": b'"extra":' + FOUR_HUNDRED_DIGITS.encode(),
    "long fraction": b'"extra":0.' + b"1234567890" * 10,
    "large exponent": b'"extra":1e400,"other":-1E+400',
    "small exponent": b'"extra":1e-400',
    "minus zero": b'"extra":-0,"other":-0.0',
    "escapes": b'"extra":"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000 \\uFFFF"',
    "brackets in text": b'"extra":"]}] [ {{ // /* # \' NaN"',
    "deep object": b'"extra":' + b'{"a":' * 100 + b"1" + b"}" * 100,
    "deep array": b'"extra":' + b"[" * 100 + b"]" * 100,
}
"""Unknown keys, legal in every way, however odd."""


def odd_spellings() -> Iterator[tuple[str, bytes]]:
    """Good messages in an unusual but legal spelling, and with unknown keys."""
    for name, members in EXTRA_MEMBERS.items():
        label = slug("extra", name)
        yield label, with_members(members, encode(assessment(label)))
    places: tuple[Path, ...] = (
        ("sequences", "new_key"),
        (*COUNTS, "new_key"),
        (*QUESTION, "new_key"),
        (*LATER_QUESTION, "new_key"),
        (*OPTION, "new_key"),
    )
    for path in places:
        for name, value in (("text", "x"), ("object", {"a": [{"b": 1}]})):
            label = slug("extra", *path, name)
            yield label, encode(changed(assessment(label), path, value))

    label = "spelling-escaped-keys"
    spelt = encode(assessment(label))
    for key in (b'"keen_id"', b'"sequences"', b'"total"', b'"checked"'):
        escaped = b"".join(b"\\u%04x" % byte for byte in key.strip(b'"'))
        spelt = spelt.replace(key, b'"' + escaped + b'"')
    yield label, spelt
    label = "spelling-indented"
    indented = json.dumps(assessment(label), indent=3).replace("\n", "\r\n")
    yield label, indented.encode()
    label = "spelling-tabs"
    yield label, json.dumps(assessment(label), indent="\t").encode()
    label = "spelling-space-around"
    yield label, b" \t\r\n" + encode(assessment(label)) + b"\n\r\t "
    label = "spelling-ascii"
    escaped_name = assessment(
        label, course_name="Emoji \U0001f600 \U0001f1eb\U0001f1f7"
    )
    yield label, json.dumps(escaped_name).encode()
    label = "spelling-identifiers-first"
    yield label, encode(dict(sorted(assessment(label).items())))
    label = "spelling-identifiers-alone"
    yield (
        label,
        encode({"keen_id": label, "exam_name": "Bare Bones", "base_exam_id": "bare"}),
    )


def odd_identifiers() -> Iterator[tuple[str, Json]]:
    """Numbers and booleans as identifiers, and names that look like something else.

    Text and a scalar that reads the same are one identifier, here `true`.
    """
    for number, name in enumerate(ODD_NAMES, start=1):
        label = slug("name", number)
        results = ["correct"] * (number % 4) + ["incorrect"] * (1 + number % 3)
        yield (
            label,
            assessment(
                label,
                course_name=name,
                exam_id=f"exam-name-{number}",
                results=results,
            ),
        )
    for number, name in enumerate(ODD_NAMES, start=1):
        label = slug("exam named", number)
        yield label, assessment(label, course_name="Odd Exams", exam_id=name)
    for number, name in enumerate(ODD_NAMES, start=1):
        label = slug("odd id", number, name)
        yield label, assessment(name, course_name="Odd Identifiers")
    scalars: dict[str, object] = {
        "number": 2018,
        "negative": -7,
        "long": 2**80,
        "true": True,
        "false": False,
    }
    for path in IDENTIFIER_PATHS:
        for name, scalar in scalars.items():
            label = slug("scalar", *path, name)
            yield label, changed(assessment(label), path, scalar)
    label = "attempt-with-case"
    yield label, assessment(label)
    yield label.upper(), assessment(label.upper())
    yield f"{label}-space", assessment(f"{label} ")


def accepted_quirks() -> Iterator[Quirk]:
    """Every odd value that must be accepted."""
    documents = (*odd_counts(), *odd_arrays(), *odd_texts(), *odd_identifiers())
    for label, document in documents:
        yield Quirk(label, ACCEPTED, encode(document))
    for label, value in odd_spellings():
        yield Quirk(label, ACCEPTED, value)
    label = "large"
    large = assessment(label)
    large["extra"] = "A long text that no column takes. " * 23_530
    yield Quirk(label, ACCEPTED, encode(large))


def quirks() -> list[Quirk]:
    """Give every odd value with the outcome it must have, each under its own label."""
    return [*rejected_quirks(), *accepted_quirks()]


# Ordinary attempts -----------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """A course for ordinary attempts; each exam has its own number of questions."""

    name: str
    exam_sizes: tuple[int, ...]
    attempts: int


COURSES = (
    Course("Reading Nautical Charts", (7,), 36),
    Course("Sourdough from Scratch", (5, 4), 30),
    Course("Bicycle Repair", (5,), 26),
    Course("Introduction to Beekeeping", (4,), 22),
    Course("Advanced Beekeeping", (4,), 22),
    Course("Birds of the Wetlands", (6, 10, 3), 18),
    Course("Letterpress Printing", (4,), 16),
    Course("Night Sky Photography", (10,), 14),
    Course("Dry Stone Walls", (3,), 12),
    Course("Growing Mushrooms", (8,), 8),
    Course("Calligraphy", (6,), 6),
    Course("Repairing Clocks", (5,), 3),
)
TWINS = ("Knots for Sailors", "Knots for Climbers")
"""Two courses with equal results: they share a place in every ranking."""
TWIN_ATTEMPTS = 40
TWIN_QUESTIONS = 12

RESULTS_OF_SMALL_COURSES: dict[str, tuple[tuple[str, ...], ...]] = {
    "Half and Half": (("correct", "incorrect"), ("correct", "unanswered") * 2) * 2,
    "Nothing Right": (("incorrect",) * 4, ("unanswered",) * 3, ("missed_some",) * 2),
    "All Right": (("correct",) * 4, ("correct",) * 5, ("correct",)) * 2,
    "Taken Once": (("correct", "correct", "incorrect"),),
    "Also Taken Once": (("correct", "correct", "incorrect"),),
    "Taken Once and Failed": (("incorrect", "missed_some"),),
}
"""Scores of exactly 0, 0.5 and 1, and courses that tie for the last place."""


def ordinary_attempts(chance: random.Random) -> Iterator[Json]:
    """Make about 300 attempts whose scores spread differently in each course."""
    number = count(1)

    def attempt(course_name: str, exam_id: str, results: Sequence[str]) -> Json:
        second = 1_519_862_400 + chance.randrange(DAYS * 86_400)
        minute, started = divmod(chance.randrange(3_600), 60)
        return assessment(
            f"ordinary-{next(number):04}",
            course_name=course_name,
            exam_id=exam_id,
            results=results,
            recorded_at=f"{second}.{chance.randrange(1, 1_000_000):06}",
            started_at=f"2018-03-{chance.randrange(1, 29):02}T"
            f"{chance.randrange(24):02}:{minute:02}:{started:02}."
            f"{chance.randrange(1_000):03}Z",
        )

    for position, course in enumerate(COURSES, start=1):
        skill = 2 + position % 5
        for _ in range(course.attempts):
            exam = chance.randrange(len(course.exam_sizes))
            results = some_results(chance, course.exam_sizes[exam], skill)
            yield attempt(course.name, f"exam-{position}-{exam}", results)
    for _ in range(TWIN_ATTEMPTS):
        results = some_results(chance, TWIN_QUESTIONS, skill=3)
        if chance.random() < 0.6:
            results = ["correct"] * TWIN_QUESTIONS
        for name in TWINS:
            yield attempt(name, slug("exam", name), results)
    for name, small_results in RESULTS_OF_SMALL_COURSES.items():
        for few_results in small_results:
            yield attempt(name, slug("exam", name), few_results)


def some_results(chance: random.Random, size: int, skill: int) -> list[str]:
    """Draw the results of an attempt: the higher the skill, the more are correct."""
    wrong = ("incorrect", "incorrect", "missed_some", "unanswered")
    return chance.choices(("correct",) * 2 * skill + wrong, k=size)


def special_attempts() -> Iterator[Json]:
    """Attempts at test exams, and those that a course is remarkable for."""
    for number in range(1, 5):
        yield assessment(
            f"test-{number}", course_name="Example Course", exam_id=TEST_EXAM
        )
    without_counts = without(
        assessment("test-5", course_name="Example Course", exam_id=TEST_EXAM), COUNTS
    )
    yield without_counts
    for number in range(1, 3):
        yield assessment(
            f"mixed-test-{number}", course_name="Mixed Course", exam_id=TEST_EXAM
        )
    for number in range(1, 4):
        yield assessment(
            f"mixed-{number}", course_name="Mixed Course", exam_id="exam-mixed"
        )
    for exam_id in ("Example-ID", "example-id ", " example-id", "example-id-2"):
        yield assessment(
            slug("nearly test", exam_id, "exam"),
            course_name="Nearly a Test",
            exam_id=exam_id,
        )
    unscored: tuple[Json, ...] = (
        {},
        {"total": 0, "correct": 0},
        {"total": 5},
        {"correct": 5},
        {"total": None, "correct": None},
    )
    for number, counts in enumerate(unscored, start=1):
        document = assessment(
            f"unscored-{number}",
            course_name="Unscored Studies",
            exam_id=f"exam-unscored-{number}",
        )
        yield changed(document, COUNTS, counts)
    for number, counts in enumerate(({"total": 4, "correct": 1},) * 2, start=1):
        document = assessment(
            f"silent-{number}", course_name="Silent Counts", exam_id="exam-silent"
        )
        yield changed(document, COUNTS, counts)
    largest, half = 2**31 - 1, 2**30
    limits: tuple[Json, ...] = (
        {"total": largest, "correct": largest, "submitted": largest},
        {"total": largest, "correct": 0, "incomplete": half, "unanswered": half},
        {"total": largest, "correct": 0, "incomplete": 0, "unanswered": largest},
    )
    for number, counts in enumerate(limits, start=1):
        document = assessment(
            f"limit-{number}",
            course_name="Counting to the Limit",
            exam_id="exam-limit",
        )
        yield changed(document, COUNTS, counts)


# Several messages about one thing --------------------------------------------------


def at(day: int, minute: int = 0) -> int:
    """Give a Kafka timestamp in milliseconds, 1 to 20 days after the first."""
    return FIRST_TIMESTAMP + day * DAY + minute * MINUTE


def sent(partition: int, timestamp_ms: int, document: Json | bytes) -> RawMessage:
    """Send a document without a key: partition and time are what matters."""
    value = document if isinstance(document, bytes) else encode(document)
    return RawMessage(partition, timestamp_ms, None, value)


def groups() -> Iterator[list[RawMessage]]:
    """Messages that only mean something together, each group in order of arrival."""
    all_right = ("correct",) * 4
    all_wrong = ("incorrect",) * 4

    same = assessment("repeat-same", course_name="Repeats")
    yield [
        sent(1, at(3), same),
        sent(1, at(3), same),
        sent(2, at(4), same),
        sent(0, at(3), same),
    ]

    def version(label: str, results: Sequence[str]) -> Json:
        return assessment(
            label, course_name="Repeats", exam_id="exam-repeats", results=results
        )

    label = "repeat-newer-in-lower-partition"
    yield [
        sent(3, at(5), version(label, all_right)),
        sent(0, at(6), version(label, all_wrong)),
    ]
    label = "repeat-equal-times-in-two-partitions"
    yield [
        sent(2, at(5), version(label, all_right)),
        sent(1, at(5), version(label, all_wrong)),
    ]
    label = "repeat-equal-time-and-partition"
    yield [
        sent(1, at(5), version(label, all_wrong)),
        sent(1, at(5), version(label, all_right)),
    ]
    label = "repeat-older-arrives-later"
    yield [
        sent(2, at(9), version(label, all_right)),
        sent(2, at(8), version(label, all_wrong)),
        sent(3, at(7), version(label, all_wrong)),
    ]
    label = "repeat-one-millisecond-newer"
    yield [
        sent(0, at(9) + 1, version(label, all_right)),
        sent(3, at(9), version(label, all_wrong)),
    ]
    label = "repeat-newest-is-rejected"
    broken = changed(version(label, all_wrong), (*COUNTS, "correct"), 99)
    yield [
        sent(1, at(5), version(label, all_right)),
        sent(1, at(6), broken),
        sent(3, at(7), encode(version(label, all_wrong))[:-1]),
    ]
    label = "repeat-oldest-is-rejected"
    broken = changed(version(label, all_wrong), (*COUNTS, "total"), "four")
    yield [sent(1, at(5), broken), sent(0, at(6), version(label, all_right))]
    label = "repeat-loses-questions"
    yield [
        sent(0, at(5), version(label, ("correct",) * 6)),
        sent(0, at(6), version(label, ("correct", "unanswered"))),
    ]
    label = "repeat-loses-all-questions"
    yield [
        sent(0, at(5), version(label, ("correct",) * 3)),
        sent(3, at(6), without(version(label, all_right), QUESTIONS)),
    ]
    label = "repeat-loses-counts"
    yield [
        sent(0, at(5), version(label, all_right)),
        sent(1, at(6), without(version(label, all_right), COUNTS)),
    ]
    label = "repeat-moves-to-another-course"
    yield [
        sent(1, at(5), assessment(label, course_name="Left Alone", exam_id="left")),
        sent(2, at(6), version(label, all_right)),
    ]
    label = "repeat-becomes-a-test"
    yield [
        sent(1, at(5), version(label, all_right)),
        sent(
            0,
            at(6),
            assessment(label, course_name="Example Course", exam_id=TEST_EXAM),
        ),
    ]
    yield [
        sent(1, at(5), assessment(424242, course_name="Repeats", results=all_right)),
        sent(0, at(6), assessment("424242", course_name="Repeats", results=all_wrong)),
    ]

    def named(label: str, name: str, exam_id: str) -> Json:
        return assessment(label, course_name=name, exam_id=exam_id)

    first, second = "First Name of a Course", "Second Name of a Course"
    yield [
        sent(1, at(8), named("renamed-1", second, "exam-renamed")),
        sent(2, at(4), named("renamed-2", first, "exam-renamed")),
        sent(3, at(5), named("renamed-3", first, "exam-renamed")),
    ]
    yield [
        sent(2, at(4), named("renamed-4", second, "exam-renamed-at-once")),
        sent(1, at(4), named("renamed-5", first, "exam-renamed-at-once")),
    ]
    yield [
        sent(0, at(4), named("renamed-6", first, "exam-renamed-in-one-partition")),
        sent(0, at(4), named("renamed-7", second, "exam-renamed-in-one-partition")),
    ]


# All of them -----------------------------------------------------------------------


ODD_KEYS = (None, b"", b"\xff\x00", b"another-key", " key \u00e9 ".encode())
ODD_HEADERS: tuple[Headers, ...] = (
    (("source", b"tests"),),
    (("trace", b"\x00\x01\xff"), ("empty", b"")),
    (("same", b"1"), ("same", b"2"), ("same", b"1")),
    (("name \u00e9", "\U0001f600".encode()),),
)


def quirk_messages(seed: int = 1) -> list[RawMessage]:
    """Give all messages in the order in which they are to be produced.

    The order is drawn from the seed, but the messages of a group keep theirs and are
    spread over the whole list: cut in two, the list shows what comes later to what has
    landed before. Kafka timestamps are not in this order. They lie in 2018, so the
    topic must keep old messages (`retention.ms=-1`). The largest message has about
    800,000 bytes. The topic needs four partitions.
    """
    chance = random.Random(seed)
    arrivals: list[tuple[float, int, RawMessage]] = []
    number = count()

    def arrive(messages: Sequence[RawMessage]) -> None:
        places = sorted(chance.random() for _ in messages)
        if len(messages) > 1:
            places[0], places[-1] = places[0] * 0.4, 1 - (1 - places[-1]) * 0.4
        for place, message in zip(places, messages, strict=True):
            arrivals.append((place, next(number), message))

    def scattered(value: bytes | None, own_key: bytes | None) -> RawMessage:
        key = chance.choice(ODD_KEYS) if chance.random() < 0.2 else own_key
        headers = chance.choice(ODD_HEADERS) if chance.random() < 0.2 else ()
        partition = chance.randrange(PARTITIONS)
        timestamp_ms = FIRST_TIMESTAMP + chance.randrange(DAYS * DAY)
        return RawMessage(partition, timestamp_ms, key, value, headers)

    for document in (*ordinary_attempts(chance), *special_attempts()):
        arrive([scattered(encode(document), str(document["keen_id"]).encode())])
    for quirk in quirks():
        arrive([scattered(quirk.value, quirk.label.encode())])
    for key in (None, b"", b"ordinary-0001"):
        arrive([RawMessage(chance.randrange(PARTITIONS), at(5), key, None)])
    for group in groups():
        arrive(group)
    return [message for _, _, message in sorted(arrivals, key=lambda item: item[:2])]
