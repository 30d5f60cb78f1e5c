"""The shell of every program: one line for an error, an exit code, --debug."""

import argparse
import sys
import traceback
from collections.abc import Callable


class CommandError(Exception):
    """What failed, where, and what to do next, in one line."""


def parser(program: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser that shows its examples as they are written."""
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[DEBUG],
    )


# Parsers of subcommands take it as a parent too, so that --debug may stand anywhere.
DEBUG = argparse.ArgumentParser(add_help=False)
DEBUG.add_argument(
    "--debug",
    action="store_true",
    default=argparse.SUPPRESS,
    help="show the traceback of an error",
)


def run(
    command: Callable[[argparse.Namespace], None],
    parsed: argparse.Namespace,
    program: str,
) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 130 interrupted.

    Wrong usage is exit code 2, by argparse.
    """
    try:
        command(parsed)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
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
