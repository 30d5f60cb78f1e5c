"""From the topic to the raw table, batch by batch, each message exactly once."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress

from grpc import RpcError
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
        state = raw_table.accept_losses(session, state, lost)
        for partition, offsets in lost.items():
            print(
                f"accepted as lost: partition {partition}, offsets {offsets.start} to "
                f"{offsets.stop - 1}"
            )
    if found := losses(topic, state.next_offsets):
        advice = "land a new topic in a new raw table"
        if not truncations(topic, state.next_offsets):
            advice = "`python -m ingest drain --accept-loss` lands the rest"
        raise CommandError(f"{'; '.join(found)}; {advice}")
    return state


def land(
    session: SparkSession,
    settings: Settings,
    source: Source,
    topic: TopicOffsets,
    state: State,
    batch_size: int,
) -> Iterator[State]:
    """Land what the topic holds beyond the state; yield the state after each batch.

    Raises:
        CommandError: as `prepare`, if the table has been changed meanwhile.
    """
    while batch := next_batch(topic, state.next_offsets, batch_size):
        messages = read_messages(session, settings, batch)
        try:
            state = raw_table.land(messages, batch, state)
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
        except KeyboardInterrupt:
            with suppress(PySparkException, RpcError):
                session.interruptAll()
            raise
        yield state


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
