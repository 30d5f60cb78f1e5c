"""What `ingest.records` promises about every input that people may hand to it."""

from __future__ import annotations

import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

import pytest

from ingest.records import InputError, Record, open_input, read_records

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MIB = 1024 * 1024
BOM = b"\xef\xbb\xbf"


class Pipe(io.RawIOBase):
    """An unseekable stream that hands over one of the given chunks in a read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._rest or next(self._chunks, b"")
        size = min(len(data), len(target))
        target[:size] = data[:size]
        self._rest = data[size:]
        return size


def pipe(chunks: Iterable[bytes]) -> BinaryIO:
    return cast(BinaryIO, Pipe(chunks))


def in_chunks(data: bytes, size: int) -> BinaryIO:
    return pipe(data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, limit: int = 16 * MIB) -> list[Record]:
    return list(read_records(io.BytesIO(data), limit))


def values(data: bytes) -> list[bytes]:
    return [record.value for record in read(data)]


def keys(data: bytes) -> list[bytes | None]:
    return [record.key for record in read(data)]


def outcome(stream: BinaryIO, limit: int = 16 * MIB) -> tuple[list[Record], str]:
    """The records that come, and the error that ends them ("" for none)."""
    records: list[Record] = []
    try:
        records.extend(read_records(open_input(stream), limit))
    except InputError as error:
        return records, str(error)
    return records, ""


def error_of(data: bytes, limit: int = 16 * MIB) -> str:
    with pytest.raises(InputError) as caught:
        read(data, limit)
    message = str(caught.value)
    assert "\n" not in message
    return message


def offset_in(message: str) -> int:
    return int(message.partition("at byte ")[2].partition(":")[0])


# The form


@pytest.mark.parametrize("before", [b"", b" ", b"\n\r\n\t ", BOM, BOM + b"\n "])
def test_a_bracket_first_is_an_array(before: bytes) -> None:
    assert read(before + b'[{"a": 1},\n {"a": 2}]\n') == [
        Record(None, b'{"a":1}', True, "element 1"),
        Record(None, b'{"a":2}', True, "element 2"),
    ]


@pytest.mark.parametrize("first", [b'{"a":1}', b"x", b"", b"\xef\xbb", b"\x0b[]", b"1"])
def test_anything_but_a_bracket_first_is_json_lines(first: bytes) -> None:
    assert values(first + b'\n{"b": 2}\n') == [first, b'{"b":2}']


@pytest.mark.parametrize("first", [b"[1, 2]", b"[]", b' [{"a": 1}] \r', BOM + b"[]"])
@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n\n"])
def test_json_lines_may_start_with_a_complete_array(
    first: bytes, between: bytes
) -> None:
    records = read(first + b"\n" + between + b'{"b": 2}')
    assert records[0] == Record(None, first, False, "line 1")
    assert records[-1].value == b'{"b":2}'
    assert records[-1].is_object


def test_blank_lines_before_a_first_line_that_is_an_array_are_lines_too() -> None:
    assert values(b"\n \n[1]\n[2]") == [b"", b" ", b"[1]", b"[2]"]


@pytest.mark.parametrize("after", [b"", b"\n", b"\n \t\r\n\n"])
def test_an_array_on_one_line_with_white_space_behind_it_is_an_array(
    after: bytes,
) -> None:
    assert values(b'[{"a": 1}]' + after) == [b'{"a":1}']


def test_the_first_line_decides_up_to_64_kib_only() -> None:
    short = b'["' + b"x" * 60 * 1024 + b'"]'
    long = b'["' + b"x" * 70 * 1024 + b'"]'
    assert values(short + b"\n{}") == [short, b"{}"]
    assert error_of(long + b"\n{}") == "element 1 is a string, not an object"


def test_white_space_beyond_a_chunk_may_stand_before_an_array() -> None:
    assert values(b" " * 3 * MIB + b'[{"a": 1}]') == [b'{"a":1}']


def test_the_form_is_told_from_an_unseekable_stream_that_trickles() -> None:
    cases = {
        BOM + b' [ {"a": 1} ]': [b'{"a":1}'],
        b"[1]\n\n{}": [b"[1]", b"", b"{}"],
        BOM + b"{}\n{}": [BOM + b"{}", b"{}"],
        b"\xef": [b"\xef"],
        b"\xef\xbb[": [b"\xef\xbb["],
    }
    for data, expected in cases.items():
        records, error = outcome(in_chunks(data, 1))
        assert ([record.value for record in records], error) == (expected, "")


def test_an_input_without_a_byte_gives_no_record() -> None:
    assert outcome(io.BytesIO()) == ([], "")


def test_an_input_of_blank_lines_is_json_lines() -> None:
    assert values(b"\n \n") == [b"", b" "]


# Arrays


@pytest.mark.parametrize("data", [b"[]", b" [ \n ] \n", BOM + b"[]", b"[\n]"])
def test_an_empty_array_gives_no_record(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize(
    ("element", "kind"),
    [
        (b"1", "a number"),
        (b"-1.5e3", "a number"),
        (b'"{}"', "a string"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"false", "a boolean"),
        (b'[{"a": 1}]', "an array"),
    ],
)
def test_an_element_that_is_no_object_is_named(element: bytes, kind: str) -> None:
    expected = f"element 3 is {kind}, not an object"
    data = b"[{}, {}, " + element + b", {}]"
    assert error_of(data) == expected
    for size in range(1, len(data)):
        records, error = outcome(in_chunks(data, size))
        assert ([record.value for record in records], error) == (
            [b"{}", b"{}"],
            expected,
        )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_array_cut_off_anywhere_is_truncated(size: int) -> None:
    element = (
        '{"a": [1, -2.5e+7, true], "é😀": "\\u00e9\\ud83d\\ude00\\" \\\\",'
        ' "n": null, "f": false}'
    ).encode()
    data = b"[" + element + b" , " + element + b"\n]"
    for end in range(1, len(data)):
        count = (end >= 1 + len(element)) + (end >= 4 + 2 * len(element))
        place = f"after element {count}" if count else "before the end of element 1"
        records, error = outcome(in_chunks(data[:end], size))
        assert len(records) == count
        assert error == (
            f"truncated {place}: the array is not closed, the input ends at byte {end}"
        )


@pytest.mark.parametrize("before", ["", "é€😀", "\x7f", '\\"\\\\\\u00e9'])
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ('{"b": ', "nope}", "expecting value"),
        ('{"b": ', "'x'}", "expecting value"),
        ('{"b": ', "NaN}", "NaN is no JSON value"),
        ('{"NaN \\" -Infinity": ', "-Infinity}", "-Infinity is no JSON value"),
        ('{"b": [1, ', "Infinity]}", "Infinity is no JSON value"),
        ('{"b": 0', "1}", "expecting ',' delimiter"),
        ('{"b": 1', ".}", "expecting ',' delimiter"),
        ('{"b": ', "+1}", "expecting value"),
        ('{"b" ', "1}", "expecting ':' delimiter"),
        ("{", "b: 1}", "expecting property name enclosed in double quotes"),
        ('{"b": "', '\n"}', "invalid control character"),
        ('{"b": ', "/* c */ 1}", "expecting value"),
        ('{"b": [1', "}", "expecting ',' delimiter"),
        ('{"b": ', "\u00a01}", "expecting value"),
        ("", "}", "expecting value"),
        ("", "\ufeff{}", "expecting value"),
    ],
)
def test_a_syntax_error_is_told_with_its_byte_offset(
    before: str, size: int, good: str, bad: str, problem: str
) -> None:
    start = f'[{{"a": "{before}"}}, {good}'.encode()
    data = start + bad.encode() + b', {"c": "more than a token behind it"}]'
    records, error = outcome(in_chunks(data, size))
    assert [record.where for record in records] == ["element 1"]
    assert error == f"element 2 is not JSON at byte {len(start)}: {problem}"


@pytest.mark.parametrize("escape", ["\\x41", "\\u00g0", "\\u+123", "\\'"])
def test_an_escape_that_json_lacks_is_a_syntax_error(escape: str) -> None:
    data = f'[{{"a": "é{escape}", "b": "more than a token behind it"}}]'.encode()
    error = error_of(data)
    assert error.startswith("element 1 is not JSON at byte ")
    assert "escape" in error
    assert 0 <= offset_in(error) - data.index(b"\\") <= 2


@pytest.mark.parametrize("end", ["]", "", "x"])
def test_a_syntax_error_at_the_end_of_the_input_is_no_truncation(end: str) -> None:
    assert error_of(b'[{"a": 1)' + end.encode()).startswith(
        "element 1 is not JSON at byte 8: "
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b'[{} {"a": 1}]',
            "element 1 is followed by neither a comma nor the array's closing bracket "
            "at byte 4",
        ),
        (b"[{},\n]", "element 2 is not JSON at byte 5: the array ends after a comma"),
        (b"[,{}]", "element 1 is not JSON at byte 1: expecting value"),
        (b"[{},,{}]", "element 2 is not JSON at byte 4: expecting value"),
    ],
)
def test_a_comma_too_few_or_too_many_is_told(data: bytes, message: str) -> None:
    assert error_of(data) == message


@pytest.mark.parametrize("after", [b"x", b"\x00", b"]", b"[]", b",", b"\xc2\xa0", BOM])
def test_only_white_space_may_follow_the_array(after: bytes) -> None:
    data = b'[{"a":\n1}] \t' + after
    records, error = outcome(in_chunks(data, 4))
    assert [record.value for record in records] == [b'{"a":1}']
    assert error == (
        "the array ends after element 1, but there is more at byte 12: "
        "only white space may follow its closing bracket"
    )


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_an_element_over_the_limit_is_told(size: int) -> None:
    small = b'{"a": "' + b"x" * 91 + b'"}'
    large = b'{"a": "' + b"x" * 92 + b'"}'
    assert len(small) == 100
    assert outcome(in_chunks(b"[" + small + b"]", size), 100)[1] == ""
    for data in (large, large[:-2] + b"xx", b'{"a": [' + b"1, " * 100, b"[" * 101):
        error = outcome(in_chunks(b"[" + small + b",\n" + data, size), 100)[1]
        assert error == "element 2, which starts at byte 103, is longer than 100 bytes"


def test_the_limit_is_16_mib_unless_told_otherwise() -> None:
    text = b"x" * (16 * MIB - len(b'{"a":""}'))
    data = b'[{"a":"' + text + b'"}]'
    assert [len(value) for value in values(data)] == [16 * MIB]
    assert error_of(data.replace(b'"a"', b'"ab"')) == (
        "element 1, which starts at byte 1, is longer than 16 MiB"
    )


def test_white_space_between_elements_counts_for_no_element() -> None:
    blank = b" \n" * 500
    data = blank.join([b"[", b'{"a": 1}', b",", b'{"a": 2}', b"]", b""])
    assert [record.value for record in read(data, 100)] == [b'{"a":1}', b'{"a":2}']


def test_an_element_nested_too_deeply_is_told() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert error_of(b"[{}, " + deep + b"]") == (
        "element 2, which starts at byte 5, is nested too deeply"
    )


def test_bytes_of_an_array_that_are_no_utf8_pass_through() -> None:
    odd = b'{"keen_id":"\xff","a":"\xc3","\x80":"\xed\xa0\x80"}'
    assert read(b"[" + odd + b"]") == [Record(b"\xff", odd, True, "element 1")]


def test_records_before_an_error_are_yielded() -> None:
    records = read_records(io.BytesIO(b'[{"a": 1}, oops]'))
    assert next(records).value == b'{"a":1}'
    with pytest.raises(InputError, match="element 2"):
        next(records)


# JSON lines


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  ",
        b"\r",
        b"garbage\r",
        b'"text"',
        b"12",
        b"null",
        b"[ 1 ]",
        b'{"a": 1',
        b'{"a": 1} x',
        b'{"a": 1} {"b": 2}',
        b'{"a": 1},',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"{'a': 1}",
        b'{"a": 1, }',
        b'{"a": 01}',
        b'{"a": "\t"}',
        b'{"a": 1} // comment',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xc3"}',
        BOM + b'{"a": 1}',
        b'\xc2\xa0{"a": 1}',
        b'\x0c{"a": 1}',
        b'{"a": 1}\x00',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        bytes(set(range(256)) - {10}),
    ],
)
def test_a_line_that_is_no_object_stays_byte_for_byte(line: bytes) -> None:
    assert read(b"{}\n" + line + b"\n{}") == [
        Record(None, b"{}", True, "line 1"),
        Record(None, line, False, "line 2"),
        Record(None, b"{}", True, "line 3"),
    ]


def test_white_space_around_an_object_on_a_line_goes() -> None:
    assert read(b'\t {"a" : 1 }\t\r\n') == [Record(None, b'{"a":1}', True, "line 1")]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_last_line_may_lack_its_newline(end: bytes) -> None:
    assert values(b"{}\nx" + end) == [b"{}", b"x"]


def test_a_line_over_the_limit_is_told_with_its_number() -> None:
    fits = b"x" * 100
    assert [record.value for record in read(fits + b"\n" + fits, 100)] == [fits, fits]
    for end in (b"", b"\n{}"):
        for size in (1, 64, 1000):
            stream = in_chunks(fits + b"\n\n" + fits + b"x" + end, size)
            records, error = outcome(stream, 100)
            assert [record.value for record in records] == [fits, b""]
            assert error == "line 3 is longer than 100 bytes"


def test_a_line_of_a_live_pipe_comes_before_the_next_is_written() -> None:
    def written() -> Iterator[bytes]:
        yield b'{"a": 1}\n'
        raise AssertionError("waits for more than there is")

    stream = cast(BinaryIO, io.BufferedReader(Pipe(written())))
    assert next(read_records(open_input(stream))).value == b'{"a":1}'


# Compact JSON


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ('{ "a" :\t1 ,\r\n"b" : [ 1 , 2 ] }', '{"a":1,"b":[1,2]}'),
        ('{"a": 1.0, "b": 1E+2, "c": -0}', '{"a":1.0,"b":1E+2,"c":-0}'),
        ('{"b": 1, "a": 2, "b": 3}', '{"b":1,"a":2,"b":3}'),
        ('{"a b": " x\u2028 y "}', '{"a b":" x\u2028 y "}'),
        ('{"a": "\\u00e9\\/\\n é 😀"}', '{"a":"\\u00e9\\/\\n é 😀"}'),
        ('{"a": "say \\" , \\" "}', '{"a":"say \\" , \\" "}'),
        ('{"a": "\\\\", "b": " : "}', '{"a":"\\\\","b":" : "}'),
        ('{"a": "\\\\\\" , ", "b": "\\n\\\\"}', '{"a":"\\\\\\" , ","b":"\\n\\\\"}'),
        ('{"a\\\\": "\\u0000 \\u0001\\""}', '{"a\\\\":"\\u0000 \\u0001\\""}'),
        ('{"": "", "a": [ ], "b": { }}', '{"":"","a":[],"b":{}}'),
        ('{"a": "\x7f \u0085 \u00a0"}', '{"a":"\x7f \u0085 \u00a0"}'),
    ],
)
def test_compact_json_loses_white_space_between_tokens_and_nothing_else(
    text: str, compact: str
) -> None:
    assert values(f"[{text}]".encode()) == [compact.encode()]
    line = text.replace("\n", " ")
    assert values(line.encode()) == [compact.encode()]


def test_a_number_of_any_length_is_kept() -> None:
    digits = b"1" * 100_000
    data = b'{"keen_id":' + digits + b"}"
    expected = (digits, data)
    for record in read(b"[" + data + b"]") + read(data):
        assert (record.key, record.value) == expected


# Keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"keen_id": "abc"}', b"abc"),
        ('{"keen_id": " a b "}', b" a b "),
        ('{"keen_id": "é😀"}', "é😀".encode()),
        ('{"keen_id": "\\u00e9\\ud83d\\ude00"}', "é😀".encode()),
        ('{"keen_id": "é\\u00e9"}', "éé".encode()),
        ('{"\\u006been_id": "abc"}', b"abc"),
        ('{"keen_id": "\\ud800x"}', b"\xed\xa0\x80x"),
        ('{"keen_id": 12}', b"12"),
        ('{"keen_id": -1.50E+3}', b"-1.50E+3"),
        ('{"keen_id": 0}', b"0"),
        ('{"keen_id": true}', b"true"),
        ('{"keen_id": false}', b"false"),
        ('{"keen_id": "a", "keen_id": "b"}', b"b"),
        ('{"keen_id": "a", "keen_id": null}', None),
        ('{"keen_id": null}', None),
        ('{"keen_id": ""}', None),
        ('{"keen_id": {"keen_id": "a"}}', None),
        ('{"keen_id": ["a"]}', None),
        ('{"inner": {"keen_id": "a"}}', None),
        ('{"Keen_id": "a"}', None),
        ("{}", None),
    ],
)
def test_the_key_is_the_identifier_at_the_top(text: str, key: bytes | None) -> None:
    assert keys(f"[{text}]".encode()) == [key]
    assert keys(text.encode()) == [key]


# gzip

ATTEMPTS = b'[{"keen_id": "1"}, {"keen_id": "2"}]'


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_gzip_is_told_by_its_first_bytes_on_an_unseekable_stream(size: int) -> None:
    for data in (ATTEMPTS, gzip.compress(ATTEMPTS)):
        stream = in_chunks(data, size)
        assert not stream.seekable()
        records, error = outcome(stream)
        assert ([record.key for record in records], error) == ([b"1", b"2"], "")


def test_gzip_of_nothing_gives_no_record() -> None:
    assert outcome(io.BytesIO(gzip.compress(b""))) == ([], "")


def test_several_gzip_members_are_read_through() -> None:
    data = b"".join(gzip.compress(ATTEMPTS[at : at + 10]) for at in range(0, 40, 10))
    records, error = outcome(io.BytesIO(data))
    assert ([record.key for record in records], error) == ([b"1", b"2"], "")


def test_a_gzip_stream_cut_off_anywhere_is_told() -> None:
    data = gzip.compress(ATTEMPTS)
    for end in range(2, len(data)):
        error = outcome(io.BytesIO(data[:end]))[1]
        assert error.startswith("the gzip stream is truncated or damaged: ")


@pytest.mark.parametrize("at", [2, 10, 12, 20, -8, -1])
def test_a_damaged_gzip_stream_is_told(at: int) -> None:
    data = bytearray(gzip.compress(ATTEMPTS))
    data[at] ^= 0xFF
    error = outcome(io.BytesIO(bytes(data)))[1]
    assert error.startswith("the gzip stream is truncated or damaged: ")


def test_text_behind_a_gzip_member_is_told() -> None:
    error = outcome(io.BytesIO(gzip.compress(ATTEMPTS) + b"more"))[1]
    assert error.startswith("the gzip stream is truncated or damaged: ")


def test_the_opened_input_reads_like_any_stream_and_leaves_the_first_one_open() -> None:
    for data in (ATTEMPTS, gzip.compress(ATTEMPTS), b"", b"\x1f", b"x"):
        first = io.BytesIO(data)
        expected = ATTEMPTS if data.startswith(b"\x1f\x8b") else data
        with cast(io.BufferedReader, open_input(first)) as opened:
            parts = [opened.read1(1), opened.read1(1), opened.read(3), opened.read()]
        assert b"".join(parts) == expected
        assert not first.closed


# Any input, any chunks


def refuse(name: str) -> NoReturn:
    raise ValueError(name)


def any_text(rng: random.Random) -> str:
    alphabet = 'abc {}[],:"\\/\b\n\r\t\x00\x1f\x7f\x85\xa0é€\u2028\ufeff😀1eNa'
    return "".join(rng.choices(alphabet, k=rng.randrange(12)))


def any_value(rng: random.Random, depth: int) -> object:
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return any_text(rng)
    if kind == 1:
        return rng.choice([0, -1, 10**30, rng.randrange(10**6)])
    if kind == 2:
        return rng.choice([0.5, -1e-7, 1e300, rng.random()])
    if kind < 6:
        return rng.choice([None, True, False, "", "NaN", "é\\"])
    if kind == 6:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return any_object(rng, depth - 1)


def any_object(rng: random.Random, depth: int) -> dict[str, object]:
    found = {any_text(rng): any_value(rng, depth) for _ in range(rng.randrange(5))}
    if rng.random() < 0.5:
        found["keen_id"] = any_text(rng)
    return found


def any_array(rng: random.Random, indent: int | None, ascii_only: bool) -> str:
    objects = [any_object(rng, 3) for _ in range(rng.randrange(5))]
    return json.dumps(
        objects,
        ensure_ascii=ascii_only,
        indent=indent,
        separators=rng.choice([None, (",", ":"), (" , ", "\t: ")]),
    )


@pytest.mark.parametrize("seed", range(150))
def test_an_array_gives_what_a_json_parser_sees_however_it_is_cut(seed: int) -> None:
    rng = random.Random(seed)
    ascii_only = seed % 2 == 0
    text = any_array(rng, rng.choice([None, 0, 2]), ascii_only)
    objects = json.loads(text)
    data = text.encode()
    whole = read(data)
    assert [json.loads(record.value) for record in whole] == objects
    plain = [
        json.dumps(found, separators=(",", ":"), ensure_ascii=ascii_only)
        for found in objects
    ]
    assert [record.value.decode() for record in whole] == plain
    assert [record.key for record in whole] == [
        found.get("keen_id", "").encode() or None for found in objects
    ]
    for size in (1, 2, 3, 5, 16, 64):
        assert outcome(in_chunks(data, size)) == (whole, "")
    lines = read("\n".join(plain).encode())
    assert [(line.key, line.value, line.is_object) for line in lines] == [
        (record.key, record.value, True) for record in whole
    ]


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_array_is_refused_just_when_a_json_parser_refuses_it(
    seed: int,
) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        data = bytearray(b"[" + any_array(rng, None, rng.random() < 0.5).encode()[1:])
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(1, len(data))
            data[at : at + rng.randrange(2)] = rng.choice(
                b'{}[],:"\\ 1-.eENtu\x00\xff'
            ).to_bytes(1, "big")
        try:
            seen = json.loads(data.decode("latin-1"), parse_constant=refuse)
            is_good = all(isinstance(found, dict) for found in seen)
        except ValueError:
            seen, is_good = None, False
        records, error = outcome(io.BytesIO(bytes(data)))
        assert (error == "") == is_good
        if is_good:
            assert [json.loads(r.value.decode("latin-1")) for r in records] == seen
        for size in (1, 7, 30):
            assert outcome(in_chunks(bytes(data), size)) == (records, error)


@pytest.mark.parametrize("seed", range(50))
def test_lines_of_any_bytes_come_out_however_they_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    choices = [b"{}", b'{"keen_id":"1"}', b"x", b"", b" ", b"\r", b"\xff", b'"\\']
    lines = [b"".join(rng.choices(choices, k=rng.randrange(3))) for _ in range(20)]
    data = b"{}\n" + b"\n".join(lines) + b"\n"
    whole = read(data)
    assert [r.value for r in whole if not r.is_object] == [
        line for line in lines if line.strip() not in (b"{}", b'{"keen_id":"1"}')
    ]
    assert len(whole) == 1 + len(lines)
    for size in (1, 2, 3, 5, 16):
        assert outcome(in_chunks(data, size)) == (whole, "")


# Memory

ELEMENT = json.dumps(
    {"keen_id": "é😀", "a": [1, 2.5, None], "text": 'x\\ " ' * 5_000}
).encode()
COUNT = 100_000_000 // len(ELEMENT)
BLANK = b" \n" * (MIB // 2)
# Each generator makes about 100 MB, which exist one chunk at a time.
STREAMS = {
    "an array": lambda: (
        b"".join((b"," if number else b"[", ELEMENT)) for number in range(COUNT)
    ),
    "lines": lambda: (ELEMENT + b"\n" for _ in range(COUNT)),
    "lines that are no objects": lambda: (ELEMENT[1:] + b"\n" for _ in range(COUNT)),
    "white space": lambda: (
        BLANK if number else b"[{}," for number in range(100_000_000 // len(BLANK))
    ),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_memory_does_not_grow_with_the_file(kind: str) -> None:
    tracemalloc.start()
    try:
        count, error = 0, ""
        try:
            for _ in read_records(open_input(pipe(STREAMS[kind]()))):
                count += 1
        except InputError as caught:
            error = str(caught)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == (1 if kind == "white space" else COUNT)
    assert error.startswith("" if "lines" in kind else "truncated after element ")
    assert peak < 20 * MIB


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    tracemalloc.start()
    try:
        stream = pipe(b"x" * MIB for _ in range(100))
        assert outcome(stream) == ([], "line 1 is longer than 16 MiB")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * MIB


def test_a_string_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    tracemalloc.start()
    try:
        stream = pipe(b"x" * MIB if number else b'[{"a":"' for number in range(100))
        records, error = outcome(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert records == []
    assert error == "element 1, which starts at byte 1, is longer than 16 MiB"
    assert peak < 80 * MIB
