"""Turn a file of attempts into the keys and values of Kafka messages.

Values keep their text, because the topic must hold what was sent: only white space
between tokens is removed. `1.0` stays `1.0`, escapes stay escapes, duplicate keys stay
duplicate. JSON means RFC 8259, so NaN is refused.

Byte offsets count from 0 in the uncompressed input; elements and lines count from 1.
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
    """The input can't be read any further; one line says what is wrong and where.

    The line names positions and kinds, and never quotes text from the input.
    """


@dataclass(frozen=True, slots=True)
class Record:
    """One message to publish, and where it came from for error messages: "line 12".

    The value of an object is compact JSON. A line that is not an object is unchanged.
    """

    key: bytes | None
    value: bytes
    is_object: bool
    where: str


def read_records(
    stream: io.BufferedReader, limit: int = 16 * 1024**2
) -> Iterator[Record]:
    """Yield a record for each element of a JSON array, or for each of the JSON lines.

    The first two bytes identify gzip, because standard input has no name. Input is an
    array if it starts with `[`, after an optional byte order mark and white space;
    anything else is JSON lines. Elements must be objects. Lines may be anything, and
    each is yielded before the next has arrived. Memory does not grow with the input.

    Raises:
        InputError: an array is malformed or truncated or holds anything but objects,
            an element or line has more than `limit` bytes, or gzip is truncated or
            damaged. Some records may have been yielded before.
    """
    # A pipe may have sent only one byte so far. Empty input may count as gzip.
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


# Numbers stay text: a key needs only that, and int() refuses more than 4,300 digits.
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
    """An array after its opening bracket: a window of text and a position in it.

    Bytes that are not UTF-8 pass through unchanged (`surrogateescape`).
    """

    def __init__(self, chunks: Iterable[bytes], offset: int, limit: int) -> None:
        self._texts = iterdecode(chunks, "utf-8", "surrogateescape")
        self._limit = limit
        self._dropped = offset  # bytes of the input before the window
        self._text = ""
        self._position = 0

    def records(self) -> Iterator[Record]:
        for number in count(1):
            if self._token() == "]" and number == 1:
                break
            yield self._element(number)
            if self._token() == ",":
                self._position += 1
            elif self._token():  # at the end of the input, the next element raises
                break
        if self._token() != "]":
            at = self._offset(self._position)
            raise InputError(f"no comma after element {number} at byte {at}")
        self._position += 1
        if self._token():
            at = self._offset(self._position)
            raise InputError(
                f"text after the array at byte {at}: only white space may follow"
            )

    def _element(self, number: int) -> Record:
        """Read the element at the position and move past it."""
        where = f"element {number}"
        while True:
            text, start = self._text, self._position
            try:
                found, end = _DECODER.raw_decode(text, start)
                break
            except json.JSONDecodeError as error:
                # The window may be too short. Double it, so that a long element is not
                # parsed again for each chunk. Stop one chunk beyond the limit, so that
                # a token cut off by the window's end is beyond the limit.
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
        """Skip white space; return the next character, "" at the end of the input."""
        while not (found := _NOT_WHITE.search(self._text, self._position)):
            self._position = len(self._text)
            if not self._fill(1):
                return ""
        self._position = found.start()
        return found[0]

    def _fill(self, wanted: int) -> bool:
        """Have `wanted` characters after the position; return whether any were read."""
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
    """Remove the white space between the tokens of valid JSON.

    After a split at the quotes, every other part is outside the strings. This is
    several times as fast as matching each token. Control characters, which JSON never
    contains, temporarily replace escaped backslashes and quotes.
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
        # An escape may stand for half a surrogate pair, which UTF-8 can't encode.
        return value.encode("utf-8", "surrogatepass")
    return None
