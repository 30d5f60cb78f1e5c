"""A stack: one set of services with its own ports and its own data directory.

Standard library only: the checks before set-up use it while no package is installed.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("kafka", "namenode", "datanode", "spark")
# What a service's running process was started from; a change restarts it.
CONFIGURATION = {
    "kafka": ("kafka.properties", "log4j2.properties"),
    "namenode": ("core-site.xml", "hdfs-site.xml", "log4j2.properties"),
    "datanode": ("core-site.xml", "hdfs-site.xml", "log4j2.properties"),
    "spark": ("spark-defaults.conf", "log4j2.properties"),
}


class StackError(Exception):
    """What failed and what to do, in one line."""


@dataclass(frozen=True)
class Stack:
    """The settings of one stack, read from services/stacks.toml."""

    name: str
    host: str
    ports: Mapping[str, int]
    heaps: Mapping[str, str]
    topic: str
    partitions: int
    spark_master: str
    warehouse: str
    services: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return ROOT / ".stack" / self.name

    @property
    def conf(self) -> Path:
        return self.directory / "conf"

    @property
    def bootstrap_servers(self) -> str:
        return f"{self.host}:{self.ports['kafka']}"

    @property
    def spark_remote(self) -> str:
        return f"sc://{self.host}:{self.ports['spark_connect']}"

    def ports_of(self, service: str) -> dict[str, int]:
        """The ports that one service listens on, by name."""
        return {
            name: port
            for name, port in self.ports.items()
            if name == service or name.startswith(f"{service}_")
        }

    def log(self, service: str) -> Path:
        return self.directory / "log" / f"{service}.log"


def load(name: str, environment: Mapping[str, str] = os.environ) -> Stack:
    """The stack of that name.

    A service whose address the environment names is the user's own and is not started
    here: KAFKA_BOOTSTRAP_SERVERS, LAKE_WAREHOUSE (a Hadoop URI), SPARK_REMOTE.

    Raises:
        StackError: services/stacks.toml has no stack of that name.
    """
    settings = tomllib.loads((ROOT / "services" / "stacks.toml").read_text())
    if name not in settings["offsets"]:
        known = ", ".join(settings["offsets"])
        raise StackError(
            f"no stack is called {name!r}: services/stacks.toml has {known}"
        )
    offset = settings["offsets"][name]
    host = "127.0.0.1"
    ports = {key: port + offset for key, port in settings["ports"].items()}
    own_warehouse = f"hdfs://{host}:{ports['namenode']}/warehouse"
    warehouse = environment.get("LAKE_WAREHOUSE") or own_warehouse
    own = {
        "KAFKA_BOOTSTRAP_SERVERS": (f"{host}:{ports['kafka']}", ("kafka",)),
        "LAKE_WAREHOUSE": (own_warehouse, ("namenode", "datanode")),
        "SPARK_REMOTE": (f"sc://{host}:{ports['spark_connect']}", ("spark",)),
    }
    services = tuple(
        service
        for variable, (address, group) in own.items()
        if (environment.get(variable) or address) == address
        for service in group
    )
    return Stack(
        name=name,
        host=host,
        ports=ports,
        heaps=settings["heaps"],
        topic=settings["topic"]["name"],
        partitions=settings["topic"]["partitions"],
        spark_master=environment.get("SPARK_MASTER") or "local[*]",
        warehouse=warehouse,
        services=services,
    )


def render(stack: Stack, spark_home: Path) -> None:
    """Write the stack's configuration files, leaving unchanged ones alone."""
    for directory in ("conf", "data/spark", "log", "run"):
        (stack.directory / directory).mkdir(parents=True, exist_ok=True)
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
        "warehouse": stack.warehouse,
        "default_fs": f"{warehouse.scheme}://{warehouse.netloc}",
        "spark_master": stack.spark_master,
        "topic": stack.topic,
        **{f"{name}_port": port for name, port in stack.ports.items()},
        **{f"{name}_heap": heap for name, heap in stack.heaps.items()},
    }
    for template in sorted((ROOT / "services" / "conf").iterdir()):
        text = Template(template.read_text()).substitute(values)
        target = stack.conf / template.name
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
