"""python -m services: the local services of one stack, see --help."""

import argparse
import os
import sys
from functools import partial

from cli import program
from services import lifecycle
from services.stack import load

EXAMPLES = """\
  python -m services up                 start the default stack, wait until it answers
  python -m services --stack second up  another one beside it (settings.toml)
  python -m services status             state, port and log file of each service
  python -m services serve kafka        one service in the foreground (in a container)
  python -m services health kafka       whether it answers, by exit code
"""
COMMANDS = {
    "check": "check Java, disk and ports; needs no package installed",
    "jars": "fetch the jars of services/ivy.xml, checked against services/jars.sha256",
    "up": "start what does not run and wait until each service answers",
    "down": "stop the services; their data stays",
    "status": "show state, ports and log file of each service",
}
OF_ONE_SERVICE = {
    "serve": "run one service in the foreground",
    "health": "fail unless that service answers",
}


def main() -> int:
    parser = program.parser(
        "python -m services", "Start, stop and show the services of a stack.", EXAMPLES
    )
    parser.add_argument("--stack", default=os.environ.get("STACK") or "default")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        commands.add_parser(name, parents=[program.DEBUG], help=text)
    commands.choices["jars"].add_argument(
        "--accept",
        action="store_true",
        help="write services/jars.sha256 anew from what was fetched",
    )
    for name, text in OF_ONE_SERVICE.items():
        command = commands.add_parser(name, parents=[program.DEBUG], help=text)
        command.add_argument("service")
    return program.run(_run, parser.parse_args(), "services")


def _run(parsed: argparse.Namespace) -> None:
    if parsed.command == "jars":
        from services.jars import fetch

        fetch(parsed.accept)
        return
    command = getattr(lifecycle, parsed.command)
    if parsed.command in OF_ONE_SERVICE:
        command = partial(command, service=parsed.service)
    command(load(parsed.stack))


if __name__ == "__main__":
    sys.exit(main())
