"""Keep landing messages as they come, until interrupted."""

import signal
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import FrameType

from rich.console import Console

from cli.program import UnavailableError
from cli.settings import Settings
from ingest import landing
from ingest.offsets import Source, TopicOffsets, held_back
from ingest.spark import spark_session
from ingest.topic import admin_client, read_topic


def follow(settings: Settings, batch_size: int, every: float) -> None:
    """Land new messages every few seconds, and print a line for each batch.

    If a service does not answer, it is asked again. Ctrl-C and SIGTERM end it after the
    batch that is being landed; a second one ends it at once, which loses nothing.

    Args:
        batch_size: the largest number of messages in a batch.
        every: seconds from one look at the topic to the next.

    Raises:
        CommandError: the topic has lost messages, or the raw table holds another topic.
    """
    received = _signals()
    print(f"following topic {settings.topic} until Ctrl-C", flush=True)
    seen = None
    with _waiting(settings):
        while not received:
            next_look = time.monotonic() + every
            try:
                with admin_client(settings) as admin:
                    source, topic = read_topic(admin, settings)
                if (source, topic) != seen:
                    _land(settings, source, topic, batch_size, received)
                    seen = source, topic
                    for sentence in held_back(topic):
                        print(f"{_now()} {sentence}", file=sys.stderr, flush=True)
            except UnavailableError as error:
                print(f"{_now()} {error}; trying again", file=sys.stderr, flush=True)
            while not received and time.monotonic() < next_look:
                time.sleep(0.1)
    print("stopped")


def _signals() -> list[int]:
    """Return a list that receives the first SIGINT or SIGTERM; a second interrupts.

    An interrupt in the middle of a call can leave threads of Spark's client waiting.
    """
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return received


def _land(
    settings: Settings,
    source: Source,
    topic: TopicOffsets,
    batch_size: int,
    received: list[int],
) -> None:
    with spark_session(settings.spark_remote) as session:
        state = landing.prepare(session, source, topic)
        for after in landing.land(session, settings, source, topic, state, batch_size):
            line = landing.describe(session, settings, since=state)
            print(f"{_now()} {line}", flush=True)
            state = after
            if received:
                return


def _waiting(settings: Settings) -> AbstractContextManager[object]:
    """A line on a terminal that shows that it is still at work."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return nullcontext()
    return console.status(f"waiting for messages of {settings.topic}")


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"
