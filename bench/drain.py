"""How fast `ingest drain` lands a topic, beside Kafka's own ConsumerPerformance.

Both read the same messages from the same broker, in turn. The consumer only fetches and
counts; drain also writes Parquet to HDFS and commits. Runs on the stack `bench`, which
keeps its topic for the next run.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from pyhive import hive

from cli.settings import ROOT, from_environment

_INGEST = (sys.executable, "-m", "ingest")
_CONSUMER = "org.apache.kafka.tools.ConsumerPerformance"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parsed = parser.parse_args()
    settings = from_environment(os.environ)
    subprocess.run((*_INGEST, "init"), check=True)
    if (lacking := parsed.messages - _held()) > 0:
        _publish(lacking)
    messages = _held()
    java = (
        f"{os.environ['JAVA_HOME']}/bin/java" if "JAVA_HOME" in os.environ else "java"
    )
    print(f"{'run':>3}  {'drain':>16}  {'ConsumerPerformance':>20}  drain/consumer")
    for run in range(1, parsed.runs + 1):
        with closing(hive.connect(settings.thrift_host, settings.thrift_port)) as spark:
            spark.cursor().execute("drop table if exists raw.assessment_attempts purge")
        drain = messages / _seconds(*_INGEST, "drain")
        consumer = messages / _seconds(
            *(java, "-cp", f"{ROOT}/.jars/kafka/*", _CONSUMER),
            *("--bootstrap-server", settings.bootstrap_servers),
            *("--topic", settings.topic, "--num-records", str(messages)),
        )
        ratio = drain / consumer
        print(
            f"{run:>3}  {drain:>14,.0f}/s  {consumer:>18,.0f}/s  {ratio:.2f}",
            flush=True,
        )
    pid = (ROOT / ".stack" / "bench" / "run" / "spark.pid").read_text().strip()
    memory = Path(f"/proc/{pid}/status").read_text()
    [peak] = [line.split()[1] for line in memory.splitlines() if "VmHWM" in line]
    print(
        f"{messages:,} messages, whole commands; peak resident memory of Spark: "
        f"{int(peak) / 1e6:.1f} GB"
    )
    return 0


def _held() -> int:
    """Return how many messages the topic holds."""
    status = subprocess.run(
        (*_INGEST, "status", "--json"), check=True, capture_output=True
    )
    partitions = json.loads(status.stdout)["partitions"]
    return sum(each["end_offset"] for each in partitions)


def _publish(number: int) -> None:
    """Publish generated attempts, without a file of them."""
    generate = (sys.executable, "-m", "data.generate", "--attempts", str(number))
    with subprocess.Popen(generate, stdout=subprocess.PIPE) as generator:
        subprocess.run((*_INGEST, "publish", "-"), stdin=generator.stdout, check=True)


def _seconds(*command: str) -> float:
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
