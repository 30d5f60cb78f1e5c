"""Build the project: a line for each layer, and every failure in full."""

import time
from collections import Counter, defaultdict
from pathlib import Path
from threading import Lock
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.program import CommandError
from cli.settings import Settings
from cli.spark_sql import Client
from workbench.project import OUTCOMES, Event, Project, summary
from workbench.screen import Screen


def build(settings: Settings, last: Path | None) -> None:
    """Build and test seeds and models in the schemas of dbt's target.

    Args:
        last: directory with the manifest of the last build of these schemas, to build
            only what has changed since, and what reads it; default: everything.

    Raises:
        CommandError: a model or test failed.
    """
    begin = time.monotonic()
    screen = Screen(Client(settings))
    project = Project()
    project.parse()
    warnings = list(project.warnings)
    with _Layers(project.manifest, screen, begin) as layers:
        outcome = (
            project.build_changed(last, layers.hear)
            if last
            else project.build(hear=layers.hear)
        )
    for warning in warnings + project.warnings:
        screen.say(warning, "yellow")
    screen.show_outcome(outcome, time.monotonic() - begin)
    if not outcome.is_right:
        raise CommandError("the build failed: mend what is named above and build again")


class _Layers:
    """Says when the last seed, model or test of a folder has ended."""

    def __init__(self, manifest: Any, screen: Screen, begin: float) -> None:
        nodes = [*manifest.nodes.values(), *manifest.unit_tests.values()]
        self._layer = {
            node.unique_id: str(Path(node.original_file_path).parent)
            for node in nodes
            if node.resource_type in ("seed", "model", "test", "unit_test")
        }
        self._left = Counter(self._layer.values())
        self._ended: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._screen, self._begin = screen, begin
        # dbt calls from the thread of each node.
        self._lock = Lock()
        self._bar = Progress(
            TextColumn("{task.completed} of {task.total}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=screen.console,
            transient=True,
            disable=not screen.console.is_terminal,
        )
        self._task = self._bar.add_task("", total=0)

    def __enter__(self) -> "_Layers":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        for layer in self._ended:
            if self._left[layer]:  # not all of it was to be built
                self._say(layer)

    def hear(self, event: Event) -> None:
        """Take an event of dbt."""
        if event.info.name not in ("LogStartLine", "NodeFinished"):
            return
        node = event.data.node_info
        layer = self._layer.get(node.unique_id)
        if not layer:  # a hook
            return
        if event.info.name == "LogStartLine":
            self._bar.update(
                self._task, description=node.node_name, total=event.data.total
            )
            return
        with self._lock:
            self._bar.advance(self._task)
            self._ended[layer][OUTCOMES.get(node.node_status, "failed")] += 1
            self._left[layer] -= 1
            if not self._left[layer]:
                self._say(layer)

    def _say(self, layer: str) -> None:
        ended = self._ended[layer]
        counts = summary(
            ended["built"], ended["passed"], ended["failed"], ended["skipped"]
        )
        width = max(map(len, self._left))
        seconds = time.monotonic() - self._begin
        self._screen.say(f"  {layer:<{width}}  {counts} after {seconds:.1f} s")
