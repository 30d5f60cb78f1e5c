"""What has to hold before anything is set up or started.

Standard library only: it runs while no package is installed.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from cli.program import CommandError
from cli.settings import ROOT
from services.stack import CONTAINERS, Stack

JAVA_VERSIONS = (17, 21)
FREE_DISK_BYTES = 4 * 1024**3  # packages and jars take 1.4 GiB, data the rest


def java() -> str:
    """The command that runs Java: on the path, or where JAVA_HOME says."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def check_java() -> None:
    """It is Java 17 or 21."""
    wanted = "Spark needs Java 17 or 21: install it, or set JAVA_HOME to it"
    try:
        done = subprocess.run(
            [java(), "-version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise CommandError(f"{java()} can't be run; {wanted}") from None
    found = re.search(r'version "(\d+)', done.stderr)
    if not found or int(found[1]) not in JAVA_VERSIONS:
        first = done.stderr.strip().splitlines()[0]
        raise CommandError(f"{java()} is {first}; {wanted}")


def check_disk() -> None:
    """There is room for packages, jars and data."""
    free = shutil.disk_usage(ROOT).free
    if free < FREE_DISK_BYTES:
        raise CommandError(
            f"{ROOT} has {free / 1024**3:.1f} GiB of free disk, and set-up needs "
            f"{FREE_DISK_BYTES / 1024**3:.0f}: free some, or clone to another disk"
        )


def containers_answer(stack: Stack) -> bool:
    """The containers of docker-compose.yml serve where this stack would listen.

    Told by the name of the Spark application (Spark's monitoring REST API), so that
    nobody else's services are ever taken for them.
    """
    if stack.ports != Stack(CONTAINERS).ports or stack.in_containers:
        return False
    address = f"http://{stack.address('spark', 'spark_ui')}/api/v1/applications"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            applications = json.load(answer)
    except (OSError, ValueError):
        return False
    return any(each["name"] == f"assessments-{CONTAINERS}" for each in applications)


def check_metastore(stack: Stack) -> None:
    """One of the Hive metastores that the user names takes connections, if any is."""
    failures = []
    for uri in filter(None, stack.setting("HIVE_METASTORE_URIS").split(",")):
        try:
            address = urlsplit(uri.strip())
            host, port = address.hostname, address.port
            if address.scheme != "thrift" or not host or not port:
                raise ValueError("no thrift://host:port")
            socket.create_connection((host, port), timeout=10).close()
            return
        except (OSError, ValueError) as error:
            failures.append(f"{uri} ({error})")
    if failures:
        raise CommandError(
            f"no Hive metastore answers at {', '.join(failures)}: start it, or mend "
            "HIVE_METASTORE_URIS"
        )


def check_ports(stack: Stack) -> None:
    """Nobody else listens where the stack's services are about to."""
    for service in stack.services:
        for name, port in stack.ports_of(service).items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((stack.host_of(service), port))
                except OSError as error:
                    raise CommandError(
                        f"port {port} ({name}) of stack {stack.name!r} is not free "
                        f"({error.strerror}): stop what uses it, or change the port "
                        "in settings.toml"
                    ) from None
