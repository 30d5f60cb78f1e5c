"""Compare the topic with the raw table: what is missing, double or different."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from pyspark.sql.connect.session import SparkSession

from cli.program import CommandError
from cli.settings import Settings
from ingest import raw_table
from ingest.offsets import NextOffsets, PartitionOffsets, TopicOffsets, lag
from ingest.spark import spark_session
from ingest.topic import admin_client, broker_errors, read_topic

_POLL_MS = 1000


@dataclass(frozen=True)
class Gap:
    """Offsets from `first` to `last` without a row, and why.

    `missing`: the topic holds messages there; `empty`: it holds none, because they were
    transaction markers, aborted or compacted; `expired`: it no longer has the offsets.
    """

    first: int
    last: int
    kind: str
    message_count: int = 0


@dataclass(frozen=True)
class PartitionAudit:
    """A partition: the topic's offsets, the rows that landed, what is wrong with them.

    `different` are the offsets of those sampled rows that the topic does not hold byte
    for byte.
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

    @property
    def missing_count(self) -> int:
        return sum(gap.message_count for gap in self.gaps)


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
        audits = partition_audits(session, settings, topic, next_offsets, sample)
    if as_json:
        print(json.dumps({"partitions": [asdict(each) for each in audits]}, indent=2))
    else:
        for each in audits:
            print(_text(each))
    if found := problems(audits):
        raise CommandError(f"messages in {raw_table.NAME}: {found}")


def partition_audits(
    session: SparkSession,
    settings: Settings,
    topic: TopicOffsets,
    next_offsets: NextOffsets,
    sample: int = 0,
) -> list[PartitionAudit]:
    """Compare every partition of the topic with its rows."""
    with (
        broker_errors(settings),
        closing(
            KafkaConsumer(
                bootstrap_servers=settings.bootstrap_servers,
                isolation_level="read_committed",
            )
        ) as consumer,
    ):
        return list(
            _audits(session, consumer, settings.topic, topic, next_offsets, sample)
        )


def problems(audits: list[PartitionAudit]) -> str:
    """Return how many messages are missing, double or different; "" if none is."""
    numbers = {
        "missing": sum(each.missing_count for each in audits),
        "double": sum(each.double_count for each in audits),
        "different from the topic": sum(len(each.different) for each in audits),
    }
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


def _audits(
    session: SparkSession,
    consumer: KafkaConsumer,
    name: str,
    topic: TopicOffsets,
    next_offsets: NextOffsets,
    sample: int,
) -> Iterator[PartitionAudit]:
    counts = {
        row[0]: row[1:]
        for row in session.sql(
            "select partition, count(*), count(*) - count(distinct offset) "
            f"from {raw_table.NAME} group by partition"
        ).collect()
    }
    ranges = _ranges_without_rows(session, topic, next_offsets)
    rows = _sample(session, topic, sample) if sample else []
    behind = lag(topic, next_offsets)
    for partition, there in topic.items():
        where = TopicPartition(name, partition)
        consumer.assign([where])
        row_count, double_count = counts.get(partition, (0, 0))
        sampled = [row for row in rows if row["partition"] == partition]
        yield PartitionAudit(
            partition=partition,
            begin_offset=there.begin,
            end_offset=there.end,
            lag=behind[partition],
            row_count=row_count,
            double_count=double_count,
            gaps=[
                gap
                for number, first, last in ranges
                if number == partition
                for gap in _explain(consumer, where, there, first, last)
            ],
            sampled_count=len(sampled),
            different=[
                row["offset"]
                for row in sampled
                if not _is_in_topic(consumer, where, row)
            ],
        )


def _ranges_without_rows(
    session: SparkSession, topic: TopicOffsets, next_offsets: NextOffsets
) -> list[tuple[int, int, int]]:
    """Return partition, first and last offset of each range that was read.

    It starts at the topic's begin, or at the first row if that is before it.
    """
    bounds = ", ".join(
        f"({partition}, {there.begin - 1}), "
        f"({partition}, {max(there.begin, next_offsets.get(partition, 0))})"
        for partition, there in topic.items()
    )
    rows = session.sql(
        f"""
        select partition, offset + 1, next_offset - 1
        from (
            select
                *,
                lead(offset) over (partition by partition order by offset)
                    as next_offset
            from (
                select partition, offset from {raw_table.NAME}
                union all
                values {bounds}
            )
        )
        where next_offset > offset + 1
        order by partition, offset
        """
    ).collect()
    return [(row[0], row[1], row[2]) for row in rows]


def _explain(
    consumer: KafkaConsumer,
    where: TopicPartition,
    there: PartitionOffsets,
    first: int,
    last: int,
) -> Iterator[Gap]:
    if first < there.begin:
        yield Gap(first, min(last, there.begin - 1), "expired")
        first = there.begin
    if first <= last:
        number = sum(1 for _ in _messages(consumer, where, first, last))
        yield Gap(first, last, "missing" if number else "empty", number)


def _messages(
    consumer: KafkaConsumer, where: TopicPartition, first: int, last: int
) -> Iterator[Any]:
    """Yield the topic's messages in a range of offsets."""
    consumer.seek(where, first)
    while consumer.position(where) <= last:
        for messages in consumer.poll(timeout_ms=_POLL_MS).values():
            for message in messages:
                if message.offset > last:
                    return
                yield message


def _sample(session: SparkSession, topic: TopicOffsets, size: int) -> list[Any]:
    """Return random rows of each partition whose offsets the topic still holds."""
    conditions = []
    for partition, there in topic.items():
        offsets = range(there.begin, there.end)
        if offsets:
            chosen = random.sample(offsets, min(size, len(offsets)))
            listed = ", ".join(map(str, chosen))
            conditions.append(f"(partition = {partition} and offset in ({listed}))")
    return session.sql(
        "select partition, offset, unix_millis(timestamp) as timestamp, "
        f"timestamp_type, key, value, headers from {raw_table.NAME} "
        f"where {' or '.join(conditions) or 'false'}"
    ).collect()


def _is_in_topic(consumer: KafkaConsumer, where: TopicPartition, row: Any) -> bool:
    headers = [(header["key"], header["value"]) for header in row["headers"] or []]
    landed = (
        row["timestamp"],
        row["timestamp_type"],
        row["key"],
        row["value"],
        headers,
    )
    return landed in (
        (
            message.timestamp,
            message.timestamp_type,
            message.key,
            message.value,
            list(message.headers),
        )
        for message in _messages(consumer, where, row["offset"], row["offset"])
    )


def _text(audit: PartitionAudit) -> str:
    gaps = "".join(
        f"\n  offsets {gap.first} to {gap.last}: "
        + (f"{gap.message_count} messages missing" if gap.message_count else gap.kind)
        for gap in audit.gaps
    )
    return (
        f"partition {audit.partition}: topic offsets {audit.begin_offset} to "
        f"{audit.end_offset - 1}, {audit.row_count:,} rows, {audit.double_count} "
        f"double, lag {audit.lag}, {audit.sampled_count} compared, "
        f"{len(audit.different)} different{gaps}"
    )
