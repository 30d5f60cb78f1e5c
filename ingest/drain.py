"""Land every message that is in the topic now, exactly once, then stop."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from ingest import raw_table
from ingest.errors import IngestError
from ingest.progress import MessageProgress
from ingest.settings import Settings
from ingest.spark import connect, spark_errors
from ingest.topic import PartitionOffsets, admin_client, offsets

_POLL_SECONDS = 1
# A session has one query of a name: who comes second can't start another.
_QUERY_NAME = "drain"
# What Spark says to the second of two that start: by the name, or before that by the
# first file of a new checkpoint.
_BEGAN_AT_THE_SAME_MOMENT = ("already active", "SparkConcurrentModificationException")


def drain(
    settings: Settings, batch_size: int, snapshot_file: Path | None = None
) -> None:
    """Land what the topic holds; prints per partition what was landed.

    Exactly once by the checkpoint and by the sink, which knows the last batch that it
    committed. A query that a killed client left behind is waited for, not doubled: the
    session on the server is the same for everyone who drains into this table.

    Args:
        batch_size: messages a batch, each batch one commit.
        snapshot_file: receives the id of the table's snapshot, unless it holds it
            already: its time tells when the table changed.

    Raises:
        IngestError: Kafka or Spark fails, or the topic has lost messages.
    """
    with admin_client(settings) as admin:
        ends = offsets(admin, settings)
    session = connect(settings.spark_remote, shared_name=raw_table.NAME)
    try:
        with spark_errors(settings.spark_remote):
            raw_table.create(session)
            _wait_for_others(session)
            start = raw_table.next_offsets(session, settings.topic)
            refuse_loss(ends, start)
            while not _land(session, settings, ends, start, batch_size):
                _wait_for_others(session)
            _report(session, settings, start)
            if snapshot_file:
                snapshot = raw_table.snapshot(session)
                if not snapshot_file.exists() or snapshot_file.read_text() != snapshot:
                    snapshot_file.write_text(snapshot)
    finally:
        session.stop()


def _wait_for_others(session: SparkSession) -> None:
    """Until no query lands in the table, whoever started it."""
    for query in session.streams.active:
        print(
            "another ingest into this table is running: waiting for its end",
            file=sys.stderr,
            flush=True,
        )
        # Its own client says why, should it fail.
        with suppress(StreamingQueryException):
            query.awaitTermination()


def refuse_loss(ends: Mapping[int, PartitionOffsets], start: Mapping[int, int]) -> None:
    """The topic still holds everything from the landed offsets on."""
    for partition, offset in start.items():
        there = ends.get(partition, PartitionOffsets(0, 0))
        if there.begin > offset:
            raise IngestError(
                f"partition {partition}: offsets {offset} to {there.begin - 1} are no "
                "longer in the topic, and were never landed; nothing was landed now"
            )
        if there.end < offset:
            raise IngestError(
                f"partition {partition}: the topic ends before offset {there.end}, "
                f"and offset {offset - 1} is landed already: it was made anew or cut "
                "off; nothing was landed now"
            )


def _land(
    session: SparkSession,
    settings: Settings,
    ends: Mapping[int, PartitionOffsets],
    start: Mapping[int, int],
    batch_size: int,
) -> bool:
    """Land what is left; False if another ingest began at the same moment."""
    landed = raw_table.next_offsets(session, settings.topic)
    total = sum(
        max(there.end - landed.get(partition, there.begin), 0)
        for partition, there in ends.items()
    )
    if not total:
        return True
    checkpoint = raw_table.checkpoint(session, landed)
    with MessageProgress("landing", total) as progress:
        try:
            if checkpoint.has_unfinished_batch:
                _finish_batch(session, settings, checkpoint, batch_size, progress)
            query = _start(session, settings, ends, checkpoint, landed, batch_size)
            _follow(query, progress)
        except PySparkException as error:
            if any(sign in str(error) for sign in _BEGAN_AT_THE_SAME_MOMENT):
                return False
            raise
        except KeyboardInterrupt:
            for running in session.streams.active:
                running.stop()
            _report(session, settings, start)
            raise
    return True


def _finish_batch(
    session: SparkSession,
    settings: Settings,
    checkpoint: raw_table.Checkpoint,
    batch_size: int,
    progress: MessageProgress,
) -> None:
    """Land the batch that was planned and not committed when its query ended.

    In a query of its own: Spark 4.1.1's Kafka source always fails after such a batch,
    while it reports its progress, for it does not know the latest offsets yet
    (SPARK-55271). The batch is landed and committed by then.
    """
    query = _start(session, settings, {}, checkpoint, {}, batch_size)
    try:
        _follow(query, progress)
    except StreamingQueryException:
        landed = raw_table.next_offsets(session, settings.topic)
        if raw_table.checkpoint(session, landed).has_unfinished_batch:
            raise


def _follow(query: StreamingQuery, progress: MessageProgress) -> None:
    """Show the query's progress until it ends."""
    last_batch = -1
    while not query.awaitTermination(_POLL_SECONDS):
        for batch in query.recentProgress:
            if batch.batchId > last_batch:
                last_batch = batch.batchId
                progress.advance(sum(source.numInputRows for source in batch.sources))


def _start(
    session: SparkSession,
    settings: Settings,
    ends: Mapping[int, PartitionOffsets],
    checkpoint: raw_table.Checkpoint,
    start: Mapping[int, int],
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
    if checkpoint.is_new:
        first = {
            str(partition): start.get(partition, there.begin)
            for partition, there in ends.items()
        }
        source = source.option("startingOffsets", json.dumps({settings.topic: first}))
    messages = source.load().selectExpr(
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
    return (
        messages.writeStream.queryName(_QUERY_NAME)
        .option("checkpointLocation", checkpoint.place)
        .trigger(availableNow=True)
        .toTable(raw_table.NAME)
    )


def _as_spark_reaches(session: SparkSession, settings: Settings) -> str:
    """The brokers' address on Spark's side, where it may have another one."""
    servers = settings.bootstrap_servers
    known = session.conf.get(f"spark.assessments.kafka.{servers}", servers)
    return known or servers


def _report(
    session: SparkSession, settings: Settings, start: Mapping[int, int]
) -> None:
    landed = raw_table.landed_since(session, start)
    total = sum(rows for rows, _, _ in landed.values())
    parts = "; ".join(
        f"partition {partition}: {rows:,} (offsets {first} to {last})"
        for partition, (rows, first, last) in landed.items()
    )
    print(
        f"{total:,} messages of {settings.topic} landed in {raw_table.NAME}"
        + (f": {parts}" if parts else "")
    )
