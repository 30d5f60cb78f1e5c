"""drain lands every message exactly once, whatever is killed or lost."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from urllib.parse import urlsplit

import psutil
import pytest

from data.generate import attempts
from ingest import raw_table
from ingest.spark import spark_session
from tests.integration.stack import (
    STACK,
    ingest,
    kill,
    pid_of,
    produce,
    query,
    start,
    topic_records,
    up,
    wait_until,
    web_hdfs,
)
from tests.quirks import RawMessage

_seeds = count(1)


def _publish(number: int) -> None:
    """Produce attempts as JSON, spread over the four partitions."""
    documents = islice(attempts(number, next(_seeds)), number)
    produce(
        [
            RawMessage(
                partition=index % 4,
                timestamp_ms=1_600_000_000_000 + index,
                key=None,
                value=json.dumps(document).encode(),
            )
            for index, document in enumerate(documents)
        ]
    )


def _landed() -> int:
    [(rows,)] = query("select count(*) from raw.assessment_attempts")
    return int(rows)


def _assert_landed_exactly_once() -> None:
    sent = Counter((record.partition, record.offset) for record in topic_records())
    rows = query("select partition, offset from raw.assessment_attempts")
    assert Counter((partition, offset) for partition, offset in rows) == sent


@contextmanager
def _draining(batch_size: int) -> Iterator[subprocess.Popen[str]]:
    """Run a drain that has landed its first batch."""
    before = _landed()
    command = ("python", "-m", "ingest", "drain", "--batch-size", str(batch_size))
    with start(*command) as drain:
        wait_until("a batch is landed", lambda: _landed() > before)
        yield drain


def _wait_until_it_waits(process: subprocess.Popen[str]) -> None:
    """Read what an ingest prints until it says that it waits for another one."""
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if "another ingest into this table" in line:
            return
    pytest.fail(f"it ended without waiting: {said}")


def _checkpoints() -> str:
    rows = query("describe table extended raw.assessment_attempts")
    [location] = [row[1] for row in rows if row[0] == "Location"]
    return f"{urlsplit(location).path}/_checkpoints"


def _checkpoint() -> str:
    properties = dict(query("show tblproperties raw.assessment_attempts"))
    return f"{_checkpoints()}/{properties['ingest.checkpoint']}"


def _newest(folder: str, pattern: str = r"(\d+)") -> int:
    """Return the largest number in the file names that match the pattern, or -1."""
    listed = web_hdfs(folder, "LISTSTATUS") or {"FileStatuses": {"FileStatus": []}}
    names = [each["pathSuffix"] for each in listed["FileStatuses"]["FileStatus"]]
    found = (re.fullmatch(pattern, name) for name in names)
    return max((int(each[1]) for each in found if each), default=-1)


def test_drain_reports_what_it_landed_and_the_next_one_lands_nothing() -> None:
    ingest("drain")
    before = _landed()
    _publish(100)
    number = len(topic_records()) - before
    said = ingest("drain").stdout.splitlines()[-1]
    assert said.startswith(f"{number} messages of assessment-attempts landed in raw.")
    assert all(f"partition {each}: " in said for each in range(4))
    assert ingest("drain").stdout.startswith("0 messages of assessment-attempts")
    _assert_landed_exactly_once()


def test_drain_waits_for_the_query_of_a_killed_client() -> None:
    """Spark is frozen while the second client starts, so that the query still runs."""
    _publish(300)
    spark = pid_of("spark")
    with _draining(batch_size=10) as drain:
        os.kill(spark, signal.SIGSTOP)
        drain.kill()
    try:
        with start("python", "-m", "ingest", "drain") as second:
            client = psutil.Process(second.pid)
            port = STACK.ports["spark_connect"]
            wait_until(
                "the second client connects to Spark",
                lambda: any(
                    connection.raddr and connection.raddr.port == port
                    for connection in client.net_connections()
                ),
            )
            os.kill(spark, signal.SIGCONT)
            _wait_until_it_waits(second)
            assert second.wait() == 0
    finally:
        os.kill(spark, signal.SIGCONT)
    _assert_landed_exactly_once()


def test_second_ingest_waits_for_the_running_one() -> None:
    """The running one is a query that lands nothing, in the session of all ingests."""
    _publish(50)
    with spark_session(STACK.spark_remote, shared_name=raw_table.NAME) as session:
        running = (
            session.readStream.format("rate")
            .load()
            .writeStream.format("noop")
            .queryName("drain")
            .start()
        )
        before = _landed()
        with start("python", "-m", "ingest", "drain") as second:
            try:
                _wait_until_it_waits(second)
                assert _landed() == before
            finally:
                running.stop()
            assert second.wait() == 0
    _assert_landed_exactly_once()


@pytest.mark.parametrize("is_first", [False, True])
def test_simultaneous_ingests_duplicate_nothing(is_first: bool) -> None:
    if is_first:
        query("drop table raw.assessment_attempts purge")
    _publish(200)
    command = ("python", "-m", "ingest", "drain", "--batch-size", "300")
    with start(*command) as one, start(*command) as other:
        assert [one.wait(), other.wait()] == [0, 0]
    _assert_landed_exactly_once()


def test_readers_see_whole_batches_and_an_interrupt_loses_nothing() -> None:
    _publish(600)
    seen: set[int] = set()
    with _draining(batch_size=10) as drain:
        while len(seen) < 3:
            seen.add(_landed())
        drain.send_signal(signal.SIGINT)
        assert drain.wait() == 130
    seen.add(_landed())
    assert max(seen) < len(topic_records()), "stopped before the end"
    commits = query(
        "select cast(summary['total-records'] as bigint) "
        "from raw.assessment_attempts.snapshots"
    )
    assert seen <= {row[0] for row in commits}
    ingest("drain")
    _assert_landed_exactly_once()


def test_lost_checkpoint_is_recreated_from_the_table() -> None:
    web_hdfs(_checkpoints(), "DELETE&recursive=true", "DELETE")
    _publish(200)
    ingest("drain", "--batch-size", "50")
    _assert_landed_exactly_once()


@pytest.mark.parametrize("lost", [{"offsets"}, {"offsets", "commits"}])
def test_checkpoint_older_than_the_table_is_replaced(lost: set[str]) -> None:
    """As if a backup of one or both of the checkpoint's logs had been restored."""
    place = _checkpoint()
    newest = _newest(f"{place}/offsets")
    assert newest >= 2
    for name in lost:
        for batch in (newest - 1, newest):
            web_hdfs(f"{place}/{name}/{batch}", "DELETE", "DELETE")
    _publish(200)
    ingest("drain", "--batch-size", "50")
    _assert_landed_exactly_once()


