"""Turn a file of attempts into the keys and values of Kafka messages.

The input is one JSON array of objects, or JSON lines; plain or gzip. JSON is what RFC
8259 says it is, and no more: no NaN, no comments, white space is space, tab, carriage
return and line feed (section 2). It is read as a stream: memory holds a chunk and the
record at hand, however long the file is.

Values keep their text. What an attempt looked like when it came in is what the topic
must hold, so white space between tokens goes and nothing else changes: `1.0` stays
`1.0`, an escape stays an escape, a key that comes twice comes twice.

Byte offsets count from 0 in the unpacked input; elements and lines count from 1.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MIB = 1024 * 1024
_CHUNK = _MIB  # bytes asked for in one read
_FIRST_LINE = 64 * 1024  # bytes of the first line looked at to tell the form
_DEFAULT_LIMIT = 16 * _MIB  # bytes of one element or line

_KEY_NAME = "keen_id"
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\n\r"

_ANY_BYTE = re.compile(rb"[\x00-\xff]")
_NEWLINE = re.compile(rb"\n")
_NOT_WHITE_BYTE = re.compile(rb"[^ \t\n\r]")
_NOT_WHITE = re.compile(r"[^ \t\n\r]")
_CONSTANT = re.compile(r"-?Infinity|NaN")

# No token that the parser can stumble over for want of its end is longer than this
# ("-Infinity", "\ud83d\ude00"): a complaint nearer to the end of the text than this
# many characters may be about the next chunk.
_UNSURE = 16
# What is left of a token that the end of the input cut in two.
_CUT_TOKEN = re.compile(r"-?|t(ru?)?|f(a(ls?)?)?|n(ul?)?|\.|[eE][+-]?")
_CUT_ESCAPE = re.compile(r"\\?u?[0-9a-fA-F]{0,4}")

_Read = Callable[[int], bytes]


class InputError(Exception):
    """The input can't be read on; one line says what is wrong and where.

    The line holds positions and kinds, never a value from the input.
    """


@dataclass(frozen=True, slots=True)
class Record:
    """One message to be.

    `is_object` tells a JSON object, whose `value` is compact JSON, from a line that
    is published byte for byte as it stands. `where` is for people: "line 12".
    """

    key: bytes | None
    value: bytes
    is_object: bool
    where: str


class _ConstantError(ValueError):
    """NaN or an infinity, which Python's parser reads and RFC 8259 does not allow."""


def _refuse_constant(name: str) -> NoReturn:
    raise _ConstantError(name)


# Numbers stay the text they are: that is all a key needs, it is cheap, and a number of
# any length is read (int() refuses more than 4,300 digits).
_DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_refuse_constant
)


class _PulledStream(io.RawIOBase):
    """Make a readable stream of a function that returns the next bytes.

    Closing it leaves the stream behind the function open: whoever opened that one,
    closes it.
    """

    def __init__(self, pull: _Read) -> None:
        self._pull = pull

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._pull(len(target))
        target[: len(data)] = data
        return len(data)


def _as_stream(pull: _Read) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_PulledStream(pull), _CHUNK))


def _read_some(stream: BinaryIO) -> _Read:
    """The read that hands over what has come, so that a live pipe is not held back.

    `read` of a buffered stream waits until it has all the bytes it was asked for.
    """
    return cast(_Read, getattr(stream, "read1", stream.read))


def open_input(stream: BinaryIO) -> BinaryIO:
    """Return the stream to read records from: unpacked if it is gzip, else as it is.

    The first two bytes tell (RFC 1952, section 2.3.1), not a file's name, for standard
    input has none; it can't seek either, so they are kept and handed on. A file of
    several gzip members is read through. Closing the result leaves `stream` open.

    Raises InputError, on reading, when a gzip stream is truncated or damaged.
    """
    read = _read_some(stream)
    head = b""
    while len(head) < len(_GZIP_MAGIC) and (more := read(len(_GZIP_MAGIC) - len(head))):
        head += more
    kept = head

    def pull(size: int) -> bytes:
        nonlocal kept
        if not kept:
            return read(size)
        first, kept = kept[:size], kept[size:]
        return first

    plain = _as_stream(pull)
    if head != _GZIP_MAGIC:
        return plain
    packed = gzip.GzipFile(fileobj=plain, mode="rb")

    def unpack(size: int) -> bytes:
        try:
            return packed.read1(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"the gzip stream is truncated or damaged: {error}"
            ) from error

    return _as_stream(unpack)


