"""Build the image once; remove every container and volume of the tests at the end."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from services.preflight import check_ports
from services.stack import Stack
from tests.containers.engine import CLUSTER, compose
from tests.integration import stack as local


@pytest.fixture(scope="session", autouse=True)
def image() -> Iterator[None]:
    compose("down", "--volumes", environment=CLUSTER)
    check_ports(Stack("default", {}))
    compose("build", "pipeline")
    yield
    compose("down", "--volumes", environment=CLUSTER)


@pytest.fixture(scope="session")
def local_answers() -> Iterator[Callable[[int], str]]:
    """The answers of local processes, by how many times the sample was published.

    A repeated message does not add an attempt, but some totals count it.
    """
    local.start_fresh()

    @cache
    def answers(times: int) -> str:
        if times > 1:
            answers(times - 1)
        local.run("make", "publish", f"FILE={local.SAMPLE}")
        local.run("make", "ingest")
        local.run("make", "build")
        return local.run("make", "--silent", "answers").stdout

    yield answers
    local.down()
