"""client.properties is read as Kafka's clients read it, and nothing secret is shown."""

import ssl
from pathlib import Path

import pytest
import trustme

from cli.program import CommandError
from ingest import client_properties

_LOGIN = r"""
security.protocol = SASL_PLAINTEXT
sasl.mechanism: SCRAM-SHA-256
# username and password on a line of their own
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
    username="ada" password="hunter\\"2";
acks=all
"""


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "client.properties"
    file.write_text(text)
    return file


def test_login_is_taken_from_the_jaas_configuration(tmp_path: Path) -> None:
    found = client_properties.for_kafka_python(_file(tmp_path, _LOGIN))
    assert found == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "ada",
        "sasl_plain_password": 'hunter"2',
    }


@pytest.mark.parametrize("quote", ["'", '"'])
def test_password_may_stand_in_either_quotes(tmp_path: Path, quote: str) -> None:
    text = (
        "security.protocol=SASL_PLAINTEXT \nsasl.mechanism=PLAIN\n"
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule "
        f"required username={quote}a{quote} password={quote}b; c=d{quote};\n"
    )
    found = client_properties.for_kafka_python(_file(tmp_path, text))
    assert found["security_protocol"] == "SASL_PLAINTEXT"
    assert found["sasl_plain_password"] == "b; c=d"


def test_spark_gets_references_and_no_value(tmp_path: Path) -> None:
    file = _file(tmp_path, _LOGIN)
    options = client_properties.for_spark(file)
    reference = f"${{file:{file}:sasl.jaas.config}}"
    assert options["kafka.sasl.jaas.config"] == reference
    assert "hunter" not in str(options)
    assert "kafka.acks" not in options


def test_file_without_security_settings_changes_nothing(tmp_path: Path) -> None:
    file = _file(tmp_path, "acks=all\n")
    assert client_properties.for_spark(file) == {}
    expected = {"security_protocol": "PLAINTEXT"}
    assert client_properties.for_kafka_python(file) == expected


@pytest.mark.parametrize("check", ["https", ""])
def test_tls_verifies_the_host_unless_the_file_says_no(
    tmp_path: Path, check: str
) -> None:
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    text = (
        "security.protocol=SSL\nssl.truststore.type=PEM\n"
        f"ssl.truststore.location={authority}\n"
        f"ssl.endpoint.identification.algorithm={check}\n"
    )
    context = client_properties.for_kafka_python(_file(tmp_path, text))["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname == bool(check)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("security.protocol=TLS", "security.protocol must be PLAINTEXT or SASL_"),
        ("security.protocol=SASL_SSL", "sasl.mechanism is not set"),
        ("sasl.mechanism=GSSAPI", "sasl.mechanism must be PLAIN or SCRAM-SHA-256"),
        (
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
            "sasl.jaas.config=Module required password=hunter2;",
            "sasl.jaas.config has no username",
        ),
        ("ssl.truststore.location=/a.jks", "set ssl.truststore.type=PEM"),
        (
            "ssl.keystore.type=PEM\nssl.keystore.location=a.pem",
            "ssl.keystore.location must be an absolute path",
        ),
        ("ssl.truststore.password=hunter2", "ssl.truststore.password is not supported"),
        (
            "security.protocol=SSL\nssl.truststore.type=PEM\n"
            "ssl.truststore.location=/absent.pem",
            "/absent.pem: No such file",
        ),
        (
            "security.protocol=SSL\nssl.keystore.type=PEM\n"
            "ssl.keystore.location={file}",
            "{file} has no key with its certificate",
        ),
        (r"a=\u12", "can't be read: it is malformed"),
    ],
)
def test_error_names_the_file_and_the_setting_but_no_value(
    tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "client.properties"
    file.write_text(text.replace("{file}", str(file)))
    with pytest.raises(CommandError) as error:
        client_properties.for_kafka_python(file)
    said = str(error.value)
    assert said.startswith(f"KAFKA_CLIENT_PROPERTIES ({file}): ")
    assert reason.replace("{file}", str(file)) in said
    assert "hunter" not in said


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"absent\): can't be read: No such file"):
        client_properties.read(tmp_path / "absent")
