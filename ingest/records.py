"""Turn a file of attempts into the keys and values of Kafka messages.

Values keep their text, because the topic must hold what came in: white space between
tokens goes and nothing else changes. `1.0` stays `1.0`, escapes stay escapes, a key
that comes twice comes twice. JSON is what RFC 8259 says, so NaN is refused.

Byte offsets count from 0 in the unpacked input; elements and lines count from 1.
"""

import gzip
import io
import json
import re
import zlib
from codecs import BOM_UTF8, iterdecode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import NoReturn

_CHUNK = 1024**2  # bytes asked for in one read
_GZIP_MAGIC = b"\x1f\x8b"
_WHITE_SPACE = b" \t\n\r"
_NOT_WHITE = re.compile(r"[^ \t\n\r]")
_KINDS = {'"': "a string", "[": "an array", "n": "null", "t": "boolean", "f": "boolean"}


class InputError(Exception):
    """The input can't be read on; one line says what is wrong and where.

    The line holds positions and kinds, never text from the input.
    """


@dataclass(frozen=True, slots=True)
class Record:
    """One message to be; `where` is for people: "line 12".

    The value of an object is compact JSON. A line that is no object stays as it is.
    """

    key: bytes | None
    value: bytes
    is_object: bool
    where: str


def read_records(
    stream: io.BufferedReader, limit: int = 16 * 1024**2
) -> Iterator[Record]:
    """Yield a record for each element of a JSON array, or for each of the JSON lines.

    The first two bytes tell gzip, because standard input has no name. `[` as the first
    byte that is no white space is an array, after a byte order mark too; anything else
    is JSON lines. Elements must be objects. Lines may be anything, and each comes out
    before the next is there to read. Memory does not grow with the input.

    Raises InputError, maybe after some records, when an array is malformed or truncated
    or holds anything but objects, when an element or line has more than `limit` bytes,
    and when gzip is truncated or damaged.
    """
    # A pipe may have sent only one byte so far. An empty input may count as gzip.
    is_gzip = _GZIP_MAGIC.startswith(stream.peek(2)[:2])
    source = gzip.GzipFile(fileobj=stream) if is_gzip else stream
    head = bytearray()
    try:
        for line in iter(lambda: source.readline(_CHUNK), b""):
            head += line
            if line.removeprefix(BOM_UTF8).strip(_WHITE_SPACE) or len(head) > limit:
                break
        if head.removeprefix(BOM_UTF8).lstrip(_WHITE_SPACE).startswith(b"["):
            start = head.index(b"[") + 1
            rest = iter(lambda: source.read1(_CHUNK), b"")
            array = _Array(chain([bytes(head[start:])], rest), start, limit)
            yield from array.records()
        else:
            if not head.endswith(b"\n"):
                head += source.readline(limit + 1)
            rest = iter(lambda: source.readline(limit + 1), b"")
            yield from _line_records(chain(io.BytesIO(head), rest), limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"the gzip is truncated or damaged: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"holds {name}, which is not JSON")


# Numbers stay text: a key needs no more, and int() refuses more than 4,300 digits.
_DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_refuse_constant
)


def _line_records(lines: Iterable[bytes], limit: int) -> Iterator[Record]:
    for number, ended_line in enumerate(lines, start=1):
        line = ended_line.removesuffix(b"\n")
        if len(line) > limit:
            raise InputError(f"line {number} is longer than {limit:,} bytes")
        try:
            found = _DECODER.decode(line.decode())
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            yield Record(_key(found), _compact(line), True, f"line {number}")
        else:
            yield Record(None, line, False, f"line {number}")


