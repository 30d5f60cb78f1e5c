"""The raw table: one row per Kafka message, never parsed, never changed.

It is the only record of what was read: each snapshot's summary holds the next offset of
every partition, committed together with the rows. A rollback takes both back.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.connect.functions import expr
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.readwriter import DataFrameWriterV2

from cli.program import CommandError
from ingest.offsets import Batch, NextOffsets, Source

NAME = "raw.assessment_attempts"
# In the summary of a snapshot; the others are table properties.
_NEXT_OFFSETS = "ingest.next-offsets"
_BATCH_ID = "ingest.batch-id"
_TOPIC = "ingest.topic"
_CLUSTER_ID = "ingest.cluster-id"
_ACCEPTED_LOSSES = "ingest.accepted-losses"
_SNAPSHOT = "current-snapshot-id"
# A file holds rows of one Kafka partition, so a range of offsets prunes files. Each
# task of a batch reads one Kafka partition, so there is nothing to shuffle or to sort.
# The writer looks at the size of its buffer after each row, by default only after 100,
# which may be messages of 10 MB. A message differs from the others, so a dictionary of
# messages is given up early.
_WRITE_PROPERTIES = {
    "write.distribution-mode": "none",
    "write.spark.fanout.enabled": "true",
    "write.parquet.row-group-check-min-record-count": "1",
    "write.parquet.dict-size-bytes": "65536",
}
_DDL = f"""
create table if not exists {NAME} (
    topic string comment 'Kafka topic; one raw table holds one topic',
    partition int comment 'Kafka partition',
    offset bigint comment 'Kafka offset: with topic and partition, the identity',
    timestamp timestamp comment 'Kafka timestamp of the message',
    timestamp_type int comment '0 set by the producer, 1 by the broker',
    key binary comment 'Key as it arrived; NULL without one',
    value binary comment 'Value as it arrived, byte for byte; NULL for a tombstone',
    headers array<struct<key: string, value: binary>> comment 'Headers, in order',
    ingested_at timestamp comment 'When the batch that landed the message began'
)
using iceberg
partitioned by (partition)
comment 'One row per Kafka message, never parsed, never changed'
"""


class ConflictError(Exception):
    """The table has changed so that a batch can't be landed as it was planned."""


@dataclass(frozen=True)
class State:
    """A snapshot of the table, and by partition the offset to read next."""

    snapshot: str
    next_offsets: NextOffsets


def create(session: SparkSession) -> None:
    """Create the raw table if it is missing."""
    session.sql("create namespace if not exists raw")
    new = {"ingest.table-id": str(uuid.uuid4()), **_WRITE_PROPERTIES}
    try:
        session.sql(f"{_DDL} tblproperties ({_listed(new)})")
    except PySparkException:
        # Another client may have created it at the same moment.
        if not session.catalog.tableExists(NAME):
            raise


def properties(session: SparkSession) -> dict[str, str]:
    """Return the table's properties, including Iceberg's own."""
    rows = session.sql(f"show tblproperties {NAME}").collect()
    return {row["key"]: row["value"] for row in rows}


def snapshot(session: SparkSession) -> str:
    """Return the id of the current snapshot, "none" for a table without one."""
    return properties(session)[_SNAPSHOT]


def claim(session: SparkSession, source: Source, first_offsets: NextOffsets) -> None:
    """Remember which topic a new table holds, and where reading it begins.

    Raises:
        CommandError: the table holds another topic, or an earlier one of that name.
    """
    known = properties(session)
    if reason := _refusal(session, known, source):
        raise CommandError(f"{reason}; nothing was landed")
    wanted = _source_properties(source)
    if wanted.items() <= known.items() and known[_SNAPSHOT] != "none":
        return
    if not _WRITE_PROPERTIES.items() <= known.items():  # a table of version 0.1.0
        session.sql(f"alter table {NAME} add partition field partition")
    _set_properties(session, wanted | _WRITE_PROPERTIES)
    # So that every batch has a snapshot that it is planned on.
    landed = landed_since(session, {})
    _record(
        session,
        {**first_offsets, **{part: last + 1 for part, (_, _, last) in landed.items()}},
    )


def refusal(session: SparkSession, source: Source) -> str | None:
    """Return why the table can't take messages of the topic, or None if it can."""
    return _refusal(session, properties(session), source)


def _refusal(
    session: SparkSession, known: Mapping[str, str], source: Source
) -> str | None:
    wanted = _source_properties(source)
    if wanted.items() <= known.items():
        return None
    # A new table, or one of version 0.1.0, does not know its topic.
    [[landed]] = session.sql(f"select min(topic) from {NAME}").collect()
    topic = known.get(_TOPIC, landed)
    if topic not in (None, source.topic):
        return (
            f"{NAME} holds topic {topic!r}, and a raw table holds only one topic: set "
            f"ASSESSMENTS_TOPIC to it instead of {source.topic!r}"
        )
    if _TOPIC not in known:
        return None
    if known[_CLUSTER_ID] != source.cluster_id:
        found = "of another Kafka cluster: set KAFKA_BOOTSTRAP_SERVERS to that one"
    else:
        found = "that has been deleted and created again: restore that one"
    return (
        f"{NAME} holds a topic {topic!r} {found}. To land this one instead, drop the "
        "table and build with --full-refresh"
    )


