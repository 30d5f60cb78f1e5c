"""Compare the topic with the raw table: what is missing, double or different."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from pyspark.sql.connect.session import SparkSession

from cli.program import CommandError
from cli.settings import Settings
from ingest import raw_table
from ingest.offsets import NextOffsets, PartitionOffsets, TopicOffsets, lag, losses
from ingest.spark import spark_session
from ingest.topic import (
    admin_client,
    broker_errors,
    consumer_of,
    messages,
    read_topic,
)

_EXPLAINED = {
    "missing": "{} messages missing",
    "empty": "no message (transaction markers; aborted, compacted or accepted as lost)",
    "expired": "no longer in the topic",
}


@dataclass(frozen=True)
class Gap:
    """Offsets from `first` to `last` without a row, and why.

    `missing`: the topic holds messages there; `empty`: it holds none, because they were
    transaction markers, aborted or compacted, or only some that were accepted as lost;
    `expired`: it no longer has the offsets.
    """

    first: int
    last: int
    kind: str
    message_count: int = 0


@dataclass(frozen=True)
class Landed:
    """The rows of a partition; `double_count` of them repeat an offset."""

    row_count: int = 0
    double_count: int = 0
    first_offset: int | None = None

    @property
    def offset_count(self) -> int:
        return self.row_count - self.double_count


@dataclass(frozen=True)
class PartitionAudit:
    """A partition: the topic's offsets, the rows that landed, what is wrong with them.

    `different` are the offsets of sampled rows that have other bytes than the topic.
    """

    partition: int
    begin_offset: int
    end_offset: int
    lag: int
    row_count: int
    double_count: int
    gaps: list[Gap]
    sampled_count: int
    different: list[int]


def audit(settings: Settings, sample: int, as_json: bool) -> None:
    """Print per partition what the topic has and what landed.

    Args:
        sample: how many rows of each partition to compare with the topic byte for byte.
        as_json: print `partitions`, each with the fields of PartitionAudit.

    Raises:
        CommandError: messages are missing, double or different, or Kafka or Spark
            fails.
    """
    with admin_client(settings) as admin:
        source, topic = read_topic(admin, settings)
    with spark_session(settings.spark_remote) as session:
        if reason := raw_table.refusal(session, source):
            raise CommandError(reason)
        next_offsets = raw_table.state(session).next_offsets
        with broker_errors(settings), closing(consumer_of(settings)) as consumer:
            audits = list(
                _audits(session, consumer, settings.topic, topic, next_offsets, sample)
            )
    if as_json:
        print(json.dumps({"partitions": [asdict(each) for each in audits]}, indent=2))
    else:
        for each in audits:
            print(_text(each))
    numbers = {
        "missing": sum(gap.message_count for each in audits for gap in each.gaps),
        "double": sum(each.double_count for each in audits),
        "different from the topic": sum(len(each.different) for each in audits),
    }
    found = [f"{number} {what}" for what, number in numbers.items() if number]
    problems = losses(topic, next_offsets)
    if found:
        problems.append(f"messages in {raw_table.NAME}: {', '.join(found)}")
    if problems:
        raise CommandError("; ".join(problems))


def summary(session: SparkSession, next_offsets: NextOffsets) -> str:
    """Return how many rows are double and how many offsets have no row."""
    landed = _landed(session)
    double = sum(each.double_count for each in landed.values())
    absent = sum(
        next_offsets[partition] - each.first_offset - each.offset_count
        for partition, each in landed.items()
        if each.first_offset is not None
    )
    why = ": `make audit` says why" if absent else ""
    return f"{double:,} rows double, {absent:,} offsets without a row{why}"


def _landed(session: SparkSession) -> dict[int, Landed]:
    rows = session.sql(
        "select partition, count(*), count(*) - count(distinct offset), min(offset) "
        f"from {raw_table.NAME} group by partition"
    ).collect()
    return {row[0]: Landed(*row[1:]) for row in rows}


def _audits(
    session: SparkSession,
    consumer: KafkaConsumer,
    name: str,
    topic: TopicOffsets,
    next_offsets: NextOffsets,
    sample: int,
) -> Iterator[PartitionAudit]:
    all_landed = _landed(session)
    losses_accepted = raw_table.accepted_losses(session)
    behind = lag(topic, next_offsets)
    for partition, there in topic.items():
        where = TopicPartition(name, partition)
        consumer.assign([where])
        landed = all_landed.get(partition, Landed())
        first = there.begin
        if landed.first_offset is not None:
            first = min(first, landed.first_offset)
        end = min(next_offsets.get(partition, first), there.end)
        accepted = [offsets for part, offsets in losses_accepted if part == partition]
        gaps: list[Gap] = []
        if landed.offset_count != end - first:
            for offsets in _ranges_without_rows(session, partition, first, end):
                gaps.extend(_explain(consumer, where, there, accepted, *offsets))
        sampled = _sample(session, partition, there, sample)
        yield PartitionAudit(
            partition=partition,
            begin_offset=there.begin,
            end_offset=there.end,
            lag=behind[partition],
            row_count=landed.row_count,
            double_count=landed.double_count,
            gaps=gaps,
            sampled_count=len(sampled),
            different=[
                row["offset"] for row in sampled if _differs(consumer, where, row)
            ],
        )


def _ranges_without_rows(
    session: SparkSession, partition: int, first: int, end: int
) -> list[tuple[int, int]]:
    """Return the ranges in first <= offset < end, each as its first and last offset."""
    rows = session.sql(
        f"""
        select offset + 1, next_offset - 1
        from (
            select offset, lead(offset) over (order by offset) as next_offset
            from (
                select offset from {raw_table.NAME} where partition = {partition}
                union all
                values ({first - 1}), ({end})
            )
        )
        where next_offset > offset + 1
        order by offset
        """
    ).collect()
    return [(row[0], row[1]) for row in rows]


def _explain(
    consumer: KafkaConsumer,
    where: TopicPartition,
    there: PartitionOffsets,
    accepted: Sequence[range],
    first: int,
    last: int,
) -> Iterator[Gap]:
    if first < there.begin:
        yield Gap(first, min(last, there.begin - 1), "expired")
        first = there.begin
    if first <= last:
        number = sum(
            not any(message.offset in offsets for offsets in accepted)
            for message in messages(consumer, where, first, last)
        )
        yield Gap(first, last, "missing" if number else "empty", number)


def _sample(
    session: SparkSession, partition: int, there: PartitionOffsets, size: int
) -> list[Any]:
    """Return random rows whose offsets the topic still holds."""
    offsets = range(there.begin, there.end)
    chosen = random.sample(offsets, min(size, len(offsets)))
    if not chosen:
        return []
    return session.sql(
        "select offset, unix_millis(timestamp) as timestamp, timestamp_type, key, "
        f"value, headers from {raw_table.NAME} "
        f"where partition = {partition} and offset in ({', '.join(map(str, chosen))})"
    ).collect()


def _differs(consumer: KafkaConsumer, where: TopicPartition, row: Any) -> bool:
    """Return whether the topic has other bytes; it may have none after compaction."""
    headers = [(header["key"], header["value"]) for header in row["headers"] or []]
    landed = (
        row["timestamp"],
        row["timestamp_type"],
        row["key"],
        row["value"],
        headers,
    )
    return any(
        landed
        != (
            message.timestamp,
            message.timestamp_type,
            message.key,
            message.value,
            list(message.headers),
        )
        for message in messages(consumer, where, row["offset"], row["offset"])
    )


def _text(audit: PartitionAudit) -> str:
    gaps = "".join(
        f"\n  offsets {gap.first} to {gap.last}: "
        + _EXPLAINED[gap.kind].format(gap.message_count)
        for gap in audit.gaps
    )
    return (
        f"partition {audit.partition}: topic has offsets from {audit.begin_offset} to "
        f"before {audit.end_offset}, lag {audit.lag}; {audit.row_count:,} rows, "
        f"{audit.double_count} double; {audit.sampled_count} compared, "
        f"{len(audit.different)} different{gaps}"
    )
