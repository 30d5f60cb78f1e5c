"""The Kafka topic as ingest sees it: its partitions, their offsets, its limits."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, RetriableError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec

from cli.program import CommandError, UnavailableError
from cli.settings import Settings
from ingest.offsets import PartitionOffsets, Source

CONNECT_TIMEOUT_MS = 10_000


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """A Kafka admin client, closed at the end.

    Raises:
        UnavailableError: no broker answers within ten seconds.
    """
    with broker_errors(settings):
        admin = KafkaAdminClient(
            bootstrap_servers=settings.bootstrap_servers,
            bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
        )
        try:
            yield admin
        finally:
            admin.close()


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turn a Kafka error into a CommandError: one line that says what to do."""
    servers = settings.bootstrap_servers
    try:
        yield
    except RetriableError as error:
        raise UnavailableError(
            f"no answer from Kafka at {servers} ({type(error).__name__}): start it "
            "with `make up`, or set KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    except KafkaError as error:
        raise CommandError(f"Kafka at {servers} refuses: {error}") from error


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
