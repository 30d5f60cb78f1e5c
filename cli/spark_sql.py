"""Spark's SQL endpoint: connect, and say what it refuses without plan or stack."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pyhive import hive
from pyhive.exc import Error as HiveError
from thrift.transport.TTransport import TTransportException

from cli.program import CommandError, UnavailableError
from cli.settings import Settings

# [CLASS] message SQLSTATE: 42703; line 3 pos 8. The server repeats the class before the
# exception's name, so a message never starts with the name of a Java class.
_ERROR = re.compile(
    r"\[(?P<error_class>[A-Z][A-Z0-9_.]+)\]\s+(?!(?:org|java)\.)(?P<text>.*?)"
    r"\s+SQLSTATE: \w+(?:[;\s(]+line (?P<line>\d+),? pos \d+)?",
    re.DOTALL,
)
# It logs a failed connection, which UnavailableError says in one line.
logging.getLogger("thrift").setLevel(logging.CRITICAL)
_BROKEN = (TTransportException, OSError)
# The server underlines what fails while rows are read.
_EXCERPT = re.compile(r"== SQL[^\n]*==\n(?P<text>[^\n]*)\n(?P<underline> *\^+)")


@dataclass(frozen=True)
class SparkError:
    """What Spark refuses, with its own suggestion, without plan or stack.

    Attributes:
        line: of the statement that was sent, from 1.
        excerpt: the part of a statement that failed while rows were read.
    """

    error_class: str
    text: str
    line: int | None = None
    excerpt: str = ""

    @classmethod
    def find(cls, message: str) -> Self | None:
        """Return the error in a message of the server, None if there is none."""
        found = _ERROR.search(message)
        if not found:
            return None
        under = _EXCERPT.search(message)
        return cls(
            found["error_class"],
            " ".join(found["text"].split()),
            int(found["line"]) if found["line"] else None,
            under["text"][: len(under["underline"])].strip() if under else "",
        )

    def __str__(self) -> str:
        return f"[{self.error_class}] {self.text}"


def without_stack(message: str, statement: str) -> str:
    """Return a message of the server without plan and stack, with the line it is about.

    Args:
        statement: what was sent.
    """
    found = _ERROR.search(message)
    if not found:
        return message
    shown = [found[0]]
    if excerpt := _EXCERPT.search(message):
        shown.append(excerpt[0])
    elif found["line"]:
        number = int(found["line"])
        shown += [line.strip() for line in statement.splitlines()[number - 1 : number]]
    return "\n".join(shown)


class StatementError(CommandError):
    """Spark refuses a statement."""

    def __init__(self, message: str) -> None:
        self.error = SparkError.find(message)
        super().__init__(str(self.error or message.splitlines()[0]))


@dataclass(frozen=True)
class Rows:
    """What a statement returns.

    Attributes:
        columns: types by name, such as `bigint` or, without its elements, `array`.
    """

    columns: dict[str, str]
    rows: list[Sequence[Any]]


class Client:
    """A connection, made again if Spark has restarted.

    Raises:
        UnavailableError: nothing answers there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = self._connect()

    def read(self, statement: str, limit: int | None = None) -> Rows:
        """Run a statement, and return its rows or the first of them.

        Raises:
            StatementError: Spark refuses it.
            UnavailableError: Spark has gone.
        """
        try:
            cursor = self._execute(statement)
            columns = {
                name: kind.removesuffix("_TYPE").lower()
                for name, kind, *_ in cursor.description or ()
            }
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
        except HiveError as error:
            status = getattr(error.args[0], "status", None) if error.args else None
            raise StatementError(getattr(status, "errorMessage", str(error))) from error
        except _BROKEN as error:
            raise UnavailableError("Spark stopped: run the command again") from error
        return Rows(columns, rows)

    def types(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types in full.

        Raises:
            StatementError: Spark refuses it.
            UnavailableError: Spark has gone.
        """
        rows = self.read(f"describe query {query}").rows
        return {name: kind for name, kind, *_ in rows}

    def close(self) -> None:
        self._connection.close()

    def _execute(self, statement: str) -> Any:
        try:
            cursor = self._connection.cursor()
            cursor.execute(statement)
        except _BROKEN:
            self._connection = self._connect()
            cursor = self._connection.cursor()
            cursor.execute(statement)
        return cursor

    def _connect(self) -> Any:
        host, port = self._settings.thrift_host, self._settings.thrift_port
        try:
            return hive.connect(host, port)
        except TTransportException as error:
            raise UnavailableError(
                f"no answer from Spark at {host}:{port}: start it with `make up`, or "
                "set SPARK_THRIFT_HOST and SPARK_THRIFT_PORT"
            ) from error
