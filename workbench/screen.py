"""What a build prints: first rows of a table, and each failure in full."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.spark_sql import Client, Rows
from workbench.project import Outcome

ROWS = 5
_CELL = 24  # characters


class Screen:
    """A terminal or a file, and the connection used to read rows."""

    def __init__(self, spark: Client) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.spark = spark

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style))

    def read(self, relation: str, limit: int = ROWS) -> Rows:
        return self.spark.read(f"select * from {relation} limit {limit}")

    def show_outcome(self, outcome: Outcome, seconds: float) -> None:
        """Print each failure, and a line that sums up."""
        for failure in outcome.failures:
            self.say(f"{failure.place}: {failure.name}", "bold red")
            self.say(failure.text)
            if failure.query:
                self.show(self.read(f"({failure.query}\n)"))
        summary = f"{outcome.summary()}, {seconds:.1f} s"
        self.say(summary, "green" if outcome.is_right else "red")

    def show(self, found: Rows, signs: Mapping[str, str] = {}) -> None:
        """Print a line for each column, and across it the first rows.

        Args:
            signs: a character for columns that are not as they were.
        """
        columns, rows = found.columns, found.rows
        if not columns:
            return
        names, kinds = (max(map(len, some)) for some in (columns, columns.values()))
        room = (self.console.width - names - kinds - 4) // max(1, len(rows)) - 2
        for place, (name, kind) in enumerate(columns.items()):
            line = Text(f"{signs.get(name, ' ')} {name:<{names}}  ")
            line.append(f"{kind:<{kinds}}", style="dim")
            for row in rows:
                width = min(room, _CELL)
                line.append(f"  {one_line(row[place], width):<{width}}")
            self.console.print(line)


def one_line(value: Any, width: int) -> str:
    """Return a value as text of at most so many characters, empty for None."""
    text = "" if value is None else " ".join(str(value).split())
    # A terminal would obey some control characters.
    text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return text if len(text) <= width else f"{text[: width - 1]}…"
