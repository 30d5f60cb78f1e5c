"""Tools of others: each example of docs/other-tools.md, and a Hive metastore."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyspark
import pytest

from services.stack import ROOT, load
from tests.integration.stack import (
    ENVIRONMENT,
    SAMPLE_MESSAGES,
    STACK,
    ingest,
    run,
    services,
    start_with_sample,
)

PAGE = (ROOT / "docs" / "other-tools.md").read_text()
EXAMPLES = re.findall(r"```(bash|python)\n(.*?)```\n+```text\n(.*?)```", PAGE, re.S)
JARS = Path(pyspark.__file__).parent / "jars"


@pytest.fixture(scope="module", autouse=True)
def sample() -> None:
    start_with_sample()


def _of_the_test_stack(text: str) -> str:
    """With the ports of the tests' services."""
    for name, port in load("default", {}).ports.items():
        text = re.sub(rf"\b{port}\b", str(STACK.ports[name]), text)
    return text


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_each_way_in_has_an_example_with_its_output() -> None:
    assert [language for language, _, _ in EXAMPLES] == [
        "bash",
        "bash",
        "python",
        "python",
    ]


@pytest.mark.parametrize(("language", "code", "output"), EXAMPLES)
def test_an_example_prints_what_the_page_says(
    language: str, code: str, output: str
) -> None:
    interpreter = sys.executable if language == "python" else "bash"
    done = run(interpreter, "-c", _of_the_test_stack(code))
    assert _trimmed(output) in _trimmed(done.stdout)


@pytest.fixture
def metastore(tmp_path: Path) -> Iterator[str]:
    """A Hive metastore, the one in pyspark's jars, on a Derby database."""
    with socket.socket() as free:
        free.bind((STACK.host, 0))
        port = free.getsockname()[1]
    settings = {
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:{tmp_path}/db;create=true",
        "datanucleus.schema.autoCreateAll": "true",
        "datanucleus.connectionPoolingType": "none",
        "hive.metastore.schema.verification": "false",
        "hive.metastore.warehouse.dir": f"{tmp_path}/warehouse",
        "hive.async.log.enabled": "false",
        "hive.log.dir": str(tmp_path),
        "derby.stream.error.file": f"{tmp_path}/derby.log",
    }
    with subprocess.Popen(
        [
            "java",
            "-Xmx256m",
            *(f"-D{name}={text}" for name, text in settings.items()),
            *("-cp", f"{JARS}/*", "org.apache.hadoop.hive.metastore.HiveMetaStore"),
            *("-p", str(port)),
        ],
        cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), socket.create_connection((STACK.host, port), 1):
                break
            time.sleep(0.5)
        assert process.poll() is None, "it prints why"
        yield f"thrift://{STACK.host}:{port}"
        process.terminate()


def test_a_hive_metastore_lists_tables_and_columns_to_every_jdbc_tool(
    metastore: str, tmp_path: Path
) -> None:
    # It has no tables for locks, which a metastore that was set up by Hive has.
    (tmp_path / "hive-site.xml").write_text(
        "<configuration><property><name>iceberg.engine.hive.lock-enabled</name>"
        "<value>false</value></property></configuration>"
    )
    services("down")
    try:
        run(
            *("python", "-m", "services", "up"),
            environment={
                "HIVE_METASTORE_URIS": metastore,
                "HADOOP_CONF_DIR": str(tmp_path),
            },
        )
        assert ingest("drain").stdout.startswith(f"{SAMPLE_MESSAGES} messages")
        stored = "assert_every_landed_message_is_staged_once"  # a test with a table
        run(
            *("dbt", "build", "--select", "+rpt_most_common_courses", stored),
            *("--indirect-selection", "empty"),
        )
        run("dbt", "docs", "generate")
        catalog = json.loads((STACK.directory / "target" / "catalog.json").read_text())
        attempts = catalog["nodes"]["model.assessments.fct_attempts"]
        assert "attempt_id" in attempts["columns"]
        url = f"jdbc:hive2://{STACK.host}:{STACK.ports['spark_thrift']}"
        listed = run(
            *("beeline", "-u", url, "--silent=true", "--outputformat=tsv2"),
            *("-e", "!tables fct%", "-e", "!columns rpt_most_common_courses"),
            environment={"SPARK_HOME": str(JARS.parent)},
        ).stdout
        assert re.search(r"marts\tfct_attempts\tTABLE\t *One row per attempt", listed)
        assert re.search(
            r"attempt_count\t.*\t *Scored attempts of the course\.", listed
        )
    finally:
        services("down")
