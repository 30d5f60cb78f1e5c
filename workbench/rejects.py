"""Messages that are rejected: how many, and what is wrong with each."""

from pathlib import Path
from typing import Any

from cli.program import counted
from cli.settings import Settings
from cli.spark_sql import Client
from workbench.project import relations, shared_nodes
from workbench.screen import Screen, one_line

_MODEL = "stg_assessments__rejected_messages"
_SHOWN = 20
_TEXT = 300  # characters shown of a message


def name_rejects(spark: Client, nodes: dict[str, Any]) -> None:
    """Say how many messages of the last shared build are rejected, if any are."""
    [(rejected,)] = spark.read(f"select count(*) from {relations(nodes)[_MODEL]}").rows
    if rejected:
        print(f"{counted(rejected, 'message')} rejected: `make rejects` says why")


def show_rejects(settings: Settings, shared: Path) -> None:
    """Print the newest rejected messages: the reason, the place, what is wrong.

    Args:
        shared: directory with the manifest of the last shared build.

    Raises:
        CommandError: nothing was built yet, or Spark does not answer.
    """
    table = relations(shared_nodes(shared))[_MODEL]
    screen = Screen(Client(settings))
    counts = screen.spark.read(
        f"select reject_reason, count(*) from {table} group by all order by 2 desc, 1"
    ).rows
    total = sum(count for _, count in counts)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts)
    screen.say(f"{counted(total, 'message')} rejected{': ' * bool(reasons)}{reasons}")
    newest = f"""
        select
            _kafka_partition, _kafka_offset, reject_reason,
            reject_detail, message_source,
            left(message_text, {2 * _TEXT})
        from {table}
        order by _kafka_timestamp desc, _kafka_partition, _kafka_offset
        limit {_SHOWN}
    """
    rows = screen.spark.read(newest).rows
    for partition, offset, reason, detail, source, text in rows:
        place = f"partition {partition}, offset {offset}"
        screen.say(f"\n{reason}  {place}{f', {source}' * bool(source)}", "bold")
        for line in filter(None, (one_line(each, _TEXT) for each in (detail, text))):
            screen.say(f"  {line}")
    if total > _SHOWN:
        screen.say(f"\n… and {total - _SHOWN:,} older ones: select * from {table}")
