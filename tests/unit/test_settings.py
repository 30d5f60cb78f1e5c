"""Settings live in settings.toml; files that must repeat one are compared with it."""

import re
import tomllib

import pytest
import yaml

from cli.program import CommandError
from cli.settings import FILE, ROOT, Settings, for_client, from_environment, shown

DEFAULTS = Settings(
    "127.0.0.1:9092", "assessment-attempts", "sc://127.0.0.1:15002", "127.0.0.1", 10000
)


def test_defaults_are_the_addresses_of_the_local_stack() -> None:
    assert from_environment({}) == DEFAULTS


def test_flag_wins_over_the_environment() -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:1",
        "ASSESSMENTS_TOPIC": "b",
        "SPARK_REMOTE": "sc://c:2",
        "SPARK_THRIFT_HOST": "d",
        "SPARK_THRIFT_PORT": "3",
    }
    found = from_environment(environment)
    assert found == Settings("a:1", "b", "sc://c:2", "d", 3)
    found = from_environment(environment, "d:3", "e", "sc://f:4")
    assert found == Settings("d:3", "e", "sc://f:4", "d", 3)


@pytest.mark.parametrize(
    ("variable", "text", "named"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "broker", "KAFKA_BOOTSTRAP_SERVERS has 'broker'"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:1,b", "'b'"),
        ("KAFKA_BOOTSTRAP_SERVERS", ":9092", "':9092'"),
        ("ASSESSMENTS_TOPIC", "", "ASSESSMENTS_TOPIC"),
        ("SPARK_REMOTE", "spark://h:7077", "SPARK_REMOTE"),
        ("SPARK_REMOTE", "sc://", "SPARK_REMOTE"),
        ("SPARK_REMOTE", "http://h/;token=secret", r"token=\*\*\*'"),
        ("SPARK_THRIFT_PORT", "thrift", "SPARK_THRIFT_PORT"),
    ],
)
def test_error_of_an_invalid_setting_names_it(
    variable: str, text: str, named: str
) -> None:
    with pytest.raises(CommandError, match=named):
        from_environment({variable: text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sc://h:1/;token=a=b;user_id=c", "sc://h:1/;token=***;user_id=c"),
        ("Parameter 'token=czNjcmV0==' should", "Parameter 'token=***' should"),
        ("sc://h:1", "sc://h:1"),
    ],
)
def test_token_is_not_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_client_of_the_local_server_sends_a_token() -> None:
    """Without TLS, Spark's client does so only to a host that is called localhost."""
    assert for_client("sc://127.0.0.1:15002/;a=b") == "sc://localhost:15002/;a=b"
    assert for_client("sc://127.0.0.10:15002") == "sc://127.0.0.10:15002"


def test_dbt_profile_has_the_default_address_of_thrift() -> None:
    profiles = (ROOT / "profiles" / "profiles.yml").read_text()
    found = dict(
        re.findall(r"env_var\('(SPARK_THRIFT_(?:HOST|PORT))', '([^']*)'\)", profiles)
    )
    assert found == {
        "SPARK_THRIFT_HOST": DEFAULTS.thrift_host,
        "SPARK_THRIFT_PORT": str(DEFAULTS.thrift_port),
    }


def test_jar_versions_match_the_pyspark_package() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [version] = [
        each.removeprefix("pyspark[connect]==")
        for each in pyproject["project"]["dependencies"]
        if each.startswith("pyspark")
    ]
    ivy = (ROOT / "services" / "ivy.xml").read_text()
    assert f'name="spark-sql-kafka-0-10_2.13" rev="{version}"' in ivy
    assert f'name="spark-token-provider-kafka-0-10_2.13" rev="{version}"' in ivy
    short = version.rsplit(".", 1)[0]
    assert f'name="iceberg-spark-runtime-{short}_2.13"' in ivy


def test_containers_publish_the_ports_of_the_default_stack() -> None:
    internal = {"kafka_controller", "kafka_internal", "spark_master"}
    wanted = {
        f"127.0.0.1:{port}:{port}"
        for name, port in FILE["ports"].items()
        # No client needs these, and each published port may already be in use.
        if name not in internal and not name.endswith("_ipc")
    }
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    published = [
        port
        for service in compose["services"].values()
        for port in service.get("ports", [])
    ]
    assert sorted(published) == sorted(wanted)
