"""Spark's SQL endpoint: connect, and say what it refuses without plan or stack."""

import re
from dataclasses import dataclass
from typing import Any, Self

from pyhive import hive
from thrift.transport.TTransport import TTransportException

from cli.program import UnavailableError
from cli.settings import Settings

# [CLASS] message SQLSTATE: 42703; line 3 pos 8. The server repeats the class before the
# exception's name, so a message never starts with the name of a Java class.
_ERROR = re.compile(
    r"\[(?P<error_class>[A-Z][A-Z0-9_.]+)\]\s+(?!(?:org|java)\.)(?P<text>.*?)"
    r"\s+SQLSTATE: \w+(?:[;\s(]+line (?P<line>\d+),? pos \d+)?",
    re.DOTALL,
)
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


def connect(settings: Settings) -> Any:
    """Return a connection.

    Raises:
        UnavailableError: nothing answers there.
    """
    host, port = settings.thrift_host, settings.thrift_port
    try:
        return hive.connect(host, port)
    except TTransportException as error:
        raise UnavailableError(
            f"no answer from Spark at {host}:{port}: start it with `make up`, or set "
            "SPARK_THRIFT_HOST and SPARK_THRIFT_PORT"
        ) from error


def reason(error: Exception) -> str:
    """Return in one line why a statement failed."""
    status = getattr(error.args[0], "status", None) if error.args else None
    text = str(getattr(status, "errorMessage", error))
    return str(SparkError.find(text) or text.splitlines()[0])
