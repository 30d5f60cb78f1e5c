"""drain lands every message exactly once, whatever is killed or lost."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from itertools import count, islice
from urllib.parse import urlsplit

import fsspec
import pytest
from kafka import KafkaAdminClient, TopicPartition
from pyarrow.parquet import read_metadata

from cli.settings import HOST
from data.generate import attempts
from ingest import landing, raw_table
from ingest.offsets import next_batch
from ingest.spark import spark_session
from tests.integration.stack import (
    STACK,
    aborted_transaction,
    configure_topic,
    ingest,
    kill,
    pid_of,
    pids,
    produce,
    query,
    read_by_ingest,
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


def _files() -> int:
    """Return how many files of Kafka partition 0 are on HDFS, committed or not."""
    listed = web_hdfs(f"{_location()}/data/partition=0", "LISTSTATUS")
    return len(listed["FileStatuses"]["FileStatus"])


def _commits() -> int:
    """Return the number of the table's newest commit."""
    listed = web_hdfs(f"{_location()}/metadata", "LISTSTATUS")
    names = [each["pathSuffix"] for each in listed["FileStatuses"]["FileStatus"]]
    found = (re.fullmatch(r"v(\d+)\.metadata\.json", name) for name in names)
    return max(int(each[1]) for each in found if each)


def _call(procedure: str) -> None:
    """Call one of Iceberg's procedures."""
    query(f"call lake.system.{procedure}")


@cache
def _location() -> str:
    rows = query("describe table extended raw.assessment_attempts")
    [location] = [row[1] for row in rows if row[0] == "Location"]
    return str(urlsplit(location).path)


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


def test_batch_that_another_ingest_has_landed_is_refused() -> None:
    """Both plan the same batch, in sessions that each have their own catalog."""
    _publish(40)
    settings, _, topic = read_by_ingest()
    remote = settings.spark_remote
    with spark_session(remote) as one, spark_session(remote) as other:
        state = raw_table.state(one)
        assert raw_table.state(other) == state
        batch = next_batch(topic, state.next_offsets, size=20)
        raw_table.land(landing.read_messages(one, settings, batch), batch, state)
        before = _landed()
        with pytest.raises(raw_table.ConflictError, match="conflicting files"):
            raw_table.land(landing.read_messages(other, settings, batch), batch, state)
        assert _landed() == before
    ingest("drain")
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
    before = _commits()
    seen: set[int] = set()
    with start("python", "-m", "ingest", "drain", "--batch-size", "10") as drain:
        wait_until("a batch is landed", lambda: _commits() > before)
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


def test_messages_of_a_rolled_back_table_land_again() -> None:
    _publish(100)
    ingest("drain", "--batch-size", "20")
    [*_, (earlier,), _, _] = query(
        f"select snapshot_id from {raw_table.NAME}.snapshots order by committed_at"
    )
    _call(f"rollback_to_snapshot('{raw_table.NAME}', {earlier})")
    assert ingest("drain").stdout.startswith("40 messages of assessment-attempts")
    _assert_landed_exactly_once()


def test_rows_tell_what_was_read_if_no_snapshot_does() -> None:
    query(f"insert into {raw_table.NAME} select * from {raw_table.NAME} limit 0")
    _call(f"expire_snapshots('{raw_table.NAME}', now(), 1)")
    _publish(100)
    assert ingest("drain").stdout.startswith("100 messages of assessment-attempts")
    _assert_landed_exactly_once()


def test_follow_lands_what_comes_and_ends_cleanly() -> None:
    with start("python", "-m", "ingest", "follow", "--every", "1") as follow:
        assert follow.stdout
        landed = (line for line in follow.stdout if " 20 messages of " in line)
        for _ in range(2):
            _publish(20)
            assert next(landed)
        follow.send_signal(signal.SIGTERM)
        assert follow.wait() == 0
    _assert_landed_exactly_once()


def test_audit_finds_what_is_missing_double_or_different() -> None:
    assert "0 different" in ingest("audit").stdout
    [*_, (sound,)] = query(
        f"select snapshot_id from {raw_table.NAME}.snapshots order by committed_at"
    )
    query(f"delete from {raw_table.NAME} where partition = 0 and offset in (3, 4)")
    query(
        f"insert into {raw_table.NAME} "
        f"select * from {raw_table.NAME} where partition = 1 and offset = 7"
    )
    query(f"update {raw_table.NAME} set value = null where partition = 2")
    damaged = ingest("audit", "--sample", "5", exit_code=1)
    assert "2 missing, 1 double, 5 different from the topic" in damaged.stderr
    assert "  offsets 3 to 4: 2 messages missing" in damaged.stdout
    assert "1 rows double, 2 offsets without a row" in ingest("status").stdout
    _call(f"rollback_to_snapshot('{raw_table.NAME}', {sound})")
    ingest("audit")


