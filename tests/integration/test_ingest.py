"""drain: the promises about landing, each broken on purpose on real services."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from data.generate import attempts
from tests.integration.stack import (
    ENVIRONMENT,
    delete_from_hdfs,
    ingest,
    kill,
    pid_of,
    produce,
    query,
    services,
    topic_records,
)
from tests.quirks import RawMessage

_KILLS_OF_EACH = 6


def _publish(count: int, seed: int) -> None:
    """Attempts spread over the four partitions, as compact JSON."""
    import json

    produce(
        [
            RawMessage(
                partition=number % 4,
                timestamp_ms=1_600_000_000_000 + number,
                key=None,
                value=json.dumps(attempt).encode(),
            )
            for number, attempt in enumerate(attempts(count, seed))
        ]
    )


def _landed() -> Counter[tuple[int, int]]:
    rows = query("select partition, offset from raw.assessment_attempts")
    return Counter((partition, offset) for partition, offset in rows)


def _assert_landed_exactly_once() -> None:
    sent = {(record.partition, record.offset) for record in topic_records()}
    landed = _landed()
    assert set(landed) == sent
    assert set(landed.values()) <= {1}


def _start_drain(batch_size: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ingest", "drain", "--batch-size", str(batch_size)]
    # What it says is shown if the test fails. Where the tests run in the background,
    # a shell has them ignore SIGINT, and a child would too.
    return subprocess.Popen(
        command,
        env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_drain_says_what_it_landed_and_the_next_lands_nothing() -> None:
    ingest("drain")
    before = sum(_landed().values())
    _publish(100, seed=1)
    count = len(topic_records()) - before
    done = ingest("drain").stdout.splitlines()[-1]
    assert done.startswith(f"{count} messages of assessment-attempts landed in raw.")
    assert all(f"partition {number}: " in done for number in range(4))
    assert ingest("drain").stdout.startswith("0 messages of assessment-attempts")
    _assert_landed_exactly_once()


def test_killing_the_client_or_spark_at_any_moment_loses_and_doubles_nothing() -> None:
    chance = random.Random(2018)
    kinds = ["client", "spark"] * _KILLS_OF_EACH
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds):
        _publish(400, seed=100 + number)
        drain = _start_drain(batch_size=60)
        # Start-up takes about 3 seconds, landing about as long again.
        time.sleep(chance.uniform(1.0, 7.0))
        if kind == "client":
            drain.kill()
            drain.wait()
        else:
            kill(pid_of("spark"))
            drain.wait(timeout=120)
            services("up")
    ingest("drain")
    _assert_landed_exactly_once()


def test_two_drains_at_once_double_nothing_and_the_second_says_so() -> None:
    _publish(600, seed=3)
    # Sixty batches last several times as long as the second one's start-up.
    first = _start_drain(batch_size=10)
    deadline = time.monotonic() + 60
    before = sum(_landed().values())
    while sum(_landed().values()) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    second = ingest("drain")
    assert "another ingest into this table is running" in second.stderr
    assert first.wait(timeout=120) == 0
    _assert_landed_exactly_once()


@pytest.mark.parametrize("is_first", [False, True])
def test_two_drains_of_the_same_moment_double_nothing(is_first: bool) -> None:
    if is_first:
        query("drop table raw.assessment_attempts purge")
    _publish(200, seed=11)
    drains = [_start_drain(batch_size=100) for _ in range(2)]
    assert [drain.wait(timeout=120) for drain in drains] == [0, 0]
    _assert_landed_exactly_once()


def test_interrupting_a_drain_stops_it_and_loses_nothing() -> None:
    _publish(600, seed=4)
    drain = _start_drain(batch_size=10)
    before = sum(_landed().values())
    deadline = time.monotonic() + 60
    while sum(_landed().values()) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    drain.send_signal(signal.SIGINT)
    assert drain.wait(timeout=60) == 130
    assert sum(_landed().values()) < len(topic_records()), "stopped before the end"
    ingest("drain")
    _assert_landed_exactly_once()


def test_readers_never_see_half_a_batch() -> None:
    _publish(800, seed=5)
    drain = _start_drain(batch_size=100)
    seen = set()
    while drain.poll() is None:
        seen.add(query("select count(*) from raw.assessment_attempts")[0][0])
    assert drain.returncode == 0
    commits = query(
        "select cast(summary['total-records'] as bigint) "
        "from raw.assessment_attempts.snapshots"
    )
    assert len(seen) > 1, "readers looked on while batches arrived"
    assert seen <= {row[0] for row in commits} | {0}


def test_a_lost_checkpoint_is_made_anew_from_the_table() -> None:
    _publish(50, seed=9)
    ingest("drain")
    delete_from_hdfs(_checkpoints())
    ingest("drain")
    _publish(50, seed=6)
    ingest("drain")
    _assert_landed_exactly_once()


@pytest.mark.parametrize("log", ["offsets", "commits"])
def test_a_checkpoint_that_lost_a_part_is_not_trusted(log: str) -> None:
    _publish(200, seed=7)
    ingest("drain", "--batch-size", "50")
    properties = dict(query("show tblproperties raw.assessment_attempts"))
    place = f"{_checkpoints()}/{properties['ingest.checkpoint']}"
    newest = _newest_batch(place)
    # As if a backup of the checkpoint, older than the table, had been restored.
    for batch in range(newest - 1, newest + 1):
        for name in {"offsets", log}:
            delete_from_hdfs(f"{place}/{name}/{batch}")
    _publish(200, seed=8)
    ingest("drain", "--batch-size", "50")
    _assert_landed_exactly_once()


def _checkpoints() -> str:
    rows = query("describe table extended raw.assessment_attempts")
    [location] = [row[1] for row in rows if row[0] == "Location"]
    return f"{urlsplit(location).path}/_checkpoints"


def _newest_batch(place: str) -> int:
    rows = query(f"select input_file_name() from text.`{place}/offsets` limit 100")
    return max(int(name.rsplit("/", 1)[1]) for (name,) in rows)
