"""Why a broker refused is found in what kafka-python logs."""

import logging

import pytest
from kafka.errors import KafkaTimeoutError

from cli.program import CommandError, UnavailableError
from cli.settings import from_environment
from ingest.topic import broker_errors

_FAILED = "Bootstrap connection to bootstrap-0 failed: %s (backoff 0.05 secs)"


@pytest.mark.parametrize(
    ("logged", "reason", "kind"),
    [
        (
            "[Error 58] SaslAuthenticationFailedError: Authentication failed: Invalid "
            "username or password",
            "Authentication failed: Invalid username or password; check KAFKA_CLIENT",
            CommandError,
        ),
        ("[Error 33] UnsupportedSaslMechanismError", "UnsupportedSasl", CommandError),
        (
            "Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
            "failed: certificate has expired (_ssl.c:1006)",
            "certificate verify failed: certificate has expired; check",
            CommandError,
        ),
        (
            "Handshake failed: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in "
            "violation of protocol (_ssl.c:1006)",
            "closes every connection: check protocol",
            UnavailableError,
        ),
        ("KafkaConnectionError: 111 ECONNREFUSED", "no answer from", UnavailableError),
    ],
)
def test_refusal_is_named(logged: str, reason: str, kind: type[CommandError]) -> None:
    with pytest.raises(CommandError) as error, broker_errors(from_environment({})):
        logging.getLogger("kafka.net.manager").warning(_FAILED, logged)
        raise KafkaTimeoutError("Unable to bootstrap")
    assert type(error.value) is kind
    assert reason in str(error.value)
