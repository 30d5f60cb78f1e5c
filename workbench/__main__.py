"""python -m workbench: what the Makefile's verbs for writers of models call."""

import argparse
import os
import sys
from pathlib import Path

from cli import program
from cli.program import CommandError
from cli.settings import ROOT, from_environment
from workbench.project import own_target

EXAMPLES = """\
  make dev                                      build each model as you save it
  make dev MODEL=rpt_perfect_scores             build one, once
  DBT_SCHEMA_PREFIX=ada make dev                in ada_marts, ada_staging, …
  make model NAME=rpt_slow QUERY=slow.sql       write a model from a query
  make diff                                     compare all your tables with the shared
  make diff MODEL=fct_attempts HTML=diff.html   one, also as a page
  make prune OWN=1                              when you no longer need your tables
"""


def main() -> int:
    return program.run(_run, _parser().parse_args(), "workbench")


def _run(parsed: argparse.Namespace) -> None:
    settings = from_environment(os.environ)
    own_target()
    # Imported where needed, because dbt takes more than two seconds.
    if parsed.command == "diff":
        from workbench.diff import diff

        diff(settings, parsed.shared, parsed.model, parsed.html)
    elif parsed.command == "leftovers":
        from workbench.leftovers import name_leftovers

        name_leftovers(settings, parsed.shared)
    elif parsed.command == "prune":
        from workbench.leftovers import prune

        prune(settings, parsed.shared, parsed.own)
    else:
        if parsed.command == "model":
            from workbench.model import write_model

            for path in write_model(
                settings, parsed.shared, parsed.model, parsed.query
            ):
                print(f"written: {path.relative_to(ROOT)}", flush=True)
        from workbench.dev import Session

        session = Session(settings, parsed.shared)
        if not parsed.model:
            session.watch()
        elif not session.once(parsed.model):
            raise CommandError(f"{parsed.model} is not right yet")


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("python -m workbench", __doc__ or "", EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False, parents=[program.DEBUG])
    common.add_argument(
        "--shared",
        type=Path,
        required=True,
        metavar="DIRECTORY",
        help="where the manifest of the last shared build is",
    )
    dev = commands.add_parser(
        "dev",
        parents=[common],
        help="build in schemas of your own what you save, with its tests",
    )
    dev.add_argument("model", nargs="?", help="build only this one, once")
    diff = commands.add_parser(
        "diff", parents=[common], help="compare your own tables with the shared ones"
    )
    diff.add_argument("model", nargs="?", help="default: all that you have built")
    diff.add_argument("--html", type=Path, metavar="FILE", help="also write a page")
    model = commands.add_parser(
        "model", parents=[common], help="write a new model from a query, and build it"
    )
    model.add_argument("model", help="its name, such as rpt_slow_courses")
    model.add_argument("--query", type=Path, metavar="FILE", help="a select on marts")
    commands.add_parser(
        "leftovers", parents=[common], help="name shared tables that no model makes"
    )
    prune = commands.add_parser(
        "prune", parents=[common], help="drop tables that no model makes, after asking"
    )
    prune.add_argument(
        "--own", action="store_true", help="and all tables in your own schemas"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
