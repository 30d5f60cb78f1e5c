"""Land every message that is in the topic now, exactly once, then stop."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from cli.program import CommandError
from cli.progress import MessageProgress
from cli.settings import Settings
from ingest import checkpoint, raw_table
from ingest.checkpoint import Checkpoint
from ingest.offsets import NextOffsets, TopicOffsets, lag, losses
from ingest.spark import spark_session
from ingest.topic import admin_client, read_offsets

_POLL_SECONDS = 1
# Query names are unique in a session, so a second ingest can't start another query.
_QUERY_NAME = "drain"
# Spark's errors for the second of two ingests that start at the same moment: either the
# query name or the first file of a new checkpoint is already taken.
_BEGAN_AT_THE_SAME_MOMENT = ("already active", "SparkConcurrentModificationException")
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


def drain(
    settings: Settings, batch_size: int, snapshot_file: Path | None = None
) -> None:
    """Land what the topic holds now, and print per partition what was landed.

    Each message lands exactly once, by means of the checkpoint and of the sink, which
    knows the last batch that it committed. All ingests into this table share one
    session on the server. So if a killed client has left a query running, this one
    finds it and waits for it.

    Args:
        batch_size: messages per batch; each batch is one commit.
        snapshot_file: receives the id of the table's snapshot. It is written only if
            the id has changed, so its modification time shows when the table changed.

    Raises:
        CommandError: Kafka or Spark fails, or the topic has lost messages.
    """
    with admin_client(settings) as admin:
        topic = read_offsets(admin, settings)
    # All ingests share one session, so that each finds the others' query.
    with spark_session(settings.spark_remote, shared_name=raw_table.NAME) as session:
        raw_table.create(session)
        _wait_for_others(session)
        landed = raw_table.next_offsets(session, settings.topic)
        if found := losses(topic, landed):
            raise CommandError(f"{'; '.join(found)}; nothing was landed")
        total = sum(lag(topic, landed).values())
        try:
            if total:
                with MessageProgress("landing", total) as progress:
                    _land(session, settings, topic, batch_size, progress)
        except KeyboardInterrupt:
            _report(settings, raw_table.landed_since(session, landed))
            raise
        _report(settings, raw_table.landed_since(session, landed) if total else {})
        if snapshot_file:
            _keep_snapshot(session, snapshot_file)


def _wait_for_others(session: SparkSession) -> None:
    """Wait until no query lands in the table, including other clients' queries."""
    for query in session.streams.active:
        print(
            "another ingest into this table is running: waiting for it to end",
            file=sys.stderr,
            flush=True,
        )
        # If it fails, its own client reports why.
        with suppress(StreamingQueryException):
            query.awaitTermination()


def _land(
    session: SparkSession,
    settings: Settings,
    topic: TopicOffsets,
    batch_size: int,
    progress: MessageProgress,
) -> None:
    """Run the query to its end; start it again after errors that lose nothing."""
    while True:
        landed = raw_table.next_offsets(session, settings.topic)
        place = checkpoint.find(session, landed)
        try:
            query = _start(session, settings, topic, landed, place, batch_size)
            _follow(query, progress)
            return
        except KeyboardInterrupt:
            for running in session.streams.active:
                running.stop()
            raise
        except PySparkException as error:
            if any(sign in str(error) for sign in _BEGAN_AT_THE_SAME_MOMENT):
                _wait_for_others(session)
            # A query lands an unfinished batch of an earlier query first. Spark 4.1.1's
            # Kafka source always fails after that batch, while it reports progress,
            # because it does not know the latest offsets yet (SPARK-55271). By then
            # the batch is committed.
            elif not place.has_unfinished_batch or (
                checkpoint.find(
                    session, raw_table.next_offsets(session, settings.topic)
                ).has_unfinished_batch
            ):
                raise


def _start(
    session: SparkSession,
    settings: Settings,
    topic: TopicOffsets,
    landed: NextOffsets,
    place: Checkpoint,
    batch_size: int,
) -> StreamingQuery:
    source = (
        session.readStream.format("kafka")
        .option("kafka.bootstrap.servers", _as_spark_reaches(session, settings))
        .option("kafka.isolation.level", "read_committed")
        .option("subscribe", settings.topic)
        .option("includeHeaders", True)
        .option("maxOffsetsPerTrigger", batch_size)
    )
    if place.is_new:
        first = {
            str(partition): landed.get(partition, there.begin)
            for partition, there in topic.items()
        }
        source = source.option("startingOffsets", json.dumps({settings.topic: first}))
    return (
        source.load()
        .selectExpr(*_COLUMNS)
        .writeStream.queryName(_QUERY_NAME)
        .option("checkpointLocation", place.location)
        .trigger(availableNow=True)
        .toTable(raw_table.NAME)
    )


def _as_spark_reaches(session: SparkSession, settings: Settings) -> str:
    """Return the brokers' address as Spark reaches them, which may differ from ours."""
    servers = settings.bootstrap_servers
    known = session.conf.get(f"spark.assessments.kafka.{servers}", servers)
    return known or servers


def _follow(query: StreamingQuery, progress: MessageProgress) -> None:
    """Show the query's progress until it ends.

    Raises:
        StreamingQueryException: it failed.
    """
    last_batch = -1
    while not query.awaitTermination(_POLL_SECONDS):
        for batch in query.recentProgress:
            if batch.batchId > last_batch:
                last_batch = batch.batchId
                progress.advance(sum(source.numInputRows for source in batch.sources))


def _report(settings: Settings, landed: Mapping[int, tuple[int, int, int]]) -> None:
    total = sum(rows for rows, _, _ in landed.values())
    parts = "; ".join(
        f"partition {partition}: {rows:,} (offsets {first} to {last})"
        for partition, (rows, first, last) in landed.items()
    )
    print(
        f"{total:,} messages of {settings.topic} landed in {raw_table.NAME}"
        + (f": {parts}" if parts else "")
    )


def _keep_snapshot(session: SparkSession, file: Path) -> None:
    """Write the snapshot's id ("none" for an empty table) if the file has another."""
    snapshot = raw_table.properties(session)["current-snapshot-id"]
    if not file.exists() or file.read_text() != snapshot:
        file.write_text(snapshot)
