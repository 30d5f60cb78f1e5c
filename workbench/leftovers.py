"""Tables that no model makes any more: name them, or ask and drop them."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.settings import ROOT, Settings
from cli.spark_sql import Client
from workbench.project import OwnProject


def name_leftovers(spark: Client, nodes: dict[str, Any]) -> None:
    """Name the tables in the shared schemas that no model of the project makes."""
    found = _leftovers(spark, _made(nodes))
    if found:
        print(f"no model makes {', '.join(found)}: `make prune` asks and drops")


def prune(settings: Settings, shared: Path, whole: bool) -> None:
    """List tables that no model makes any more, ask, and drop them.

    Args:
        shared: directory with the manifest of the last shared build.
        whole: also list every table in one's own schemas.

    Raises:
        CommandError: nothing was built yet, or Spark does not answer.
    """
    project = OwnProject(shared)
    project.parse()
    spark = Client(settings)
    own = project.made_tables()
    found = _leftovers(spark, _made(project.shared_nodes))
    found += tables(spark, _schemas(own)) if whole else _leftovers(spark, own)
    if not found:
        print("nothing is left behind")
        return
    print("Tables that no model of this project makes:" if not whole else "Tables:")
    print("\n".join(found))
    print(f"Drop these {len(found)}? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip() != "y":
        print("nothing dropped")
        return
    for table in found:
        spark.read(f"drop table if exists {table} purge")
    print(f"{len(found)} dropped")


def _made(nodes: dict[str, Any]) -> set[str]:
    return {str(node["relation_name"]) for node in nodes.values()} - {"None"}


def _schemas(tables: Iterable[str]) -> set[str]:
    return {table.partition(".")[0] for table in tables}


def _leftovers(spark: Client, made: set[str]) -> list[str]:
    """Return the tables that were not made, and have no file in the project either."""
    files = {
        path.stem
        for folder in ("models", "seeds", "tests/assertions")
        for path in (ROOT / folder).rglob("*.*")
    }
    return [
        table
        for table in tables(spark, _schemas(made))
        if table not in made and table.partition(".")[2] not in files
    ]


def tables(spark: Client, schemas: Iterable[str]) -> list[str]:
    """Return the tables in schemas, as schema.name."""
    there = {name for (name,) in spark.read("show schemas").rows}
    return [
        f"{schema}.{name}"
        for schema in sorted(there.intersection(schemas))
        # Temporary views of the session are listed too.
        for _, name, is_view in spark.read(f"show tables in {schema}").rows
        if not is_view
    ]
