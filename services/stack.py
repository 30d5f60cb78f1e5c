"""A stack: one set of services with its own ports and its own data directory.

Standard library only: the checks before set-up use it while no package is installed.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("kafka", "namenode", "datanode", "spark")
# The stack that docker-compose.yml runs: one container a service, named like it.
CONTAINERS = "containers"
_HDFS_FILES = ("core-site.xml", "hdfs-site.xml", "log4j2.properties")
# What a service's running process was started from; a change restarts it.
CONFIGURATION = {
    "kafka": ("kafka.properties", "log4j2.properties"),
    "namenode": _HDFS_FILES,
    "datanode": _HDFS_FILES,
    "spark_master": ("log4j2.properties",),
    "spark_worker": ("log4j2.properties",),
    "spark": ("spark-defaults.conf", "log4j2.properties"),
}


# What a stack that was started with such a setting keeps until it is stopped.
_KEPT = (
    "HIVE_METASTORE_URIS",
    "SPARK_MASTER",
    "SPARK_WORKERS",
    "SPARK_WORKER_CORES",
    "SPARK_WORKER_MEMORY",
    "SPARK_DRIVER_HOST",
    *(f"{service.upper()}_HEAP" for service in (*SERVICES, "spark_master")),
)


def kind_of(service: str) -> str:
    """What a service is, without the number that a second one of a kind carries."""
    return service.rstrip("0123456789").rstrip("_")


class StackError(Exception):
    """What failed and what to do, in one line."""


@dataclass(frozen=True)
class Stack:
    """The settings of one stack, read from services/stacks.toml."""

    name: str
    host: str
    ports: Mapping[str, int]
    heaps: Mapping[str, str]
    cluster: Mapping[str, str | int]
    topic: str
    partitions: int
    spark_master: str
    driver_host: str
    is_cluster: bool
    warehouse: str
    hive_metastore_uris: str
    services: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return ROOT / ".stack" / self.name

    @property
    def conf(self) -> Path:
        return self.directory / "conf"

    @property
    def in_containers(self) -> bool:
        return self.name == CONTAINERS

    @property
    def bootstrap_servers(self) -> str:
        """Kafka, from where this stack's clients are."""
        port = "kafka_internal" if self.in_containers else "kafka"
        return self.address("kafka", port)

    @property
    def spark_remote(self) -> str:
        return f"sc://{self.address('spark', 'spark_connect')}"

    def host_of(self, service: str) -> str:
        """Where a service listens: on loopback, or as the container of its name."""
        return service.replace("_", "-") if self.in_containers else self.host

    def address(self, service: str, port: str) -> str:
        return f"{self.host_of(service)}:{self.ports[port]}"

    def ports_of(self, service: str) -> dict[str, int]:
        """The ports that one service listens on, by name."""
        return {
            name: port for name, port in self.ports.items() if _owner(name) == service
        }

    def log(self, service: str) -> Path:
        return self.directory / "log" / f"{service}.log"


def _owner(port: str) -> str:
    """The service of a port, which is named like it or like it and a purpose."""
    owners = (*SERVICES, "datanode_2", "spark_master")
    return max((each for each in owners if f"{port}_".startswith(f"{each}_")), key=len)


def load(name: str, environment: Mapping[str, str] = os.environ) -> Stack:
    """The stack of that name.

    A service whose address the environment names is the user's own and is not started
    here: KAFKA_BOOTSTRAP_SERVERS, LAKE_WAREHOUSE (a Hadoop URI), SPARK_REMOTE. With
    SPARK_MASTER at this stack's own master, its second DataNode, master and workers
    are started too. HIVE_METASTORE_URIS is where tables are listed, in the place of
    the warehouse's folders. KAFKA_HEAP and the like say a heap.

    Raises:
        StackError: services/stacks.toml has no stack of that name, or the number of
            workers is none.
    """
    settings = tomllib.loads((ROOT / "services" / "stacks.toml").read_text())
    if name not in settings["offsets"]:
        known = ", ".join(settings["offsets"])
        raise StackError(
            f"no stack is called {name!r}: services/stacks.toml has {known}"
        )
    offset = settings["offsets"][name]
    stack = Stack(
        name=name,
        host="127.0.0.1",
        ports={key: port + offset for key, port in settings["ports"].items()},
        heaps={
            service: environment.get(f"{service.upper()}_HEAP") or heap
            for service, heap in settings["heaps"].items()
        },
        cluster={
            key: environment.get(f"SPARK_{key.upper()}") or value
            for key, value in settings["cluster"].items()
        },
        topic=environment.get("ASSESSMENTS_TOPIC") or settings["topic"]["name"],
        partitions=settings["topic"]["partitions"],
        spark_master=environment.get("SPARK_MASTER") or "local[*]",
        driver_host="",
        is_cluster=False,
        warehouse="",
        hive_metastore_uris=environment.get("HIVE_METASTORE_URIS") or "",
        services=(),
    )
    own_master = f"spark://{stack.address('spark_master', 'spark_master')}"
    own_warehouse = f"hdfs://{stack.address('namenode', 'namenode')}/warehouse"
    is_cluster = stack.spark_master == own_master
    # Containers of workers are scaled, not numbered.
    count = str(stack.cluster["workers"])
    if not count.isdigit() or not int(count):
        raise StackError(f"SPARK_WORKERS is {count!r}: give a number from 1 on")
    numbers = () if stack.in_containers else range(1, int(count) + 1)
    workers = [f"spark_worker_{number}" for number in numbers]
    own = {
        "KAFKA_BOOTSTRAP_SERVERS": (stack.bootstrap_servers, ("kafka",)),
        "LAKE_WAREHOUSE": (
            own_warehouse,
            ("namenode", "datanode", *(["datanode_2"] if is_cluster else [])),
        ),
        "SPARK_REMOTE": (
            stack.spark_remote,
            (*(["spark_master", *workers] if is_cluster else []), "spark"),
        ),
    }
    return replace(
        stack,
        driver_host=environment.get("SPARK_DRIVER_HOST") or stack.host_of("spark"),
        is_cluster=is_cluster,
        warehouse=environment.get("LAKE_WAREHOUSE") or own_warehouse,
        services=tuple(
            service
            for variable, (address, group) in own.items()
            if (environment.get(variable) or address) == address
            for service in group
        ),
    )


