"""Whether each service answers, which is more than that its port is open."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable

from services.stack import Stack

_TOPIC = "stack-health"


def kafka(stack: Stack) -> None:
    """A message can be produced and fetched again."""
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

    # The client's own waiting backs off for up to half a minute.
    _reach(stack, "kafka")
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
    """The NameNode counts a live DataNode."""
    if not _filesystem_state(stack)["NumLiveDataNodes"]:
        raise RuntimeError("the NameNode has no live DataNode")


def _filesystem_state(stack: Stack) -> dict[str, object]:
    address = f"http://{stack.host}:{stack.ports['namenode_web']}"
    query = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    with urllib.request.urlopen(address + query, timeout=5) as answer:
        state: dict[str, object] = json.load(answer)["beans"][0]
    return state


def spark(stack: Stack) -> None:
    """`select 1` answers over Connect and over Thrift."""
    from pyhive import hive

    from ingest.spark import connect

    _reach(stack, "spark_connect")
    _reach(stack, "spark_thrift")
    session = connect(stack.spark_remote)
    try:
        # PyHive opens every connection with `use default`.
        session.sql("create namespace if not exists default")
        session.sql("select 1").collect()
    finally:
        session.stop()
    connection = hive.connect(stack.host, stack.ports["spark_thrift"])
    try:
        cursor = connection.cursor()
        cursor.execute("select 1")
        cursor.fetchall()
    finally:
        connection.close()


def _reach(stack: Stack, port: str) -> None:
    with socket.create_connection((stack.host, stack.ports[port]), timeout=5):
        pass


CHECKS: dict[str, Callable[[Stack], None]] = {
    "kafka": kafka,
    "namenode": namenode,
    "datanode": datanode,
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
            CHECKS[service](stack)
        except Exception as error:  # whatever it is, it is the reason to try again
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
            time.sleep(0.3)
        else:
            return ""
    return reason or "its process ended"
