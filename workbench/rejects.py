"""Messages that are rejected: how many, and what is wrong with each."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.program import counted
from cli.settings import Settings
from cli.spark_sql import Client
from workbench.project import shared_nodes

_MODEL = "stg_assessments__rejected_messages"
_SHOWN = 20
_TEXT = 300  # characters shown of a message


def name_rejects(spark: Client, nodes: dict[str, Any]) -> None:
    """Say how many messages of the last shared build are rejected, if any are."""
    [(rejected,)] = spark.read(f"select count(*) from {_table(nodes)}").rows
    if rejected:
        print(f"{counted(rejected, 'message')} rejected: `make rejects` says why")


def show_rejects(settings: Settings, shared: Path) -> None:
    """Print the newest rejected messages: the reason, the place, what is wrong.

    Args:
        shared: directory with the manifest of the last shared build.

    Raises:
        CommandError: nothing was built yet, or Spark does not answer.
    """
    table = _table(shared_nodes(shared))
    spark, console = Client(settings), Console(highlight=False, soft_wrap=True)
    counts = spark.read(
        f"select reject_reason, count(*) from {table} group by all order by 2 desc, 1"
    ).rows
    total = sum(count for _, count in counts)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts)
    console.print(
        f"{counted(total, 'message')} rejected{': ' * bool(reasons)}{reasons}"
    )
    newest = f"""
        select
            _kafka_partition, _kafka_offset, reject_reason,
            reject_detail, message_source,
            left(message_text, {_TEXT + 1})
        from {table}
        order by _kafka_timestamp desc, _kafka_partition, _kafka_offset
        limit {_SHOWN}
    """
    for partition, offset, reason, detail, source, text in spark.read(newest).rows:
        place = f"partition {partition}, offset {offset}"
        console.print(
            Text(f"\n{reason}  {place}{f', {source}' * bool(source)}", "bold")
        )
        for line in filter(None, map(_beginning, (detail, text))):
            console.print(Text(f"  {line}"))
    if total > _SHOWN:
        console.print(f"\n… and {total - _SHOWN:,} older ones: select * from {table}")


def _beginning(text: str | None) -> str:
    line = " ".join((text or "").split())
    # A terminal would obey some control characters.
    line = "".join(each if each.isprintable() else "\ufffd" for each in line)
    return line if len(line) <= _TEXT else f"{line[:_TEXT]}…"


def _table(nodes: dict[str, Any]) -> str:
    [table] = (
        str(node["relation_name"]) for node in nodes.values() if node["name"] == _MODEL
    )
    return table
