"""The raw table: one row per Kafka message, never parsed, never changed."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql.connect.session import SparkSession

from ingest.errors import IngestError

NAME = "raw.assessment_attempts"
_CHECKPOINT_PROPERTY = "ingest.checkpoint"
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
    """Make the raw table unless it is there."""
    session.sql("create namespace if not exists raw").collect()
    ddl = _DDL.format(
        name=NAME, checkpoint_property=_CHECKPOINT_PROPERTY, checkpoint=uuid.uuid4()
    )
    session.sql(ddl).collect()


def snapshot(session: SparkSession) -> str:
    """The id of the table's current snapshot; "" while nothing was ever landed."""
    rows = session.sql(f"show tblproperties {NAME}").collect()
    found = {row["key"]: row["value"] for row in rows}.get("current-snapshot-id", "")
    return "" if found == "none" else str(found)


def next_offsets(session: SparkSession, topic: str) -> dict[int, int]:
    """Per partition, the largest landed offset plus one; {} while nothing is landed.

    Raises:
        IngestError: the table holds another topic.
    """
    rows = session.sql(
        f"select topic, partition, max(offset) + 1 as next_offset from {NAME} "
        "group by topic, partition"
    ).collect()
    others = sorted({row["topic"] for row in rows} - {topic})
    if others:
        raise IngestError(
            f"{NAME} holds topic {others[0]!r}, and one raw table holds one topic: "
            f"set ASSESSMENTS_TOPIC to it instead of {topic!r}"
        )
    return {row["partition"]: row["next_offset"] for row in rows}


def landed_since(
    session: SparkSession, start: Mapping[int, int]
) -> dict[int, tuple[int, int, int]]:
    """Per partition: rows landed from `start` on, their first and last offset."""
    rows = session.sql(
        f"select partition, count(*), min(offset), max(offset) from {NAME} "
        f"where {_from_offsets(start)} group by partition order by partition"
    ).collect()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _from_offsets(start: Mapping[int, int]) -> str:
    """A filter that Iceberg can use to leave out the files of older offsets."""
    if not start:
        return "true"
    known = ", ".join(str(partition) for partition in start)
    parts = [f"(partition = {part} and offset >= {start[part]})" for part in start]
    return " or ".join([*parts, f"partition not in ({known})"])


@dataclass(frozen=True)
class Checkpoint:
    """Where the streaming checkpoint lies, and what a query finds there."""

    place: str
    is_new: bool
    has_unfinished_batch: bool = False


def checkpoint(session: SparkSession, landed: Mapping[int, int]) -> Checkpoint:
    """The checkpoint to go on from, or a new one.

    The checkpoint belongs to this very table: it lies beside its data, under a name
    that is a table property, so that a table which was dropped and made anew starts a
    new one. One that is lost, or older than the table (which the sink would take for
    batches it has already committed, and skip), is left behind for a new one; the
    caller then starts from the table's own offsets. Whoever finds the same state
    arrives at the same name, so that two at once share one checkpoint.

    Args:
        landed: next offset per partition, from the table.
    """
    rows = session.sql(f"show tblproperties {NAME}").collect()
    name = {row["key"]: row["value"] for row in rows}[_CHECKPOINT_PROPERTY]
    place = _place(session, name)
    batch, planned = _newest_batch(session, place)
    if not planned and not landed:
        return Checkpoint(place, is_new=True)
    if planned and all(
        planned.get(partition, 0) >= offset for partition, offset in landed.items()
    ):
        is_finished = batch in _log(session, f"{place}/commits")
        return Checkpoint(place, is_new=False, has_unfinished_batch=not is_finished)
    state = json.dumps([name, sorted(landed.items())])
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, state))
    session.sql(
        f"alter table {NAME} set tblproperties ('{_CHECKPOINT_PROPERTY}' = '{name}')"
    ).collect()
    return Checkpoint(_place(session, name), is_new=True)


def _place(session: SparkSession, name: str) -> str:
    """Hidden from Iceberg's search for orphan files by the underscore."""
    rows = session.sql(f"describe table extended {NAME}").collect()
    location = {row["col_name"]: row["data_type"] for row in rows}["Location"]
    return f"{location}/_checkpoints/{name}"


def _newest_batch(session: SparkSession, place: str) -> tuple[int, dict[int, int]]:
    """Number and end offsets of the newest planned batch; no offsets if there is none.

    Source of the format: Spark's OffsetSeqLog; the last line of a batch is the Kafka
    source's JSON, {topic: {partition: next offset}}.
    """
    planned = _log(session, f"{place}/offsets")
    if not planned:
        return -1, {}
    batch = max(planned)
    try:
        [partitions] = json.loads(planned[batch].splitlines()[-1]).values()
        return batch, {int(number): offset for number, offset in partitions.items()}
    except (ValueError, IndexError, AttributeError):  # cut short: not to be trusted
        return batch, {}


def _log(session: SparkSession, place: str) -> dict[int, str]:
    """A log of Spark's checkpoint: a file a batch, named by its number.

    Another ingest may remove old files of it meanwhile, and never the newest ones.
    """
    try:
        files = (
            session.read.option("wholetext", True)
            .option("ignoreMissingFiles", True)
            .text(place)
            .select("_metadata.file_name", "value")
            .collect()
        )
    except AnalysisException:  # the path does not exist
        return {}
    return {int(name): text for name, text in files if re.fullmatch(r"\d+", name)}