def read_records(stream: BinaryIO, limit: int = _DEFAULT_LIMIT) -> Iterator[Record]:
    """Yield a record for each element of a JSON array, or for each of the JSON lines.

    The first byte that is no white space tells the form: `[` is an array, after a byte
    order mark too (which RFC 8259, section 8.1, lets a reader ignore); anything else is
    JSON lines. JSON lines whose first line is a complete array by itself, with more
    than white space after it, are lines all the same.

    An element must be an object. A line may be anything: an object becomes compact
    JSON, every other line, a blank one included, stays byte for byte as it is, without
    its newline. An input without a byte has no line, hence no record.

    `limit` is the longest element or line in bytes. Records that come before an error
    are yielded before it is raised.

    Raises InputError when an array is malformed or truncated, holds anything but
    objects, or has text behind it; when an element or a line is longer than `limit`;
    when an element is nested too deeply; and when a gzip stream turns out damaged.
    """
    read = _read_some(stream)
    head, is_array = _peek_form(read, limit)
    chunks = chain(iter((head,)), iter(lambda: read(_CHUNK), b""))
    del head
    records = _array_records if is_array else _line_records
    yield from records(chunks, limit)


def _peek_form(read: _Read, limit: int) -> tuple[bytes, bool]:
    """Read as far as the form needs: the bytes read, and whether it is an array.

    White space in front of the first byte, or behind a first line that is an array, is
    looked through for `limit` bytes and no further, since all of it has to be kept.
    """
    head = bytearray()

    def seek(wanted: re.Pattern[bytes], start: int, most: int) -> int:
        """The index of the first such byte in `most` bytes from `start` on, or -1."""
        stop = start + most
        while True:
            if found := wanted.search(head, start, stop):
                return found.start()
            start = max(start, len(head))
            if start >= stop or not (chunk := read(_CHUNK)):
                return -1
            head.extend(chunk)

    first = seek(_NOT_WHITE_BYTE, 0, limit)
    if first == 0 and head[:1] == _BYTE_ORDER_MARK[:1]:
        seek(_ANY_BYTE, len(_BYTE_ORDER_MARK) - 1, 1)
        if head.startswith(_BYTE_ORDER_MARK):
            first = seek(_NOT_WHITE_BYTE, len(_BYTE_ORDER_MARK), limit)
    if first < 0 or head[first] != ord("["):
        return bytes(head), False
    end = seek(_NEWLINE, first, _FIRST_LINE)
    is_lines = (
        end >= 0
        and _is_json(bytes(head[first:end]))
        and seek(_NOT_WHITE_BYTE, end + 1, limit) >= 0
    )
    return bytes(head), not is_lines


