"""How far the raw table is behind the topic."""

import json
from datetime import UTC, datetime

from cli.settings import Settings
from ingest import raw_table
from ingest.audit import summary
from ingest.offsets import held_back, lag, losses
from ingest.spark import spark_session
from ingest.topic import admin_client, read_topic


def status(settings: Settings, as_json: bool) -> None:
    """Print topic lag, rows in the raw table, losses, and the newest message's age.

    As JSON: `topic`, `row_count`, `newest_at` (ISO 8601, null without a message),
    `losses` and `held_back` (sentences), `audit` (its summary), and for
    each of `partitions` its `partition`, `begin_offset`, `end_offset`, `next_offset`
    (to read, null before the first ingest) and `lag`.

    Raises:
        CommandError: Kafka or Spark does not answer, or the topic does not exist.
    """
    with admin_client(settings) as admin:
        source, topic = read_topic(admin, settings)
    with spark_session(settings.spark_remote) as session:
        next_offsets = raw_table.state(session).next_offsets
        refusal = raw_table.refusal(session, source)
        audited = summary(session, next_offsets)
        [row] = session.sql(
            "select count(*) as row_count, unix_micros(max(timestamp)) as newest "
            f"from {raw_table.NAME}"
        ).collect()
    newest = None
    if row["newest"] is not None:
        newest = datetime.fromtimestamp(row["newest"] / 1e6, UTC)
    behind = lag(topic, next_offsets)
    lost = [refusal] if refusal else losses(topic, next_offsets)
    if as_json:
        partitions = [
            {
                "partition": partition,
                "begin_offset": there.begin,
                "end_offset": there.end,
                "next_offset": next_offsets.get(partition),
                "lag": behind[partition],
            }
            for partition, there in topic.items()
        ]
        found = {
            "topic": settings.topic,
            "row_count": row["row_count"],
            "newest_at": newest.isoformat() if newest else None,
            "losses": lost,
            "held_back": held_back(topic),
            "audit": audited,
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
    print(f"{'audit':<20} {audited}")
    for name, sentences in (("held back", held_back(topic)), ("lost", lost)):
        for sentence in sentences:
            print(f"{name:<20} {sentence}")