def test_rollback_between_two_batches_is_noticed() -> None:
    _publish(60)
    settings, source, topic = read_by_ingest()
    with spark_session(settings.spark_remote) as session:
        state = landing.prepare(session, source, topic)
        batches = landing.land(session, settings, source, topic, state, batch_size=20)
        next(batches)
        next(batches)
        _call(f"rollback_to_snapshot('{raw_table.NAME}', {state.snapshot})")
        assert sum(1 for _ in batches) > 1
    _assert_landed_exactly_once()


def test_maintenance_bounds_the_files_and_changes_no_row() -> None:
    """Readers of the current snapshot see the same throughout, and ingest goes on.

    The position in the topic, here behind a transaction marker, is kept.
    """
    with aborted_transaction(partition=3):
        pass
    ingest("drain")
    rows = "select count(*), sum(hash(*)) from raw.assessment_attempts"
    before = query(rows)
    printed = ingest("maintain", "--keep-hours", "0").stdout
    assert re.search(
        r"raw.assessment_attempts: .* [1-9]\d* snapshots would expire", printed
    )
    assert query(f"select count(*) from {raw_table.NAME}.snapshots")[0][0] > 1
    ingest("maintain", "--keep-hours", "0", "--apply")
    assert query(f"select count(*) from {raw_table.NAME}.snapshots") == [(1,)]
    # One file per Kafka partition.
    assert query(f"select count(*) from {raw_table.NAME}.all_files") == [(4,)]
    assert query(rows) == before
    status = json.loads(ingest("status", "--json").stdout)
    assert not any(partition["lag"] for partition in status["partitions"])
    _publish(20)
    assert ingest("drain").stdout.startswith("20 messages of assessment-attempts")
    _assert_landed_exactly_once()


def test_accepted_loss_lands_the_rest() -> None:
    """In a partition that had no message before."""
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.create_partitions({STACK.topic: 5})
        produce([RawMessage(4, 1, None, b"lost")])
        admin.delete_records({TopicPartition(STACK.topic, 4): -1})
    produce([RawMessage(0, 1, None, b"kept"), RawMessage(4, 2, None, b"kept")])
    before = _landed()
    lost = "partition 4: offsets 0 to 0 are no longer in the topic"
    for command in ("drain", "audit"):
        assert lost in ingest(command, exit_code=1).stderr
    assert _landed() == before
    accepted = "accepted as lost: partition 4, offsets 0 to 0"
    assert accepted in ingest("drain", "--accept-loss").stdout
    assert ingest("drain").stdout.startswith("0 messages of assessment-attempts")
    _assert_landed_exactly_once()
    assert json.loads(
        dict(query(f"show tblproperties {raw_table.NAME}"))["ingest.accepted-losses"]
    ) == [{"partition": 4, "first": 0, "last": 0}]


def test_open_transaction_is_named_and_its_expired_marker_is_no_loss() -> None:
    with aborted_transaction(partition=1):
        waits = r"partition 1: offsets (\d+) to \1 wait for a transaction to end"
        assert re.search(waits, ingest("drain").stderr)
        assert re.search(waits, ingest("status").stdout)
    assert not ingest("drain").stderr
    _assert_landed_exactly_once()
    partition = TopicPartition(STACK.topic, 1)
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.delete_records({partition: -1})
    assert ingest("drain").stdout.startswith("0 messages of assessment-attempts")
    assert json.loads(ingest("status", "--json").stdout)["losses"] == []


def test_messages_of_10_mb_land_byte_for_byte() -> None:
    """In several row groups, so the writer's memory does not grow with their number."""
    largest = 10 * 1024**2
    configure_topic({"max.message.bytes": str(largest)})
    values = [os.urandom(largest - 100) for _ in range(14)]
    produce([RawMessage(3, 1, None, value) for value in values])
    assert ingest("drain").stdout.startswith("14 messages of assessment-attempts")
    [(largest_file,)] = query(
        f"select max_by(file_path, file_size_in_bytes) from {raw_table.NAME}.files"
    )
    web = STACK.ports["namenode_web"]
    with fsspec.filesystem("webhdfs", host=HOST, port=web).open(
        urlsplit(largest_file).path
    ) as stream:
        assert read_metadata(stream).num_row_groups > 1
    landed = query(
        f"select sha2(value, 256) from {raw_table.NAME} where length(value) > 1e6"
    )
    assert {row[0] for row in landed} == {sha256(value).hexdigest() for value in values}


