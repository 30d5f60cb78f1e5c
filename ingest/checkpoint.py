"""The streaming checkpoint: where it is, and whether a query can resume from it.

Its format is that of Spark's OffsetSeqLog and CommitLog: one file per batch, named by
the batch number. The last line of an offset file is the Kafka source's JSON,
{topic: {partition: next offset}}.
"""

import json
import re
import uuid
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql.connect.session import SparkSession

from ingest import raw_table
from ingest.offsets import NextOffsets


@dataclass(frozen=True)
class Checkpoint:
    """Where the checkpoint is, and what a query finds there.

    An unfinished batch is planned but not committed; the next query runs it first.
    """

    location: str
    is_new: bool
    has_unfinished_batch: bool = False


def find(session: SparkSession, landed: NextOffsets) -> Checkpoint:
    """Return the checkpoint to resume from, or a new one.

    The checkpoint is beside the table's data, under a name kept in a table property, so
    a table that was dropped and recreated starts a new one. A checkpoint that is lost
    or older than the table is replaced by a new one, and the caller then starts from
    the table's own offsets: from an older checkpoint, the sink would skip new batches
    because it has already committed batches with their numbers. The new name is derived
    from the state found, so two ingests at once share one checkpoint.
    """
    name = raw_table.properties(session)[raw_table.CHECKPOINT_PROPERTY]
    location = _location(session, name)
    batch, planned = _newest_batch(session, location)
    if not planned and not landed:
        return Checkpoint(location, is_new=True)
    if planned and all(
        planned.get(partition, 0) >= offset for partition, offset in landed.items()
    ):
        is_finished = batch in _log(session, f"{location}/commits")
        return Checkpoint(location, is_new=False, has_unfinished_batch=not is_finished)
    state = json.dumps([name, sorted(landed.items())])
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, state))
    raw_table.set_property(session, raw_table.CHECKPOINT_PROPERTY, name)
    return Checkpoint(_location(session, name), is_new=True)


def _location(session: SparkSession, name: str) -> str:
    """The underscore hides it from Iceberg's search for orphan files."""
    return f"{raw_table.location(session)}/_checkpoints/{name}"


def _newest_batch(session: SparkSession, location: str) -> tuple[int, dict[int, int]]:
    """Return number and end offsets of the newest planned batch, or -1 and {}."""
    planned = _log(session, f"{location}/offsets")
    if not planned:
        return -1, {}
    batch = max(planned)
    try:
        [partitions] = json.loads(planned[batch].splitlines()[-1]).values()
        return batch, {int(number): offset for number, offset in partitions.items()}
    except (ValueError, IndexError, AttributeError):  # truncated: don't trust it
        return batch, {}


def _log(session: SparkSession, location: str) -> dict[int, str]:
    """Return each batch's file as text; another ingest may be deleting old ones."""
    try:
        files = (
            session.read.option("wholetext", True)
            .option("ignoreMissingFiles", True)
            .text(location)
            .select("_metadata.file_name", "value")
            .collect()
        )
    except AnalysisException:  # the path does not exist
        return {}
    return {int(name): text for name, text in files if re.fullmatch(r"\d+", name)}
