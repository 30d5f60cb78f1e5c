"""python -m notebooks.report: the notebook, run on the live tables, as one page."""

import argparse
import os
import sys
import traceback
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

FOLDER = Path(__file__).resolve().parent
NOTEBOOK = FOLDER / "tracking_user_activity.ipynb"
_SECONDS_A_CELL = 600
EXAMPLES = """examples:
  make report                                     target/report.html, after dbt test
  python -m notebooks.report --output page.html   elsewhere, on the tests' last results
"""


class ReportError(Exception):
    """What failed and what to do, in one line."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.report",
        description="Run the notebook on the live tables and write one HTML page.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    target = Path(os.environ.get("DBT_TARGET_PATH", "target"))
    parser.add_argument(
        "--output",
        type=Path,
        default=target / "report.html",
        help="default: %(default)s",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    arguments = parser.parse_args()
    # The kernel runs in the folder of the notebook.
    os.environ["DBT_TARGET_PATH"] = str(target.resolve())
    try:
        write(as_page(run(nbformat.read(NOTEBOOK, as_version=4))), arguments.output)
    except KeyboardInterrupt:
        print("report: interrupted; nothing written", file=sys.stderr)
        return 130
    except ReportError as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"report: {error}", file=sys.stderr)
        return 1
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {size / 1e6:.1f} MB, opens without a network")
    return 0


def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with the outputs of a new kernel.

    Raises:
        ReportError: a cell fails, with its number, the heading above it and the reason.
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
        resources={"metadata": {"path": str(FOLDER)}},
        on_cell_execute=show_progress,
        # It warns that its channels, signed and on loopback, are not encrypted.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        heading = _heading_above(notebook, current)
        raise ReportError(
            f"cell {current + 1} of the notebook, under “{heading}”, failed: "
            f"{_reason(error)}"
        ) from error
    finally:
        if sys.stdout.isatty():
            print("\r\033[K", end="")
    return notebook


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
        lines = str(error.evalue).strip().splitlines() or [""]
        missing = ("SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND")
        hint = " `make build`" if any(each in lines[0] for each in missing) else ""
        return f"{error.ename}: {lines[0]}{hint}"
    if isinstance(error, CellTimeoutError):
        return f"no end within {_SECONDS_A_CELL} s"
    return "its kernel died"


def as_page(notebook: nbformat.NotebookNode) -> str:
    """The executed notebook as a page that needs nothing but itself."""
    exporter = HTMLExporter(
        template_name="template", extra_template_basedirs=[str(FOLDER)]
    )
    page: str = exporter.from_notebook_node(notebook)[0]
    soup = BeautifulSoup(page, "html.parser")
    contents = soup.find("nav")
    assert isinstance(contents, Tag)
    for link in soup.select("a.anchor-link"):
        link.decompose()
    chapters = soup.new_tag("ul")
    contents.append(chapters)
    sections = chapters
    for heading in soup.select("main h2, main h3"):
        item, link = soup.new_tag("li"), soup.new_tag("a", href=f"#{heading['id']}")
        link.string = heading.get_text().strip()
        item.append(link)
        if heading.name == "h2":
            chapters.append(item)
            sections = soup.new_tag("ul")
            item.append(sections)
        else:
            sections.append(item)
    for empty in soup.select("nav ul:empty"):
        empty.decompose()
    return str(soup)


def write(page: str, output: Path) -> None:
    """Replace the page as a whole, so that a reader never has half of one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.part")
    part.write_text(page)
    part.replace(output)


if __name__ == "__main__":
    sys.exit(main())
