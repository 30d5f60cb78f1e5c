"""Progress of long work: a bar on a terminal, otherwise a plain line every 5 s."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_BARS = 0.1
_SECONDS_BETWEEN_LINES = 5.0


class MessageProgress:
    """How many messages are done, at what rate, and how many are left.

    Written to standard error, so that standard output holds only results.
    """

    def __init__(self, verb: str, total: int | None) -> None:
        self._verb = verb
        self._total = total
        self._done = 0
        self._begin = self._last_shown = time.monotonic()
        console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(verb, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, messages: int) -> None:
        """Count this many more messages as done."""
        self._done += messages
        now = time.monotonic()
        pause = _SECONDS_BETWEEN_LINES if self._bar.disable else _SECONDS_BETWEEN_BARS
        if now - self._last_shown < pause:
            return
        self._last_shown = now
        rate = round(self._done / (now - self._begin))
        left = "" if self._total is None else f", {self._total - self._done:,} left"
        line = f"{self._verb}: {self._done:,} messages, {rate:,}/s{left}"
        if self._bar.disable:
            self._bar.console.print(line)
        else:
            self._bar.update(self._task, completed=self._done, description=line)
