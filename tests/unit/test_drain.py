"""drain: lost messages stop it before anything is landed."""

import pytest

from ingest.drain import refuse_loss
from ingest.errors import IngestError
from ingest.topic import PartitionOffsets


def test_a_topic_that_still_holds_everything_is_taken() -> None:
    refuse_loss({0: PartitionOffsets(0, 9), 1: PartitionOffsets(4, 4)}, {0: 9, 1: 4})
    refuse_loss({0: PartitionOffsets(5, 9), 1: PartitionOffsets(0, 0)}, {})


def test_messages_deleted_before_they_were_landed_are_named() -> None:
    with pytest.raises(IngestError, match="partition 1: offsets 3 to 6 are no longer"):
        refuse_loss({0: PartitionOffsets(0, 9), 1: PartitionOffsets(7, 9)}, {1: 3})


def test_a_topic_that_was_made_anew_is_named() -> None:
    with pytest.raises(IngestError, match="partition 0: the topic ends before"):
        refuse_loss({0: PartitionOffsets(0, 2)}, {0: 3})


def test_a_partition_that_is_gone_is_named() -> None:
    with pytest.raises(IngestError, match="partition 1"):
        refuse_loss({0: PartitionOffsets(0, 2)}, {1: 3})
