"""python -m answers.report: run the notebook on the live tables, write one page."""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from answers.questions import MANIFEST
from cli import program
from cli.program import CommandError
from cli.settings import ROOT

NOTEBOOK = ROOT / "notebooks" / "tracking_user_activity.ipynb"
_SECONDS_A_CELL = 600
EXAMPLES = """\
  make report                                   target/report.html, tested if needed
  python -m answers.report --output page.html   another file, with the last test results
"""


def main() -> int:
    parser = program.parser(
        "python -m answers.report",
        "Run the notebook on the live tables and write one HTML page.",
        EXAMPLES,
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=MANIFEST.with_name("report.html"),
        help="default: %(default)s",
    )
    return program.run(_run, parser.parse_args(), "report")


def _run(parsed: argparse.Namespace) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    execute(notebook)
    exporter = HTMLExporter(
        template_name="template", extra_template_basedirs=[str(Path(__file__).parent)]
    )
    page: str = exporter.from_notebook_node(notebook)[0]
    # Replaced as a whole, so that nobody ever reads half a page.
    parsed.output.parent.mkdir(parents=True, exist_ok=True)
    part = parsed.output.with_name(f"{parsed.output.name}.part")
    part.write_text(page)
    part.replace(parsed.output)
    print(f"{parsed.output}: {len(page) / 1e6:.1f} MB, opens offline")


def execute(notebook: nbformat.NotebookNode) -> None:
    """Run the notebook in a new kernel and fill in its outputs.

    Raises:
        CommandError: a cell fails; says its number, the heading above it, the reason.
    """
    total, current = len(notebook.cells), 0

    def show_progress(cell_index: int, **_: object) -> None:
        nonlocal current
        current = cell_index
        if sys.stdout.isatty():
            print(f"\rcell {current + 1} of {total}", end="", flush=True)

    client = NotebookClient(
        notebook,
        timeout=_SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        on_cell_execute=show_progress,
        # It would warn that its channels, which are signed and on loopback, are not
        # encrypted.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise CommandError(
            f"cell {current + 1} of the notebook, under "
            f"“{_heading_above(notebook, current)}”, failed: {_reason(error)}"
        ) from error
    finally:
        if sys.stdout.isatty():
            print("\r\033[K", end="")


def _heading_above(notebook: nbformat.NotebookNode, index: int) -> str:
    lines = [
        line
        for cell in notebook.cells[:index]
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    heading: str = lines[-1].lstrip("# ")
    return heading


def _reason(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        first = (str(error.evalue).strip().splitlines() or [""])[0]
        missing = ("SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND")
        hint = " (run `make build`)" if any(each in first for each in missing) else ""
        return f"{error.ename}: {first}{hint}"
    if isinstance(error, CellTimeoutError):
        return f"it did not end within {_SECONDS_A_CELL} s"
    return "the kernel died"


if __name__ == "__main__":
    sys.exit(main())
