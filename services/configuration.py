"""The configuration files of a stack, rendered from the templates in services/conf."""

import importlib.util
import os
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from cli.program import CommandError
from cli.settings import HOST, ROOT
from services.stack import CLUSTER_SERVICES, SERVICES, Stack

_HDFS_FILES = ("core-site.xml", "hdfs-site.xml", "log4j2.properties")
# The files that each service is started from; a change restarts the service.
FILES_OF = {
    "kafka": ("kafka.properties", "log4j2.properties"),
    "namenode": _HDFS_FILES,
    "datanode": _HDFS_FILES,
    "spark_master": ("log4j2.properties",),
    "spark_worker": ("log4j2.properties",),
    "spark": ("spark-defaults.conf", "log4j2.properties"),
}


def spark_home() -> Path:
    """Return the folder of the pyspark package, without the slow import.

    Raises:
        CommandError: pyspark is not installed.
    """
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise CommandError("pyspark is not installed: run `make setup`")
    return Path(found.origin).parent


def configuration(stack: Stack, spark_home: Path) -> dict[str, str]:
    """Return the stack's configuration files, each text by its file name."""
    warehouse = stack.setting("LAKE_WAREHOUSE", stack.own_warehouse)
    metastore = stack.setting("HIVE_METASTORE_URIS")
    file_system = urlsplit(warehouse)
    values = {
        "root": ROOT,
        "stack": stack.name,
        "directory": stack.directory,
        "data": stack.directory / "data",
        "jars": ROOT / ".jars",
        "spark_home": spark_home,
        "socket": socket_path(stack),
        "host": HOST,
        "bootstrap_servers": stack.bootstrap_servers,
        "warehouse": warehouse,
        "hive_metastore_uris": metastore,
        "default_fs": f"{file_system.scheme}://{file_system.netloc}",
        "replication": 2 if stack.is_cluster else 1,
        "is_cluster": str(stack.is_cluster).lower(),
        "topic": stack.topic,
        # Executors on other machines connect to the driver at this address.
        "driver_host": stack.setting("SPARK_DRIVER_HOST", stack.host_of("spark")),
        # Worker containers are scaled, so each one uses its own host name.
        "spark_worker_host": "" if stack.in_containers else HOST,
        **{f"spark_{name}": text for name, text in stack.spark.items()},
        **{
            f"{service}_host": stack.host_of(service)
            for service in (*SERVICES, *CLUSTER_SERVICES)
        },
        **{f"{name}_port": port for name, port in stack.ports.items()},
        **{f"{name}_heap": heap for name, heap in stack.heaps.items()},
    }
    files = sorted((ROOT / "services" / "conf").iterdir())
    templates = {file.name: Template(file.read_text()) for file in files}
    catalogs = [templates.pop(f"catalog-{kind}.conf") for kind in ("hadoop", "hive")]
    values["catalog"] = catalogs[bool(metastore)].substitute(values)
    program = templates.pop("program.conf")
    values["programs"] = "\n".join(
        program.substitute(values, service=service)
        for service in dict.fromkeys((*SERVICES, *stack.services))
    )
    return {name: text.substitute(values) for name, text in templates.items()}


def render(stack: Stack) -> None:
    """Write those of the stack's configuration files that have changed."""
    for directory in ("conf", "data/spark", "data/spark-events", "log", "run"):
        (stack.directory / directory).mkdir(parents=True, exist_ok=True)
    for name, text in configuration(stack, spark_home()).items():
        target = stack.conf / name
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


def socket_path(stack: Stack) -> Path:
    """Return the path of supervisord's socket, in /tmp if the usual one is too long.

    A socket's path has at most 107 bytes (man 7 unix, `sun_path`), and supervisord
    appends its process id to it while it binds.
    """
    path = stack.directory / "run" / "supervisor.sock"
    if len(os.fsencode(path)) < 95:
        return path
    inode = ROOT.stat().st_ino
    return Path("/tmp") / f"assessments-{os.getuid()}-{inode}-{stack.name}.sock"
