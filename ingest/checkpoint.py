"""The streaming checkpoint: where it lies, and whether it can be gone on from.

Source of its format: Spark's OffsetSeqLog and CommitLog, a file a batch, named by the
batch's number. The last line of an offset file is the Kafka source's JSON,
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
    """Where the checkpoint lies, and what a query finds there.

    A batch that was planned and not committed is done first by any query.
    """

    location: str
    is_new: bool
    has_unfinished_batch: bool = False


def find(session: SparkSession, landed: NextOffsets) -> Checkpoint:
    """The checkpoint to go on from, or a new one.

    It belongs to this very table: it lies beside its data, under a name that is a table
    property, so that a table which was dropped and made anew starts a new one. One that
    is lost, or older than the table (the sink would take its batches for some that it
    has already committed, and skip them), is left behind for a new one; the caller then
    starts from the table's own offsets. Whoever finds the same state arrives at the
    same name, so that two at once share one checkpoint.
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
    """Hidden from Iceberg's search for orphan files by the underscore."""
    return f"{raw_table.location(session)}/_checkpoints/{name}"


def _newest_batch(session: SparkSession, location: str) -> tuple[int, dict[int, int]]:
    """Number and end offsets of the newest planned batch; no offsets if none is."""
    planned = _log(session, f"{location}/offsets")
    if not planned:
        return -1, {}
    batch = max(planned)
    try:
        [partitions] = json.loads(planned[batch].splitlines()[-1]).values()
        return batch, {int(number): offset for number, offset in partitions.items()}
    except (ValueError, IndexError, AttributeError):  # cut short: not to be trusted
        return batch, {}


def _log(session: SparkSession, location: str) -> dict[int, str]:
    """The text of each batch's file; another ingest may remove old ones meanwhile."""
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
