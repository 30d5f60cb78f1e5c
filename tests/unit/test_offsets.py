"""Lag and loss, from the offsets of the topic and of the raw table."""

import pytest

from ingest.offsets import PartitionOffsets, lag, losses

TOPIC = {0: PartitionOffsets(0, 9), 1: PartitionOffsets(4, 6)}


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        ({}, {0: 9, 1: 2}),
        ({0: 5, 1: 4}, {0: 4, 1: 2}),
        ({0: 9, 1: 6}, {0: 0, 1: 0}),
        # Expired offsets can't be landed any more, so they are not counted.
        ({1: 2}, {0: 9, 1: 2}),
        # The lag of a recreated topic is not negative.
        ({0: 12}, {0: 0, 1: 2}),
    ],
)
def test_lag_is_what_the_topic_holds_beyond_the_landed_offsets(
    landed: dict[int, int], expected: dict[int, int]
) -> None:
    assert lag(TOPIC, landed) == expected


@pytest.mark.parametrize("landed", [{}, {0: 0, 1: 4}, {0: 9, 1: 6}])
def test_topic_that_holds_all_offsets_to_land_has_no_losses(
    landed: dict[int, int],
) -> None:
    assert losses(TOPIC, landed) == []


@pytest.mark.parametrize(
    ("landed", "sentence"),
    [
        ({1: 3}, "partition 1: offsets 3 to 3 are no longer in the topic, and were "),
        ({0: 10}, "partition 0: the topic ends before offset 9, but offset 9 is "),
        ({2: 1}, "partition 2: the topic ends before offset 0, but offset 0 is "),
    ],
)
def test_loss_names_partition_and_offsets(
    landed: dict[int, int], sentence: str
) -> None:
    [found] = losses(TOPIC, landed)
    assert found.startswith(sentence)
