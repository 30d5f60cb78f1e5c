"""python -m ingest: what the Makefile's verbs call."""

import argparse
import os
import sys
from pathlib import Path

from cli import program
from cli.settings import from_environment

EXAMPLES = """\
  python -m ingest publish attempts.json           one JSON array, or JSON lines
  zcat attempts.json.gz | python -m ingest publish -
  python -m ingest drain                           land what the topic holds now
  python -m ingest follow --every 60               keep landing, once a minute
  python -m ingest drain --bootstrap-servers broker:9092 --topic attempts
"""


def main() -> int:
    return program.run(_run, _parser().parse_args(), "ingest")


def _run(parsed: argparse.Namespace) -> None:
    settings = from_environment(
        os.environ,
        parsed.bootstrap_servers,
        parsed.topic,
        parsed.spark_remote,
        parsed.client_properties,
    )
    # Imported where needed, because pyspark takes more than a second.
    if parsed.command == "init":
        from ingest.init import init

        init(settings, parsed.topic_required)
    elif parsed.command == "publish":
        from ingest.publish import publish

        publish(settings, parsed.file, parsed.if_empty, parsed.skip)
    elif parsed.command == "drain":
        from ingest.drain import drain

        drain(settings, parsed.batch_size, parsed.snapshot_file, parsed.accept_loss)
    elif parsed.command == "follow":
        from ingest.follow import follow

        follow(settings, parsed.batch_size, parsed.every)
    elif parsed.command == "maintain":
        from ingest.maintain import maintain

        maintain(settings, parsed.keep_hours, parsed.apply)
    elif parsed.command == "audit":
        from ingest.audit import audit

        audit(settings, parsed.sample, parsed.json)
    else:
        from ingest.status import status

        status(settings, parsed.json)


def _parser() -> argparse.ArgumentParser:
    defaults = from_environment({})
    shared = argparse.ArgumentParser(add_help=False, parents=[program.DEBUG])
    group = shared.add_argument_group(
        "connection", "in brackets: the environment variable, the default"
    )
    group.add_argument(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help=f"Kafka [KAFKA_BOOTSTRAP_SERVERS, {defaults.bootstrap_servers}]",
    )
    group.add_argument(
        "--topic", help=f"the topic [ASSESSMENTS_TOPIC, {defaults.topic}]"
    )
    group.add_argument(
        "--spark-remote",
        metavar="URL",
        help=f"Spark Connect [SPARK_REMOTE, {defaults.spark_remote}]",
    )
    group.add_argument(
        "--client-properties",
        metavar="FILE",
        help="how to connect to brokers that demand TLS or SASL, in the format of "
        "Kafka's clients [KAFKA_CLIENT_PROPERTIES, none]",
    )
    batches = argparse.ArgumentParser(add_help=False)
    _add_number(
        batches, "--batch-size", 200_000, "messages per batch; each batch is one commit"
    )
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print it as JSON")
    parser = program.parser(
        "python -m ingest",
        "Move assessment attempts: file to Kafka, Kafka to the raw table.",
        EXAMPLES,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser(
        "init",
        parents=[shared],
        help="create the topic and the raw table if they are missing",
    )
    init.add_argument(
        "--topic-required",
        action="store_true",
        help="fail if the topic is missing, because somebody else runs the brokers",
    )
    publish = commands.add_parser(
        "publish",
        parents=[shared],
        help="publish a file to the topic",
        description="Publish one JSON array of objects, or JSON lines; plain or gzip.",
    )
    publish.add_argument("file", metavar="FILE", help="a path, or - for standard input")
    publish.add_argument(
        "--if-empty",
        action="store_true",
        help="publish only while the topic has never held a message",
    )
    _add_number(
        publish,
        "--skip",
        0,
        "leave out the first messages, which an interrupted run has published",
        least=0,
    )
    drain = commands.add_parser(
        "drain",
        parents=[shared, batches],
        help="land every message that is in the topic now, then stop",
        description="Land every message that is in the topic now, exactly once.",
    )
    drain.add_argument(
        "--accept-loss",
        action="store_true",
        help="go on after messages that the topic has deleted before they were landed, "
        "or that Spark can't read, and record their offsets",
    )
    drain.add_argument(
        "--snapshot-file",
        type=Path,
        metavar="PATH",
        help="a file to rewrite when the raw table has changed",
    )
    follow = commands.add_parser(
        "follow",
        parents=[shared, batches],
        help="keep landing messages as they come, until Ctrl-C",
    )
    _add_number(
        follow, "--every", 10, "how often to look for new messages", metavar="SECONDS"
    )
    audit = commands.add_parser(
        "audit",
        parents=[shared, as_json],
        help="compare topic and raw table; fail if anything is missing or double",
    )
    _add_number(
        audit, "--sample", 20, "rows of each partition to compare byte for byte"
    )
    maintain = commands.add_parser(
        "maintain",
        parents=[shared],
        help="compact tables, expire old snapshots, remove unknown files",
        description="Compact every table, expire its old snapshots, and remove files "
        "that nothing refers to. Without --apply, print what would be done.",
    )
    _add_number(
        maintain, "--keep-hours", 24, "keep snapshots of this age and younger", least=0
    )
    maintain.add_argument("--apply", action="store_true", help="do it")
    commands.add_parser(
        "status",
        parents=[shared, as_json],
        help="lag of the raw table behind the topic, its rows and newest message",
    )
    return parser


def _add_number(
    parser: argparse.ArgumentParser,
    flag: str,
    default: int,
    what: str,
    least: int = 1,
    metavar: str = "N",
) -> None:
    """Add an option that takes a whole number from `least`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"write a whole number from {least}")
        return int(text)

    parser.add_argument(
        flag,
        type=number,
        default=default,
        metavar=metavar,
        help=f"{what} (default: %(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
