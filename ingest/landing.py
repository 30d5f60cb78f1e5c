"""From the topic to the raw table, batch by batch, each message exactly once."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

from kafka import TopicPartition
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.connect.session import SparkSession

from cli.program import CommandError
from cli.settings import Settings
from ingest import client_properties, raw_table
from ingest.offsets import (
    Batch,
    Source,
    TopicOffsets,
    expired,
    losses,
    next_batch,
    truncations,
)
from ingest.raw_table import State
from ingest.topic import broker_errors, consumer_of, messages

_ACCEPT = "`python -m ingest drain --accept-loss` lands the rest"
_LARGEST_TIMESTAMP = (2**63 - 1) // 1000  # milliseconds
_COLUMNS = (
    "topic",
    "partition",
    "offset",
    "timestamp",
    "timestampType as timestamp_type",
    "key",
    "value",
    "headers",
    "current_timestamp() as ingested_at",
)


def prepare(
    session: SparkSession,
    source: Source,
    topic: TopicOffsets,
    accept_loss: bool = False,
) -> State:
    """Return how far the raw table has come, or create it.

    Args:
        accept_loss: go on after messages that the topic has deleted before they were
            landed, and record their offsets.

    Raises:
        CommandError: the topic has lost messages, or the raw table holds another topic.
    """
    raw_table.create(session)
    begin = {partition: there.begin for partition, there in topic.items()}
    raw_table.claim(session, source, begin)
    state = raw_table.state(session)
    if accept_loss and (lost := expired(topic, state.next_offsets)):
        state = _accept(session, state, lost)
    if found := losses(topic, state.next_offsets):
        advice = "land a new topic in a new raw table"
        if not truncations(topic, state.next_offsets):
            advice = _ACCEPT
        raise CommandError(f"{'; '.join(found)}; {advice}")
    return state


def _accept(session: SparkSession, state: State, lost: Mapping[int, range]) -> State:
    for partition, offsets in lost.items():
        print(
            f"accepted as lost: partition {partition}, offsets {offsets.start} to "
            f"{offsets.stop - 1}"
        )
    return raw_table.accept_losses(session, state, lost)


def land(
    session: SparkSession,
    settings: Settings,
    source: Source,
    topic: TopicOffsets,
    state: State,
    batch_size: int,
    accept_loss: bool = False,
) -> Iterator[State]:
    """Land what the topic holds beyond the state; yield the state after each batch.

    Args:
        accept_loss: leave out messages that Spark can't read, and record their offsets.

    Raises:
        CommandError: as `prepare`, if the table has been changed meanwhile; or Spark
            can't read a message.
    """
    while batch := next_batch(topic, state.next_offsets, batch_size):
        try:
            state = raw_table.land(
                read_messages(session, settings, batch), batch, state
            )
        except raw_table.ConflictError as error:
            now = prepare(session, source, topic)
            if now == state:
                raise CommandError(f"{raw_table.NAME}: {error}") from error
            print(
                f"{raw_table.NAME} was changed meanwhile: going on from its new state",
                file=sys.stderr,
                flush=True,
            )
            state = now
        except PySparkException as error:
            # What Spark says of a timestamp that it can't count in microseconds.
            is_overflow = "long overflow" in str(error)
            unreadable = _unreadable(settings, batch) if is_overflow else {}
            if not unreadable:
                raise
            if not accept_loss:
                found = "; ".join(
                    f"partition {partition}: the message at offset {offsets.start} has "
                    "a timestamp that Spark can't hold"
                    for partition, offsets in unreadable.items()
                )
                raise CommandError(f"{found}; {_ACCEPT}") from error
            ends = {
                partition: replace(topic[partition], end=offsets.start)
                for partition, offsets in unreadable.items()
            }
            until = {**topic, **ends}
            for after in land(
                session, settings, source, until, state, batch_size, accept_loss
            ):
                yield after
                state = after
            state = _accept(session, state, unreadable)
        yield state


def _unreadable(settings: Settings, batch: Batch) -> dict[int, range]:
    """Return, per partition that has one, the offset of the first message of a batch
    whose timestamp Spark can't hold: 64 bits of microseconds, Kafka's of milliseconds.
    """
    found = {}
    with broker_errors(settings), closing(consumer_of(settings)) as consumer:
        for partition, span in batch.items():
            where = TopicPartition(settings.topic, partition)
            consumer.assign([where])
            for message in messages(consumer, where, span.start, span.stop - 1):
                if abs(message.timestamp) > _LARGEST_TIMESTAMP:
                    found[partition] = range(message.offset, message.offset + 1)
                    break
    return found


def read_messages(session: SparkSession, settings: Settings, batch: Batch) -> DataFrame:
    """Read a batch from Kafka, committed messages only."""
    first = {str(part): span.start for part, span in batch.items()}
    end = {str(part): span.stop for part, span in batch.items()}
    options = {}
    if settings.client_properties:
        options = client_properties.for_spark(settings.client_properties)
    return (
        session.read.format("kafka")
        .options(**options)
        .option("kafka.bootstrap.servers", _as_spark_reaches(session, settings))
        .option("kafka.isolation.level", "read_committed")
        # The messages are there: a fetch that waits for more would only hold up the
        # requests after it.
        .option("kafka.fetch.max.wait.ms", 0)
        .option("assign", json.dumps({settings.topic: list(batch)}))
        .option("startingOffsets", json.dumps({settings.topic: first}))
        .option("endingOffsets", json.dumps({settings.topic: end}))
        .option("includeHeaders", True)
        .load()
        .selectExpr(*_COLUMNS)
    )


def _as_spark_reaches(session: SparkSession, settings: Settings) -> str:
    """Return the brokers' address as Spark reaches them, which may differ from ours."""
    servers = settings.bootstrap_servers
    known = session.conf.get(f"spark.assessments.kafka.{servers}", servers)
    return known or servers


def describe(session: SparkSession, settings: Settings, since: State) -> str:
    """Return a line that says what was landed since a state."""
    landed = raw_table.landed_since(session, since.next_offsets)
    total = sum(rows for rows, _, _ in landed.values())
    parts = "; ".join(
        f"partition {partition}: {rows:,} (offsets {first} to {last})"
        for partition, (rows, first, last) in landed.items()
    )
    return f"{total:,} messages of {settings.topic} landed in {raw_table.NAME}" + (
        f": {parts}" if parts else ""
    )
