"""The stack of a test process, and helpers that talk to its services directly."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from pyhive import hive

from cli.settings import HOST, ROOT, Settings, from_environment
from ingest.__main__ import main
from ingest.offsets import Source, TopicOffsets, held_back
from ingest.topic import admin_client, read_topic
from services.processes import Supervisor
from services.stack import SERVICES, Stack
from tests import shell
from tests.oracle import Message
from tests.quirks import RawMessage

SAMPLE = "data/assessment-attempts-sample.json"
SAMPLE_MESSAGES = 506
# pytest-xdist numbers its processes: gw0, gw1.
_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
STACK = Stack(f"test_{_PROCESS}", environment={})
TARGET = STACK.directory / "target"
ENVIRONMENT = {
    "STACK": STACK.name,
    "KAFKA_BOOTSTRAP_SERVERS": STACK.bootstrap_servers,
    "SPARK_REMOTE": STACK.spark_remote,
    "SPARK_THRIFT_HOST": HOST,
    "SPARK_THRIFT_PORT": str(STACK.ports["spark_thrift"]),
    "DBT_TARGET_PATH": str(TARGET),
    "DBT_LOG_PATH": str(STACK.directory / "log"),
    # The services do not live long enough for optimised code (C2) to pay, nor for a
    # verification of classes, 5 s of CPU time in the life of a Spark server.
    "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions "
    "-XX:-BytecodeVerificationRemote",
}
# Schemas of a developer called ada.
OWN = {"DBT_SCHEMA_PREFIX": "ada"}
# Created with a new stack, removed by the test session that fills it.
_IS_FRESH = STACK.directory / "run" / "is-fresh"
# Directory with the manifest of the last build of the shared schemas.
SHARED = STACK.directory / "run" / "shared-build"
_DBT = """
import json, sys
from dbt.cli.main import dbtRunner
for line in sys.stdin:
    done = dbtRunner().invoke(["--quiet", *json.loads(line)])
    # Those of dbt's command line.
    code = 0 if done.success else 2 if done.exception else 1
    print("\\nexit code:", code, flush=True)
"""


def run(
    *command: str,
    exit_code: int | None = 0,
    environment: Mapping[str, str] = {},
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user of the test stack would."""
    return shell.run(
        *command,
        exit_code=exit_code,
        environment={**ENVIRONMENT, **environment},
        cwd=cwd,
    )


