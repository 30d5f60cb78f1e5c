"""Ingest from brokers that demand TLS and a login, and what it says if they refuse."""

import html
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from cli.settings import HOST, ROOT
from ingest import raw_table
from tests import shell
from tests.integration.stack import (
    SAMPLE,
    SAMPLE_MESSAGES,
    STACK,
    ingest,
    query,
    start,
    wait_until,
)

_TOPIC = "secured"
_SECRET = "correct-horse-battery"
_PASSWORD = f'"{_SECRET}\\'
_SCRAM, _MUTUAL, _EXPIRED, _PLAIN, _CONTROLLER = (
    STACK.ports["kafka"] + 500 + number for number in range(5)
)
_CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=SCRAM://{host}:{scram},MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired},\
PLAIN://{host}:{plain},CONTROLLER://{host}:{controller}
listener.security.protocol.map=SCRAM:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL,PLAIN:PLAINTEXT,\
CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
controller.listener.names=CONTROLLER
log.dirs={directory}/data/kafka
offsets.topic.replication.factor=1
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.truststore.type=PEM
ssl.truststore.location={directory}/authority.pem
ssl.keystore.type=PEM
ssl.keystore.location={directory}/broker.pem
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+),.*$/$1/,DEFAULT
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={directory}/expired.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
# A properties file and its login module each take away one level of escapes.
_ESCAPED = _PASSWORD.replace("\\", r"\\\\").replace('"', r"\\\"")
_NO_LOGIN = "due to invalid credentials|closes every connection: check .* password"
_LOGIN = """\
# as a company hands it out
bootstrap.servers=ignored:9093
client.dns.lookup=use_all_dns_ips
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username="{user}" password="{password}";
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""
_CERTIFICATE = """\
security.protocol=SSL
ssl.truststore.type=PEM
ssl.truststore.location={directory}/authority.pem
ssl.keystore.type=PEM
ssl.keystore.location={directory}/client.pem
"""


def _write_pem(file: Path, certificate: trustme.LeafCert) -> None:
    """Write key and certificates as Kafka reads them: the key in PKCS #8."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(
        pem + b"".join(each.bytes() for each in certificate.cert_chain_pems)
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A broker with a listener per kind of access; its certificates and properties."""
    directory = tmp_path_factory.mktemp("secured")
    authority, another = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    another.cert_pem.write_to_path(str(directory / "another.pem"))
    _write_pem(directory / "broker.pem", authority.issue_cert(HOST))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = authority.issue_cert(HOST, not_after=yesterday)
    _write_pem(directory / "expired.pem", expired)
    client = authority.issue_cert("client@example.com", common_name="client")
    _write_pem(directory / "client.pem", client)
    conf = directory / "conf"
    conf.mkdir()
    for name in ("services.env", "log4j2.properties"):
        (conf / name).write_text((STACK.conf / name).read_text())
    ports = {
        "scram": _SCRAM,
        "mutual": _MUTUAL,
        "expired": _EXPIRED,
        "plain": _PLAIN,
        "controller": _CONTROLLER,
    }
    (conf / "kafka.properties").write_text(
        _CONFIG.format(host=HOST, directory=directory, **ports)
    )
    with (directory / "kafka.log").open("w") as log:
        broker = subprocess.Popen(
            (ROOT / "services" / "start.sh", "kafka"),
            env={**shell.ENVIRONMENT, "STACK_DIR": str(directory)},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until("the broker listens or ends", lambda: _is_open() or broker.poll())
        _fill()
        # A raw table holds one topic.
        query(f"drop table if exists {raw_table.NAME} purge")
        yield directory
        query(f"drop table if exists {raw_table.NAME} purge")
    finally:
        broker.kill()


def _is_open() -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, _PLAIN)) == 0


def _fill() -> None:
    """Create the topic, the users and their rights."""
    servers = f"{HOST}:{_PLAIN}"
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.create_topics({_TOPIC: {"num_partitions": 2}}, wait_for_metadata=True)
        failed = admin.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    user, ScramMechanism.SCRAM_SHA_512, password=_PASSWORD.encode()
                )
                for user in ("ingest", "other")
            ]
        )
        assert not any(failed.values())
        describe = (ACLOperation.DESCRIBE, ACLOperation.DESCRIBE_CONFIGS)
        rights = {
            "User:ingest": (*describe, ACLOperation.READ, ACLOperation.WRITE),
            "User:client": (ACLOperation.DESCRIBE, ACLOperation.READ),
            "User:other": describe,
        }
        done = admin.create_acls(
            [
                ACL(
                    principal=user,
                    host="*",
                    operation=operation,
                    permission_type=ACLPermissionType.ALLOW,
                    resource_pattern=ResourcePattern(ResourceType.TOPIC, _TOPIC),
                )
                for user, operations in rights.items()
                for operation in operations
            ]
        )
        assert not done["failed"]


def _login(
    directory: Path, user: str, password: str = _ESCAPED, authority: str = "authority"
) -> dict[str, str]:
    """Return the environment in which ingest logs in with a password."""
    file = directory / f"{user}-{authority}-{len(password)}.properties"
    file.write_text(
        _LOGIN.format(
            user=user, password=password, authority=directory / f"{authority}.pem"
        )
    )
    return _environment(_SCRAM, file)


def _certificate(directory: Path, port: int, lines: int) -> dict[str, str]:
    """Return the environment in which ingest shows a certificate, or none."""
    file = directory / f"certificate-{lines}.properties"
    text = _CERTIFICATE.format(directory=directory).splitlines()[:lines]
    file.write_text("\n".join(text))
    return _environment(port, file)


def _environment(port: int, file: Path | None) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{port}",
        "KAFKA_CLIENT_PROPERTIES": str(file or ""),
        "ASSESSMENTS_TOPIC": _TOPIC,
    }


def test_login_over_tls_lets_every_verb_work_and_shows_no_password(
    directory: Path,
) -> None:
    login = _login(directory, "ingest")
    ingest("publish", SAMPLE, environment=login)
    landed = f"{SAMPLE_MESSAGES} messages of {_TOPIC} landed"
    assert ingest("drain", environment=login).stdout.startswith(landed)
    command = ("python", "-m", "ingest", "follow", "--every", "1", "--debug")
    with start(*command, environment=login) as follow:
        assert follow.stdout
        ingest("publish", SAMPLE, environment=login)
        assert any(landed in line for line in follow.stdout)
        assert _places_that_show_the_password() == []
        follow.terminate()
        assert follow.wait() == 0
    assert "0 different" in ingest("audit", environment=login).stdout


def _places_that_show_the_password() -> list[str]:
    """Search processes, logs, and pages of the Spark UI, among them those of plans."""
    texts = {
        f"process {process.pid}": " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
    }
    texts |= {
        str(file): file.read_text(errors="replace")
        for file in (STACK.directory / "log").glob("*.log")
    }
    ui = f"http://{STACK.address('spark', 'spark_ui')}"
    for path in ("/SQL/", "/connect/", "/jobs/", "/environment/"):
        texts[path] = _page(ui + path)
        for link in re.findall(
            rf'"({path}(?:execution|session)/\?id=[^"&]+)', texts[path]
        ):
            texts[link] = _page(ui + link)
    assert any("KafkaRelation" in texts[page] for page in texts if "execution" in page)
    assert "kafka.sasl.jaas.config" in texts["/connect/"]
    return [place for place, text in texts.items() if _SECRET in text]


def _page(address: str) -> str:
    """Return a page, or in its place the error of a query that has no plan yet."""
    try:
        answer = urllib.request.urlopen(address, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return html.unescape(str(answer.read(), "utf-8"))


def test_client_certificate_lets_ingest_read(directory: Path) -> None:
    before = query(f"select count(*) from {raw_table.NAME}")
    ingest("publish", SAMPLE, environment=_login(directory, "ingest"))
    certificate = _certificate(directory, _MUTUAL, lines=5)
    ingest("drain", environment=certificate)
    [(rows,)] = query(f"select count(*) from {raw_table.NAME}")
    assert rows == before[0][0] + SAMPLE_MESSAGES
    ingest("audit", environment=certificate)


def test_each_refusal_is_one_line_that_says_why(directory: Path) -> None:
    """Side by side, because a client tries for ten seconds."""
    ingest("publish", SAMPLE, environment=_login(directory, "ingest"))
    publish, drain = ("publish", SAMPLE), ("drain",)
    cases = (
        (publish, _login(directory, "ingest", "wrong"), _NO_LOGIN),
        (publish, _login(directory, "nobody"), _NO_LOGIN),
        (publish, _environment(_SCRAM, None), "closes every connection"),
        (
            publish,
            _login(directory, "ingest", authority="another"),
            "unable to get local issuer certificate",
        ),
        (drain, _certificate(directory, _EXPIRED, lines=3), "certificate has expired"),
        (drain, _certificate(directory, _MUTUAL, lines=3), "alert bad certificate"),
        (publish, _login(directory, "other"), f"no right to write to topic {_TOPIC}"),
        (drain, _login(directory, "other"), rf"to access topics: \[{_TOPIC}\]"),
    )
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                start("python", "-m", "ingest", *verb, environment=environment)
            )
            for verb, environment, _ in cases
        ]
        for process, (_, _, reason) in zip(started, cases, strict=True):
            _, printed = process.communicate()
            [line] = printed.splitlines()
            assert re.search(reason, line)
            assert _SECRET not in line
            assert process.returncode == 1
