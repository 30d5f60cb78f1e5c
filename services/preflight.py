"""Checks before anything is set up or started; each raises a CommandError.

Standard library only, because they run before any package is installed.
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
    """Return the command that runs Java: from JAVA_HOME if set, else from the path."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def check_java() -> None:
    """Check that Java is version 17 or 21."""
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
    """Check that the disk has room for packages, jars and data."""
    free = shutil.disk_usage(ROOT).free
    if free < FREE_DISK_BYTES:
        raise CommandError(
            f"{ROOT} has {free / 1024**3:.1f} GiB of free disk, but set-up needs "
            f"{FREE_DISK_BYTES / 1024**3:.0f}: free some, or clone to another disk"
        )


def containers_answer(stack: Stack) -> bool:
    """Return whether docker-compose.yml's containers listen on this stack's ports.

    They are recognised by the name of the Spark application in Spark's REST API, so
    that other services are never mistaken for them.
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
    """Check that one of the Hive metastores, if the user names any, is reachable."""
    failures = []
    for uri in filter(None, stack.setting("HIVE_METASTORE_URIS").split(",")):
        try:
            address = urlsplit(uri.strip())
            host, port = address.hostname, address.port
            if address.scheme != "thrift" or not host or not port:
                raise ValueError("not thrift://host:port")
            socket.create_connection((host, port), timeout=10).close()
            return
        except (OSError, ValueError) as error:
            failures.append(f"{uri} ({error})")
    if failures:
        raise CommandError(
            f"no Hive metastore answers at {', '.join(failures)}: start it, or correct "
            "HIVE_METASTORE_URIS"
        )


def check_ports(stack: Stack) -> None:
    """Check that the ports of the stack's services are free."""
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