class _Array:
    """An array behind its opening bracket: a window of text and a position in it.

    Bytes that are no UTF-8 come out as they went in (`surrogateescape`).
    """

    def __init__(self, chunks: Iterable[bytes], offset: int, limit: int) -> None:
        self._texts = iterdecode(chunks, "utf-8", "surrogateescape")
        self._limit = limit
        self._dropped = offset  # bytes of the input in front of the window
        self._text = ""
        self._position = 0

    def records(self) -> Iterator[Record]:
        for number in count(1):
            if self._token() == "]" and number == 1:
                break
            yield self._element(number)
            if self._token() == ",":
                self._position += 1
            elif self._token():  # else the next element says where the input ends
                break
        if self._token() != "]":
            at = self._offset(self._position)
            raise InputError(f"element {number} is followed by no comma at byte {at}")
        self._position += 1
        if self._token():
            at = self._offset(self._position)
            raise InputError(f"there is more at byte {at}: only white space may follow")

    def _element(self, number: int) -> Record:
        """Read the element at the position, and step behind it."""
        where = f"element {number}"
        while True:
            text, start = self._text, self._position
            try:
                found, end = _DECODER.raw_decode(text, start)
                break
            except json.JSONDecodeError as error:
                # Maybe the window is too short. Double it, so that a long element is
                # not parsed again for each chunk. One chunk more than the limit, so
                # that a token cut by the window's end lies behind the limit.
                if not self._fill(min(2 * (len(text) - start), self._limit + _CHUNK)):
                    raise self._syntax_error(number, error) from None
            except ValueError as error:
                raise InputError(f"{where} {error}") from None
            except RecursionError:
                raise InputError(f"{where} is nested too deeply") from None
        raw = text[start:end].encode("utf-8", "surrogateescape")
        if len(raw) > self._limit:
            raise InputError(f"{where} is longer than {self._limit:,} bytes")
        if not isinstance(found, dict):
            kind = _KINDS.get(text[start], "a number")
            raise InputError(f"{where} is {kind}, not an object")
        self._position = end
        return Record(_key(found), _compact(raw), True, where)

    def _syntax_error(self, number: int, error: json.JSONDecodeError) -> InputError:
        where = f"element {number}"
        is_open = error.msg.startswith("Unterminated string")
        end = len(self._text) if is_open else error.pos
        if end - self._position > self._limit:
            return InputError(f"{where} is longer than {self._limit:,} bytes")
        at = f"byte {self._offset(end)}"
        if end == len(self._text):
            place = f"after element {number - 1}" if number > 1 else "in element 1"
            return InputError(f"truncated {place}: the array is not closed at {at}")
        problem = error.msg.removesuffix(" at").lower()
        return InputError(f"{where} is not JSON at {at}: {problem}")

    def _token(self) -> str:
        """Skip white space; the character that follows, "" at the input's end."""
        while not (found := _NOT_WHITE.search(self._text, self._position)):
            self._position = len(self._text)
            if not self._fill(1):
                return ""
        self._position = found.start()
        return found[0]

    def _fill(self, wanted: int) -> bool:
        """Have `wanted` characters from the position on; whether any came."""
        parts = [self._text[self._position :]]
        missing = wanted - len(parts[0])
        while missing > 0 and (more := next(self._texts, "")):
            parts.append(more)
            missing -= len(more)
        if len(parts) == 1:
            return False
        self._dropped = self._offset(self._position)
        self._text, self._position = "".join(parts), 0
        return True

    def _offset(self, position: int) -> int:
        before = self._text[:position].encode("utf-8", "surrogateescape")
        return self._dropped + len(before)


def _compact(raw: bytes) -> bytes:
    """Drop the white space between the tokens of valid JSON.

    Split at the quotes, every other part lies outside the strings: several times as
    fast as a match for each token. Control characters, which JSON never holds, stand in
    for escaped backslashes and quotes.
    """
    raw = raw.replace(b"\\\\", b"\0\1").replace(b'\\"', b"\0\2")
    parts = raw.split(b'"')
    parts[::2] = b"\0".join(parts[::2]).translate(None, _WHITE_SPACE).split(b"\0")
    raw = b'"'.join(parts)
    return raw.replace(b"\0\2", b'\\"').replace(b"\0\1", b"\\\\")


def _key(found: dict[str, object]) -> bytes | None:
    value = found.get("keen_id")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str) and value:  # a number too, see _DECODER
        # An escape may hold half a surrogate pair, which is no UTF-8.
        return value.encode("utf-8", "surrogatepass")
    return None
