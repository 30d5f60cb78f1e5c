"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

_SECONDS_BETWEEN_LINES = 5.0


class MessageProgress:
    """How many messages are done, at what rate, and how many are left.

    Written to standard error, so that standard output holds results alone.
    """

    def __init__(self, verb: str, total: int | None) -> None:
        self._verb = verb
        self._total = total
        self._done = 0
        self._begin = self._last_shown = time.monotonic()
        console = Console(stderr=True)
        self._bar = (
            Progress(
                TextColumn(verb),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("messages, {task.fields[rate]:,}/s"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._seconds_between = 0.1 if self._bar else _SECONDS_BETWEEN_LINES

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self._verb, total=self._total, rate=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, messages: int) -> None:
        """That many messages more are through."""
        self._done += messages
        now = time.monotonic()
        if now - self._last_shown < self._seconds_between:
            return
        self._last_shown = now
        rate = round(self._done / max(now - self._begin, 0.001))
        if self._bar:
            self._bar.update(self._task, completed=self._done, rate=rate)
        else:
            left = "" if self._total is None else f", {self._total - self._done:,} left"
            line = f"{self._verb}: {self._done:,} messages, {rate:,}/s{left}"
            print(line, file=sys.stderr, flush=True)
