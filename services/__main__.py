"""python -m services: manage the local services of one stack, see --help."""

import argparse
import os
import sys
from functools import partial

from cli import program
from services import lifecycle
from services.stack import load

EXAMPLES = """\
  python -m services up                 start the default stack, wait until it answers
  python -m services --stack second up  start another one beside it (settings.toml)
  python -m services status             show state, ports and log file of each service
  python -m services serve kafka        run one service in the foreground
  python -m services health kafka       exit with 0 if it answers, else with 1
"""
COMMANDS = {
    "check": "check Java and disk; needs no installed package",
    "jars": "fetch the jars of services/ivy.xml, check them with services/jars.sha256",
    "up": "start services that do not run, and wait until each one answers",
    "down": "stop the services and keep their data",
    "status": "show state, ports and log file of each service",
}
OF_ONE_SERVICE = {
    "serve": "run one service in the foreground",
    "health": "fail unless the service answers",
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
        help="rewrite services/jars.sha256 from the fetched jars",
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
    if parsed.command == "check":
        lifecycle.check()
        return
    command = getattr(lifecycle, parsed.command)
    if parsed.command in OF_ONE_SERVICE:
        command = partial(command, service=parsed.service)
    command(load(parsed.stack))


if __name__ == "__main__":
    sys.exit(main())
