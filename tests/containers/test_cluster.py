"""Two Spark workers and two DataNodes: who does the work, and what if one is killed.

The tests build on each other, in this order.
"""

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers.engine import (
    CLUSTER,
    assert_landed_exactly_once,
    compose,
    compose_up,
    in_pipeline,
    kill,
    query,
    run,
    start,
)
from tests.integration.stack import SAMPLE, SAMPLE_MESSAGES, spark_events

_DATA = "/opt/assessments/.stack/containers/data"


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    seconds = compose_up("--scale", "spark-worker=2", environment=CLUSTER)
    print(f"the cluster is healthy after {seconds:.0f} s")
    yield
    compose("down", "--volumes", environment=CLUSTER)


def test_main_job_gives_the_same_answers_as_local_processes(
    local_answers: Callable[[int], str],
) -> None:
    run("make", "publish", f"FILE={SAMPLE}")
    run("make", "ingest")
    run("make", "build")
    assert run("make", "--silent", "answers").stdout == local_answers(1)


def test_both_executors_ran_tasks_and_the_driver_ran_none(tmp_path: Path) -> None:
    tasks, read, written = Counter[str](), Counter[str](), Counter[str]()
    log = f"spark:{_DATA}/spark-events"
    compose("cp", log, str(tmp_path), environment=CLUSTER)
    for event in spark_events(tmp_path / "spark-events"):
        if event["Event"] == "SparkListenerTaskEnd":
            executor = event["Task Info"]["Executor ID"]
            metrics = event["Task Metrics"]
            tasks[executor] += 1
            read[executor] += metrics["Input Metrics"]["Records Read"]
            written[executor] += metrics["Output Metrics"]["Bytes Written"]
    print(f"tasks {dict(tasks)}; rows read {dict(read)}; bytes written {dict(written)}")
    assert set(tasks) == {"0", "1"}
    assert all(read[executor] and written[executor] for executor in tasks)


def test_every_block_is_on_both_datanodes() -> None:
    fsck = "http://127.0.0.1:9870/fsck?ugi=assessments&path=/warehouse"
    with urllib.request.urlopen(fsck, timeout=30) as answer:
        report = re.sub(r"\s+", " ", answer.read().decode())
    assert "Average block replication: 2.0 " in report
    assert "Under-replicated blocks: 0 " in report


def test_worker_killed_during_ingest_loses_and_duplicates_nothing() -> None:
    for _ in range(4):
        run("make", "publish", f"FILE={SAMPLE}")
    drain = start(".venv/bin/python", "-m", "ingest", "drain", "--batch-size", "100")
    landed = "select count(*) from raw.assessment_attempts"
    deadline = time.monotonic() + 120
    while query(landed)[0][0] == SAMPLE_MESSAGES and time.monotonic() < deadline:
        time.sleep(0.2)
    assert drain.poll() is None
    kill("spark-worker-1")
    assert drain.wait(timeout=300) == 0
    assert_landed_exactly_once(5 * SAMPLE_MESSAGES)


def test_worker_killed_during_build_changes_no_answer(
    local_answers: Callable[[int], str],
) -> None:
    build = start("make", "build")
    assert build.stdout
    while "20 of " not in build.stdout.readline():
        assert build.poll() is None
    kill("spark-worker-2")
    build.communicate(timeout=600)
    assert build.returncode == 0
    assert in_pipeline("make", "answers", environment=CLUSTER) == local_answers(5)


@pytest.mark.parametrize("container", ["spark-master-1", "datanode-2-1", "spark-1"])
def test_killed_cluster_service_restarts_and_loses_nothing(
    container: str, local_answers: Callable[[int], str]
) -> None:
    kill(container)
    assert in_pipeline("make", "answers", environment=CLUSTER) == local_answers(5)
    run("make", "ingest")
    assert_landed_exactly_once(5 * SAMPLE_MESSAGES)
