"""Check that each service really answers, not only that its port is open.

A check raises an exception, which says why, if the service does not answer.
"""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from cli.settings import for_client
from services.stack import Stack, kind_of

_TOPIC = "stack-health"
_TASK_SECONDS = 25


def kafka(stack: Stack) -> None:
    """Check that a message can be produced and fetched."""
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

    # Fail at once if nothing listens: the client's retries take up to half a minute.
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
    """Check that the NameNode is out of safe mode."""
    state = _filesystem_state(stack)
    if state["FSState"] != "Operational":
        raise RuntimeError(f"the NameNode is in {state['FSState']}")


def datanode(stack: Stack) -> None:
    """Check that the NameNode has as many live DataNodes as it should."""
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
    """Check that the master accepts applications."""
    status = _master_state(stack)["status"]
    if status != "ALIVE":
        raise RuntimeError(f"the Spark master is {status}")


def spark_worker(stack: Stack) -> None:
    """Check that the master has all workers of the stack, or this container's one."""
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
    """Check that an executor runs a task over Connect, and that Thrift answers."""
    from pyhive import hive
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    # Fail at once if nothing listens: a Spark Connect client waits for minutes.
    _reach(stack, "spark", "spark_connect")
    _reach(stack, "spark", "spark_thrift")
    session = SparkSession.builder.remote(for_client(stack.spark_remote)).create()
    # Without a live executor, a task waits for ever.
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
    """Check until the service answers; return "" then, otherwise the last error.

    Args:
        alive: returns False once waiting is useless, because the process has ended.
        timeout: in seconds.
    """
    deadline = time.monotonic() + timeout
    reason = ""
    while time.monotonic() < deadline and alive():
        try:
            CHECKS[kind_of(service)](stack)
        except Exception as error:  # any error is a reason to try again
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
            time.sleep(0.3)
        else:
            return ""
    return reason or "its process ended"
