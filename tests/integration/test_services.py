"""The services: they come back, keep their data, and say clearly what is wrong."""

import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from services.stack import SERVICES
from tests.integration.stack import (
    ENVIRONMENT,
    STACK,
    ingest,
    kill,
    pid_of,
    query,
    run,
    services,
    spark_events,
    start_with_sample,
)

_COUNT = "select count(*) from raw.assessment_attempts"


@pytest.fixture(scope="module", autouse=True)
def sample() -> None:
    start_with_sample()


def _answers() -> str:
    return run("python", "-m", "answers").stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_comes_back_and_the_answers_are_the_same(service: str) -> None:
    before = _answers()
    old = pid_of(service)
    kill(old)
    deadline = time.monotonic() + 60
    while pid_of(service) == old and time.monotonic() < deadline:
        time.sleep(0.1)
    services("up")
    assert pid_of(service) != old
    assert _answers() == before
    assert ingest("drain").stdout.startswith("0 messages")


def test_down_and_up_keep_all_data() -> None:
    before, rows = _answers(), query(_COUNT)
    services("down")
    services("up")
    assert query(_COUNT) == rows
    assert _answers() == before
    assert ingest("drain").stdout.startswith("0 messages")


def test_a_machine_that_was_switched_off_starts_again() -> None:
    """Everything killed at once; pid files and sockets stay behind."""
    before = _answers()
    run_directory = STACK.directory / "run"
    pids = [int(file.read_text()) for file in run_directory.glob("*.pid")]
    supervisor = int((run_directory / "supervisord.pid").read_text())
    kill(supervisor)
    for pid in set(pids) - {supervisor}:
        kill(pid)
    services("up")
    assert _answers() == before


def test_up_of_a_running_stack_starts_nothing() -> None:
    before = {service: pid_of(service) for service in SERVICES}
    assert run("python", "-m", "services", "up").stdout == ""
    assert {service: pid_of(service) for service in SERVICES} == before


def test_services_left_by_a_killed_supervisor_are_taken_over() -> None:
    kill(int((STACK.directory / "run" / "supervisord.pid").read_text()))
    services("up")
    assert ingest("drain").stdout.startswith("0 messages")


def test_status_shows_services_lag_rows_and_age() -> None:
    shown = run("python", "-m", "services", "status").stdout
    for service in SERVICES:
        [line] = [line for line in shown.splitlines() if line.startswith(service)]
        assert "RUNNING" in line and str(STACK.log(service)) in line
    assert "topic lag            0 messages" in shown
    assert f"raw rows             {query(_COUNT)[0][0]:,} in" in shown
    assert " ago" in shown


def test_a_port_in_use_is_named_before_anything_starts() -> None:
    services("down")
    with socket.socket() as other:
        other.bind(("127.0.0.1", STACK.ports["spark_thrift"]))
        other.listen()
        done = run("python", "-m", "services", "up", exit_code=1)
    services("up")
    [line] = done.stderr.strip().splitlines()
    assert f"port {STACK.ports['spark_thrift']} (spark_thrift)" in line


@pytest.mark.parametrize("version", [None, "11.0.2", "1.8.0_392"])
def test_a_java_that_is_missing_or_too_old_is_named(
    tmp_path: Path, version: str | None
) -> None:
    if version:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o755)
    done = run(
        "python",
        "-m",
        "services",
        "check",
        exit_code=1,
        environment={"JAVA_HOME": str(tmp_path)},
    )
    [line] = done.stderr.strip().splitlines()
    assert "Spark needs Java 17 or 21" in line


def test_a_service_of_the_users_own_is_not_started_here() -> None:
    shown = run(
        "python",
        "-m",
        "services",
        "status",
        exit_code=None,
        environment={**ENVIRONMENT, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"},
    ).stdout
    assert "kafka          EXTERNAL" in shown


def test_its_own_spark_master_makes_it_a_cluster_until_it_is_stopped() -> None:
    before = _answers()
    master = f"spark://{STACK.host}:{STACK.ports['spark_master']}"
    up = ("python", "-m", "services", "up")
    run(*up, environment={"SPARK_MASTER": master})
    run(*up)  # a later command need not say it again
    shown = run("python", "-m", "services", "status").stdout
    assert Counter(shown.split())["RUNNING"] == len(SERVICES) + 4
    assert ingest("drain").stdout.startswith("0 messages")
    run("dbt", "run")
    assert _answers() == before
    log = STACK.directory / "data" / "spark-events"
    tasks = Counter(
        event["Task Info"]["Executor ID"]
        for event in spark_events(log)
        if event["Event"] == "SparkListenerTaskEnd"
    )
    assert set(tasks) == {"0", "1"}, "the driver only plans"

    services("down")
    services("up")
    shown = run("python", "-m", "services", "status").stdout
    assert Counter(shown.split())["RUNNING"] == len(SERVICES)
    assert _answers() == before
