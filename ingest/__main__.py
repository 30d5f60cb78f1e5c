"""python -m ingest {publish,drain,status}: what the Makefile's verbs call."""

import argparse
import os
import sys
import traceback
from pathlib import Path

from ingest.errors import IngestError
from ingest.settings import Settings, from_environment

EXAMPLES = """examples:
  python -m ingest publish attempts.json           one JSON array, or JSON lines
  zcat attempts.json.gz | python -m ingest publish -
  python -m ingest drain                           land what the topic holds now
  python -m ingest drain --bootstrap-servers broker:9092 --topic attempts
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = from_environment(
            os.environ, parsed.bootstrap_servers, parsed.topic, parsed.spark_remote
        )
        _run(parsed, settings)
    except KeyboardInterrupt:
        print("ingest: interrupted; run the same again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        if parsed.debug:
            traceback.print_exc()
        text = str(error) if isinstance(error, IngestError) else repr(error)
        print(f"ingest: {text}", file=sys.stderr)
        return 1
    return 0


def _run(parsed: argparse.Namespace, settings: Settings) -> None:
    # Imported where needed: pyspark alone takes more than a second.
    if parsed.command == "publish":
        from ingest.publish import publish

        publish(settings, parsed.file, parsed.if_empty)
    elif parsed.command == "drain":
        from ingest.drain import drain

        drain(settings, parsed.batch_size, parsed.snapshot_file)
    else:
        from ingest.status import status

        status(settings)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group(
        "where", "each also from the environment variable in brackets"
    )
    group.add_argument(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help="Kafka [KAFKA_BOOTSTRAP_SERVERS, 127.0.0.1:9092]",
    )
    group.add_argument(
        "--topic", help="the topic [ASSESSMENTS_TOPIC, assessment-attempts]"
    )
    group.add_argument(
        "--spark-remote",
        metavar="URL",
        help="Spark Connect [SPARK_REMOTE, sc://127.0.0.1:15002]",
    )
    shared.add_argument("--debug", action="store_true", help="show tracebacks")
    parser = argparse.ArgumentParser(
        prog="python -m ingest",
        description="Move assessment attempts: file to Kafka, Kafka to the raw table.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
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
    drain = commands.add_parser(
        "drain",
        parents=[shared],
        help="land every message that is in the topic now, then stop",
        description="Land every message that is in the topic now, exactly once.",
    )
    drain.add_argument(
        "--batch-size",
        type=_positive,
        default=50_000,
        metavar="N",
        help="messages a batch, each batch one commit (default: %(default)s)",
    )
    drain.add_argument(
        "--snapshot-file",
        type=Path,
        metavar="PATH",
        help="a file that is written anew when the raw table has changed",
    )
    commands.add_parser(
        "status",
        parents=[shared],
        help="lag of the raw table behind the topic, its rows and newest message",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
