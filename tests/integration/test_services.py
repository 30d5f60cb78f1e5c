"""The services restart, keep their data, and say clearly what is wrong."""

from pathlib import Path

import pytest
from pyhive.exc import OperationalError
from thrift.transport.TTransport import TTransportException

from services.stack import SERVICES
from tests.integration.stack import (
    ingest,
    kill,
    pid_of,
    query,
    run,
    up,
    wait_until,
)


def _pids() -> dict[str, int]:
    return {service: pid_of(service) for service in SERVICES}


def _state() -> list[tuple[object, ...]]:
    """What must survive: every landed message."""
    return query(
        "select partition, count(*), max(offset), sum(crc32(value)) "
        "from raw.assessment_attempts group by partition order by partition"
    )


def test_up_of_a_running_stack_starts_nothing() -> None:
    before = _pids()
    assert up() == ""
    assert _pids() == before


def test_up_restarts_only_what_was_reconfigured() -> None:
    before = _pids()
    up({"KAFKA_HEAP": "500m"})
    after = _pids()
    assert {name for name in SERVICES if before[name] != after[name]} == {"kafka"}


def test_killed_services_restart_with_all_data() -> None:
    """Spark ends by itself, because its optimiser needs more memory than it has."""
    state = _state()
    before = _pids()
    with pytest.raises((OperationalError, TTransportException, OSError)):
        query("select length(repeat(repeat('x', 1000000), 2100))")
    for service, pid in before.items():
        if service != "spark":
            kill(pid)
    for service, pid in before.items():
        wait_until(f"another {service} runs", lambda: pid_of(service) != pid)  # noqa: B023
    up()
    assert _state() == state
    assert ingest("drain").stdout.startswith("0 messages")


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
