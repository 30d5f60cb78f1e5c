"""Lag and loss, from the offsets of the topic and of the raw table."""

import pytest

from ingest.offsets import PartitionOffsets, held_back, lag, losses, next_batch

TOPIC = {0: PartitionOffsets(0, 9, 9), 1: PartitionOffsets(4, 6, 8)}


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


@pytest.mark.parametrize(
    ("landed", "size", "expected"),
    [
        ({}, 100, {0: range(9), 1: range(4, 6)}),
        ({0: 9, 1: 6}, 100, {}),
        ({0: 9, 1: 5}, 100, {1: range(5, 6)}),
        # The same share of each partition, rounded up.
        ({}, 5, {0: range(5), 1: range(4, 5)}),
        ({}, 1, {0: range(1), 1: range(4, 5)}),
    ],
)
def test_batch_takes_a_share_of_what_is_left_in_each_partition(
    landed: dict[int, int], size: int, expected: dict[int, range]
) -> None:
    assert next_batch(TOPIC, landed, size) == expected


@pytest.mark.parametrize("landed", [{}, {0: 0, 1: 4}, {0: 9, 1: 6}])
def test_topic_that_holds_all_offsets_to_land_has_no_losses(
    landed: dict[int, int],
) -> None:
    assert losses(TOPIC, landed) == []


@pytest.mark.parametrize(
    ("landed", "sentence"),
    [
        ({0: 0, 1: 3}, "partition 1: offsets 3 to 3 are no longer in the topic, and "),
        # A partition that was added since the first ingest.
        ({0: 0}, "partition 1: offsets 0 to 3 are no longer in the topic, and were "),
        ({0: 10, 1: 4}, "partition 0: the topic ends before offset 9, but was already"),
        ({1: 4, 2: 1}, "partition 2: the topic ends before offset 0, but was already"),
    ],
)
def test_loss_names_partition_and_offsets(
    landed: dict[int, int], sentence: str
) -> None:
    [found] = losses(TOPIC, landed)
    assert found.startswith(sentence)


def test_open_transaction_holds_back_what_is_written_after_its_begin() -> None:
    assert held_back(TOPIC) == [
        "partition 1: offsets 6 to 7 wait for a transaction to end"
    ]
