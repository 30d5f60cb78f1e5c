"""How far the raw table is behind the topic."""

from datetime import UTC, datetime

from ingest import raw_table
from ingest.settings import Settings
from ingest.spark import connect, spark_errors
from ingest.topic import admin_client, offsets


def status(settings: Settings) -> None:
    """Print topic lag, rows in the raw table, and the age of the newest message.

    Raises:
        IngestError: Kafka or Spark does not answer, or the topic does not exist.
    """
    with admin_client(settings) as admin:
        there = offsets(admin, settings)
    session = connect(settings.spark_remote)
    try:
        with spark_errors(settings.spark_remote):
            landed = raw_table.next_offsets(session, settings.topic)
            [row] = session.sql(
                "select count(*) as row_count, unix_micros(max(timestamp)) as newest "
                f"from {raw_table.NAME}"
            ).collect()
    finally:
        session.stop()
    lag = sum(
        max(part.end - landed.get(number, part.begin), 0)
        for number, part in there.items()
    )
    age = "none yet"
    if row["newest"] is not None:
        newest = datetime.fromtimestamp(row["newest"] / 1e6, UTC)
        elapsed = str(datetime.now(UTC) - newest).split(".")[0]
        age = f"{newest:%Y-%m-%d %H:%M:%S} UTC, {elapsed} ago"
    print(f"{'topic lag':<20} {lag:,} messages of {settings.topic}")
    print(f"{'raw rows':<20} {row['row_count']:,} in {raw_table.NAME}")
    print(f"{'newest message':<20} {age}")
