"""Keep the number of files bounded: compact tables and expire old snapshots."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql.connect.session import SparkSession

from cli.settings import Settings
from ingest import raw_table
from ingest.spark import spark_session

# Iceberg refuses 24 hours and less, because a running write may have created the files.
_ORPHAN_HOURS = 25
# The catalog may list tables of others, too.
_SCHEMAS = {
    "raw",
    "reference",
    "staging",
    "intermediate",
    "marts",
    "test_failures",
}


@dataclass(frozen=True)
class TableSize:
    """What a table holds on HDFS, in all of its snapshots."""

    snapshots: int
    files: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.snapshots:,} snapshots, {self.files:,} files, "
            f"{self.bytes / 1e6:,.1f} MB"
        )


def maintain(settings: Settings, keep_hours: int, apply: bool) -> None:
    """Compact every table, then expire old snapshots and remove unknown files.

    Rows never change. Each table keeps its current snapshot, and the raw table the
    record of what was read, which is committed again after its compaction. A query that
    reads a snapshot while it expires may fail, so keep longer than the longest query.

    Args:
        keep_hours: snapshots of that age and younger stay.
        apply: do it; otherwise only print what there is, and what would be expired.

    Raises:
        CommandError: Spark fails.
    """
    with spark_session(settings.spark_remote) as session:
        for table in _tables(session):
            before = _size(session, table)
            if apply:
                _maintain(session, table, keep_hours)
                print(f"{table}: {before} -> {_size(session, table)}", flush=True)
            else:
                old = _expirable(session, table, keep_hours)
                print(f"{table}: {before}; {old:,} snapshots would expire")
    if not apply:
        print("nothing was changed: --apply does it")


def _tables(session: SparkSession) -> Iterator[str]:
    for (namespace,) in session.sql("show namespaces").collect():
        if namespace in _SCHEMAS:
            for row in session.sql(f"show tables in {namespace}").collect():
                if not row["isTemporary"]:
                    yield f"{namespace}.{row['tableName']}"


def _size(session: SparkSession, table: str) -> TableSize:
    [[snapshots]] = session.sql(f"select count(*) from {table}.snapshots").collect()
    [[files, size]] = session.sql(
        "select count(*), coalesce(sum(file_size_in_bytes), 0) from ("
        f"select distinct file_path, file_size_in_bytes from {table}.all_files)"
    ).collect()
    return TableSize(snapshots, files, size)


def _expirable(session: SparkSession, table: str, keep_hours: int) -> int:
    [[old]] = session.sql(
        f"select count(*) from {table}.snapshots "
        f"where committed_at < {_before(keep_hours)} "
        f"and snapshot_id not in (select snapshot_id from {table}.refs)"
    ).collect()
    return int(old)


def _maintain(session: SparkSession, table: str, keep_hours: int) -> None:
    is_raw = table == raw_table.NAME
    # In order, so that a range of offsets prunes files.
    order = ["strategy => 'sort'", "sort_order => 'offset'"] if is_raw else []
    _call(session, "rewrite_data_files", table, *order)
    _call(session, "rewrite_manifests", table)
    if is_raw:
        raw_table.record_again(session)
    expired = f"older_than => {_before(keep_hours)}"
    _call(session, "expire_snapshots", table, expired)
    unknown = f"older_than => {_before(max(keep_hours, _ORPHAN_HOURS))}"
    _call(session, "remove_orphan_files", table, unknown)


def _before(hours: int) -> str:
    """Return a time as a literal, because `call` takes no expression."""
    moment = datetime.now(UTC) - timedelta(hours=hours)
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}+00:00'"


def _call(session: SparkSession, procedure: str, table: str, *arguments: str) -> None:
    """Call one of Iceberg's procedures."""
    listed = ", ".join((f"table => '{table}'", *arguments))
    catalog = session.catalog.currentCatalog()
    session.sql(f"call {catalog}.system.{procedure}({listed})").collect()
