"""Land every message that is in the topic now, exactly once, then stop."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql.connect.session import SparkSession

from cli.program import CommandError
from cli.progress import MessageProgress
from cli.settings import Settings
from ingest import raw_table
from ingest.offsets import Batch, expired, held_back, lag, losses, next_batch
from ingest.raw_table import State
from ingest.spark import spark_session
from ingest.topic import admin_client, read_topic

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
    settings: Settings,
    batch_size: int,
    snapshot_file: Path | None = None,
    accept_loss: bool = False,
) -> None:
    """Land what the topic holds now, and print per partition what was landed.

    Args:
        batch_size: messages per batch; each batch is one commit.
        snapshot_file: receives the id of the table's snapshot. It is written only if
            the id has changed, so its modification time shows when the table changed.
        accept_loss: go on after messages that the topic has deleted before they were
            landed, and record their offsets.

    Raises:
        CommandError: Kafka or Spark fails, the topic has lost messages, or the raw
            table holds another topic.
    """
    with admin_client(settings) as admin:
        source, topic = read_topic(admin, settings)
    begin = {partition: there.begin for partition, there in topic.items()}
    with spark_session(settings.spark_remote) as session:
        raw_table.create(session)
        raw_table.claim(session, source, begin)
        state = raw_table.state(session)
        if accept_loss and (lost := expired(topic, state.next_offsets)):
            print(f"accepted: {'; '.join(losses(topic, state.next_offsets))}")
            state = raw_table.accept_losses(session, state, lost)
        start = state.next_offsets
        if found := losses(topic, start):
            hint = "; --accept-loss lands the rest" if expired(topic, start) else ""
            raise CommandError(f"{'; '.join(found)}; nothing was landed{hint}")
        total = sum(lag(topic, start).values())
        try:
            with MessageProgress("landing", total) as progress:
                while batch := next_batch(topic, state.next_offsets, batch_size):
                    before = sum(state.next_offsets.values())
                    state = _land(session, settings, batch, state)
                    progress.advance(sum(state.next_offsets.values()) - before)
        except KeyboardInterrupt:
            session.interruptAll()
            _report(settings, raw_table.landed_since(session, start))
            raise
        _report(settings, raw_table.landed_since(session, start) if total else {})
        for sentence in held_back(topic):
            print(sentence, file=sys.stderr)
        if snapshot_file:
            _keep_snapshot(session, snapshot_file)


def _land(
    session: SparkSession, settings: Settings, batch: Batch, state: State
) -> State:
    """Land a batch, unless another ingest has landed it; return the state after it."""
    try:
        messages = read_messages(session, settings, batch)
        return raw_table.land(messages, batch, state)
    except raw_table.ConflictError as error:
        now = raw_table.state(session)
        if now == state:
            raise CommandError(
                f"{raw_table.NAME}: {error}; nothing was landed"
            ) from error
        if now.next_offsets != state.next_offsets:
            print(
                "another ingest into this table is running: going on after its rows",
                file=sys.stderr,
                flush=True,
            )
        return now


def read_messages(session: SparkSession, settings: Settings, batch: Batch) -> DataFrame:
    """Read a batch from Kafka, committed messages only."""
    first = {str(part): span.start for part, span in batch.items()}
    end = {str(part): span.stop for part, span in batch.items()}
    return (
        session.read.format("kafka")
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
    snapshot = raw_table.snapshot(session)
    if not file.exists() or file.read_text() != snapshot:
        file.write_text(snapshot)
