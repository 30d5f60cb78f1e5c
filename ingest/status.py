"""How far the raw table is behind the topic."""

import json
from datetime import UTC, datetime

from cli.settings import Settings
from ingest import raw_table
from ingest.offsets import lag, losses
from ingest.spark import spark_session
from ingest.topic import admin_client, read_offsets


def status(settings: Settings, as_json: bool) -> None:
    """Print topic lag, rows in the raw table, losses, and the newest message's age.

    As JSON: `topic`, `row_count`, `newest_at` (ISO 8601, null without a message),
    `losses` (sentences), and for each of `partitions` its `partition`, `begin_offset`,
    `end_offset`, `next_offset` (to land, null while none is landed) and `lag`.

    Raises:
        CommandError: Kafka or Spark does not answer, or the topic does not exist.
    """
    with admin_client(settings) as admin:
        topic = read_offsets(admin, settings)
    with spark_session(settings.spark_remote) as session:
        landed = raw_table.next_offsets(session, settings.topic)
        [row] = session.sql(
            "select count(*) as row_count, unix_micros(max(timestamp)) as newest "
            f"from {raw_table.NAME}"
        ).collect()
    newest = None
    if row["newest"] is not None:
        newest = datetime.fromtimestamp(row["newest"] / 1e6, UTC)
    behind = lag(topic, landed)
    if as_json:
        partitions = [
            {
                "partition": partition,
                "begin_offset": there.begin,
                "end_offset": there.end,
                "next_offset": landed.get(partition),
                "lag": behind[partition],
            }
            for partition, there in topic.items()
        ]
        found = {
            "topic": settings.topic,
            "row_count": row["row_count"],
            "newest_at": newest.isoformat() if newest else None,
            "losses": losses(topic, landed),
            "partitions": partitions,
        }
        print(json.dumps(found, indent=2))
        return
    age = "none yet"
    if newest:
        elapsed = str(datetime.now(UTC) - newest).split(".")[0]
        age = f"{newest:%Y-%m-%d %H:%M:%S} UTC, {elapsed} ago"
    print(f"{'topic lag':<20} {sum(behind.values()):,} messages of {settings.topic}")
    print(f"{'raw rows':<20} {row['row_count']:,} in {raw_table.NAME}")
    print(f"{'newest message':<20} {age}")
    for loss in losses(topic, landed):
        print(f"{'lost':<20} {loss}")