def _source_properties(source: Source) -> dict[str, str]:
    return {
        _TOPIC: source.topic,
        "ingest.topic-id": source.topic_id,
        _CLUSTER_ID: source.cluster_id,
    }


def state(session: SparkSession) -> State:
    """Return how far the table has come; no offsets before the first ingest.

    The next offset is beyond the largest landed one if transaction markers follow it.
    The snapshot is never newer than the offsets, so that no commit goes unnoticed.
    """
    known = properties(session)
    recorded = session.sql(
        f"""
        select summary['{_NEXT_OFFSETS}'] as next_offsets
        from {NAME}.snapshots
        where
            summary['{_NEXT_OFFSETS}'] is not null
            and snapshot_id in
            (select snapshot_id from {NAME}.history where is_current_ancestor)
        order by committed_at desc
        limit 1
        """
    ).collect()
    text = recorded[0]["next_offsets"] if recorded else "{}"
    found = {int(partition): offset for partition, offset in json.loads(text).items()}
    # If somebody removed the snapshots with the newest offsets, the rows still tell.
    for partition, (_, _, last) in landed_since(session, found).items():
        found[partition] = last + 1
    return State(known[_SNAPSHOT], found)


def accepted_losses(session: SparkSession) -> list[tuple[int, range]]:
    """Return partition and offsets of each loss that was accepted."""
    record = json.loads(properties(session).get(_ACCEPTED_LOSSES, "[]"))
    return [
        (each["partition"], range(each["first"], each["last"] + 1)) for each in record
    ]


def accept_losses(
    session: SparkSession, planned_on: State, lost: Mapping[int, range]
) -> State:
    """Go on after offsets that are lost, and record them for `audit_offset_gaps`."""
    record = [
        {"partition": partition, "first": offsets.start, "last": offsets.stop - 1}
        for partition, offsets in [*accepted_losses(session), *lost.items()]
    ]
    _set_properties(session, {_ACCEPTED_LOSSES: json.dumps(record)})
    _record(session, _after(planned_on, lost))
    return state(session)


def land(messages: DataFrame, batch: Batch, planned_on: State) -> State:
    """Land the messages of a batch, all of them or none; return the state after it.

    The write replaces whatever holds these offsets, and Iceberg commits it only if no
    commit after the snapshot it was planned on has added such rows. So a batch lands
    once, whoever else lands it too, through this Spark server or through another one.

    Raises:
        ConflictError: another ingest has landed some of these offsets, or the table was
            rolled back or created again since.
    """
    condition = " or ".join(
        f"(partition = {partition} and offset >= {span.start} and offset < {span.stop})"
        for partition, span in batch.items()
    )
    after = _after(planned_on, batch)
    batch_id = str(uuid.uuid4())
    try:
        (
            _writer(messages, after)
            .option(f"snapshot-property.{_BATCH_ID}", batch_id)
            .option("isolation-level", "serializable")
            .option("validate-from-snapshot-id", planned_on.snapshot)
            .overwrite(expr(condition))
        )
    except PySparkException as error:
        if "org.apache.iceberg.exceptions.ValidationException" in str(error):
            raise ConflictError(str(error).splitlines()[0]) from error
        raise
    # The next batch is planned on this one, so that a rollback to before it is noticed.
    landed = messages.sparkSession.sql(
        f"select snapshot_id from {NAME}.snapshots "
        f"where summary['{_BATCH_ID}'] = '{batch_id}'"
    ).collect()
    if not landed:
        raise ConflictError("a batch that was just landed is gone")
    return State(str(landed[0]["snapshot_id"]), after)


def _after(planned_on: State, read: Mapping[int, range]) -> NextOffsets:
    ends = {partition: offsets.stop for partition, offsets in read.items()}
    return {**planned_on.next_offsets, **ends}


def record_again(session: SparkSession) -> None:
    """Commit once more what was read, before the snapshots that say so expire."""
    _record(session, state(session).next_offsets)


def _record(session: SparkSession, next_offsets: NextOffsets) -> None:
    """Commit the offsets to read next, without rows."""
    _writer(session.table(NAME).limit(0), next_offsets).append()


def _set_properties(session: SparkSession, changes: Mapping[str, str]) -> None:
    session.sql(f"alter table {NAME} set tblproperties ({_listed(changes)})")


def _listed(changes: Mapping[str, str]) -> str:
    return ", ".join(f"'{name}' = '{text}'" for name, text in changes.items())


def _writer(rows: DataFrame, next_offsets: NextOffsets) -> DataFrameWriterV2:
    record = json.dumps(dict(next_offsets))
    return rows.writeTo(NAME).option(f"snapshot-property.{_NEXT_OFFSETS}", record)


def landed_since(
    session: SparkSession, start: NextOffsets
) -> dict[int, tuple[int, int, int]]:
    """Return, per partition, the rows landed since `start`, first and last offset."""
    rows = session.sql(
        f"select partition, count(*), min(offset), max(offset) from {NAME} "
        f"where {_from_offsets(start)} group by partition order by partition"
    ).collect()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _from_offsets(start: NextOffsets) -> str:
    """Return a filter that lets Iceberg skip the files of older offsets."""
    if not start:
        return "true"
    known = ", ".join(str(partition) for partition in start)
    parts = [f"(partition = {part} and offset >= {start[part]})" for part in start]
    return " or ".join([*parts, f"partition not in ({known})"])
