"""The file that KAFKA_CLIENT_PROPERTIES names: how to connect to secured brokers.

It has the format and the names of Kafka's own clients (Kafka documentation, "Security"
and "Consumer Configs"); certificates and keys are PEM files. Only its security
settings are read, so that a file made for Kafka's own tools can be used as it is.
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import javaproperties

from cli.program import CommandError

_SECURITY = ("security.", "sasl.", "ssl.")
_KNOWN = {
    "security.protocol": {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"},
    "sasl.mechanism": {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
    "sasl.jaas.config": None,
    "ssl.truststore.type": {"PEM"},
    "ssl.truststore.location": None,
    "ssl.keystore.type": {"PEM"},
    "ssl.keystore.location": None,
    "ssl.key.password": None,
    "ssl.endpoint.identification.algorithm": {"https", ""},
}
# A login module's options: name="value" or name='value', with backslash escapes.
_JAAS_OPTION = re.compile(r"""(\w+)\s*=\s*(["'])((?:(?!\2)[^\\]|\\.)*)\2""")


def read(file: Path) -> dict[str, str]:
    """Return the file's security settings.

    Raises:
        CommandError: the file can't be read, or has a setting that is not supported.
            The message never has a value that may be a secret.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            every = javaproperties.load(stream)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is malformed"
        raise _error(file, f"can't be read: {reason}") from error
    found = {
        name: text.strip() for name, text in every.items() if name.startswith(_SECURITY)
    }
    for name, text in found.items():
        if name not in _KNOWN:
            raise _error(file, f"{name} is not supported")
        choices = _KNOWN[name]
        if choices is not None and text not in choices:
            listed = " or ".join(sorted(each or "nothing" for each in choices))
            raise _error(file, f"{name} must be {listed}")
    for name in ("truststore", "keystore"):
        # Without a type, Kafka's Java client expects a Java keystore.
        if f"ssl.{name}.location" in found and f"ssl.{name}.type" not in found:
            raise _error(file, f"set ssl.{name}.type=PEM: Java keystores can't be read")
        # Spark's processes have other working directories.
        if not Path(found.get(f"ssl.{name}.location", "/")).is_absolute():
            raise _error(file, f"ssl.{name}.location must be an absolute path")
    return found


def for_kafka_python(file: Path) -> dict[str, Any]:
    """Return what kafka-python's clients take: protocol, login and TLS context.

    Raises:
        CommandError: as `read`, or a certificate, a key or the login can't be used.
    """
    found = read(file)
    protocol = found.get("security.protocol", "PLAINTEXT")
    config: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        if "sasl.mechanism" not in found:
            raise _error(file, "sasl.mechanism is not set")
        login = {
            name: re.sub(r"\\(.)", r"\1", text)
            for name, _, text in _JAAS_OPTION.findall(found.get("sasl.jaas.config", ""))
        }
        if not {"username", "password"} <= login.keys():
            raise _error(file, 'sasl.jaas.config has no username="…" password="…"')
        config["sasl_mechanism"] = found["sasl.mechanism"]
        config["sasl_plain_username"] = login["username"]
        config["sasl_plain_password"] = login["password"]
    if protocol.endswith("SSL"):
        config["ssl_context"] = _tls_context(file, found)
    return config


def _tls_context(file: Path, found: Mapping[str, str]) -> ssl.SSLContext:
    trusted = found.get("ssl.truststore.location")
    own = found.get("ssl.keystore.location")
    at, wanted = trusted, "PEM certificate"
    try:
        context = ssl.create_default_context(cafile=trusted)
        if own:
            at = own
            wanted = "key with its certificate, or ssl.key.password is wrong"
            # Without a password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(own, password=found.get("ssl.key.password", ""))
    except ssl.SSLError as error:
        raise _error(file, f"{at} has no {wanted}") from error
    except OSError as error:
        raise _error(file, f"{at}: {error.strerror}") from error
    if found.get("ssl.endpoint.identification.algorithm") == "":
        context.check_hostname = False
    return context


def for_spark(file: Path) -> dict[str, str]:
    """Return options of Spark's Kafka source that refer to the file, not to its values.

    Kafka's client resolves the references where it connects (Kafka documentation,
    "Configuration Providers"). So no secret is in a plan, a log or the Spark UI, and
    the file must be readable at the same path by the Spark driver and its executors.
    """
    if not (found := read(file)):
        return {}
    return {
        "kafka.config.providers": "file",
        "kafka.config.providers.file.class": (
            "org.apache.kafka.common.config.provider.FileConfigProvider"
        ),
        **{f"kafka.{name}": f"${{file:{file}:{name}}}" for name in found},
    }


def _error(file: Path, what: str) -> CommandError:
    return CommandError(f"KAFKA_CLIENT_PROPERTIES ({file}): {what}")