def ingest(
    *arguments: str,
    exit_code: int | None = 0,
    environment: Mapping[str, str] = {},
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ingest` in this process, which has already imported pyspark.

    Its exit code has to be this one, unless that is None. This saves two
    seconds; where the process matters, `start` one.
    """
    printed, errors = io.StringIO(), io.StringIO()
    variables = {**shell.ENVIRONMENT, **ENVIRONMENT, **environment}
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(sys, "argv", ["ingest", *arguments]),
        redirect_stdout(printed),
        redirect_stderr(errors),
        # Ctrl-C ends a command at once; here it has to end the tests.
        mock.patch("cli.program.os._exit", side_effect=KeyboardInterrupt),
    ):
        code = main()
    done = subprocess.CompletedProcess(
        arguments, code, printed.getvalue(), errors.getvalue()
    )
    if exit_code is not None:
        assert code == exit_code, f"{arguments}: {done.stdout}{done.stderr}"
    return done


@contextmanager
def start(
    *command: str, environment: Mapping[str, str] = {}, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in the background, with the default handler of SIGINT.

    If a shell runs the tests in the background, they ignore SIGINT, and so would a
    child process. `env` restores it: a function that runs between fork and exec
    deadlocks now and then with the threads of gRPC. The command is killed if it still
    runs at the end, so a failed test can't wait for it.
    """
    with subprocess.Popen(
        ("env", "--default-signal=INT", *command),
        cwd=cwd,
        env={**shell.ENVIRONMENT, **ENVIRONMENT, **environment},
        text=True,
        # Open but silent, as a terminal is.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def workbench(verb: str, *arguments: str) -> tuple[str, ...]:
    """Return a command of the workbench that reads the shared schemas."""
    return ("python", "-m", "workbench", verb, "--shared", str(SHARED), *arguments)


class Dbt:
    """Commands of dbt, in one process that imports it once.

    Args:
        project: the project, or a copy of it.
    """

    def __init__(
        self, project: Path = ROOT, environment: Mapping[str, str] = {}
    ) -> None:
        self._process = subprocess.Popen(
            (ROOT / ".venv" / "bin" / "python", "-c", _DBT),
            cwd=project,
            env={
                **shell.ENVIRONMENT,
                **ENVIRONMENT,
                "DBT_PROFILES_DIR": "profiles",
                **environment,
            },
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __call__(self, *command: str, exit_code: int | None = 0) -> str:
        """Run a dbt command; return what it prints, above all its errors.

        Raises:
            AssertionError: its exit code is another one, unless that is None.
        """
        assert self._process.stdin
        print(json.dumps(command), file=self._process.stdin, flush=True)
        printed = printed_until(self._process, "^exit code: ")
        code = int(printed.split()[-1])
        assert exit_code in (code, None), f"{command}: {printed}"
        return printed

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def printed_until(
    process: subprocess.Popen[str], last: str, seconds: float = 300
) -> str:
    """Return what a process prints, up to a line that holds a regular expression.

    Raises:
        AssertionError: it ends without one, or is killed because none came in time.
    """
    assert process.stdout
    printed = ""
    limit = threading.Timer(seconds, process.kill)
    limit.start()
    try:
        for line in process.stdout:
            printed += line
            if re.search(last, line):
                return printed
    finally:
        limit.cancel()
    raise AssertionError(printed + (process.stderr.read() if process.stderr else ""))


def up(environment: Mapping[str, str] = {}) -> str:
    return run("python", "-m", "services", "up", environment=environment).stdout


def down() -> None:
    run("python", "-m", "services", "down")


def start_fresh() -> None:
    """Start the stack with an empty topic and an empty raw table."""
    if STACK.directory.exists():
        down()
        shutil.rmtree(STACK.directory)
    up()
    # `make up` would require the topic, because the tests set Kafka's address.
    ingest("init")
    _IS_FRESH.touch()


@contextmanager
def fresh_stack() -> Iterator[None]:
    """Start the stack, empty, and stop it in the end."""
    start_fresh()
    try:
        yield
    finally:
        down()


def take_fresh() -> None:
    """Start an empty stack, unless `make test` has just started one."""
    if not _IS_FRESH.exists():
        start_fresh()
    _IS_FRESH.unlink()


def query(text: str) -> list[tuple[Any, ...]]:
    """Run a query over Thrift, as dbt and JDBC do, and return its rows."""
    with closing(_connection(pid_of("spark")).cursor()) as cursor:
        cursor.execute(text)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@cache
def _connection(_spark: int) -> hive.Connection:
    """Open a session on the Spark server with this process id; it costs a query."""
    return hive.connect(HOST, STACK.ports["spark_thrift"])


def built_tables() -> list[str]:
    """Return the names of all tables that dbt has built, except seeds."""
    return [
        f"{schema}.{row[1]}"
        for (schema,) in query("show schemas")
        if schema in ("staging", "intermediate", "marts")
        for row in query(f"show tables in {schema}")
    ]


def create_topic(name: str, configs: Mapping[str, str] = {}) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        options = {"num_partitions": 1, "configs": configs}
        admin.create_topics({name: options}, wait_for_metadata=True)


def configure_topic(configs: Mapping[str, str]) -> None:
    topic = ConfigResource(ConfigResourceType.TOPIC, STACK.topic, configs)
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.alter_configs([topic])


def produce(messages: Sequence[RawMessage]) -> None:
    """Send messages in order, to the partitions they name, as any producer might."""
    producer = KafkaProducer(
        bootstrap_servers=STACK.bootstrap_servers,
        acks="all",
        linger_ms=20,
        max_request_size=16 * 1024**2,
    )
    _send(producer, messages)
    producer.close()


def _send(producer: KafkaProducer, messages: Sequence[RawMessage]) -> None:
    """Send messages in order, and wait until the broker has them."""
    sent = [
        producer.send(
            STACK.topic,
            value=message.value,
            # kafka-python refuses a message without key and value; Kafka accepts it.
            key=b"" if message.value is None else message.key,
            headers=list(message.headers),
            partition=message.partition,
            timestamp_ms=message.timestamp_ms,
        )
        for message in messages
    ]
    for each in sent:
        each.get(timeout=120)


@contextmanager
def aborted_transaction(partition: int, messages: int = 1) -> Iterator[None]:
    """Abort a transaction: it uses offsets, but ingest never sees its messages."""
    producer = KafkaProducer(
        bootstrap_servers=STACK.bootstrap_servers,
        transactional_id="given up",
        linger_ms=20,
    )
    with closing(producer):
        producer.init_transactions()
        producer.begin_transaction()
        _send(producer, [RawMessage(partition, 0, None, b"given up")] * messages)
        yield
        producer.abort_transaction()

    # The broker answers before it has written the marker.
    wait_until("the transaction has ended", lambda: not held_back(read_by_ingest()[2]))


def topic_records(topic: str = STACK.topic) -> list[Any]:
    """Return every record of a topic, read by a consumer independent of ingest."""
    consumer = KafkaConsumer(
        bootstrap_servers=STACK.bootstrap_servers,
        isolation_level="read_committed",
        max_partition_fetch_bytes=10 * 1024**2,
    )
    with closing(consumer):
        numbers = consumer.partitions_for_topic(topic)
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        records: list[Any] = []
        while any(consumer.position(part) < ends[part] for part in partitions):
            for batch in consumer.poll(timeout_ms=1000).values():
                records.extend(batch)
    return records


def read_by_ingest() -> tuple[Settings, Source, TopicOffsets]:
    """Return the settings of the stack, and the topic as ingest reads it."""
    settings = from_environment(ENVIRONMENT)
    with admin_client(settings) as admin:
        return settings, *read_topic(admin, settings)


def sent_messages() -> list[tuple[Any, ...]]:
    """Return the topic's messages in the form of `landed_messages`."""
    return [
        (
            record.topic,
            record.partition,
            record.offset,
            None if record.key is None else record.key.hex().upper(),
            None if record.value is None else record.value.hex().upper(),
            record.timestamp,
            record.timestamp_type,
            [[name, value.hex().upper()] for name, value in record.headers] or None,
        )
        for record in topic_records()
    ]


def landed_messages() -> list[tuple[Any, ...]]:
    """Return the rows of the raw table; the first three values are the identity."""
    rows = query(
        "select topic, partition, offset, hex(key), hex(value), "
        "unix_millis(timestamp), timestamp_type, "
        "to_json(transform(headers, h -> array(h.key, hex(h.value)))) "
        "from raw.assessment_attempts"
    )
    return [(*row[:-1], json.loads(row[-1]) if row[-1] else None) for row in rows]


def topic_messages() -> list[Message]:
    """Return the topic's messages as the independent calculation takes them."""
    return [
        Message(
            record.partition,
            record.offset,
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=record.timestamp),
            record.value,
        )
        for record in topic_records()
    ]


def wait_until(
    what: str,
    happens: Callable[[], object],
    seconds: float = 120,
    every: float = 0.02,
) -> None:
    """Poll until `happens` is true: often, so that a brief state is not missed."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(every)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def pid_of(service: str) -> int:
    """Wait until a service runs and return its process id."""
    supervisor = Supervisor(STACK)
    wait_until(f"{service} runs", lambda: supervisor.pid(service))
    return supervisor.pid(service)


def pids() -> dict[str, int]:
    """Return the process id of each service, once all run."""
    return {service: pid_of(service) for service in SERVICES}


def spark_events(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the events that Spark has logged so far in its event log directory."""
    for file in sorted(directory.glob("eventlog_v2_*/events_*.zstd")):
        with pyarrow.input_stream(str(file), compression="zstd") as stream:
            for line in io.TextIOWrapper(io.BufferedReader(stream), "utf-8"):
                yield json.loads(line)


def web_hdfs(path: str, operation: str, method: str = "GET") -> Any:
    """Call WebHDFS for a path; return None if the path does not exist."""
    address = f"http://{STACK.address('namenode', 'namenode_web')}/webhdfs/v1{path}"
    request = urllib.request.Request(f"{address}?op={operation}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return None


if __name__ == "__main__":
    start_fresh()
