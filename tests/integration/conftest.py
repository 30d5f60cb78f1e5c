"""One stack for all tests on real services, filled step by step.

Builds take most of the time, so tests that only read share them, and each module uses
the data that the modules before it have landed.
"""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.integration.stack import down, take_fresh

_ORDER = (
    "test_nothing",
    "test_sample",
    "test_publish",
    "test_services",
    "test_ingest",
    "test_quirks",
    "test_other_settings",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _ORDER.index(item.path.stem))


@pytest.fixture(scope="session", autouse=True)
def stack() -> Iterator[None]:
    """Empty Kafka, HDFS and Spark, with their own ports and data directory."""
    take_fresh()
    yield
    down()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: `make test` installs it"
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not run as root.
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
