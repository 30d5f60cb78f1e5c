"""Settings: from flags, else from the environment, else the local stack's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.errors import IngestError


@dataclass(frozen=True)
class Settings:
    """Where Kafka and Spark are, and which topic is landed."""

    bootstrap_servers: str
    topic: str
    spark_remote: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"sc://[^/:;\s]+(:\d+)?(/.*)?", self.spark_remote):
            raise IngestError(
                f"SPARK_REMOTE is {self.spark_remote!r}, which is no Spark Connect "
                "address: write it as sc://host:port"
            )
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise IngestError(
                    f"KAFKA_BOOTSTRAP_SERVERS has {server!r}: write host:port, "
                    "several of them separated by commas"
                )
        if not self.topic:
            raise IngestError("ASSESSMENTS_TOPIC is empty: name the topic")


def from_environment(
    environment: Mapping[str, str],
    bootstrap_servers: str | None = None,
    topic: str | None = None,
    spark_remote: str | None = None,
) -> Settings:
    """The settings that hold: a flag wins over the environment.

    Raises:
        IngestError: a setting can't be what it stands for.
    """
    return Settings(
        bootstrap_servers=bootstrap_servers
        or environment.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
        topic=topic or environment.get("ASSESSMENTS_TOPIC", "assessment-attempts"),
        spark_remote=spark_remote
        or environment.get("SPARK_REMOTE", "sc://127.0.0.1:15002"),
    )
