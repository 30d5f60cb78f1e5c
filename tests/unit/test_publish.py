"""After an interruption, publish says how to go on without losing a message."""

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError

from ingest.publish import Pending
from ingest.records import Record


class _Sent:
    """The future of a message: each wait for it ends as given."""

    def __init__(self, *ends: BaseException | None) -> None:
        self._ends = list(ends)

    def get(self, timeout: float) -> None:
        assert timeout > 0
        if end := self._ends.pop(0):
            raise end


def _pending(skipped: int, *sent: _Sent) -> Pending:
    pending = Pending(skipped)
    for each in sent:
        pending.add(Record(None, b"{}", True, ""), each)
    return pending


def test_message_that_an_interrupt_waited_for_is_not_skipped() -> None:
    hanging = _Sent(KeyboardInterrupt(), KafkaTimeoutError())
    pending = _pending(100, _Sent(None), hanging, _Sent(None), _Sent(None))
    with pytest.raises(KeyboardInterrupt):
        pending.settle_all()
    pending.settle_all(ignore_errors=True)
    assert pending.how_to_go_on() == (
        "3 messages were acknowledged: to go on, add --skip 101, which publishes 2 of "
        "them twice"
    )


def test_messages_before_the_first_failure_are_skipped() -> None:
    pending = _pending(0, _Sent(None), _Sent(None), _Sent(KafkaTimeoutError()))
    with pytest.raises(KafkaError):
        pending.settle_all()
    said = "2 messages were acknowledged: to go on, add --skip 2"
    assert pending.how_to_go_on() == said


def test_nothing_is_skipped_if_nothing_was_acknowledged() -> None:
    pending = _pending(0, _Sent(KafkaTimeoutError()))
    pending.settle_all(ignore_errors=True)
    assert pending.how_to_go_on() == "0 messages were acknowledged"
