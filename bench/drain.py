"""How fast `ingest drain` lands a topic, beside Kafka's own ConsumerPerformance.

Both read the same messages from the same broker, in turn. The consumer only fetches and
counts; drain also writes Parquet to HDFS and commits. Runs on the stack `bench`, which
keeps its topic for the next run.
"""

import argparse
import os
import subprocess
import sys
from contextlib import closing
from statistics import median

from pyhive import hive

from bench.history import record
from bench.stack import INGEST, held, peak_memory, publish, seconds
from cli.settings import ROOT, from_environment

_CONSUMER = "org.apache.kafka.tools.ConsumerPerformance"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parsed = parser.parse_args()
    settings = from_environment(os.environ)
    subprocess.run((*INGEST, "init"), check=True)
    if (there := held()) < parsed.messages:
        publish(parsed.messages, skip=there)
    messages = held()
    java = (
        f"{os.environ['JAVA_HOME']}/bin/java" if "JAVA_HOME" in os.environ else "java"
    )
    print(f"{'run':>3}  {'drain':>16}  {'ConsumerPerformance':>20}  drain/consumer")
    ratios = []
    for run in range(1, parsed.runs + 1):
        with closing(hive.connect(settings.thrift_host, settings.thrift_port)) as spark:
            spark.cursor().execute("drop table if exists raw.assessment_attempts purge")
        drain = messages / seconds(*INGEST, "drain")
        consumer = messages / seconds(
            *(java, "-cp", f"{ROOT}/.jars/kafka/*", _CONSUMER),
            *("--bootstrap-server", settings.bootstrap_servers),
            *("--topic", settings.topic, "--num-records", str(messages)),
        )
        ratios.append(drain / consumer)
        print(
            f"{run:>3}  {drain:>14,.0f}/s  {consumer:>18,.0f}/s  {ratios[-1]:.2f}",
            flush=True,
        )
    print(
        f"{messages:,} messages, whole commands; peak resident memory of Spark: "
        f"{peak_memory():.1f} GB"
    )
    record("drain", {f"drain / consumer, {messages:,} messages": median(ratios)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