@pytest.mark.parametrize("is_in_table", [False, True])
def test_spark_killed_in_a_batch_loses_and_duplicates_nothing(
    is_in_table: bool,
) -> None:
    """Kill Spark when a batch is planned, before or after the table has its rows.

    Spark writes the plan, commits to the table, then records the batch as committed.
    """
    place = _checkpoint()
    metadata = f"{urlsplit(place).path.partition('/_checkpoints')[0]}/metadata"

    def state() -> tuple[int, int, int]:
        version = _newest(metadata, r"v(\d+)\.metadata\.json")
        return _newest(f"{place}/offsets"), _newest(f"{place}/commits"), version

    planned, done, version = state()
    assert planned == done
    ahead = version - done + is_in_table
    spark = pid_of("spark")

    def is_there() -> bool:
        planned, done, version = state()
        return planned > done and version - done == ahead

    def is_frozen_there() -> bool:
        if not is_there():
            return False
        os.kill(spark, signal.SIGSTOP)
        if is_there():
            return True
        os.kill(spark, signal.SIGCONT)
        return False

    _publish(400)
    with start("python", "-m", "ingest", "drain", "--batch-size", "10") as drain:
        wait_until("Spark is between its two writes", is_frozen_there)
        kill(spark)
        assert drain.wait() == 1
        assert drain.stderr
        assert "nothing is lost: run the command again" in drain.stderr.read()
    up()
    ingest("drain")
    _assert_landed_exactly_once()
