"""The connection to Spark, with one-line errors."""

import re
import socket
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from grpc import RpcError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo

from cli.program import CommandError, UnavailableError
from cli.settings import for_client, shown

# The error that follows says it in one line.
warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")

_CONNECT_SECONDS = 10
# Long enough to wait for the queries of a large build.
_TASK_SECONDS = 600
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
    first_task: _FirstTask | None = None
    try:
        session = _connect(remote)
        first_task = _FirstTask(session)
        session.registerProgressHandler(first_task)
        is_interrupted = False
        try:
            started = session.conf.get(_STARTED, "")
            yield session
        except KeyboardInterrupt:
            # After an interrupted call, the client may wait without end for any answer.
            # So there is a limit here, and the process ends without closing it.
            is_interrupted = True
            thread = threading.Thread(target=first_task.interrupt, daemon=True)
            thread.start()
            thread.join(_CONNECT_SECONDS)
            raise
        finally:
            first_task.stop_waiting()
            if not is_interrupted:
                session.stop()
    except (PySparkException, RpcError) as error:
        if started and _start_of(remote) != started:
            raise UnavailableError(
                f"Spark at {shown(remote)} stopped or was restarted during this "
                "command; nothing is lost: run the command again"
            ) from error
        if first_task and first_task.was_missed:
            raise UnavailableError(
                f"Spark at {shown(remote)} has not run a task within {_TASK_SECONDS} "
                "s: see `make status` and its log"
            ) from error
        text = str(error).strip()
        if "UNAUTHENTICATED" in text:
            raise CommandError(
                f"Spark at {shown(remote)} refuses the token: set "
                "SPARK_CONNECT_AUTHENTICATE_TOKEN to that of the server"
            ) from error
        # pyspark passes on what gRPC says of a broken connection, over several lines.
        if details := re.search(r'details = "([^"]*)"', text):
            raise UnavailableError(
                f"Spark at {shown(remote)} does not answer ({shown(details[1])}): see "
                "`make status` and its log; nothing is lost: run the command again"
            ) from error
        first = text.splitlines()[0] if text else type(error).__name__
        # What the analysis of a query refuses, a second try does not change.
        kind = (
            CommandError if isinstance(error, AnalysisException) else UnavailableError
        )
        raise kind(f"Spark at {shown(remote)}: {shown(first)}") from error


class _FirstTask(ProgressHandler):
    """Interrupts a session that runs no task for some time.

    Without an executor, or with an HDFS that hangs, Spark would wait for ever.
    """

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self.was_missed = False
        self._timer = threading.Timer(_TASK_SECONDS, self.interrupt)
        self._timer.daemon = True
        self._timer.start()

    def __call__(
        self,
        stages: Iterable[StageInfo] | None,
        inflight_tasks: int,  # noqa: ARG002
        operation_id: str | None,  # noqa: ARG002
        done: bool,  # noqa: ARG002
    ) -> None:
        if any(stage.num_completed_tasks for stage in stages or ()):
            self.stop_waiting()

    def stop_waiting(self) -> None:
        self._timer.cancel()

    def interrupt(self) -> None:
        self.was_missed = True
        with suppress(PySparkException, RpcError):
            self._session.interruptAll()


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
    # Wait for a server that restarts for some seconds, not for ten minutes.
    session.client.set_retry_policies([DefaultPolicy(max_retries=6, max_backoff=5000)])
    return session
