"""Land every message that is in the topic now, then stop."""

import sys
from pathlib import Path

from cli.progress import MessageProgress
from cli.settings import Settings
from ingest import landing, raw_table
from ingest.offsets import held_back, lag
from ingest.spark import spark_session
from ingest.topic import admin_client, read_topic


def drain(
    settings: Settings,
    batch_size: int,
    snapshot_file: Path | None = None,
    accept_loss: bool = False,
) -> None:
    """Land what the topic holds now, and print per partition what was landed.

    Args:
        batch_size: messages per batch; each batch is one commit.
        snapshot_file: receives the id of the table's snapshot. It is written only if
            the id has changed, so its modification time shows when the table changed.
        accept_loss: go on after messages that the topic has deleted before they were
            landed, or that Spark can't read, and record their offsets.

    Raises:
        CommandError: Kafka or Spark fails, the topic has lost messages, or the raw
            table holds another topic.
    """
    with admin_client(settings) as admin:
        source, topic = read_topic(admin, settings)
    with spark_session(settings.spark_remote) as session:
        start = state = landing.prepare(session, source, topic, accept_loss)
        total = sum(lag(topic, start.next_offsets).values())
        with MessageProgress("landing", total) as progress:
            for after in landing.land(
                session, settings, source, topic, state, batch_size, accept_loss
            ):
                progress.advance(
                    sum(after.next_offsets.values()) - sum(state.next_offsets.values())
                )
                state = after
        print(landing.describe(session, settings, since=start))
        for sentence in held_back(topic):
            print(sentence, file=sys.stderr)
        if snapshot_file:
            # "none" for an empty table.
            snapshot = raw_table.snapshot(session)
            if not snapshot_file.exists() or snapshot_file.read_text() != snapshot:
                snapshot_file.write_text(snapshot)
