"""python -m services: the local services of one stack, see --help."""

import argparse
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from services.preflight import (
    check_disk,
    check_java,
    check_metastore,
    check_ports,
    containers_answer,
)
from services.processes import Supervisor, end_orphans
from services.stack import (
    CONFIGURATION,
    ROOT,
    SERVICES,
    Stack,
    StackError,
    keep_settings,
    kept_settings,
    kind_of,
    load,
    render,
    with_kept_settings,
)

EXAMPLES = """examples:
  python -m services up                 start the default stack, wait until it answers
  python -m services --stack second up  another one beside it (services/stacks.toml)
  python -m services status             state, port and log file of each service
  python -m services serve kafka        one service in the foreground (in a container)
  python -m services health kafka       whether it answers, by exit code
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services",
        description="Start, stop and show the local services of one stack.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", default=os.environ.get("STACK") or "default")
    commands = {
        "check": (check, "check Java and disk; needs no package installed"),
        "check-ports": (check_free_ports, "check the ports of a stack that is down"),
        "up": (up, "start what does not run and wait until each service answers"),
        "down": (down, "stop the services; their data stays"),
        "status": (status, "show services, topic lag and the raw table"),
    }
    of_one_service = {
        "serve": (serve, "run one service in the foreground"),
        "health": (health, "fail unless that service answers"),
    }
    parser.add_argument(
        "command",
        choices=[*commands, *of_one_service],
        help="; ".join(
            f"{name}: {text}" for name, (_, text) in (commands | of_one_service).items()
        ),
    )
    parser.add_argument("service", nargs="?", help="for serve and health")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    arguments = parser.parse_args()
    takes_service = arguments.command in of_one_service
    if takes_service != bool(arguments.service):
        need = "needs a service" if takes_service else "takes no service"
        parser.error(f"{arguments.command} {need}")
    try:
        stack = load(arguments.stack, with_kept_settings(arguments.stack, os.environ))
        if takes_service:
            of_one_service[arguments.command][0](stack, arguments.service)
        else:
            commands[arguments.command][0](stack)
    except KeyboardInterrupt:
        print("services: interrupted; run the same again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        text = str(error) if isinstance(error, StackError) else repr(error)
        print(f"services: {text}", file=sys.stderr)
        return 1
    return 0


def check(_: Stack) -> None:
    """Java and disk."""
    check_java()
    check_disk()


def check_free_ports(stack: Stack) -> None:
    """The ports of a stack that does not run yet."""
    is_up = (stack.directory / "run" / "supervisord.pid").exists()
    if not is_up and not stack.in_containers and not containers_answer(stack):
        check_ports(stack, stack.services)


def up(stack: Stack) -> None:
    """Start what does not run, restart what was reconfigured, wait for answers.

    A service that answered before and whose process is still the same is not asked
    again, so that this costs next to nothing before each command.
    """
    render(stack, spark_home())
    if stack.in_containers:
        _wait(stack, stack.services)
        _prepare(stack)
        return
    with _lock(stack):
        supervisor = Supervisor(stack)
        if not supervisor.is_running() and containers_answer(stack):
            return
        check_metastore(stack)
        if stack.services and not supervisor.is_running():
            check_java()
            end_orphans(stack)
            check_ports(stack, stack.services)
            supervisor.launch()
        if supervisor.is_running():
            supervisor.update()
            keep_settings(stack.name, with_kept_settings(stack.name, os.environ))
        healthy = _read(stack, "healthy.json")
        started = _read(stack, "started.json")
        states = supervisor.states()
        pending = []
        for service in stack.services:
            running = states[service]["statename"] in {"RUNNING", "STARTING", "BACKOFF"}
            wanted = _fingerprint(stack, service)
            if running and started.get(service) != wanted:
                supervisor.stop(service)
                running = False
            if not running:
                _write(stack, "started.json", started | {service: wanted})
                started[service] = wanted
                supervisor.start(service)
            if not running or healthy.get(service) != states[service]["pid"]:
                pending.append(service)
        if pending:
            _wait(stack, pending, supervisor)
            _prepare(stack)
            pids = {service: supervisor.pid(service) for service in stack.services}
            _write(stack, "healthy.json", pids)


def _wait(
    stack: Stack, pending: Sequence[str], supervisor: Supervisor | None = None
) -> None:
    """Until each service answers; not longer than its process lives, if it is ours."""
    from services.health import wait_until_healthy

    begin = time.monotonic()
    if supervisor:
        print(f"starting {', '.join(pending)}", flush=True)

    interrupted = threading.Event()

    def alive(service: str) -> bool:
        if not supervisor:
            return not interrupted.is_set()
        state = supervisor.states().get(service, {}).get("statename", "FATAL")
        return bool(state != "FATAL") and not interrupted.is_set()

    with ThreadPoolExecutor(len(pending)) as pool:
        waits = {
            pool.submit(
                wait_until_healthy, service, stack, partial(alive, service)
            ): service
            for service in pending
        }
        failures = []
        try:
            for wait in as_completed(waits):
                service = waits[wait]
                if reason := wait.result():
                    failures.append(f"{service} ({reason}; {_log(stack, service)})")
                elif supervisor:
                    seconds = time.monotonic() - begin
                    print(f"  {service} answers after {seconds:.1f} s", flush=True)
        except KeyboardInterrupt:
            interrupted.set()
            raise
    if failures:
        raise StackError(
            f"no answer from {', '.join(failures)}: read the log, then "
            + ("`docker compose up -d`" if stack.in_containers else "`make up`")
        )


def _log(stack: Stack, service: str) -> str:
    if stack.in_containers:
        return f"docker compose logs {stack.host_of(service)}"
    return str(stack.log(service))


def serve(stack: Stack, service: str) -> None:
    """Become that service: render its configuration, then run it in the foreground."""
    render(stack, spark_home())
    os.environ["STACK_DIR"] = str(stack.directory)
    os.execv(ROOT / "services" / "start.sh", ["start.sh", service])


def health(stack: Stack, service: str) -> None:
    """Whether that service answers.

    Raises:
        StackError: it does not, and why.
    """
    from services.health import CHECKS

    if kind_of(service) not in CHECKS:
        raise StackError(f"no service is called {service!r}")
    try:
        CHECKS[kind_of(service)](stack)
    except Exception as error:
        raise StackError(f"{service} does not answer: {error}") from error


def _prepare(stack: Stack) -> None:
    """The topic and the raw table are there, so that every command finds them."""
    if "kafka" in stack.services:
        from kafka import KafkaAdminClient

        admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
        try:
            if stack.topic not in admin.list_topics():
                options = {"num_partitions": stack.partitions}
                admin.create_topics({stack.topic: options}, wait_for_metadata=True)
        finally:
            admin.close()
    if "spark" in stack.services:
        from ingest.raw_table import create
        from ingest.spark import connect

        session = connect(stack.spark_remote)
        try:
            create(session)
        finally:
            session.stop()


def down(stack: Stack) -> None:
    """Stop the services; data, logs and configuration stay."""
    if stack.in_containers or (
        not Supervisor(stack).is_running() and containers_answer(stack)
    ):
        raise StackError("the services run in containers: `docker compose down`")
    if stack.directory.exists():
        with _lock(stack):
            supervisor = Supervisor(stack)
            if supervisor.is_running():
                supervisor.shutdown()
            end_orphans(stack)
            kept_settings(stack.name).unlink(missing_ok=True)
    print(f"stack {stack.name!r} is down; its data stays in {stack.directory / 'data'}")


def status(stack: Stack) -> None:
    """Each service's state, ports and log file, then what has been landed."""
    states = Supervisor(stack).states()
    in_containers = stack.in_containers or (not states and containers_answer(stack))
    print(f"{'service':<14} {'state':<10} {'ports':<28} log file")
    for service in dict.fromkeys((*SERVICES, *stack.services)):
        state = states.get(service, {}).get("statename", "STOPPED")
        log = str(stack.log(service))
        if service not in stack.services:
            state = "EXTERNAL"
        elif in_containers:
            state, log = "CONTAINER", f"docker compose logs {service.replace('_', '-')}"
        ports = " ".join(str(port) for port in stack.ports_of(service).values())
        print(f"{service:<14} {state:<10} {ports:<28} {log}")
    down_services = [
        service
        for service in stack.services
        if not in_containers and states.get(service, {}).get("statename") != "RUNNING"
    ]
    if down_services:
        raise StackError(f"{', '.join(down_services)} not running: `make up`")
    client = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "ASSESSMENTS_TOPIC": stack.topic,
        "SPARK_REMOTE": stack.spark_remote,
    }
    done = subprocess.run(
        [sys.executable, "-m", "ingest", "status"],
        env={**client, **{name: text for name, text in os.environ.items() if text}},
        check=False,
    )
    if done.returncode:
        raise StackError("the services run, but what is landed can't be told")