def kept_settings(name: str) -> Path:
    """Where a stack that runs keeps what it was started with."""
    return ROOT / ".stack" / name / "run" / "settings.json"


def with_kept_settings(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, and what a stack that runs was started with and it leaves out.

    So `SPARK_MASTER=… make up` holds for the commands after it, until `make down`.
    """
    file = kept_settings(name)
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return kept | {key: value for key, value in environment.items() if value}


def keep_settings(name: str, environment: Mapping[str, str]) -> None:
    """Write down what a stack is started with."""
    kept = {key: environment[key] for key in _KEPT if environment.get(key)}
    kept_settings(name).write_text(json.dumps(kept))


def configuration(stack: Stack, spark_home: Path) -> dict[str, str]:
    """The stack's configuration files: the text of each by its name."""
    warehouse = urlsplit(stack.warehouse)
    values = {
        "root": ROOT,
        "stack": stack.name,
        "directory": stack.directory,
        "data": stack.directory / "data",
        "jars": ROOT / ".jars",
        "spark_home": spark_home,
        "socket": socket_path(stack),
        "host": stack.host,
        "bootstrap_servers": stack.bootstrap_servers,
        "warehouse": stack.warehouse,
        "hive_metastore_uris": stack.hive_metastore_uris,
        "default_fs": f"{warehouse.scheme}://{warehouse.netloc}",
        "replication": 2 if stack.is_cluster else 1,
        "spark_master": stack.spark_master,
        # Executors on other machines come back to the driver at this address.
        "driver_host": stack.driver_host,
        "is_cluster": str(stack.is_cluster).lower(),
        "topic": stack.topic,
        # A container of a worker has a name of its own, for there are many.
        "spark_worker_host": "" if stack.in_containers else stack.host,
        **{
            f"{service}_host": stack.host_of(service)
            for service in (*SERVICES, "datanode_2", "spark_master")
        },
        **{f"{name}_port": port for name, port in stack.ports.items()},
        **{f"{name}_heap": heap for name, heap in stack.heaps.items()},
        **stack.cluster,
    }
    files = sorted((ROOT / "services" / "conf").iterdir())
    templates = {file.name: Template(file.read_text()) for file in files}
    catalogs = [templates.pop(f"catalog-{kind}.conf") for kind in ("hadoop", "hive")]
    values["catalog"] = catalogs[bool(stack.hive_metastore_uris)].substitute(values)
    program = templates.pop("program.conf")
    values["programs"] = "\n".join(
        program.substitute(values, service=service)
        for service in dict.fromkeys((*SERVICES, *stack.services))
    )
    return {name: text.substitute(values) for name, text in templates.items()}


def render(stack: Stack, spark_home: Path) -> None:
    """Write the stack's configuration files, leaving unchanged ones alone."""
    for directory in ("conf", "data/spark", "data/spark-events", "log", "run"):
        (stack.directory / directory).mkdir(parents=True, exist_ok=True)
    for name, text in configuration(stack, spark_home).items():
        target = stack.conf / name
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


def socket_path(stack: Stack) -> Path:
    """supervisord's socket; elsewhere if the checkout's path is too long for one.

    A socket's path has at most 107 bytes, and supervisord appends its process id to it
    while it binds (man 7 unix, `sun_path`).
    """
    path = stack.directory / "run" / "supervisor.sock"
    if len(os.fsencode(path)) < 95:
        return path
    inode = stack.directory.parent.parent.stat().st_ino
    return Path("/tmp") / f"assessments-{os.getuid()}-{inode}-{stack.name}.sock"
