"""What every command line program has: one-line errors, exit codes, --debug."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable


class CommandError(Exception):
    """What failed, where, and what to do next, in one line."""


class UnavailableError(CommandError):
    """A service does not answer now; the same command may succeed later."""


def parser(program: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Return a parser whose help shows the examples as written."""
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[DEBUG],
    )


# Subcommand parsers take it as a parent too, so that --debug is accepted anywhere.
DEBUG = argparse.ArgumentParser(add_help=False)
DEBUG.add_argument(
    "--debug",
    action="store_true",
    default=argparse.SUPPRESS,
    help="show the traceback of an error",
)


def counted(number: int, thing: str) -> str:
    """Return `1 attempt`, `2 attempts`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def run(
    command: Callable[[argparse.Namespace], None],
    parsed: argparse.Namespace,
    program: str,
) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 130 interrupted.

    For wrong usage, argparse exits with 2.
    """
    try:
        command(parsed)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        sys.stdout.flush()
        # Not by the interpreter, which would wait for threads of Spark's client that
        # may wait for an answer without end.
        os._exit(130)
    except Exception as error:
        if "debug" in parsed:
            traceback.print_exc()
        print(f"{program}: {_line(error)}", file=sys.stderr)
        return 1
    return 0


def _line(error: Exception) -> str:
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return repr(error)
