"""The connection to Spark, with one-line errors."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from grpc import RpcError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo

from cli.program import CommandError, UnavailableError
from cli.settings import for_client, shown

_CONNECT_SECONDS = 10
_EXECUTOR_SECONDS = 60
# A server that does not answer for 20 s is gone. It is asked only after five and a half
# minutes of silence, because Spark's server takes more than a question in five minutes
# for an attack; it says something every two minutes by itself.
_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 330_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]
_DEFAULT_PORT = 15002
_STARTED = "spark.app.startTime"


@contextmanager
def spark_session(remote: str) -> Iterator[SparkSession]:
    """A Spark Connect session at `sc://host:port`, closed at the end.

    Args:
        remote: the address; parameters may follow after `/;`.

    Raises:
        UnavailableError: nothing listens at `remote`, or Spark fails, in one line.
        CommandError: Spark refuses a query.
    """
    started: str | None = ""
    try:
        session = _connect(remote)
        try:
            started = session.conf.get(_STARTED, "")
            yield session
        finally:
            session.stop()
    except (PySparkException, RpcError) as error:
        if started and _start_of(remote) != started:
            raise UnavailableError(
                f"Spark at {shown(remote)} stopped or was restarted during this "
                "command; nothing is lost: run the command again"
            ) from error
        text = str(error).strip()
        if "UNAUTHENTICATED" in text:
            raise CommandError(
                f"Spark at {shown(remote)} refuses the token: set "
                "SPARK_CONNECT_AUTHENTICATE_TOKEN to that of the server"
            ) from error
        first = text.splitlines()[0] if text else type(error).__name__
        # What the analysis of a query refuses, a second try does not change.
        kind = (
            CommandError if isinstance(error, AnalysisException) else UnavailableError
        )
        raise kind(f"Spark at {shown(remote)}: {first}") from error


class _ExecutorWatch(ProgressHandler):
    """Ends a query for which there is no executor: Spark would wait for ever.

    Spark reports progress every two seconds.
    """

    def __init__(self, session: SparkSession, remote: str) -> None:
        self._session = session
        self._remote = remote
        self._waiting_since: float | None = None

    def __call__(
        self,
        stages: Iterable[StageInfo] | None,
        inflight_tasks: int,
        operation_id: str | None,  # noqa: ARG002
        done: bool,
    ) -> None:
        left = any(
            stage.num_completed_tasks < stage.num_tasks for stage in stages or ()
        )
        if inflight_tasks or not left or done:
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or time.monotonic()
        if time.monotonic() > self._waiting_since + _EXECUTOR_SECONDS:
            self._session.interruptAll()
            raise UnavailableError(
                f"Spark at {shown(self._remote)} has had no executor for "
                f"{_EXECUTOR_SECONDS} s: see `make status` and its log"
            )


def _start_of(remote: str) -> str | None:
    """Return when the server was started, as it says, or None if it does not answer.

    A client that outlives its server sees one of many errors, so only this is certain.
    """
    try:
        session = _connect(remote)
        try:
            return session.conf.get(_STARTED, "")
        finally:
            session.stop()
    except (UnavailableError, PySparkException, RpcError):
        return None


def _connect(remote: str) -> SparkSession:
    address = urlsplit(remote)
    try:
        port = address.port or _DEFAULT_PORT
        with socket.create_connection((address.hostname, port), _CONNECT_SECONDS):
            pass
    except OSError as error:
        raise UnavailableError(
            f"nothing listens at {shown(remote)} ({error.strerror or error}): start "
            "Spark with `make up`, or set SPARK_REMOTE"
        ) from error
    channel = DefaultChannelBuilder(for_client(remote), _KEEPALIVE)
    session = SparkSession.builder.channelBuilder(channel).create()
    session.registerProgressHandler(_ExecutorWatch(session, remote))
    # Wait for a server that restarts for some seconds, not for ten minutes.
    session.client.set_retry_policies([DefaultPolicy(max_retries=6, max_backoff=5000)])
    return session
