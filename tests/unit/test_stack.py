"""Stacks share neither ports nor data, and do not start a user's own services."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.program import CommandError
from cli.settings import ROOT
from services import processes
from services import stack as module
from services.configuration import configuration
from services.preflight import check_metastore
from services.processes import end_orphans
from services.stack import CLUSTER_SERVICES, CONTAINERS, SERVICES, Stack, load


def test_two_stacks_share_no_port_and_no_directory() -> None:
    first, second = Stack("default", {}), Stack("test_0", {})
    assert not set(first.ports.values()) & set(second.ports.values())
    assert first.directory != second.directory
    assert len(set(first.ports.values())) == len(first.ports)


def test_default_stack_listens_on_the_documented_ports() -> None:
    ports = Stack("default", {}).ports
    assert (ports["kafka"], ports["namenode"], ports["namenode_web"]) == (
        *(9092, 8020, 9870),
    )
    assert (ports["spark_thrift"], ports["spark_connect"]) == (10000, 15002)
    assert ports["spark_ui"] == 4040


def test_every_port_belongs_to_one_service() -> None:
    stack = Stack("default", {})
    services = (*SERVICES, *CLUSTER_SERVICES)
    owned = [port for service in services for port in stack.ports_of(service).values()]
    assert sorted(owned) == sorted(stack.ports.values())


@pytest.mark.parametrize(
    ("environment", "services"),
    [
        ({}, SERVICES),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}, SERVICES),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}, SERVICES[1:]),
        ({"LAKE_WAREHOUSE": "hdfs://namenode/lake"}, ("kafka", "spark")),
        ({"SPARK_REMOTE": "sc://spark:15002"}, SERVICES[:-1]),
        ({"SPARK_MASTER": "spark://elsewhere:7077"}, SERVICES),
        (
            {"SPARK_MASTER": "spark://127.0.0.1:7077", "SPARK_WORKERS": "1"},
            (
                *("kafka", "namenode", "datanode", "datanode_2"),
                *("spark_master", "spark_worker_1", "spark"),
            ),
        ),
    ],
)
def test_environment_decides_which_services_are_started(
    environment: dict[str, str], services: tuple[str, ...]
) -> None:
    assert Stack("default", environment).services == services


def test_heap_can_be_set_in_the_environment() -> None:
    assert Stack("default", {"KAFKA_HEAP": "3g"}).heaps["kafka"] == "3g"


def test_stack_keeps_the_settings_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    started = Stack("default", {"SPARK_MASTER": "local[1]", "SPARK_HEAP": "3g"})
    started.kept_settings.parent.mkdir(parents=True)
    started.keep_settings()
    later = load("default", {"SPARK_HEAP": "4g", "SPARK_MASTER": ""})
    assert (later.spark["master"], later.heaps["spark"]) == ("local[1]", "4g")


@pytest.mark.parametrize(
    ("name", "environment", "reason"),
    [
        ("mine", {}, "no stack is called 'mine'.*default, containers, second, bench"),
        ("default", {"SPARK_WORKERS": "0"}, "SPARK_WORKERS is '0'"),
    ],
)
def test_invalid_stack_is_refused(
    name: str, environment: dict[str, str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        Stack(name, environment)


@pytest.mark.parametrize(
    ("uris", "reason"),
    [
        ("thrift://127.0.0.1:9", "Connection refused"),
        ("127.0.0.1:9083", "not thrift://host:port"),
        ("thrift://metastore", "not thrift://host:port"),
        ("thrift://127.0.0.1:9,thrift://127.0.0.1:port", "Connection refused.*port"),
    ],
)
def test_error_names_a_metastore_that_does_not_answer(uris: str, reason: str) -> None:
    named = rf"answers at {uris.split(',')[0]}.*{reason}"
    with pytest.raises(CommandError, match=named):
        check_metastore(Stack("default", {"HIVE_METASTORE_URIS": uris}))


def test_one_metastore_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uris = f"thrift://127.0.0.1:9,thrift://127.0.0.1:{server.getsockname()[1]}"
        check_metastore(Stack("default", {"HIVE_METASTORE_URIS": uris}))
    check_metastore(Stack("default", {}))


@pytest.mark.parametrize("is_cluster", [False, True])
def test_containers_use_the_same_configuration(is_cluster: bool) -> None:
    """Apart from hosts, every line that differs from the local stack is listed here."""
    masters = ("spark://127.0.0.1:7077", "spark://spark-master:7077")
    ours, theirs = (
        _without_hosts(Stack(name, {"SPARK_MASTER": master} if is_cluster else {}))
        for name, master in zip(("default", CONTAINERS), masters, strict=True)
    )
    assert ours.keys() == theirs.keys()
    differing = {
        (name, line)
        for name in ours.keys() - {"supervisord.conf"}
        for line in set(ours[name].splitlines()) ^ set(theirs[name].splitlines())
    }
    servers = 'export KAFKA_BOOTSTRAP_SERVERS="${KAFKA_BOOTSTRAP_SERVERS:-HOST:%s}"'
    assert differing == {
        ("client.env", servers % 9092),
        ("client.env", servers % 9094),
        ("services.env", "SPARK_WORKER_HOST=HOST"),
        ("services.env", "SPARK_WORKER_HOST="),
    }


def _without_hosts(stack: Stack) -> dict[str, str]:
    names = "kafka|namenode|datanode-2|datanode|spark-master|spark"
    host = re.compile(rf"(?<=[/>=@ -])({names}|127\.0\.0\.1)(?=[:<}}\s])")
    return {
        name: host.sub("HOST", text)
        .replace(f".stack/{stack.name}/", ".stack/NAME/")
        .replace(f"assessments-{stack.name}", "assessments-NAME")
        for name, text in configuration(stack, ROOT).items()
    }


def test_image_gets_every_file_that_it_copies() -> None:
    copied = re.findall(
        r"^COPY .*?(\S.*) \S+$", (ROOT / "Dockerfile").read_text(), re.M
    )
    kept = (ROOT / ".dockerignore").read_text()
    names = {
        word for line in copied for word in line.split() if not word.startswith("--")
    }
    assert len(names) > 10
    assert [name for name in sorted(names) if f"\n!{name}\n" not in kept] == []


# A process whose first thread has ended has no command line, like one that was killed.
# Another thread holds the port until the process has ended.
_ENDING = """
import ctypes, os, socket, threading, time
listening = socket.create_server(("127.0.0.1", 0))
threading.Timer(1, os._exit, (0,)).start()
print(listening.getsockname()[1], flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of Kafka's process id, not yet written, in a stack of its own."""
    monkeypatch.setattr(Stack, "directory", tmp_path)
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "kafka.pid"


def test_killed_service_is_waited_for_until_its_port_is_free(pid_file: Path) -> None:
    with subprocess.Popen(
        (sys.executable, "-c", _ENDING), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        while Path(f"/proc/{process.pid}/cmdline").read_bytes():
            pass
        pid_file.write_text(str(process.pid))
        end_orphans(Stack("default", {}))
        socket.create_server(("127.0.0.1", port)).close()


def test_service_that_ends_before_it_is_stopped_is_no_error(
    pid_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(("true",))
    ended.wait()
    pid_file.write_text(str(ended.pid))
    # As if it had ended since its command line was read.
    monkeypatch.setattr(
        processes, "_command_line", lambda _: bytes(pid_file.parent.parent)
    )
    end_orphans(Stack("default", {}))
    assert not pid_file.exists()
