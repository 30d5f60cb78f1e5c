"""python -m workbench: what the Makefile's verbs for writers of models call."""

import argparse
import os
import sys
from pathlib import Path

from cli import program
from cli.program import CommandError
from cli.settings import ROOT, Settings, from_environment
from cli.spark_sql import Client
from workbench.project import own_target

EXAMPLES = """\
  make build                                    build and test everything
  make dev                                      build each model as you save it
  make dev MODEL=rpt_perfect_scores             build one, once
  DBT_SCHEMA_PREFIX=ada make dev                in ada_marts, ada_staging, …
  make model NAME=rpt_slow QUERY=slow.sql       write a model from a query
  make rejects                                  why messages are rejected
  make diff                                     compare all your tables with the shared
  make diff MODEL=fct_attempts HTML=diff.html   one, also as a page
  make prune OWN=1                              when you no longer need your tables
"""


def main() -> int:
    return program.run(_run, _parser().parse_args(), "workbench")


def _run(parsed: argparse.Namespace) -> None:
    settings = from_environment(os.environ)
    os.environ.setdefault("DBT_PROFILES_DIR", str(ROOT / "profiles"))
    # Imported where needed, because dbt takes more than two seconds.
    if parsed.command == "build":
        from workbench.build import build

        build(settings, parsed.changed_since)
        return
    own_target()
    if parsed.command == "diff":
        from workbench.diff import diff

        diff(settings, parsed.shared, parsed.model, parsed.html)
    elif parsed.command == "notices":
        _print_notices(settings, parsed.shared)
    elif parsed.command == "rejects":
        from workbench.rejects import show_rejects

        show_rejects(settings, parsed.shared)
    elif parsed.command == "prune":
        from workbench.leftovers import prune

        prune(settings, parsed.shared, parsed.own)
    else:
        if parsed.command == "model":
            from workbench.model import write_model

            for path in write_model(
                settings, parsed.shared, parsed.model, parsed.query
            ):
                print(f"written: {path.relative_to(ROOT)}")
            print(
                "now replace in the yml: `Say …`, `To be described.`, the question",
                flush=True,
            )
        from workbench.dev import Session

        session = Session(settings, parsed.shared)
        if not parsed.model:
            session.watch()
        elif not session.once(parsed.model):
            raise CommandError(f"{parsed.model} is not right yet")


def _print_notices(settings: Settings, shared: Path) -> None:
    """Say what needs attention in the shared tables, if they are there."""
    from workbench.leftovers import name_leftovers
    from workbench.project import shared_nodes
    from workbench.rejects import name_rejects

    try:
        nodes = shared_nodes(shared)
        spark = Client(settings)
        name_rejects(spark, nodes)
        name_leftovers(spark, nodes)
    except CommandError:  # nothing is built yet, or Spark is down
        return


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("python -m workbench", __doc__ or "", EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser(
        "build",
        parents=[program.DEBUG],
        help="build and test everything in the schemas of dbt's target",
    )
    build.add_argument(
        "--changed-since",
        type=Path,
        metavar="DIRECTORY",
        help="only what is not as in the manifest there, and what reads it",
    )
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
        "notices",
        parents=[common],
        help="say if messages are rejected, or tables are left that no model makes",
    )
    commands.add_parser(
        "rejects", parents=[common], help="show the newest rejected messages, and why"
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
