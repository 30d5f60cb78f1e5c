"""Run docker-compose.yml under a project name of its own, and inspect it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pyhive import hive

from cli.settings import HOST, ROOT
from services.stack import Stack
from tests import shell

IMAGE = "assessments:check"
CLUSTER = {
    "COMPOSE_PROFILES": "cluster",
    "SPARK_MASTER": "spark://spark-master:7077",
}
ENVIRONMENT = {
    **{
        name: text
        for name, text in shell.ENVIRONMENT.items()
        if not name.startswith("COMPOSE_")
    },
    "COMPOSE_PROJECT_NAME": "assessments-check",
    "ASSESSMENTS_IMAGE": IMAGE,
}


def run(
    *command: str, environment: Mapping[str, str] = {}, exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command on the host, from the repository root."""
    return shell.run(
        *command, exit_code=exit_code, environment={**ENVIRONMENT, **environment}
    )


def start(*command: str) -> subprocess.Popen[str]:
    """Run a command in the background; its output can be read line by line."""
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT
    )


def compose(*arguments: str, environment: Mapping[str, str] = {}) -> str:
    return run("docker", "compose", *arguments, environment=environment).stdout


def compose_up(*arguments: str, environment: Mapping[str, str] = {}) -> float:
    """Start, wait until every service is healthy, and return the seconds it took."""
    begin = time.monotonic()
    compose("up", "--detach", "--wait", *arguments, environment=environment)
    return time.monotonic() - begin


def in_pipeline(*command: str, environment: Mapping[str, str] = {}) -> str:
    """Run a command in a container of the pipeline service and return its output."""
    once = ("run", "--rm", "--no-TTY", "pipeline")
    return compose(*once, *command, environment=environment)


def containers() -> dict[str, dict[str, Any]]:
    """Return `docker inspect` of each running container, by service and number."""
    project = f"label=com.docker.compose.project={ENVIRONMENT['COMPOSE_PROJECT_NAME']}"
    ids = run("docker", "ps", "--quiet", "--filter", project).stdout.split()
    found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids).stdout)
    prefix = f"/{ENVIRONMENT['COMPOSE_PROJECT_NAME']}-"
    return {each["Name"].removeprefix(prefix): each for each in found}


def kill(name: str) -> None:
    """Kill a container's service with SIGKILL; return when all are healthy again."""
    before = containers()[name]
    init = before["State"]["Pid"]
    children = Path(f"/proc/{init}/task/{init}/children").read_text().split()
    assert len(children) == 1, "tini runs one service"
    os.kill(int(children[0]), signal.SIGKILL)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        now = containers()
        states = {each: now[each]["State"]["Health"]["Status"] for each in now}
        if now.get(name, before)["RestartCount"] > before["RestartCount"] and set(
            states.values()
        ) == {"healthy"}:
            return
        time.sleep(0.5)
    raise AssertionError(f"not healthy again: {states}")


def query(text: str) -> list[tuple[Any, ...]]:
    """Run a query from the host, over Thrift, and return its rows."""
    port = Stack("default", {}).ports["spark_thrift"]
    with closing(hive.connect(HOST, port)) as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def assert_landed_exactly_once(messages: int) -> None:
    """Assert that each offset landed once, and that there are this many messages."""
    rows = query(
        "select count(*), count(distinct offset), max(offset) + 1 "
        "from raw.assessment_attempts group by partition"
    )
    assert sum(row[0] for row in rows) == messages
    assert all(row[0] == row[1] == row[2] for row in rows)
