"""One fresh stack for all tests on real services."""

from collections.abc import Iterator

import pytest

from tests.integration.stack import services, start_fresh


@pytest.fixture(scope="session", autouse=True)
def stack() -> Iterator[None]:
    """Kafka, HDFS and Spark, empty, on ports and in a directory of their own."""
    start_fresh()
    yield
    services("down")
