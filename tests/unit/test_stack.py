"""Stacks: ports and data of two never meet, and a user's own service is left alone."""

import socket

import pytest

from services.preflight import check_metastore
from services.stack import ROOT, SERVICES, StackError, load


def test_two_stacks_share_no_port_and_no_directory() -> None:
    first, second = load("default", {}), load("test", {})
    assert not set(first.ports.values()) & set(second.ports.values())
    assert first.directory != second.directory
    assert len(set(first.ports.values())) == len(first.ports)


def test_the_default_stack_listens_where_the_contract_says() -> None:
    ports = load("default", {}).ports
    assert (ports["kafka"], ports["namenode"], ports["namenode_web"]) == (
        9092,
        8020,
        9870,
    )
    assert (ports["spark_thrift"], ports["spark_connect"]) == (10000, 15002)
    assert ports["spark_ui"] == 4040


def test_every_port_belongs_to_one_service() -> None:
    stack = load("default", {})
    services = (*SERVICES, "datanode_2", "spark_master")
    owned = [port for service in services for port in stack.ports_of(service).values()]
    assert sorted(owned) == sorted(stack.ports.values())


def test_an_unknown_stack_is_refused_with_the_known_ones() -> None:
    known = r"no stack is called 'mine'.*default, containers, second, test"
    with pytest.raises(StackError, match=known):
        load("mine", {})


@pytest.mark.parametrize(
    ("environment", "services"),
    [
        ({}, SERVICES),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}, SERVICES),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}, SERVICES[1:]),
        ({"LAKE_WAREHOUSE": "hdfs://namenode/lake"}, ("kafka", "spark")),
        ({"SPARK_REMOTE": "sc://spark:15002"}, SERVICES[:-1]),
    ],
)
def test_a_service_whose_address_is_set_is_the_users_own(
    environment: dict[str, str], services: tuple[str, ...]
) -> None:
    assert load("default", environment).services == services


def test_its_own_master_brings_a_cluster_and_any_other_does_not() -> None:
    cluster = load("default", {"SPARK_MASTER": "spark://127.0.0.1:7077"})
    assert cluster.services == (
        "kafka",
        "namenode",
        "datanode",
        "datanode_2",
        "spark_master",
        "spark_worker_1",
        "spark_worker_2",
        "spark",
    )
    for master in ("local[1]", "yarn", "spark://elsewhere:7077"):
        assert load("default", {"SPARK_MASTER": master}).services == SERVICES


def test_a_heap_and_the_size_of_the_cluster_are_settings() -> None:
    stack = load("default", {"KAFKA_HEAP": "3g", "SPARK_WORKERS": "5"})
    assert (stack.heaps["kafka"], stack.cluster["workers"]) == ("3g", "5")


def test_no_workers_are_refused() -> None:
    with pytest.raises(StackError, match="SPARK_WORKERS is '0'"):
        load("default", {"SPARK_WORKERS": "0"})


@pytest.mark.parametrize(
    ("uris", "reason"),
    [
        ("thrift://127.0.0.1:9", "Connection refused"),
        ("127.0.0.1:9083", "no thrift://host:port"),
        ("thrift://metastore", "no thrift://host:port"),
        ("thrift://127.0.0.1:9,thrift://127.0.0.1:port", "Connection refused.*port"),
    ],
)
def test_a_metastore_that_does_not_answer_is_named(uris: str, reason: str) -> None:
    with pytest.raises(StackError, match=rf"answers at {uris.split(',')[0]}.*{reason}"):
        check_metastore(load("default", {"HIVE_METASTORE_URIS": uris}))


def test_one_metastore_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uris = f"thrift://127.0.0.1:9,thrift://127.0.0.1:{server.getsockname()[1]}"
        check_metastore(load("default", {"HIVE_METASTORE_URIS": uris}))
    check_metastore(load("default", {}))


def test_the_versions_that_appear_twice_agree() -> None:
    """Jars must fit the pyspark package, whose version stands in pyproject.toml."""
    spark = (ROOT / "pyproject.toml").read_text().split('"pyspark[connect]==')[1]
    version = spark.split('"')[0]
    ivy = (ROOT / "services" / "ivy.xml").read_text()
    assert f'name="spark-sql-kafka-0-10_2.13" rev="{version}"' in ivy
    assert f'name="spark-token-provider-kafka-0-10_2.13" rev="{version}"' in ivy
    short = version.rsplit(".", 1)[0]
    assert f'name="iceberg-spark-runtime-{short}_2.13"' in ivy
