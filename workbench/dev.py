"""Build what was saved, with its tests, and show its first rows."""

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import watchfiles

from cli.program import CommandError
from cli.settings import ROOT, Settings
from cli.spark_sql import Client, Rows
from workbench.project import OwnProject, downstream, saved
from workbench.screen import Screen

_WATCHED = ("models", "macros", "seeds", "tests/assertions", "tests/generic")

Columns = dict[str, str]


class Session:
    """One connection and one parsed project, which stay between the edits."""

    def __init__(self, settings: Settings, shared: Path) -> None:
        self._screen = Screen(Client(settings))
        self._project = OwnProject(shared)
        self._project.parse()
        self._columns: dict[str, Columns] = {}
        self._built: list[str] = []
        # Saved, but not parsed yet, because something else was wrong.
        self._unparsed: set[str] = set()

    def once(self, name: str) -> bool:
        """Build one model or seed; return whether it is right."""
        self._project.check(name)
        return self._build([name], time.monotonic())

    def watch(self) -> None:
        """Build what is saved, and on Enter what reads it, until Ctrl-C."""
        try:
            for files in _events(self._screen.say):
                self._react(files)
        except KeyboardInterrupt:
            self._screen.say("stopped")

    def _react(self, files: Sequence[str]) -> None:
        begin = time.monotonic()
        if files:
            self._screen.say(f"saved {', '.join(files)}", "dim")
        self._unparsed.update(files)
        try:
            names = self._built
            if self._unparsed:
                self._project.parse()
                names = saved(self._project.manifest, sorted(self._unparsed))
                self._unparsed.clear()
            if not files:
                names = downstream(self._project.manifest, names)
            self._build(names, begin)
        except CommandError as error:
            self._screen.say(str(error), "red")

    def _build(self, names: Sequence[str], begin: float) -> bool:
        for warning in self._project.warnings:
            self._screen.say(warning, "yellow")
        if not names:
            self._screen.say("nothing to build", "dim")
            return True
        before = {name: self._columns_of(name) for name in names}
        outcome = self._project.build_edited(names)
        self._built = list(names)
        for result in outcome.built:
            self._show(result.node, before.get(result.node.name, {}))
        self._screen.show_outcome(outcome, time.monotonic() - begin)
        further = downstream(self._project.manifest, names)
        if further:
            self._screen.say(
                f"reads it: {', '.join(further)} (Enter builds them)", "dim"
            )
        return outcome.is_right

    def _columns_of(self, name: str) -> Columns:
        if name not in self._columns:
            relation = self._project.shared_relations.get(name)
            self._columns[name] = (
                self._screen.read(relation, 0).columns if relation else {}
            )
        return self._columns[name]

    def _show(self, node: Any, before: Columns) -> None:
        found = self._screen.read(node.relation_name)
        columns = self._columns[node.name] = found.columns
        self._screen.say(node.relation_name, "bold")
        gone = {name: kind for name, kind in before.items() if name not in columns}
        self._screen.show(Rows(gone, []), dict.fromkeys(gone, "-"))
        changed = [name for name, kind in columns.items() if before.get(name) != kind]
        self._screen.show(found, dict.fromkeys(changed, "+"))


def _events(say: Callable[[str], None]) -> Iterator[Sequence[str]]:
    """Yield the files that were saved, or none of them when Enter is pressed."""
    waiting: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def files() -> None:
        try:
            follow()
        except Exception as error:  # such as no inotify watch left
            waiting.put(error)

    def follow() -> None:
        watched = (ROOT / name for name in _WATCHED)
        # The first set comes, empty, as soon as no change can be missed.
        changes = watchfiles.watch(*watched, rust_timeout=100, yield_on_timeout=True)
        next(changes)
        say(
            f"watching {', '.join(_WATCHED)} until Ctrl-C; Enter builds what reads "
            "what you saved"
        )
        for paths in filter(None, changes):
            waiting.put(sorted(str(Path(path).relative_to(ROOT)) for _, path in paths))

    def keys() -> None:
        for _ in sys.stdin:
            waiting.put(())

    for listener in (files, keys):
        threading.Thread(target=listener, daemon=True).start()
    while True:
        # Files that were saved during a build are built together.
        found = [waiting.get()]
        while not waiting.empty():
            found.append(waiting.get())
        saved_files: set[str] = set()
        for event in found:
            if isinstance(event, Exception):
                raise CommandError(f"the files can't be watched: {event}") from event
            saved_files.update(event)
        yield sorted(saved_files)
