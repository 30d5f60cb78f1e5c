"""Two stacks for the tests on real services, each filled step by step.

Builds take most of the time, so tests that only read share them, and each module uses
the data that the modules of its group before it have landed. `make test` runs two
processes with a stack each, and a process runs whole groups.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from bench.stack import copy_project
from tests.integration.stack import TARGET, Dbt, down, take_fresh

_GROUPS = {
    "test_nothing": "models",
    "test_sample": "models",
    "test_workbench": "models",
    "test_quirks": "models",
    "test_publish": "services",
    "test_secured_kafka": "services",
    "test_without_models": "services",
    # Kills the services at the end.
    "test_ingest": "services",
    # Stops the stack at the end.
    "test_services": "services",
    # Takes the place of the stack.
    "test_cluster": "services",
    # All of tests/unit. Last: the process that is done first runs them.
    "unit": "unit",
}


def _name(module: Path) -> str:
    """Return the key of a test module in `_GROUPS`."""
    return "unit" if module.parent.name == "unit" else module.stem


class _Groups(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Give each process whole groups of test modules."""

    def _split_scope(self, nodeid: str) -> str:
        return _GROUPS[_name(Path(nodeid.partition("::")[0]))]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Groups:
    return _Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = list(_GROUPS)
    items.sort(key=lambda item: order.index(_name(item.path)))


@pytest.fixture(scope="session", autouse=True)
def stack() -> Iterator[None]:
    """Empty Kafka, HDFS and Spark, with their own ports and data directory."""
    take_fresh()
    yield
    down()


@pytest.fixture(scope="session")
def dbt() -> Iterator[Dbt]:
    """dbt on the project, where it does not matter that a command is a process."""
    with closing(Dbt()) as dbt:
        yield dbt


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy to edit, with what dbt has parsed if a test has built with `make dev`."""
    copy_project(tmp_path)
    parsed = TARGET / "developer" / "partial_parse.msgpack"
    if parsed.exists():
        copy = tmp_path / "target" / "developer"
        copy.mkdir(parents=True)
        shutil.copy(parsed, copy)
    return tmp_path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: `make test` installs it"
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not run as root.
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
