"""Publish a file of attempts to the topic, and wait for every acknowledgement."""

import sys
from collections import deque
from io import BufferedReader
from itertools import islice
from pathlib import Path

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.producer.future import FutureRecordMetadata

from cli.program import CommandError, counted
from cli.progress import MessageProgress
from cli.settings import Settings
from ingest.records import InputError, Record, read_records
from ingest.topic import (
    admin_client,
    broker_errors,
    connection,
    largest_message_bytes,
    read_topic,
)

_PENDING_BYTES = 32 * 1024**2
# Bytes that Kafka adds to a message in a batch of its own (message format 2): 61 for
# the batch, up to 21 for the record.
_OVERHEAD_BYTES = 61 + 21
_HEADER_BYTES = 10  # at most, to each header
_DELIVERY_TIMEOUT_MS = 60_000


def publish(
    settings: Settings, path: str, if_empty: bool = False, skip: int = 0
) -> None:
    """Publish the file at `path`, or standard input for "-".

    A file is read twice. It is checked as a whole first, so that a broken file
    publishes nothing. Standard input can be read only once, so the messages before an
    error are published.

    Args:
        if_empty: publish only while the topic has never held a message.
        skip: leave out that many messages from the beginning.

    Raises:
        CommandError: the input is unusable, or a message was not acknowledged. The
            error says how many were, and how to go on.
    """
    with admin_client(settings) as admin:
        _, there = read_topic(admin, settings)
        limit = largest_message_bytes(admin, settings)
    held = sum(partition.written for partition in there.values())
    if if_empty and held:
        print(f"topic {settings.topic} holds {held:,} messages: nothing published")
        return
    if path == "-":
        assert isinstance(sys.stdin.buffer, BufferedReader)
        _send(settings, sys.stdin.buffer, "standard input", None, limit, skip)
        return
    try:
        with Path(path).open("rb") as stream:
            # A pipe, like standard input, can be read only once.
            total = _check(stream, path, limit) if stream.seekable() else None
            _send(settings, stream, path, total, limit, skip)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; nothing published") from error


def _check(stream: BufferedReader, name: str, limit: int) -> int:
    """Check the whole file and return its number of messages."""
    total = objects = 0
    if not stream.read(1):
        raise CommandError(f"{name} is empty: nothing published")
    stream.seek(0)
    try:
        with MessageProgress("checking", None) as progress:
            file = _file_name(name)
            for record in read_records(stream):
                _check_size(record, _headers(record, file), limit)
                total += 1
                objects += record.is_object
                progress.advance(1)
    except InputError as error:
        raise CommandError(f"{name}: {error}; nothing published") from error
    stream.seek(0)
    if total and not objects:
        raise CommandError(
            f"{name}: none of its {total:,} lines is a JSON object, so this is not a "
            "file of attempts; nothing published (to publish such lines as they are, "
            "pipe them to `python -m ingest publish -`)"
        )
    return total


def _file_name(path: str) -> bytes:
    return Path(path).name.encode("utf-8", "surrogateescape")


def _headers(record: Record, file: bytes) -> list[tuple[str, bytes]]:
    """Return where the record comes from, so that a rejected message can be found."""
    return [("source_file", file), ("source_record", record.where.encode())]


def _check_size(record: Record, headers: list[tuple[str, bytes]], limit: int) -> None:
    size = len(record.value) + len(record.key or b"")
    size += sum(len(key) + len(value) + _HEADER_BYTES for key, value in headers)
    if size + _OVERHEAD_BYTES > limit:
        raise InputError(
            f"{record.where} has {size:,} bytes, but the topic accepts at most "
            f"{limit:,} (max.message.bytes)"
        )


def _send(
    settings: Settings,
    stream: BufferedReader,
    name: str,
    total: int | None,
    limit: int,
    skip: int,
) -> None:
    with broker_errors(settings):
        producer = KafkaProducer(
            **connection(settings),
            acks="all",
            delivery_timeout_ms=_DELIVERY_TIMEOUT_MS,
            request_timeout_ms=_DELIVERY_TIMEOUT_MS // 2,
            max_block_ms=_DELIVERY_TIMEOUT_MS,
            batch_size=256 * 1024,
            linger_ms=20,
            # Let the broker decide what is too large, not the client.
            max_request_size=2 * limit,
        )
    pending = Pending(skip)
    file = _file_name(name)
    others = 0
    try:
        left = None if total is None else max(total - skip, 0)
        with MessageProgress("publishing", left) as progress:
            for record in islice(read_records(stream), skip, None):
                headers = _headers(record, file)
                _check_size(record, headers, limit)
                others += not record.is_object
                sent = producer.send(settings.topic, record.value, record.key, headers)
                pending.add(record, sent)
                progress.advance(1)
            pending.settle_all()
    except (InputError, KafkaError, OSError) as error:
        pending.settle_all(ignore_errors=True)
        text = repr(error) if isinstance(error, KafkaError) else str(error)
        if "AuthorizationFailed" in text:
            text = f"no right to write to topic {settings.topic} ({text})"
        raise CommandError(f"{name}: {text}; {pending.how_to_go_on()}") from error
    except KeyboardInterrupt:
        pending.settle_all(ignore_errors=True)
        print(f"{name}: {pending.how_to_go_on()}", file=sys.stderr)
        raise
    finally:
        producer.close(timeout=5)
    if others:
        print(
            f"{name}: {counted(others, 'line')} without a JSON object: published "
            "unchanged; they will be rejected with a reason",
            file=sys.stderr,
        )
    print(f"{pending.acknowledged:,} messages acknowledged by topic {settings.topic}")


class Pending:
    """Messages sent but not yet acknowledged, bounded in bytes."""

    def __init__(self, skipped: int) -> None:
        self.acknowledged = 0
        self._skipped = skipped
        self._before_first_failure: int | None = None
        self._bytes = 0
        self._sent: deque[tuple[int, FutureRecordMetadata]] = deque()

    def add(self, record: Record, sent: FutureRecordMetadata) -> None:
        size = len(record.value)
        self._sent.append((size, sent))
        self._bytes += size
        while self._bytes > _PENDING_BYTES:
            self._settle_one()

    def how_to_go_on(self) -> str:
        """Say how many were acknowledged, and how to publish only the others."""
        said = f"{self.acknowledged:,} messages were acknowledged"
        if not self.acknowledged:
            return said
        first = self.acknowledged
        if self._before_first_failure is not None:
            first = self._before_first_failure
        twice = self.acknowledged - first
        return f"{said}: to go on, add --skip {self._skipped + first}" + (
            f", which publishes {twice:,} of them twice" if twice else ""
        )

    def settle_all(self, ignore_errors: bool = False) -> None:
        while self._sent:
            try:
                self._settle_one()
            except KafkaError:
                if not ignore_errors:
                    raise

    def _settle_one(self) -> None:
        # It stays in the queue if Ctrl-C interrupts the wait for it.
        size, sent = self._sent[0]
        failure = None
        try:
            sent.get(timeout=_DELIVERY_TIMEOUT_MS / 1000 + 5)
        except KafkaError as error:
            failure = error
        self._sent.popleft()
        self._bytes -= size
        if failure is None:
            self.acknowledged += 1
            return
        if self._before_first_failure is None:
            self._before_first_failure = self.acknowledged
        raise failure
