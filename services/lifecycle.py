"""The commands: start, stop, run, check and show the services of a stack."""

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cli.program import CommandError
from cli.settings import ROOT
from services.configuration import FILES_OF, render
from services.preflight import (
    check_disk,
    check_java,
    check_metastore,
    check_ports,
    containers_answer,
)
from services.processes import Supervisor, end_orphans
from services.stack import CONTAINERS, SERVICES, Stack, kind_of

# Rendered into no file, because it is secret.
_TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"


def check() -> None:
    """Check what set-up needs; `up` checks the ports, which set-up does not.

    Raises:
        CommandError: Java or the disk is unusable.
    """
    check_java()
    check_disk()


def up(stack: Stack) -> None:
    """Start stopped services, restart reconfigured ones, and wait until they answer.

    A service that has answered and still has the same process is not checked again, so
    that running this before every command costs almost nothing.

    Raises:
        CommandError: a check before the start fails, a service does not answer, or
            running services do not demand the token that is set.
    """
    render(stack)
    if stack.in_containers:
        _wait(stack, stack.services)
        return
    with _lock(stack):
        supervisor = Supervisor(stack)
        is_running = supervisor.is_running()
        if not is_running and containers_answer(stack):
            return
        check_metastore(stack)
        if stack.services and not is_running:
            check_java()
            end_orphans(stack)
            check_ports(stack)
            supervisor.launch()
        elif not is_running:
            return
        elif (
            (token := stack.setting(_TOKEN))
            and "spark" in stack.services
            and token != supervisor.inherited(_TOKEN)
        ):
            raise CommandError(
                f"{_TOKEN} is not that of the running services: "
                "run `make down`, then `make up` with it"
            )
        supervisor.update()
        stack.keep_settings()
        known = _read_known(stack)
        states = supervisor.states()
        pending = []
        for service in stack.services:
            then = known.get(service, {})
            running = states[service]["statename"] in {"RUNNING", "STARTING", "BACKOFF"}
            made_from = _fingerprint(stack, service)
            if running and then.get("made_from") != made_from:
                supervisor.stop(service)
                running = False
            if not running:
                supervisor.start(service)
            if not running or then.get("healthy_pid") != states[service]["pid"]:
                pending.append(service)
            known[service] = {**then, "made_from": made_from}
        if pending:
            # Before the wait too, so that nothing restarts after an interrupted one.
            _write_known(stack, known)
            _wait(stack, pending, supervisor)
            for service in pending:
                known[service]["healthy_pid"] = supervisor.pid(service)
            _write_known(stack, known)


def _wait(
    stack: Stack, pending: Sequence[str], supervisor: Supervisor | None = None
) -> None:
    """Wait until each service answers, or until its process, if ours, has ended."""
    from services.health import wait_until_healthy

    begin = time.monotonic()
    if supervisor:
        print(f"starting {', '.join(pending)}", flush=True)
    interrupted = threading.Event()

    def alive(service: str) -> bool:
        state = ""
        if supervisor:
            state = supervisor.states().get(service, {}).get("statename", "FATAL")
        return state != "FATAL" and not interrupted.is_set()

    failures = []
    with ThreadPoolExecutor(len(pending)) as pool:
        waits = {
            pool.submit(
                wait_until_healthy, service, stack, partial(alive, service)
            ): service
            for service in pending
        }
        try:
            for wait in as_completed(waits):
                service = waits[wait]
                if reason := wait.result():
                    failures.append(f"{service} ({reason}; {stack.log(service)})")
                elif supervisor:
                    seconds = time.monotonic() - begin
                    print(f"  {service} answers after {seconds:.1f} s", flush=True)
        except KeyboardInterrupt:
            interrupted.set()
            raise
    if failures:
        raise CommandError(
            f"no answer from {', '.join(failures)}: read the log, then run "
            + ("`docker compose up -d`" if stack.in_containers else "`make up`")
        )


def serve(stack: Stack, service: str) -> None:
    """Render the service's configuration, then replace this process by the service."""
    render(stack)
    os.environ["STACK_DIR"] = str(stack.directory)
    os.execv(ROOT / "services" / "start.sh", ["start.sh", service])


def health(stack: Stack, service: str) -> None:
    """Check that the service answers.

    Raises:
        CommandError: it does not; the message says why.
    """
    from services.health import CHECKS

    if kind_of(service) not in CHECKS:
        raise CommandError(f"no service is called {service!r}")
    try:
        CHECKS[kind_of(service)](stack)
    except Exception as error:
        raise CommandError(f"{service} does not answer: {error}") from error


def down(stack: Stack) -> None:
    """Stop the services; data, logs and configuration stay.

    Raises:
        CommandError: the services run in containers.
    """
    supervisor = Supervisor(stack)
    is_running = supervisor.is_running()
    if stack.in_containers or (not is_running and containers_answer(stack)):
        raise CommandError(
            "the services run in containers: stop them with `docker compose down`"
        )
    if stack.directory.exists():
        with _lock(stack):
            if is_running:
                supervisor.shutdown()
            end_orphans(stack)
            stack.kept_settings.unlink(missing_ok=True)
    print(f"stack {stack.name!r} is down; its data stays in {stack.directory / 'data'}")


def status(stack: Stack) -> None:
    """Print each service's state, ports and log file.

    Raises:
        CommandError: a service of this stack does not run.
    """
    states = Supervisor(stack).states()
    in_containers = stack.in_containers or (not states and containers_answer(stack))
    stopped = []
    print(f"{'service':<14} {'state':<10} {'ports':<28} log file")
    for service in dict.fromkeys((*SERVICES, *stack.services)):
        state = states.get(service, {}).get("statename", "STOPPED")
        log = stack.log(service)
        if service not in stack.services:
            state = "EXTERNAL"
        elif in_containers:
            state, log = "CONTAINER", Stack(CONTAINERS).log(service)
        elif state != "RUNNING":
            stopped.append(service)
        ports = " ".join(str(port) for port in stack.ports_of(service).values())
        print(f"{service:<14} {state:<10} {ports:<28} {log}")
    if stopped:
        raise CommandError(f"{', '.join(stopped)} not running: start with `make up`")


def _fingerprint(stack: Stack, service: str) -> str:
    """Hash what a service runs from: its configuration, heap, packages and jars."""
    kind = kind_of(service)
    files = [stack.conf / name for name in FILES_OF[kind]]
    files += [ROOT / "services" / "jars.sha256", ROOT / "services" / "start.sh"]
    if service != "kafka":  # the others run on pyspark's own jars
        files.append(ROOT / "requirements.lock")
    texts = [file.read_bytes() for file in files]
    texts.append(stack.heaps.get(kind, "").encode())
    if kind == "spark_worker":
        texts.append(repr(stack.spark).encode())
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _read_known(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return, by service, its fingerprint and the process id that last answered."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(_known(stack).read_text())
    except (OSError, ValueError):
        return {}
    return found


def _write_known(stack: Stack, known: dict[str, dict[str, Any]]) -> None:
    _known(stack).write_text(json.dumps(known))


def _known(stack: Stack) -> Path:
    return stack.directory / "run" / "services.json"


@contextmanager
def _lock(stack: Stack) -> Iterator[None]:
    """Allow only one `up` or `down` at a time."""
    with (stack.directory / "run" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