def _is_json(raw: bytes) -> bool:
    try:
        _DECODER.decode(raw.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return True


# JSON lines


def _line_records(chunks: Iterable[bytes], limit: int) -> Iterator[Record]:
    for number, line in enumerate(_lines(chunks, limit), start=1):
        where = f"line {number}"
        found = _parse_object(line)
        if found is None:
            yield Record(None, line, False, where)
        else:
            yield Record(_key(found), _compact(line), True, where)


def _lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    number = 1
    pending = bytearray()

    def check(length: int) -> None:
        if length > limit:
            raise InputError(f"line {number} is longer than {_size(limit)}")

    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            check(len(pending) + len(end))
            if pending:
                end = bytes(pending) + end
                pending.clear()
            yield end
            number += 1
        pending += rest
        check(len(pending))
    if pending:
        yield bytes(pending)


def _parse_object(line: bytes) -> dict[str, object] | None:
    """The object that the line is, or None when it is anything else.

    A line that is nested more deeply than the parser can follow counts as anything
    else: unlike an element, its end is known, so it needs no parser to be published.
    """
    if not line.lstrip(_WHITE_SPACE).startswith(b"{"):
        return None
    try:
        # A byte order mark or a byte that is no UTF-8 makes it no JSON text.
        return cast("dict[str, object]", _DECODER.decode(line.decode("utf-8")))
    except (ValueError, RecursionError):
        return None


# A JSON array


class _Window:
    """The part of the input that is at hand, as text, and a position in it.

    The text is the bytes read as Latin-1, one character a byte: positions are byte
    offsets, a chunk may end inside a character, and bytes that are no UTF-8 come out
    as they went in. JSON's own characters are ASCII, so its structure is the same.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._dropped = 0  # bytes of the input in front of the text
        self.text = ""
        self.position = 0

    def offset(self, position: int) -> int:
        return self._dropped + position

    def fill(self, wanted: int) -> bool:
        """Have `wanted` characters from the position on, or all that are left.

        What lies in front of the position is dropped: the position moves to 0. Returns
        whether anything came in.
        """
        self._dropped += self.position
        kept = self.text[self.position :]
        self.text, self.position = "", 0
        parts = [kept]
        missing = wanted - len(kept)
        while missing > 0 and (chunk := next(self._chunks, b"")):
            parts.append(chunk.decode("latin-1"))
            missing -= len(chunk)
        self.text = "".join(parts)
        return len(parts) > 1

    def next_token(self) -> str:
        """Skip white space; the character that follows, "" at the input's end."""
        while True:
            found = _NOT_WHITE.search(self.text, self.position)
            if found:
                self.position = found.start()
                return found[0]
            self.position = len(self.text)
            if not self.fill(1):
                return ""


def _array_records(chunks: Iterator[bytes], limit: int) -> Iterator[Record]:
    window = _Window(chunks)
    window.fill(len(_BYTE_ORDER_MARK))
    if window.text.startswith(_BYTE_ORDER_MARK.decode("latin-1")):
        window.position = len(_BYTE_ORDER_MARK)
    window.next_token()
    window.position += 1
    number = 0  # of the last element that is complete
    token = window.next_token()
    while token != "]":
        if not token:
            raise _truncated(window, number)
        number += 1
        yield _read_element(window, number, limit)
        token = window.next_token()
        if token == ",":
            window.position += 1
            token = window.next_token()
            if token == "]":
                at = window.offset(window.position)
                raise InputError(
                    f"element {number + 1} is not JSON at byte {at}: "
                    "the array ends after a comma"
                )
        elif token and token != "]":
            at = window.offset(window.position)
            raise InputError(
                f"element {number} is followed by neither a comma nor the array's "
                f"closing bracket at byte {at}"
            )
    window.position += 1
    if window.next_token():
        at = window.offset(window.position)
        raise InputError(
            f"the array ends after element {number}, but there is more at byte {at}: "
            "only white space may follow its closing bracket"
        )


def _read_element(window: _Window, number: int, limit: int) -> Record:
    """Read the element that starts at the window's position, and step behind it."""
    start = window.offset(window.position)
    while True:
        try:
            value, end = _DECODER.raw_decode(window.text, window.position)
            raw = window.text[window.position : end].encode("latin-1")
            if len(raw) > limit:
                raise _too_long(number, start, limit)
            if not isinstance(value, dict):
                raise InputError(
                    f"element {number} is {_kind(value, raw)}, not an object"
                )
            key = _key(_with_readable_key(value, raw))
            window.position = end
            return Record(key, _compact(raw), True, f"element {number}")
        except json.JSONDecodeError as error:
            problem, at = error.msg[:1].lower() + error.msg[1:], error.pos
            is_open = problem.startswith("unterminated string")
            may_go_on = is_open or at > len(window.text) - _UNSURE
        except _ConstantError as error:
            problem, at = f"{error} is no JSON value", _constant_position(window)
            is_open = may_go_on = False
        except RecursionError:
            raise InputError(
                f"element {number}, which starts at byte {start}, is nested too deeply"
            ) from None
        length = len(window.text) - window.position
        good = at - window.position  # bytes in front of the problem
        # Twice as much each time: a long element is not parsed anew for each chunk.
        wanted = min(2 * length, limit + 2 * _UNSURE)
        if may_go_on and window.fill(wanted):
            continue
        if (length if is_open else good) > limit:
            raise _too_long(number, start, limit)
        rest = window.text[window.position + good :]
        if may_go_on and (is_open or _is_cut(problem, rest)):
            raise _truncated(window, number - 1)
        raise InputError(
            f"element {number} is not JSON at byte {start + good}: "
            f"{problem.removesuffix(' at')}"
        )


def _is_cut(problem: str, rest: str) -> bool:
    """Whether the text from the problem on is one token short of its end, or none."""
    token = _CUT_ESCAPE if "\\u" in problem else _CUT_TOKEN
    return token.fullmatch(rest) is not None


def _constant_position(window: _Window) -> int:
    """The index of the first NaN or infinity outside strings from the position on."""
    at = window.position
    protected = window.text[at:].replace("\\\\", "\0\1").replace('\\"', "\0\2")
    for index, part in enumerate(protected.split('"')):
        if index % 2 == 0 and (found := _CONSTANT.search(part)):
            return at + found.start()
        at += len(part) + 1
    raise AssertionError("the parser met a constant that is not there")


def _kind(value: object, raw: bytes) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, list):
        return "an array"
    return "a string" if raw.startswith(b'"') else "a number"


