"""Whether each service answers, which is more than that its port is open."""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from services.stack import Stack, kind_of

_TOPIC = "stack-health"
_TASK_SECONDS = 25


def kafka(stack: Stack) -> None:
    """A message can be produced and fetched again."""
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

    # The client's own waiting backs off for up to half a minute.
    _reach(stack, "kafka", "kafka")
    servers = stack.bootstrap_servers
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        if _TOPIC not in admin.list_topics():
            options = {"num_partitions": 1, "configs": {"retention.ms": "3600000"}}
            admin.create_topics({_TOPIC: options}, wait_for_metadata=True)
    finally:
        admin.close()
    producer = KafkaProducer(bootstrap_servers=servers)
    try:
        sent = producer.send(_TOPIC, b"up", partition=0).get(timeout=10)
    finally:
        producer.close()
    consumer = KafkaConsumer(bootstrap_servers=servers)
    try:
        partition = TopicPartition(_TOPIC, 0)
        consumer.assign([partition])
        consumer.seek(partition, sent.offset)
        if not consumer.poll(timeout_ms=10_000):
            raise RuntimeError("the message just produced can't be fetched")
    finally:
        consumer.close()


def namenode(stack: Stack) -> None:
    """The NameNode is out of safe mode."""
    state = _filesystem_state(stack)
    if state["FSState"] != "Operational":
        raise RuntimeError(f"the NameNode is in {state['FSState']}")


def datanode(stack: Stack) -> None:
    """The NameNode counts the live DataNodes that it should have."""
    live = int(str(_filesystem_state(stack)["NumLiveDataNodes"]))
    wanted = 2 if stack.is_cluster else 1
    if live < wanted:
        raise RuntimeError(f"the NameNode has {live} of {wanted} live DataNodes")


def _filesystem_state(stack: Stack) -> dict[str, object]:
    address = f"http://{stack.address('namenode', 'namenode_web')}"
    query = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    state: dict[str, object] = _json(address + query)["beans"][0]
    return state


def spark_master(stack: Stack) -> None:
    """The master takes applications."""
    status = _master_state(stack)["status"]
    if status != "ALIVE":
        raise RuntimeError(f"the Spark master is {status}")


def spark_worker(stack: Stack) -> None:
    """The master counts all workers of the stack; of a container, the container."""
    workers = [
        worker["host"]
        for worker in _master_state(stack)["workers"]
        if worker["state"] == "ALIVE"
    ]
    if stack.in_containers:
        mine = socket.gethostbyname(socket.gethostname())
        if mine not in workers:
            raise RuntimeError(f"the Spark master has no live worker at {mine}")
    elif len(workers) < int(stack.spark["workers"]):
        raise RuntimeError(
            f"the Spark master has {len(workers)} of {stack.spark['workers']} "
            "live workers"
        )


def _master_state(stack: Stack) -> dict[str, Any]:
    address = stack.address("spark_master", "spark_master_web")
    return _json(f"http://{address}/json/")


def _json(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        content: dict[str, Any] = json.load(answer)
    return content


def spark(stack: Stack) -> None:
    """An executor runs a task, asked for over Connect and over Thrift."""
    from pyhive import hive
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    # A client of Spark Connect waits for minutes where nothing listens.
    _reach(stack, "spark", "spark_connect")
    _reach(stack, "spark", "spark_thrift")
    session = SparkSession.builder.remote(stack.spark_remote).create()
    # A task waits for ever while no executor lives.
    interrupt = threading.Timer(_TASK_SECONDS, session.interruptAll)
    interrupt.start()
    try:
        # PyHive opens every connection with `use default`.
        session.sql("create namespace if not exists default")
        session.range(1).count()
    except PySparkException as error:
        if interrupt.is_alive():
            raise
        raise RuntimeError(
            f"no executor has run a task within {_TASK_SECONDS} s"
        ) from error
    finally:
        interrupt.cancel()
        session.stop()
    connection = hive.connect(stack.host_of("spark"), stack.ports["spark_thrift"])
    try:
        cursor = connection.cursor()
        cursor.execute("select 1")
        cursor.fetchall()
    finally:
        connection.close()


def _reach(stack: Stack, service: str, port: str) -> None:
    address = (stack.host_of(service), stack.ports[port])
    with socket.create_connection(address, timeout=5):
        pass


CHECKS: dict[str, Callable[[Stack], None]] = {
    "kafka": kafka,
    "namenode": namenode,
    "datanode": datanode,
    "spark_master": spark_master,
    "spark_worker": spark_worker,
    "spark": spark,
}


def wait_until_healthy(
    service: str, stack: Stack, alive: Callable[[], bool], timeout: float = 180
) -> str:
    """Check until the service answers; "" then, else the last reason.

    Args:
        alive: False as soon as waiting is useless, because the process gave up.
        timeout: in seconds.
    """
    deadline = time.monotonic() + timeout
    reason = ""
    while time.monotonic() < deadline and alive():
        try:
            CHECKS[kind_of(service)](stack)
        except Exception as error:  # whatever it is, it is the reason to try again
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
            time.sleep(0.3)
        else:
            return ""
    return reason or "its process ended"
