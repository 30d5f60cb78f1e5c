"""Compare the offsets of topic and raw table: what is left to land, what is lost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PartitionOffsets:
    """What a read_committed consumer can fetch: begin <= offset < end."""

    begin: int
    end: int


# Both by partition: what the topic holds, and the largest landed offset plus one.
TopicOffsets = Mapping[int, PartitionOffsets]
NextOffsets = Mapping[int, int]


def lag(topic: TopicOffsets, landed: NextOffsets) -> dict[int, int]:
    """Return, per partition, how many offsets of the topic are still to land."""
    return {
        partition: max(there.end - max(there.begin, landed.get(partition, 0)), 0)
        for partition, there in topic.items()
    }


def losses(topic: TopicOffsets, landed: NextOffsets) -> list[str]:
    """Return a sentence for each partition that lacks the next offset to land."""
    found = []
    for partition, offset in landed.items():
        there = topic.get(partition, PartitionOffsets(0, 0))
        if there.begin > offset:
            found.append(
                f"partition {partition}: offsets {offset} to {there.begin - 1} are no "
                "longer in the topic, and were never landed"
            )
        if there.end < offset:
            found.append(
                f"partition {partition}: the topic ends before offset {there.end}, but "
                f"offset {offset - 1} is already landed: the topic was recreated or "
                "truncated"
            )
    return found
