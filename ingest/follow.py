"""Keep landing messages as they come, until interrupted."""

import signal
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from rich.console import Console

from cli.program import UnavailableError
from cli.settings import Settings
from ingest import landing
from ingest.offsets import Source, TopicOffsets
from ingest.spark import spark_session
from ingest.topic import admin_client, read_topic


def follow(settings: Settings, batch_size: int, every: float) -> None:
    """Land new messages every few seconds, and print a line for each batch.

    If a service does not answer, it is asked again. Ctrl-C and SIGTERM end it; a batch
    that is being landed then lands whole or not at all.

    Args:
        batch_size: the largest number of messages in a batch.
        every: seconds from one look at the topic to the next.

    Raises:
        CommandError: the topic has lost messages, or the raw table holds another topic.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"following topic {settings.topic} until Ctrl-C", flush=True)
    seen = None
    try:
        with _waiting(settings):
            while True:
                began = time.monotonic()
                try:
                    with admin_client(settings) as admin:
                        source, topic = read_topic(admin, settings)
                    if (source, topic) != seen:
                        _land(settings, source, topic, batch_size)
                        seen = source, topic
                except UnavailableError as error:
                    print(
                        f"{_now()} {error}; trying again", file=sys.stderr, flush=True
                    )
                time.sleep(max(began + every - time.monotonic(), 0))
    except KeyboardInterrupt:
        print("stopped")


def _land(
    settings: Settings, source: Source, topic: TopicOffsets, batch_size: int
) -> None:
    with spark_session(settings.spark_remote) as session:
        state = landing.prepare(session, source, topic)
        for after in landing.land(session, settings, topic, state, batch_size):
            line = landing.describe(settings, session, since=state)
            print(f"{_now()} {line}", flush=True)
            state = after


def _waiting(settings: Settings) -> AbstractContextManager[object]:
    """A line on a terminal that shows that it is still at work."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return nullcontext()
    return console.status(f"waiting for messages of {settings.topic}")


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"
