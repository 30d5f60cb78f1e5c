"""Make the topic and the raw table, where they are missing."""

from cli.settings import FILE, Settings
from ingest import raw_table
from ingest.spark import spark_session
from ingest.topic import admin_client, create, read_offsets


def init(settings: Settings, is_topic_required: bool) -> None:
    """Every other command finds its topic and its table after this one.

    Args:
        is_topic_required: a missing topic is an error, because the brokers are
            somebody else's.

    Raises:
        CommandError: Kafka or Spark fails, or the required topic is missing.
    """
    with admin_client(settings) as admin:
        if is_topic_required:
            read_offsets(admin, settings)
        elif create(admin, settings, FILE["topic"]["partitions"]):
            print(f"topic {settings.topic} created")
    with spark_session(settings.spark_remote) as session:
        raw_table.create(session)
