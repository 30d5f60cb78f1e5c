"""Create the topic and the raw table if they are missing."""

from cli.settings import FILE, Settings
from ingest import raw_table
from ingest.spark import spark_session
from ingest.topic import admin_client, create, read_topic


def init(settings: Settings, is_topic_required: bool) -> None:
    """Create the topic and the raw table that every other command needs.

    Args:
        is_topic_required: fail if the topic is missing, because somebody else runs the
            brokers.

    Raises:
        CommandError: Kafka or Spark fails, or the required topic is missing.
    """
    with admin_client(settings) as admin:
        if is_topic_required:
            read_topic(admin, settings)
        elif create(admin, settings, FILE["topic"]["partitions"]):
            print(f"topic {settings.topic} created")
    with spark_session(settings.spark_remote) as session:
        raw_table.create(session)
