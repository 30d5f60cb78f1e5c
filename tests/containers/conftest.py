"""The image, made once; every container and volume of the check is removed after it."""

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
    """The answers of the same system as local processes, by how often the sample came.

    A repeated message is one attempt still, and the lines above the answers count it.
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