def spark_home() -> Path:
    """Where the pyspark package lies, found without importing it (which is slow)."""
    import importlib.util

    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise StackError("pyspark is not installed: `make setup`")
    return Path(found.origin).parent


def _fingerprint(stack: Stack, service: str) -> str:
    """What a service runs from: its configuration, heap, packages and jars."""
    digest = hashlib.sha256()
    files = [stack.conf / name for name in CONFIGURATION[kind_of(service)]]
    files += [ROOT / "services" / "ivy.xml", ROOT / "services" / "start.sh"]
    if service != "kafka":  # the others run on pyspark's own jars
        files.append(ROOT / "requirements.lock")
    for file in files:
        digest.update(file.read_bytes())
    digest.update(stack.heaps.get(kind_of(service), "").encode())
    if kind_of(service) == "spark_worker":
        digest.update(repr(stack.cluster).encode())
    return digest.hexdigest()


def _read(stack: Stack, name: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(
            (stack.directory / "run" / name).read_text()
        )
    except (OSError, ValueError):
        return {}
    return found


def _write(stack: Stack, name: str, content: Mapping[str, object]) -> None:
    (stack.directory / "run" / name).write_text(json.dumps(content))


@contextmanager
def _lock(stack: Stack) -> Iterator[None]:
    """One `up` or `down` at a time."""
    with (stack.directory / "run" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
