"""The raw table: one row per Kafka message, never parsed, never changed."""

import uuid

from pyspark.sql.connect.session import SparkSession

from cli.program import CommandError
from ingest.offsets import NextOffsets

NAME = "raw.assessment_attempts"
CHECKPOINT_PROPERTY = "ingest.checkpoint"
_DDL = """
create table if not exists {name} (
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
comment 'One row per Kafka message, never parsed, never changed'
tblproperties ('{checkpoint_property}' = '{checkpoint}')
"""


def create(session: SparkSession) -> None:
    """Create the raw table if it is missing."""
    session.sql("create namespace if not exists raw")
    ddl = _DDL.format(
        name=NAME, checkpoint_property=CHECKPOINT_PROPERTY, checkpoint=uuid.uuid4()
    )
    session.sql(ddl)


def properties(session: SparkSession) -> dict[str, str]:
    """Return the table's properties, including Iceberg's own."""
    rows = session.sql(f"show tblproperties {NAME}").collect()
    return {row["key"]: row["value"] for row in rows}


def set_property(session: SparkSession, name: str, value: str) -> None:
    session.sql(f"alter table {NAME} set tblproperties ('{name}' = '{value}')")


def location(session: SparkSession) -> str:
    """Return the folder of the table as a Hadoop URI."""
    rows = session.sql(f"describe table extended {NAME}").collect()
    found: str = {row["col_name"]: row["data_type"] for row in rows}["Location"]
    return found


def next_offsets(session: SparkSession, topic: str) -> dict[int, int]:
    """Return, per partition, the largest landed offset plus one; {} if none is landed.

    Raises:
        CommandError: the table holds another topic.
    """
    rows = session.sql(
        f"select topic, partition, max(offset) + 1 as next_offset from {NAME} "
        "group by topic, partition"
    ).collect()
    others = sorted({row["topic"] for row in rows} - {topic})
    if others:
        raise CommandError(
            f"{NAME} holds topic {others[0]!r}, and a raw table holds only one topic: "
            f"set ASSESSMENTS_TOPIC to it instead of {topic!r}"
        )
    return {row["partition"]: row["next_offset"] for row in rows}


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
