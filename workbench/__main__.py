"""python -m workbench: what the Makefile's verbs for writers of models call."""

import argparse
import os
import sys
from pathlib import Path

from cli import program
from cli.program import CommandError
from cli.settings import from_environment

EXAMPLES = """\
  make dev                                      build each model as you save it
  make dev MODEL=rpt_perfect_scores             build one, once
  DBT_SCHEMA_PREFIX=ada make dev                in ada_marts, ada_staging, …
"""


def main() -> int:
    return program.run(_run, _parser().parse_args(), "workbench")


def _run(parsed: argparse.Namespace) -> None:
    from workbench.dev import Session
    from workbench.project import own_target

    own_target()
    session = Session(from_environment(os.environ), parsed.shared)
    if parsed.model:
        if not session.once(parsed.model):
            raise CommandError(f"{parsed.model} is not right yet")
        return
    session.watch()


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("python -m workbench", __doc__ or "", EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True)
    dev = commands.add_parser(
        "dev",
        parents=[program.DEBUG],
        help="build in schemas of your own what you save, with its tests",
    )
    dev.add_argument("model", nargs="?", help="build only this one, once")
    dev.add_argument(
        "--shared",
        type=Path,
        required=True,
        metavar="DIRECTORY",
        help="where the manifest of the last shared build is",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
