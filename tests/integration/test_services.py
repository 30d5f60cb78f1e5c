"""`up` starts only what has to start, and says clearly what is wrong."""

import socket
from pathlib import Path

import pytest
from pyhive.exc import OperationalError
from thrift.transport.TTransport import TTransportException

from cli.settings import HOST
from services.stack import SERVICES
from tests.integration.stack import (
    STACK,
    down,
    pid_of,
    pids,
    query,
    run,
    up,
    wait_until,
)


def test_up_of_a_running_stack_starts_nothing() -> None:
    before = pids()
    assert up() == ""
    assert pids() == before


def test_up_restarts_only_what_was_reconfigured() -> None:
    before = pids()
    up({"KAFKA_HEAP": "500m"})
    after = pids()
    assert {name for name in SERVICES if before[name] != after[name]} == {"kafka"}


def test_token_that_running_services_do_not_demand_is_refused() -> None:
    before = pids()
    token = {"SPARK_CONNECT_AUTHENTICATE_TOKEN": "a-secret"}
    done = run("python", "-m", "services", "up", exit_code=1, environment=token)
    [line] = done.stderr.strip().splitlines()
    assert "SPARK_CONNECT_AUTHENTICATE_TOKEN is not that of the running" in line
    assert "a-secret" not in line
    assert pids() == before


@pytest.mark.parametrize("version", [None, "11.0.2", "1.8.0_392"])
def test_missing_or_old_java_is_an_error_that_names_it(
    tmp_path: Path, version: str | None
) -> None:
    if version:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o755)
    check = ("python", "-m", "services", "check")
    done = run(*check, exit_code=1, environment={"JAVA_HOME": str(tmp_path)})
    [line] = done.stderr.strip().splitlines()
    assert "Spark needs Java 17 or 21" in line


def test_spark_that_runs_out_of_memory_ends_and_is_started_again() -> None:
    """Its optimiser needs more memory than it has."""
    spark = pid_of("spark")
    with pytest.raises((OperationalError, TTransportException, OSError)):
        query("select length(repeat(repeat('x', 1000000), 2100))")
    wait_until("another Spark runs", lambda: pid_of("spark") != spark)


def test_port_in_use_is_named_before_anything_starts() -> None:
    """Leaves the stack down."""
    down()
    with socket.create_server((HOST, STACK.ports["spark_thrift"])):
        done = run("python", "-m", "services", "up", exit_code=1)
    [line] = done.stderr.strip().splitlines()
    assert f"port {STACK.ports['spark_thrift']} (spark_thrift)" in line
