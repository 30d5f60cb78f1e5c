"""Settings: a flag wins over the environment, and nonsense is refused."""

import pytest

from ingest.errors import IngestError
from ingest.settings import Settings, from_environment


def test_without_anything_the_local_stack_is_meant() -> None:
    assert from_environment({}) == Settings(
        "127.0.0.1:9092", "assessment-attempts", "sc://127.0.0.1:15002"
    )


def test_a_flag_wins_over_the_environment() -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:1",
        "ASSESSMENTS_TOPIC": "b",
        "SPARK_REMOTE": "sc://c:2",
    }
    assert from_environment(environment) == Settings("a:1", "b", "sc://c:2")
    assert from_environment(environment, "d:3", "e", "sc://f:4") == Settings(
        "d:3", "e", "sc://f:4"
    )


@pytest.mark.parametrize(
    ("bootstrap_servers", "topic", "spark_remote", "named"),
    [
        ("broker", "t", "sc://h:1", "KAFKA_BOOTSTRAP_SERVERS"),
        ("a:1,b", "t", "sc://h:1", "'b'"),
        (":9092", "t", "sc://h:1", "':9092'"),
        ("a:1", "", "sc://h:1", "ASSESSMENTS_TOPIC"),
        ("a:1", "t", "spark://h:7077", "SPARK_REMOTE"),
        ("a:1", "t", "sc://", "SPARK_REMOTE"),
    ],
)
def test_what_can_not_be_an_address_is_named(
    bootstrap_servers: str, topic: str, spark_remote: str, named: str
) -> None:
    with pytest.raises(IngestError, match=named):
        Settings(bootstrap_servers, topic, spark_remote)