def _too_long(number: int, start: int, limit: int) -> InputError:
    return InputError(
        f"element {number}, which starts at byte {start}, is longer than {_size(limit)}"
    )


def _truncated(window: _Window, number: int) -> InputError:
    place = f"after element {number}" if number else "before the end of element 1"
    at = window.offset(len(window.text))
    return InputError(
        f"truncated {place}: the array is not closed, the input ends at byte {at}"
    )


def _size(limit: int) -> str:
    mib, rest = divmod(limit, _MIB)
    return f"{limit} bytes" if rest else f"{mib} MiB"


# What both forms share


def _compact(raw: bytes) -> bytes:
    """Drop the white space between the tokens of `raw`, which must be valid JSON.

    Cut at the quotes, every other part lies outside the strings. A few passes over the
    bytes do that several times as fast as a match for each token. Control characters
    can stand in for what must not be cut, since JSON allows none in a string
    (section 7), and none but white space outside.
    """
    has_quotes = b'\\"' in raw
    if has_quotes:  # inside strings, or as the end of a string that ends in a backslash
        raw = raw.replace(b"\\\\", b"\0\1").replace(b'\\"', b"\0\2")
    parts = raw.split(b'"')
    outside = b"\0".join(parts[::2]).translate(None, _WHITE_SPACE)
    parts[::2] = outside.split(b"\0")
    compact = b'"'.join(parts)
    if has_quotes:
        compact = compact.replace(b"\0\2", b'\\"').replace(b"\0\1", b"\\\\")
    return compact


def _with_readable_key(found: dict[str, object], raw: bytes) -> dict[str, object]:
    """`found`, or the same object read anew as UTF-8 when its key is not ASCII.

    It was read as Latin-1, in which a byte and an escape can look the same.
    """
    key = found.get(_KEY_NAME)
    if not isinstance(key, str) or key.isascii():
        return found
    text = raw.decode("utf-8", "surrogateescape")
    return cast("dict[str, object]", _DECODER.raw_decode(text)[0])


def _key(found: dict[str, object]) -> bytes | None:
    """The message key: the object's identifier, or None when it has none to offer."""
    value = found.get(_KEY_NAME)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if not isinstance(value, str) or not value:  # a number is text, see _DECODER
        return None
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        return b"".join(map(_encode_any, value))


def _encode_any(character: str) -> bytes:
    """UTF-8 also for half a surrogate pair, which an escape may hold (section 8.2).

    A byte that was no UTF-8 becomes that byte again.
    """
    is_byte = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
