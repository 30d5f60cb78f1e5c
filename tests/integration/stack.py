"""The stack of the tests, and what they ask of its services directly."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from pyhive import hive

from services.stack import ROOT, Stack, load
from tests.oracle import Message
from tests.quirks import RawMessage

SAMPLE = "data/assessment-attempts-sample.json"
SAMPLE_MESSAGES = 506
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STACK: Stack = load("test", environment={})
BIN = Path(sys.executable).parent
# Whatever the user's shell points at, the tests reach their own services alone.
_OF_THE_USER = {
    "DBT_PROFILES_DIR",
    "DBT_PROJECT_DIR",
    "HIVE_METASTORE_URIS",
    "LAKE_WAREHOUSE",
    "SPARK_HOME",
    "SPARK_MASTER",
}
ENVIRONMENT = {
    **{name: text for name, text in os.environ.items() if name not in _OF_THE_USER},
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "STACK": STACK.name,
    "KAFKA_BOOTSTRAP_SERVERS": STACK.bootstrap_servers,
    "ASSESSMENTS_TOPIC": STACK.topic,
    "SPARK_REMOTE": STACK.spark_remote,
    "SPARK_THRIFT_HOST": STACK.host,
    "SPARK_THRIFT_PORT": str(STACK.ports["spark_thrift"]),
    "DBT_TARGET": "shared",
    "DBT_TARGET_PATH": str(STACK.directory / "target"),
    "DBT_LOG_PATH": str(STACK.directory / "log"),
}


def run(
    *command: str, exit_code: int | None = 0, environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user of the test stack would, from the repository root."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        check=False,
    )
    if exit_code is not None:
        assert done.returncode == exit_code, f"{command}: {done.stdout}{done.stderr}"
    return done


def ingest(
    *arguments: str, exit_code: int | None = 0, environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "ingest", *arguments)
    return run(*command, exit_code=exit_code, environment=environment)


def services(command: str) -> None:
    run(sys.executable, "-m", "services", command)


def start_fresh() -> None:
    """The stack is up and holds nothing."""
    if STACK.directory.exists():
        services("down")
        shutil.rmtree(STACK.directory)
    services("up")


def start_with_sample() -> None:
    """The stack is up and holds the sample, landed and built; if it does, it stays."""
    services("up")
    with suppress(hive.Error):
        [(landed,)] = query("select count(*) from raw.assessment_attempts")
        [(built,)] = query(
            "select assessment_count from marts.rpt_assessment_totals "
            "where unit = 'messages'"
        )
        if landed == built == SAMPLE_MESSAGES:
            return
    start_fresh()
    ingest("publish", SAMPLE)
    ingest("drain")
    run("dbt", "build", "--exclude-resource-type", "test", "unit_test")


def query(text: str) -> list[tuple[Any, ...]]:
    """Rows of a query, over Thrift as dbt and JDBC send it."""
    with closing(hive.connect(STACK.host, STACK.ports["spark_thrift"])) as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def create_topic(name: str, configs: Mapping[str, str] = {}) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        options = {"num_partitions": 1, "configs": configs}
        admin.create_topics({name: options}, wait_for_metadata=True)


def produce(messages: Sequence[RawMessage], topic: str = STACK.topic) -> None:
    """Send messages as any producer might, in order, to the partitions they name."""
    producer = KafkaProducer(
        bootstrap_servers=STACK.bootstrap_servers, acks="all", linger_ms=20
    )
    sent = [
        producer.send(
            topic,
            value=message.value,
            # kafka-python refuses a message that has neither, though Kafka takes it.
            key=b"" if message.value is None else message.key,
            headers=list(message.headers),
            partition=message.partition,
            timestamp_ms=message.timestamp_ms,
        )
        for message in messages
    ]
    for each in sent:
        each.get(timeout=30)
    producer.close()


def produce_and_abort(partition: int, topic: str = STACK.topic) -> None:
    """A transaction that is given up: its offsets are taken, its message is none."""
    producer = KafkaProducer(
        bootstrap_servers=STACK.bootstrap_servers, transactional_id="given up"
    )
    with closing(producer):
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"given up", partition=partition).get(timeout=30)
        producer.abort_transaction()


def topic_records(topic: str = STACK.topic) -> list[Any]:
    """Every record of a topic, by a consumer that has nothing to do with ingest."""
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


def topic_messages(topic: str = STACK.topic) -> list[Message]:
    """The topic as the independent calculation takes it."""
    return [
        Message(
            record.partition,
            record.offset,
            EPOCH + timedelta(milliseconds=record.timestamp),
            record.value,
        )
        for record in topic_records(topic)
    ]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def pid_of(service: str) -> int:
    """The process id of a running service, after waiting for it to run."""
    from services.processes import Supervisor

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if pid := Supervisor(STACK).pid(service):
            return pid
        time.sleep(0.2)
    raise AssertionError(f"{service} does not run")


def spark_events(directory: Path) -> Iterator[dict[str, Any]]:
    """What Spark has logged of itself so far, from its event log's directory."""
    for file in sorted(directory.glob("eventlog_v2_*/events_*.zstd")):
        with pyarrow.input_stream(str(file), compression="zstd") as stream:
            for line in io.TextIOWrapper(io.BufferedReader(stream), "utf-8"):
                yield json.loads(line)


def delete_from_hdfs(path: str) -> None:
    """Remove a path with everything under it, over WebHDFS."""
    address = f"http://{STACK.host}:{STACK.ports['namenode_web']}/webhdfs/v1{path}"
    request = urllib.request.Request(
        f"{address}?op=DELETE&recursive=true", method="DELETE"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert b"true" in answer.read()
