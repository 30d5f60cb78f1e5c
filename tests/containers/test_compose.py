"""Containers on one machine: from first start to answers, and what they survive.

The tests build on each other, in this order.
"""

import json
import re
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.containers.engine import (
    IMAGE,
    assert_landed_exactly_once,
    compose,
    compose_up,
    containers,
    in_pipeline,
    kill,
    run,
)
from tests.integration.stack import SAMPLE, SAMPLE_MESSAGES

SERVICES = ("kafka", "namenode", "datanode", "spark", "pipeline")


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    seconds = compose_up()
    size = int(run("docker", "image", "inspect", IMAGE, "-f", "{{.Size}}").stdout)
    print(f"healthy after {seconds:.0f} s from nothing; image of {size / 1e9:.2f} GB")
    yield
    compose("down", "--volumes")


def test_compose_file_has_no_warnings() -> None:
    done = run("docker", "compose", "--profile", "cluster", "config", "--quiet")
    assert done.stderr == ""


def test_every_service_is_healthy() -> None:
    states = {
        name: container["State"]["Health"]["Status"]
        for name, container in containers().items()
    }
    assert states == {f"{service}-1": "healthy" for service in SERVICES}


def test_main_job_on_the_host_gives_the_answers_of_local_processes(
    local_answers: Callable[[int], str],
) -> None:
    run("make", "publish", f"FILE={SAMPLE}")
    run("make", "ingest")
    run("make", "build")
    assert run("make", "--silent", "answers").stdout == local_answers(1)


def test_main_job_in_a_container_gives_the_answers_of_local_processes(
    local_answers: Callable[[int], str],
) -> None:
    in_pipeline("make", "publish", f"FILE={SAMPLE}")
    in_pipeline("make", "ingest")
    in_pipeline("make", "build")
    assert in_pipeline("make", "answers") == local_answers(2)


def test_make_status_and_make_down_say_that_containers_run() -> None:
    assert "kafka          CONTAINER" in run("make", "status").stdout
    refused = run("make", "down", exit_code=2).stderr
    message = "the services run in containers: stop them with `docker compose down`"
    assert message in refused


def test_down_and_up_keep_all_data(
    local_answers: Callable[[int], str],
) -> None:
    compose("down")
    compose_up()
    assert in_pipeline("make", "answers") == local_answers(2)
    run("make", "ingest")
    assert_landed_exactly_once(2 * SAMPLE_MESSAGES)


@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_restarts_and_loses_nothing(
    service: str, local_answers: Callable[[int], str]
) -> None:
    kill(f"{service}-1")
    assert in_pipeline("make", "answers") == local_answers(2)
    run("make", "ingest")
    assert_landed_exactly_once(2 * SAMPLE_MESSAGES)


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_runs_as_root(service: str) -> None:
    # A process may end before stat reads it.
    owners = "stat -c %u /proc/[0-9]* 2>/dev/null || true"
    found = compose("exec", "--no-TTY", service, "sh", "-c", owners).split()
    assert len(found) > 1
    assert set(found) == {"10001"}


def test_ports_are_open_on_loopback_only() -> None:
    published = {
        int(binding["HostPort"])
        for container in containers().values()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }
    assert {9092, 8020, 9870, 10000, 15002, 4040} <= published
    outside = run("hostname", "--all-ip-addresses").stdout.split()
    assert outside, "the machine has an address besides loopback"
    for port in published:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        for address in outside:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, port), timeout=5)


def test_no_secret_is_in_the_image_or_in_an_environment() -> None:
    secret = re.compile(r"secret|passw|token|credential|private", re.IGNORECASE)
    image = json.loads(run("docker", "image", "inspect", IMAGE).stdout)[0]
    listed = [*image["Config"]["Env"], *(image["Config"]["Labels"] or {}).values()]
    history = ("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    listed += run(*history).stdout.splitlines()
    for container in containers().values():
        listed += container["Config"]["Env"]
    assert [each for each in listed if secret.search(each)] == []
    files = compose("exec", "--no-TTY", "pipeline", "ls", "--almost-all").split()
    assert "models" in files
    assert not {".env", ".git"} & set(files)
