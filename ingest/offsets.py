"""Compare the offsets of topic and raw table: what is left to land, what is lost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PartitionOffsets:
    """What a read_committed consumer can fetch: begin <= offset < end.

    Offsets from `end` to `written` belong to open transactions, or follow them.
    """

    begin: int
    end: int
    written: int


@dataclass(frozen=True)
class Source:
    """What tells a topic from another one of the same name."""

    topic: str
    topic_id: str
    cluster_id: str


# Both by partition: what the topic holds, and the offset to read next. A partition that
# was added to the topic later is not among the latter, and is read from 0.
TopicOffsets = Mapping[int, PartitionOffsets]
NextOffsets = Mapping[int, int]
# By partition: the offsets that are landed in one commit.
Batch = Mapping[int, range]


def lag(topic: TopicOffsets, next_offsets: NextOffsets) -> dict[int, int]:
    """Return, per partition, how many offsets of the topic are still to be read."""
    return {
        partition: max(there.end - max(there.begin, next_offsets.get(partition, 0)), 0)
        for partition, there in topic.items()
    }


def held_back(topic: TopicOffsets) -> list[str]:
    """Return a sentence for each partition with an open transaction."""
    return [
        f"partition {partition}: offsets {there.end} to {there.written - 1} wait for a "
        "transaction to end"
        for partition, there in topic.items()
        if there.written > there.end
    ]


def next_batch(topic: TopicOffsets, next_offsets: NextOffsets, size: int) -> Batch:
    """Return, per partition that has any, the offsets of the next batch.

    A batch has at most `size` offsets and one more per partition, and takes the same
    share of what is left in each partition.
    """
    left = {part: number for part, number in lag(topic, next_offsets).items() if number}
    share = min(size / sum(left.values()), 1) if left else 0
    batch = {}
    for partition, number in left.items():
        begin = topic[partition].end - number
        batch[partition] = range(begin, begin + math.ceil(number * share))
    return batch


def expired(topic: TopicOffsets, next_offsets: NextOffsets) -> dict[int, range]:
    """Return, per partition that has any, the offsets that can't be read any more."""
    if not next_offsets:  # before the first ingest
        return {}
    ranges = {
        partition: range(next_offsets.get(partition, 0), there.begin)
        for partition, there in topic.items()
    }
    return {partition: offsets for partition, offsets in ranges.items() if offsets}


def losses(topic: TopicOffsets, next_offsets: NextOffsets) -> list[str]:
    """Return a sentence for each partition that lacks the next offset to read."""
    found = [
        f"partition {partition}: offsets {offsets.start} to {offsets.stop - 1} are no "
        "longer in the topic, and were never landed"
        for partition, offsets in expired(topic, next_offsets).items()
    ]
    return found + truncations(topic, next_offsets)


def truncations(topic: TopicOffsets, next_offsets: NextOffsets) -> list[str]:
    """Return a sentence for each partition that ends before the next offset to read.

    Its next messages would get offsets that have been landed already.
    """
    found = []
    for partition, offset in next_offsets.items():
        end = topic[partition].end if partition in topic else 0
        if end < offset:
            found.append(
                f"partition {partition}: the topic ends before offset {end}, but was "
                f"already read up to offset {offset - 1}: it was truncated"
            )
    return found
