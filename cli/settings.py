"""Where Kafka and Spark are: from flags, else the environment, else settings.toml.

Standard library only, because the checks before set-up run without any package.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.program import CommandError

ROOT = Path(__file__).resolve().parent.parent
FILE = tomllib.loads((ROOT / "settings.toml").read_text())
HOST = "127.0.0.1"
_PORTS = FILE["ports"]


@dataclass(frozen=True)
class Settings:
    """The addresses that clients use, and the topic to land."""

    bootstrap_servers: str
    topic: str
    spark_remote: str
    thrift_host: str
    thrift_port: int
    client_properties: Path | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"sc://[^/:;\s]+(:\d+)?(/.*)?", self.spark_remote):
            raise CommandError(
                f"SPARK_REMOTE is {shown(self.spark_remote)!r}, which is not a Spark "
                "Connect address: write it as sc://host:port"
            )
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise CommandError(
                    f"KAFKA_BOOTSTRAP_SERVERS has {server!r}: write host:port, "
                    "with commas between several"
                )
        if not self.topic:
            raise CommandError("ASSESSMENTS_TOPIC is empty: set it to a topic name")


def dbt_target() -> Path:
    """Return the directory of dbt's artefacts."""
    return ROOT / os.environ.get("DBT_TARGET_PATH", "target")


def from_environment(
    environment: Mapping[str, str],
    bootstrap_servers: str | None = None,
    topic: str | None = None,
    spark_remote: str | None = None,
    client_properties: str | None = None,
) -> Settings:
    """Return the settings in effect: a flag wins over the environment.

    Raises:
        CommandError: a setting is malformed; the message names it.
    """
    port = environment.get("SPARK_THRIFT_PORT", str(_PORTS["spark_thrift"]))
    if not port.isdigit():
        raise CommandError(f"SPARK_THRIFT_PORT is {port!r}: set it to a port number")
    file = client_properties or environment.get("KAFKA_CLIENT_PROPERTIES")
    return Settings(
        bootstrap_servers=bootstrap_servers
        or environment.get("KAFKA_BOOTSTRAP_SERVERS", f"{HOST}:{_PORTS['kafka']}"),
        topic=topic or environment.get("ASSESSMENTS_TOPIC", FILE["topic"]["name"]),
        spark_remote=spark_remote
        or environment.get("SPARK_REMOTE", f"sc://{HOST}:{_PORTS['spark_connect']}"),
        thrift_host=environment.get("SPARK_THRIFT_HOST", HOST),
        thrift_port=int(port),
        client_properties=Path(file).resolve() if file else None,
    )


def for_client(remote: str) -> str:
    """Return the address of a Spark Connect server as its Python client needs it.

    Without TLS, the client sends a token only to a host that is called localhost.
    """
    return re.sub(rf"^sc://{re.escape(HOST)}(?=[:/]|$)", "sc://localhost", remote)


def shown(text: str) -> str:
    """Return a text with the address of a Spark Connect server as it may be printed."""
    return re.sub(r"(?i)(token=)[^;'\"\s]*", r"\1***", text)
