"""The Kafka topic as ingest sees it: its partitions, their offsets, its limits."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, RetriableError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec

from cli.program import CommandError, UnavailableError
from cli.settings import Settings
from ingest import client_properties
from ingest.offsets import PartitionOffsets, Source

_CONNECT_TIMEOUT_MS = 10_000
_POLL_MS = 1000
_PATIENCE_SECONDS = 30
_REFUSAL = re.compile(
    r"(certificate verify failed:|\w+ alert|Authentication failed:?) [^()]+"
    "|UnsupportedSaslMechanism"
)


def connection(settings: Settings) -> dict[str, Any]:
    """Return the arguments with which each Kafka client connects.

    Raises:
        CommandError: the file of KAFKA_CLIENT_PROPERTIES can't be used.
    """
    security = {}
    if settings.client_properties:
        security = client_properties.for_kafka_python(settings.client_properties)
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "bootstrap_timeout_ms": _CONNECT_TIMEOUT_MS,
        **security,
    }


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A Kafka admin client, closed at the end.

    Raises:
        UnavailableError: no broker answers within ten seconds.
    """
    with broker_errors(settings):
        admin = KafkaAdminClient(**connection(settings))
        try:
            yield admin
        finally:
            admin.close()


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turn a Kafka error into a CommandError: one line that says what to do."""
    servers = settings.bootstrap_servers
    failures = _Failures()
    try:
        with failures:
            yield
    except RetriableError as error:
        if failures.refusal:
            raise CommandError(
                f"no connection to Kafka at {servers}: {failures.refusal}; check "
                "KAFKA_CLIENT_PROPERTIES"
            ) from error
        if failures.is_closed:
            raise UnavailableError(
                f"Kafka at {servers} closes every connection: check protocol, user and "
                "password in KAFKA_CLIENT_PROPERTIES"
            ) from error
        raise UnavailableError(
            f"no answer from Kafka at {servers} ({type(error).__name__}): start it "
            "with `make up`, or set KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    except KafkaError as error:
        raise CommandError(f"Kafka at {servers} refuses: {error}") from error


class _Failures(logging.Handler):
    """Remembers why a broker refused: kafka-python logs it, then raises a timeout."""

    refusal: str | None = None
    is_closed = False

    def __enter__(self) -> None:
        logging.getLogger("kafka").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("kafka").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if found := _REFUSAL.search(text):
            self.refusal = found[0].strip()
        # A login that fails may look like this too: the client can miss the answer.
        if "socket disconnected" in text or "EOF occurred in violation" in text:
            self.is_closed = True
        elif "ECONNREFUSED" in text:
            self.is_closed = False


def create(admin: KafkaAdminClient, settings: Settings, partitions: int) -> bool:
    """Create the topic if it is missing; return whether it was created."""
    if settings.topic in admin.list_topics():
        return False
    options = {"num_partitions": partitions}
    admin.create_topics({settings.topic: options}, wait_for_metadata=True)
    return True


def read_topic(
    admin: KafkaAdminClient, settings: Settings
) -> tuple[Source, dict[int, PartitionOffsets]]:
    """Return which topic it is, and the offsets that each partition holds.

    Raises:
        CommandError: the topic does not exist.
    """
    if settings.topic not in admin.list_topics():
        raise CommandError(
            f"topic {settings.topic!r} does not exist at "
            f"{settings.bootstrap_servers}: create it with `python -m ingest init`, "
            "or set ASSESSMENTS_TOPIC"
        )
    [topic] = admin.describe_topics([settings.topic])
    cluster = admin.describe_cluster()
    partitions = [
        TopicPartition(settings.topic, partition["partition_index"])
        for partition in topic["partitions"]
    ]
    begin, end, written = (
        admin.list_partition_offsets(
            dict.fromkeys(partitions, spec), isolation_level=level
        )
        for spec, level in (
            (OffsetSpec.EARLIEST, IsolationLevel.READ_COMMITTED),
            (OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED),
            (OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED),
        )
    )
    source = Source(settings.topic, topic["topic_id"], cluster["cluster_id"])
    return source, {
        partition.partition: PartitionOffsets(
            begin[partition].offset, end[partition].offset, written[partition].offset
        )
        for partition in sorted(partitions)
    }


def largest_message_bytes(admin: KafkaAdminClient, settings: Settings) -> int:
    """Return the topic's `max.message.bytes`: the largest record batch it accepts."""
    name = "max.message.bytes"
    resource = ConfigResource(ConfigResourceType.TOPIC, settings.topic, {name: None})
    answer = admin.describe_configs([resource], config_filter=ConfigFilterType.ALL)
    return int(answer["topic"][settings.topic][name]["value"])


def consumer_of(settings: Settings) -> KafkaConsumer:
    """Return a consumer of committed messages, without partitions at first."""
    return KafkaConsumer(
        **connection(settings),
        isolation_level="read_committed",
        auto_offset_reset="none",
    )


def messages(
    consumer: KafkaConsumer, where: TopicPartition, first: int, last: int
) -> Iterator[Any]:
    """Yield the topic's messages in a range of offsets that it holds.

    Raises:
        UnavailableError: the broker sends nothing for some time.
    """
    consumer.seek(where, first)
    position, moved = first, time.monotonic()
    while position <= last:
        for fetched in consumer.poll(timeout_ms=_POLL_MS).values():
            for message in fetched:
                if message.offset > last:
                    return
                yield message
        if consumer.position(where) > position:
            position, moved = consumer.position(where), time.monotonic()
        elif time.monotonic() > moved + _PATIENCE_SECONDS:
            raise UnavailableError(
                f"Kafka has sent nothing of partition {where.partition}, offset "
                f"{position}, for {_PATIENCE_SECONDS} s"
            )
