"""Offsets of the topic and of the raw table: what is left to land, what is lost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PartitionOffsets:
    """What a reader of committed messages can fetch: begin <= offset < end."""

    begin: int
    end: int


# By partition: what the topic holds; the largest landed offset plus one.
TopicOffsets = Mapping[int, PartitionOffsets]
NextOffsets = Mapping[int, int]


def lag(topic: TopicOffsets, landed: NextOffsets) -> dict[int, int]:
    """Per partition, how many offsets of the topic are still to be landed."""
    return {
        partition: max(there.end - max(there.begin, landed.get(partition, 0)), 0)
        for partition, there in topic.items()
    }


def losses(topic: TopicOffsets, landed: NextOffsets) -> list[str]:
    """One sentence for each partition that no longer holds what follows in raw."""
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
                f"offset {offset - 1} is landed already: the topic was made anew or "
                "cut off"
            )
    return found
