"""A Spark cluster with a second DataNode, its tables listed in a Hive metastore."""

import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import psutil
import pyspark
import pytest

from cli.settings import HOST
from services.processes import Supervisor
from services.stack import SERVICES
from tests import shell
from tests.integration.stack import (
    ENVIRONMENT,
    STACK,
    down,
    ingest,
    pid_of,
    query,
    run,
    spark_events,
    up,
    wait_until,
)

pytestmark = pytest.mark.nightly
JARS = Path(pyspark.__file__).parent / "jars"


@pytest.fixture(scope="module")
def metastore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Hive metastore, run from pyspark's jars on a Derby database."""
    place = tmp_path_factory.mktemp("metastore")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    settings = {
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:{place}/db;create=true",
        "datanucleus.schema.autoCreateAll": "true",
        "datanucleus.connectionPoolingType": "none",
        "hive.metastore.schema.verification": "false",
        "hive.metastore.warehouse.dir": f"{place}/warehouse",
        "hive.async.log.enabled": "false",
        "hive.log.dir": str(place),
        "derby.stream.error.file": f"{place}/derby.log",
    }
    command = [
        "java",
        "-Xmx256m",
        *(f"-D{name}={text}" for name, text in settings.items()),
        *("-cp", f"{JARS}/*", "org.apache.hadoop.hive.metastore.HiveMetaStore"),
        *("-p", str(port)),
    ]

    def answers() -> bool:
        assert process.poll() is None, "the metastore ended: see its output"
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return True
        return False

    environment = {**shell.ENVIRONMENT, **ENVIRONMENT}
    with subprocess.Popen(command, cwd=place, env=environment) as process:
        wait_until("the metastore answers", answers)
        yield f"thrift://{HOST}:{port}"
        process.terminate()


def test_cluster_with_a_hive_metastore_ingests_and_builds(
    metastore: str, tmp_path: Path
) -> None:
    # This metastore lacks the lock tables of one that was set up by Hive.
    (tmp_path / "hive-site.xml").write_text(
        "<configuration><property><name>iceberg.engine.hive.lock-enabled</name>"
        "<value>false</value></property></configuration>"
    )
    down()
    master = f"spark://{STACK.address('spark_master', 'spark_master')}"
    token = {"SPARK_CONNECT_AUTHENTICATE_TOKEN": "a-secret"}
    up(
        {
            **token,
            "SPARK_MASTER": master,
            "HIVE_METASTORE_URIS": metastore,
            "HADOOP_CONF_DIR": str(tmp_path),
        }
    )
    # Later commands keep these settings.
    shown = run("python", "-m", "services", "status").stdout
    assert Counter(shown.split())["RUNNING"] == len(SERVICES) + 4

    ingest("init", environment=token)
    refused = ingest("drain", exit_code=1).stderr
    assert "refuses the token: set SPARK_CONNECT_AUTHENTICATE_TOKEN" in refused
    assert query("select count(*) from raw.assessment_attempts") == [(0,)]
    ingest("drain", environment=token)
    stored = "assert_every_landed_message_is_staged_once"  # a test with a table
    run(
        *("dbt", "build", "--select", "stg_assessments__messages", stored),
        *("--indirect-selection", "empty", "--exclude-resource-type", "unit_test"),
    )
    tasks = Counter(
        event["Task Info"]["Executor ID"]
        for event in spark_events(STACK.directory / "data" / "spark-events")
        if event["Event"] == "SparkListenerTaskEnd"
    )
    assert set(tasks) == {"0", "1"}, "the driver only plans"

    # The master first, because it would start their executors again.
    workers = [f"spark_worker_{number}" for number in (1, 2)]
    executors = [
        executor
        for worker in workers
        for executor in psutil.Process(pid_of(worker)).children(recursive=True)
    ]
    supervisor = Supervisor(STACK)
    for service in ("spark_master", *workers):
        supervisor.stop(service)
    assert executors and not psutil.wait_procs(executors, timeout=120)[1]
    with mock.patch("ingest.spark._TASK_SECONDS", 5):
        stuck = ingest("status", exit_code=1, environment=token).stderr
    assert "has not run a task within 5 s" in stuck

    url = f"jdbc:hive2://{HOST}:{STACK.ports['spark_thrift']}"
    listed = run(
        *("beeline", "-u", url, "--silent=true", "--outputformat=tsv2"),
        *("-e", "!tables stg%", "-e", "!columns stg_assessments__messages"),
        environment={"SPARK_HOME": str(JARS.parent)},
    ).stdout
    table = r"staging\tstg_assessments__messages\tTABLE\t *One row per Kafka message"
    assert re.search(table, listed)
    assert re.search(r"reject_reason\t.*\t *Why ", listed)
