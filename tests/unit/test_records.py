"""What `ingest.records` makes of any input, compared with Python's json."""

import gzip
import io
import json
import tracemalloc
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import chain, count, repeat
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import InputError, Record, read_records

MIB = 1024 * 1024
BOM = b"\xef\xbb\xbf"
PACKED = gzip.compress(b'[{"keen_id": "1"}, {"keen_id": "2"}]')
ELEMENT = json.dumps({"keen_id": "é😀", "text": 'x\\ " ' * 5_000}).encode()

repeatable = settings(max_examples=60, deadline=None, derandomize=True, database=None)
scalars: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e99, 1e99)
)
anything = st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars) | scalars
objects = st.dictionaries(st.text() | st.just("keen_id"), anything, max_size=4)
pieces = st.sampled_from([1, 2, 3, 7, 64, 1000])


class Pipe(io.RawIOBase):
    """A stream that can't seek and returns at most one chunk per read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._chunks, b"")
        size = min(len(data), len(buffer))
        buffer[:size], self._rest = data[:size], data[size:]
        return size


def records_of(chunks: Iterable[bytes], limit: int = MIB) -> Iterator[Record]:
    return read_records(io.BufferedReader(Pipe(chunks)), limit)


def read(data: bytes, piece: int = MIB, limit: int = MIB) -> tuple[list[Record], str]:
    """Return the records, and the error that ended them ("" if there was none)."""
    chunks = (data[at : at + piece] for at in range(0, len(data), piece))
    records: list[Record] = []
    try:
        records.extend(records_of(chunks, limit))
    except InputError as error:
        return records, str(error)
    return records, ""


def values(data: bytes, piece: int = MIB) -> list[bytes]:
    records, error = read(data, piece)
    assert error == ""
    return [record.value for record in records]


def refuse(name: str) -> NoReturn:
    raise ValueError(name)


@repeatable
@given(st.lists(objects), st.booleans(), st.sampled_from([None, 0, 2]), pieces)
def test_objects_become_compact_json_in_either_form_and_any_chunks(
    found: list[dict[str, Any]], ascii_only: bool, indent: int | None, piece: int
) -> None:
    expected = []
    for item in found:
        key = item.get("keen_id")
        text = key if isinstance(key, str) else json.dumps(key)
        has_key = text and isinstance(key, str | int | float)
        value = json.dumps(item, ensure_ascii=ascii_only, separators=(",", ":"))
        expected.append((text.encode() if has_key else None, value.encode(), True))
    array = json.dumps(found, ensure_ascii=ascii_only, indent=indent).encode()
    lines = b"".join(b"\t%b \r\n" % value for _, value, _ in expected)
    for name, data in ("element", array), ("line", lines):
        two_members = gzip.compress(data[:9]) + gzip.compress(data[9:])
        for stream in data, two_members:
            records, error = read(stream, piece)
            assert [(r.key, r.value, r.is_object) for r in records] == expected
            places = [f"{name} {number}" for number in range(1, len(found) + 1)]
            assert ([r.where for r in records], error) == (places, "")


@repeatable
@given(st.lists(objects), st.data(), pieces)
def test_damaged_array_is_refused_exactly_when_json_refuses_it(
    found: list[dict[str, Any]], data: st.DataObject, piece: int
) -> None:
    damaged = bytearray(json.dumps(found, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(1, len(damaged)))
        token = data.draw(st.sampled_from(b'{}[],:"\\ 1-.etN\0\xff\xc3'))
        damaged[at : at + data.draw(st.integers(0, 2))] = bytes([token])
    try:
        # Latin-1 accepts any byte, and so does read_records in an array.
        judged = json.loads(damaged.decode("latin-1"), parse_constant=refuse)
        is_good = all(isinstance(item, dict) for item in judged)
    except ValueError:
        is_good = False
    records, error = read(bytes(damaged))
    assert (error == "") == is_good
    if is_good:
        assert [json.loads(r.value.decode("latin-1")) for r in records] == judged
    assert read(bytes(damaged), piece) == (records, error)


@repeatable
@given(st.lists(st.binary() | st.sampled_from([b"", b" ", b"[]", b"{", b"\r"])), pieces)
def test_lines_of_any_bytes_stay_byte_for_byte(lines: list[bytes], piece: int) -> None:
    data = b"x\n" + b"\n".join(lines)
    assert values(data, piece) == data.removesuffix(b"\n").split(b"\n")


@pytest.mark.parametrize("before", [b"", b"\n\r\n\t ", BOM, BOM + b"\n ", b" " * 9999])
@pytest.mark.parametrize("piece", [1, MIB])
def test_bracket_after_white_space_starts_an_array(before: bytes, piece: int) -> None:
    assert values(before + b'[{"a": 1},\n {}]\n', piece) == [b'{"a":1}', b"{}"]
    assert values(before + b"[ \n]", piece) == []


@pytest.mark.parametrize("first", [b"x", b"", b" ", b"\xef\xbb[", b"\x0b[]", BOM])
def test_input_without_leading_bracket_is_json_lines(first: bytes) -> None:
    assert values(first + b'\n{"b": 2}\n', piece=1) == [first, b'{"b":2}']
    assert values(b"") == values(gzip.compress(b"")) == []


@pytest.mark.parametrize("first", [b"x", b"\xef", b"{}"])
def test_line_of_a_live_pipe_is_yielded_before_the_next_arrives(first: bytes) -> None:
    written = count(1)
    records = records_of(first + b"\n" for _ in written)
    for line in range(1, 4):
        assert next(records).value == first
        assert next(written) == 2 * line


@pytest.mark.parametrize("piece", [1, MIB])
def test_error_of_a_truncated_array_names_last_complete_element(piece: int) -> None:
    element = b'{"a": [1, {}], "\xc3\xa9": "\\" \\\\"}'
    data = b"[" + element + b" , " + element + b"\n]"
    for end in range(1, len(data)):
        complete = (end > len(element)) + (end > 3 + 2 * len(element))
        place = f"after element {complete}" if complete else "in element 1"
        records, error = read(data[:end], piece)
        assert len(records) == complete
        assert error == f"truncated {place}: the array is not closed at byte {end}"


@pytest.mark.parametrize("piece", [5, MIB])
@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b'{"b": nope}]', "element 2 is not JSON at byte 20: expecting value"),
        (b'{"b": 01}]', "element 2 is not JSON at byte 21: expecting ',' delimiter"),
        (
            b'{"b": "\n"}]',
            "element 2 is not JSON at byte 21: invalid control character",
        ),
        (b'{"b": [-Infinity]}]', "element 2 holds -Infinity, which is not JSON"),
        (b"]", "element 2 is not JSON at byte 14: expecting value"),
        (b"\xc2\xa0{}]", "element 2 is not JSON at byte 14: expecting value"),
        (b'{} {"c": 1}]', "no comma after element 2 at byte 17"),
        (
            b'{}]\n{"b": 1}',
            "text after the array at byte 18: only white space may follow",
        ),
        (b"{}] \xc2", "text after the array at byte 18: only white space may follow"),
        (b"1.5, {}]", "element 2 is a number, not an object"),
        (b'"{}"]', "element 2 is a string, not an object"),
        (b"[{}]]", "element 2 is an array, not an object"),
        (b"null]", "element 2 is null, not an object"),
        (b"true]", "element 2 is boolean, not an object"),
        (b'{"a":' * 100_000, "element 2 is nested too deeply"),
    ],
)
def test_error_of_a_malformed_array_names_element_or_byte(
    rest: bytes, message: str, piece: int
) -> None:
    records, error = read(b'[{"a":"\xc3\xa9\xff"}, ' + rest, piece)
    assert (len(records), error) == (1 + rest.startswith(b"{}"), message)


@pytest.mark.parametrize("piece", [1, 64, MIB])
def test_element_or_line_over_the_limit_is_refused(piece: int) -> None:
    fits = b'{"a": "%b"}' % (b"x" * 91)
    for good in b"[" + b" " * 200 + fits + b"]", fits + b"\n" + fits:
        assert read(good, piece, limit=100)[1] == ""
    for large in fits[:-2] + b'y"}', fits[:-3] + b'\xc3\xa9"}', b'{"a":[' + b"1," * 99:
        error = read(b"[" + fits + b",\n" + large + b"]", piece, limit=100)[1]
        assert error == "element 2 is longer than 100 bytes"
        error = read(fits + b"\n" + large + b"\n{}", piece, limit=100)[1]
        assert error == "line 2 is longer than 100 bytes"


def test_truncated_or_damaged_gzip_is_reported() -> None:
    bad = [PACKED[:end] for end in range(2, len(PACKED))]
    for at in 2, 10, 12, 20, len(PACKED) - 8, len(PACKED) - 1:
        bad.append(PACKED[:at] + bytes([PACKED[at] ^ 0xFF]) + PACKED[at + 1 :])
    for data in bad:
        assert "gzip is truncated or damaged" in read(data)[1]


@pytest.mark.parametrize(
    "line",
    [
        *b'12|[ 1 ]|{"a": 1|{"a": 1} x|{"a": NaN}|{"a": 1, }|{"a": 01}'.split(b"|"),
        *(b'{"a": "%b"}' % byte for byte in (b"\t", b"\0", b"\xff", b"\xed\xa0\x80")),
        *(byte + b'{"a": 1}' for byte in (BOM, b"\x0c", b"\0")),
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_line_that_is_not_strict_json_stays_byte_for_byte(line: bytes) -> None:
    records, error = read(b"{}\n" + line + b"\n{}")
    assert (records[1], error) == (Record(None, line, False, "line 2"), "")


def test_only_white_space_between_tokens_is_removed() -> None:
    for element, compact in [
        (b'{ "a" :\t1.0 ,\r\n"a" : [ 1E+2 , -0 ] }', b'{"a":1.0,"a":[1E+2,-0]}'),
        (b'{"a": "\\u00e9\\/ \\" , \\" "}', b'{"a":"\\u00e9\\/ \\" , \\" "}'),
        (b'{"a": "\\\\", "b": " : "}', b'{"a":"\\\\","b":" : "}'),
        (b'{"a": "\\\\\\" , ", "b": 1}', b'{"a":"\\\\\\" , ","b":1}'),
        (b'{"\xff": "\xc3 \xed\xa0\x80"}', b'{"\xff":"\xc3 \xed\xa0\x80"}'),
    ]:
        assert values(b"[%b]" % element) == values(b"[%b]" % element, 1) == [compact]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"é\\u00e9\\ud83d\\ude00"', "éé😀".encode()),
        ('"\\ud800x"', b"\xed\xa0\x80x"),
        ("-1.50E+3", b"-1.50E+3"),
        ("1" * 9999, b"1" * 9999),
        ('"a", "keen_id": "b"', b"b"),
        ('"a", "keen_id": null', None),
        ('{"keen_id": "a"}', None),
    ],
)
def test_key_is_the_last_keen_id_at_the_top_level(text: str, key: bytes | None) -> None:
    item = f'{{"keen_id": {text}}}'.encode()
    assert [r.key for r in read(item)[0] + read(b"[" + item + b"]")[0]] == [key, key]


@pytest.mark.parametrize("is_gzip", [False, True])
@pytest.mark.parametrize(
    ("first", "part", "message"),
    [
        (b"[", ELEMENT + b",", "truncated after element "),
        (b"", ELEMENT + b"\n", ""),
        (b"[{},", b" \n" * MIB, "truncated after element 1:"),
        (b" \n" * 9, b" " * MIB, "line 10 is longer than 1,048,576 bytes"),
        (b"", b"x" * MIB, "line 1 is longer than 1,048,576 bytes"),
        (b"x\n", b"x" * MIB, "line 2 is longer than 1,048,576 bytes"),
        (b'[{"a":"', b"x" * MIB, "element 1 is longer than 1,048,576 bytes"),
    ],
)
def test_memory_does_not_grow_with_the_input(
    first: bytes, part: bytes, message: str, is_gzip: bool
) -> None:
    chunks: Iterator[bytes] = chain([first], repeat(part, 40 * MIB // len(part)))
    if is_gzip:
        packer = zlib.compressobj(level=1, wbits=31)
        chunks = chain(map(packer.compress, chunks), map(packer.flush, [zlib.Z_FINISH]))
    tracemalloc.start()
    with pytest.raises(InputError, match=message) if message else nullcontext():
        deque(records_of(filter(None, chunks)), maxlen=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MIB
