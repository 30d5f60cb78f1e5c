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
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from services.preflight import check_disk, check_java, check_ports
from services.processes import Supervisor, end_orphans
from services.stack import CONFIGURATION, ROOT, Stack, StackError, load, render

EXAMPLES = """examples:
  python -m services up                 start the default stack, wait until it answers
  python -m services --stack second up  another one beside it (services/stacks.toml)
  python -m services status             state, port and log file of each service
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
    parser.add_argument(
        "command",
        choices=commands,
        help="; ".join(f"{name}: {text}" for name, (_, text) in commands.items()),
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    arguments = parser.parse_args()
    try:
        commands[arguments.command][0](load(arguments.stack))
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
    if not (stack.directory / "run" / "supervisord.pid").exists():
        check_ports(stack, stack.services)


def up(stack: Stack) -> None:
    """Start what does not run, restart what was reconfigured, wait for answers.

    A service that answered before and whose process is still the same is not asked
    again, so that this costs next to nothing before each command.
    """
    render(stack, spark_home())
    with _lock(stack):
        supervisor = Supervisor(stack)
        if stack.services and not supervisor.is_running():
            check_java()
            end_orphans(stack)
            check_ports(stack, stack.services)
            supervisor.launch()
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
            _wait(stack, supervisor, pending)
            _prepare(stack)
            pids = {service: supervisor.pid(service) for service in stack.services}
            _write(stack, "healthy.json", pids)


def _wait(stack: Stack, supervisor: Supervisor, pending: list[str]) -> None:
    from services.health import wait_until_healthy

    begin = time.monotonic()
    print(f"starting {', '.join(pending)}", flush=True)

    interrupted = threading.Event()

    def alive(service: str) -> bool:
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
                    failures.append(f"{service} ({reason}; {stack.log(service)})")
                else:
                    seconds = time.monotonic() - begin
                    print(f"  {service} answers after {seconds:.1f} s", flush=True)
        except KeyboardInterrupt:
            interrupted.set()
            raise
    if failures:
        raise StackError(
            f"no answer from {', '.join(failures)}: read the log file, then `make up`"
        )


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
    if stack.directory.exists():
        with _lock(stack):
            supervisor = Supervisor(stack)
            if supervisor.is_running():
                supervisor.shutdown()
            end_orphans(stack)
    print(f"stack {stack.name!r} is down; its data stays in {stack.directory / 'data'}")


def status(stack: Stack) -> None:
    """Each service's state, ports and log file, then what has been landed."""
    states = Supervisor(stack).states()
    print(f"{'service':<10} {'state':<10} {'ports':<28} log file")
    for service in CONFIGURATION:
        state = states.get(service, {}).get("statename", "STOPPED")
        if service not in stack.services:
            state = "EXTERNAL"
        ports = " ".join(str(port) for port in stack.ports_of(service).values())
        print(f"{service:<10} {state:<10} {ports:<28} {stack.log(service)}")
    down_services = [
        service
        for service in stack.services
        if states.get(service, {}).get("statename") != "RUNNING"
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
    files = [stack.conf / name for name in CONFIGURATION[service]]
    files += [ROOT / "services" / "ivy.xml", ROOT / "services" / "start.sh"]
    if service != "kafka":  # the others run on pyspark's own jars
        files.append(ROOT / "requirements.lock")
    for file in files:
        digest.update(file.read_bytes())
    digest.update(stack.heaps[service].encode())
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
