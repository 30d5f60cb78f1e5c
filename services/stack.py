"""A stack: one set of services with its own ports and its own data directory.

Standard library only, because the checks before set-up run without any package.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.program import CommandError
from cli.settings import FILE, HOST, ROOT

SERVICES = ("kafka", "namenode", "datanode", "spark")
# Only a cluster has these, and workers, which are numbered: spark_worker_1 and so on.
CLUSTER_SERVICES = ("datanode_2", "spark_master")
# The stack that docker-compose.yml runs: one container per service, with its name.
CONTAINERS = "containers"
# Settings that a stack keeps from its start until it is stopped.
_KEPT = (
    "HIVE_METASTORE_URIS",
    "SPARK_MASTER",
    "SPARK_WORKERS",
    "SPARK_WORKER_CORES",
    "SPARK_WORKER_MEMORY",
    "SPARK_DRIVER_HOST",
    *(f"{service.upper()}_HEAP" for service in FILE["heaps"]),
)


def kind_of(service: str) -> str:
    """Return a service's name without its number: datanode for datanode_2."""
    return service.rstrip("0123456789").rstrip("_")


@dataclass(frozen=True)
class Stack:
    """One stack: the settings of settings.toml, overridden by the environment.

    A service with another address in the environment is the user's own and is not
    started: KAFKA_BOOTSTRAP_SERVERS, LAKE_WAREHOUSE (a Hadoop URI), SPARK_REMOTE. If
    SPARK_MASTER is the address of this stack's own master, the second DataNode, the
    master and the workers are started too. With HIVE_METASTORE_URIS, tables are listed
    in that metastore instead of in the warehouse's folders. KAFKA_HEAP and the like
    set the heap of a service.

    Raises:
        CommandError: settings.toml has no stack of that name, or SPARK_WORKERS is not
            a number from 1 up.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        if self.name not in FILE["offsets"]:
            known = ", ".join(FILE["offsets"])
            raise CommandError(
                f"no stack is called {self.name!r}: settings.toml has {known}"
            )
        if not self.spark["workers"].isdigit() or not int(self.spark["workers"]):
            raise CommandError(
                f"SPARK_WORKERS is {self.spark['workers']!r}: set it to 1 or more"
            )

    def setting(self, variable: str, default: object = "") -> str:
        return self.environment.get(variable) or str(default)

    @property
    def ports(self) -> dict[str, int]:
        offset = FILE["offsets"][self.name]
        return {name: port + offset for name, port in FILE["ports"].items()}

    @property
    def heaps(self) -> dict[str, str]:
        return {
            service: self.setting(f"{service.upper()}_HEAP", heap)
            for service, heap in FILE["heaps"].items()
        }

    @property
    def spark(self) -> dict[str, str]:
        """Spark's master, and the number and size of a cluster's workers."""
        return {
            name: self.setting(f"SPARK_{name.upper()}", text)
            for name, text in FILE["spark"].items()
        }

    @property
    def topic(self) -> str:
        return self.setting("ASSESSMENTS_TOPIC", FILE["topic"]["name"])

    @property
    def directory(self) -> Path:
        return ROOT / ".stack" / self.name

    @property
    def conf(self) -> Path:
        return self.directory / "conf"

    @property
    def in_containers(self) -> bool:
        return self.name == CONTAINERS

    def log(self, service: str) -> str:
        if self.in_containers:
            return f"docker compose logs {self.host_of(service)}"
        return str(self.directory / "log" / f"{service}.log")

    def host_of(self, service: str) -> str:
        """Return a service's host: loopback, or the name of its container."""
        return service.replace("_", "-") if self.in_containers else HOST

    def address(self, service: str, port: str) -> str:
        return f"{self.host_of(service)}:{self.ports[port]}"

    def ports_of(self, service: str) -> dict[str, int]:
        """Return the ports that a service listens on, by name."""
        return {
            name: port for name, port in self.ports.items() if _owner(name) == service
        }

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, as this stack's clients reach it."""
        port = "kafka_internal" if self.in_containers else "kafka"
        return self.address("kafka", port)

    @property
    def spark_remote(self) -> str:
        return f"sc://{self.address('spark', 'spark_connect')}"

    @property
    def own_warehouse(self) -> str:
        return f"hdfs://{self.address('namenode', 'namenode')}/warehouse"

    @property
    def is_cluster(self) -> bool:
        own_master = f"spark://{self.address('spark_master', 'spark_master')}"
        return self.spark["master"] == own_master

    @property
    def services(self) -> tuple[str, ...]:
        """The services to start, each after those that it needs."""
        hdfs, spark = ["namenode", "datanode"], ["spark"]
        if self.is_cluster:
            # Worker containers are scaled, not numbered.
            count = 0 if self.in_containers else int(self.spark["workers"])
            workers = [f"spark_worker_{number + 1}" for number in range(count)]
            hdfs, spark = [*hdfs, "datanode_2"], ["spark_master", *workers, "spark"]
        groups = (
            ("KAFKA_BOOTSTRAP_SERVERS", self.bootstrap_servers, ["kafka"]),
            ("LAKE_WAREHOUSE", self.own_warehouse, hdfs),
            ("SPARK_REMOTE", self.spark_remote, spark),
        )
        return tuple(
            service
            for variable, address, group in groups
            if self.setting(variable, address) == address
            for service in group
        )

    @property
    def kept_settings(self) -> Path:
        """The file in which a running stack keeps the settings of its start."""
        return self.directory / "run" / "settings.json"

    def keep_settings(self) -> None:
        kept = {name: self.setting(name) for name in _KEPT if self.setting(name)}
        self.kept_settings.write_text(json.dumps(kept))


def _owner(port: str) -> str:
    """Return the service of a port; the port's name starts with the service's."""
    owners = (*SERVICES, *CLUSTER_SERVICES)
    return max((each for each in owners if f"{port}_".startswith(f"{each}_")), key=len)


def load(name: str, environment: Mapping[str, str] = os.environ) -> Stack:
    """Return the named stack; if it runs, with the settings it was started with.

    So `SPARK_MASTER=… make up` also applies to later commands, until `make down`.

    Raises:
        CommandError: as Stack does.
    """
    file = Stack(name, environment).kept_settings
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return Stack(name, kept | {key: text for key, text in environment.items() if text})