def test_message_that_spark_cannot_read_is_named_and_can_be_passed() -> None:
    """Older brokers accept any timestamp; Spark's have microseconds in 64 bits."""
    configure_topic({"message.timestamp.after.max.ms": str(2**63 - 1)})
    for partition in (2, 3):
        _publish(20)
        produce([RawMessage(partition, 2**63 - 1, None, b"at the end of time")])
    _publish(20)
    before = _landed()
    error = ingest("drain", exit_code=1).stderr
    found = r"partition (\d): the message at offset (\d+) has a timestamp"
    named = re.findall(found, error)
    assert [partition for partition, _ in named] == ["2", "3"]
    assert "--accept-loss" in error
    assert _landed() == before
    accepted = ingest("drain", "--accept-loss", "--batch-size", "10").stdout
    for partition, offset in named:
        lost = f"accepted as lost: partition {partition}, offsets {offset} to {offset}"
        assert lost in accepted
    assert _landed() == before + 60
    assert "accepted as lost" in ingest("audit").stdout


def test_topic_that_was_deleted_and_created_again_is_refused() -> None:
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.delete_topics([STACK.topic])
        wait_until("the topic is gone", lambda: STACK.topic not in admin.list_topics())
    ingest("init")
    before = _landed()
    _publish(before + 100)
    error = ingest("drain", exit_code=1).stderr
    assert "'assessment-attempts' that has been deleted and created again" in error
    assert _landed() == before
    assert (
        error.rstrip("\n").removeprefix("ingest: ").removesuffix("; nothing was landed")
        in json.loads(ingest("status", "--json").stdout)["losses"]
    )
    query("drop table raw.assessment_attempts purge")
    ingest("drain")
    _assert_landed_exactly_once()


def test_topic_of_another_cluster_is_refused() -> None:
    settings, source, _ = read_by_ingest()
    with spark_session(settings.spark_remote) as session:
        assert raw_table.refusal(session, source) is None
        refusal = raw_table.refusal(session, replace(source, cluster_id="another"))
        assert refusal
        assert "of another Kafka cluster" in refusal


# Kills: last, because Spark is slow after a restart ---------------------------------


@contextmanager
def _frozen_spark(is_writing: bool) -> Iterator[subprocess.Popen[str]]:
    """Freeze Spark after a commit, or while it writes for the next; yield the drain."""
    spark = pid_of("spark")
    files, commits = _files(), _commits()

    def is_there() -> bool:
        new_commits = _commits() - commits
        uncommitted = _files() - files - new_commits
        return new_commits > 0 and (uncommitted > 0 or not is_writing)

    def is_frozen_there() -> bool:
        if not is_there():
            return False
        os.kill(spark, signal.SIGSTOP)
        if is_there():
            return True
        os.kill(spark, signal.SIGCONT)
        return False

    _publish(200)
    with start("python", "-m", "ingest", "drain", "--batch-size", "10") as drain:
        wait_until("Spark is there", is_frozen_there)
        yield drain


def test_client_killed_after_a_commit_loses_and_duplicates_nothing() -> None:
    """It may not have been told of the commit."""
    with _frozen_spark(is_writing=False) as drain:
        drain.kill()
        os.kill(pid_of("spark"), signal.SIGCONT)
    ingest("drain")
    _assert_landed_exactly_once()


@pytest.mark.nightly
def test_follow_goes_on_after_kafka_or_hdfs_was_killed() -> None:
    def kill_in_the_middle(*services: str) -> None:
        before, commits = _landed(), _commits()
        _publish(60)
        wait_until("the first batch is landed", lambda: _commits() > commits)
        assert _landed() < before + 60, "others are still to land"
        killed = [(service, pid_of(service)) for service in services]
        for _, pid in killed:
            kill(pid)
        wait_until(
            "they run again",
            lambda: all(pid_of(service) != pid for service, pid in killed),
        )
        up()
        wait_until("all are landed", lambda: _landed() == before + 60, every=1)

    command = ("python", "-m", "ingest", "follow", "--every", "1", "--batch-size", "10")
    with start(*command) as follow:
        kill_in_the_middle("kafka")
        kill_in_the_middle("namenode", "datanode")
        follow.send_signal(signal.SIGTERM)
        assert follow.wait() == 0
    _assert_landed_exactly_once()


def test_unclean_shutdown_between_two_commits_loses_and_duplicates_nothing() -> None:
    """supervisord and all services but one are gone.

    That one still holds its ports.
    """
    before = pids()
    with _frozen_spark(is_writing=True) as drain:
        kill(int((STACK.directory / "run" / "supervisord.pid").read_text()))
        for service, pid in before.items():
            if service != "datanode":
                kill(pid)
        assert drain.wait() == 1
        assert drain.stderr
        assert "nothing is lost: run the command again" in drain.stderr.read()
    up()
    assert not set(pids().values()) & set(before.values())
    ingest("drain")
    _assert_landed_exactly_once()
