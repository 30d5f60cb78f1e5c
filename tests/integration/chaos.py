"""Kill clients and services at random while messages are published and landed.

Each round publishes random messages, lands them by `drain` or `follow`, and kills one
process in the middle. In the end everything is landed, and every byte is compared. The
seed repeats the choices, though not the moments at which processes happen to be hit.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from signal import SIGKILL

import psutil

from tests.integration.stack import (
    STACK,
    fresh_stack,
    ingest,
    kill,
    landed_messages,
    pid_of,
    produce,
    sent_messages,
    start,
    up,
    wait_until,
)
from tests.quirks import RawMessage

VICTIMS = ("client", "spark", "kafka", "namenode", "datanode")
_LONGEST_DELAY = 2.0
_LONGEST_END = 240


@dataclass
class Outcome:
    """What was done, and how the raw table differs from the topic in the end."""

    kills: Counter[str] = field(default_factory=Counter)
    published: int = 0
    landed: int = 0
    missing: int = 0
    double: int = 0
    different: int = 0

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.double or self.different)

    def __str__(self) -> str:
        kills = ", ".join(f"{name} {self.kills[name]}" for name in VICTIMS)
        rows = {
            "kills": kills,
            "published": f"{self.published:,}",
            "landed": f"{self.landed:,}",
            "missing": str(self.missing),
            "double": str(self.double),
            "different": str(self.different),
        }
        return "\n".join(f"{name:<10} {text}" for name, text in rows.items())


def chaos(rounds: int, seed: int) -> Outcome:
    """Run rounds of random kills on the test stack, and compare topic and raw table.

    Raises:
        AssertionError: a command does not end, ends with a traceback, or fails after
            all services run again.
    """
    choice = random.Random(seed)
    outcome = Outcome()
    for number, victim in enumerate(_victims(choice, rounds), start=1):
        _round(choice, number, victim, outcome)
    ingest("drain")
    ingest("audit")
    _compare(outcome)
    return outcome


def _victims(choice: random.Random, rounds: int) -> Iterator[str]:
    """Yield victims in random order, each as often as any other."""
    while True:
        for victim in choice.sample(VICTIMS, len(VICTIMS)):
            if not rounds:
                return
            rounds -= 1
            yield victim


def _round(choice: random.Random, number: int, victim: str, outcome: Outcome) -> None:
    messages = _messages(choice)
    batch_size = str(choice.randint(5, 200))
    verb = choice.choice((("drain",), ("follow", "--every", "1")))
    delay = choice.uniform(0, _LONGEST_DELAY)
    with (
        ThreadPoolExecutor() as pool,
        start("python", "-m", "ingest", *verb, "--batch-size", batch_size) as client,
    ):
        sent = pool.submit(produce, messages)
        wait_until("ingest reaches Spark", lambda: _is_at_work(client))
        time.sleep(delay)
        if victim == "client":
            client.kill()  # unless it has ended
            outcome.kills[victim] += client.wait() == -SIGKILL
        else:
            kill(pid_of(victim))
            outcome.kills[victim] += 1
        sent.result()
        outcome.published += len(messages)
        up()
        if verb[0] == "follow":
            if victim != "client":
                wait_until("everything is landed", _is_all_landed, _LONGEST_END)
            client.terminate()
        _, errors = client.communicate(timeout=_LONGEST_END)
    print(
        f"round {number}: {len(messages)} messages, batches of {batch_size}, "
        f"{victim} killed after {delay:.1f} s of {verb[0]}, exit code "
        f"{client.returncode}",
        flush=True,
    )
    assert "Traceback" not in errors, errors
    if victim != "client":
        allowed = {0} if verb[0] == "follow" else {0, 1}
        assert client.returncode in allowed, errors


def _is_at_work(client: subprocess.Popen[str]) -> bool:
    """Return whether the process is connected to Spark, or has ended already."""
    try:
        connections = psutil.Process(client.pid).net_connections()
    except psutil.NoSuchProcess:
        return True
    ports = [each.raddr.port for each in connections if each.raddr]
    return STACK.ports["spark_connect"] in ports or client.poll() is not None


def _is_all_landed() -> bool:
    """Return whether nothing is left to land; False while a service starts again."""
    done = ingest("status", "--json", exit_code=None)
    if done.returncode:
        return False
    status = json.loads(done.stdout)
    return not any(partition["lag"] for partition in status["partitions"])


def _messages(choice: random.Random) -> list[RawMessage]:
    return [
        RawMessage(
            partition=choice.randrange(4),
            timestamp_ms=choice.randrange(1_700_000_000_000),
            key=choice.choice((None, choice.randbytes(5))),
            value=choice.randbytes(choice.choice((0, 10, 1000, 1000, 100_000))),
        )
        for _ in range(choice.randint(1, 300))
    ]


def _compare(outcome: Outcome) -> None:
    sent = {row[:3]: row for row in sent_messages()}
    rows = landed_messages()
    landed = {row[:3]: row for row in rows}
    outcome.landed = len(rows)
    outcome.missing = max(len(sent), outcome.published) - len(sent.keys() & landed)
    outcome.double = len(rows) - len(landed)
    outcome.different = sum(sent.get(place) != row for place, row in landed.items())


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.chaos", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parsed = parser.parse_args()
    print(f"seed {parsed.seed}, {parsed.rounds} rounds on stack {STACK.name}")
    try:
        with fresh_stack():
            outcome = chaos(parsed.rounds, parsed.seed)
    finally:
        print(f"seed {parsed.seed}")
    print(outcome)
    return 0 if outcome.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
