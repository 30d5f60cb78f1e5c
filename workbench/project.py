"""dbt in this process: parses once, builds what is selected, and says what failed."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.program import CommandError, counted
from cli.settings import dbt_target
from workbench.failures import Failure, failure, refusal

_QUIET = ("--log-level", "none", "--log-level-file", "debug", "--no-use-colors")
_BUILT = ("model", "seed")
# What became of a node, by dbt's status.
OUTCOMES = {
    "success": "built",
    "pass": "passed",
    "warn": "passed",
    "skipped": "skipped",
    "error": "failed",
    "fail": "failed",
    "runtime error": "failed",
}


Event = Any  # of dbt


@dataclass(frozen=True)
class Outcome:
    """What one build did."""

    built: list[Any] = field(default_factory=list)
    passed: int = 0
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0

    @property
    def is_right(self) -> bool:
        return not (self.failures or self.skipped)

    def summary(self) -> str:
        return summary(len(self.built), self.passed, len(self.failures), self.skipped)


def summary(built: int, passed: int, failed: int, skipped: int) -> str:
    """Return `1 built, 4 tests passed`, and what failed if anything did."""
    parts = [
        f"{built} built" if built else "",
        f"{counted(passed, 'test')} passed" if passed else "",
        f"{failed} failed" if failed else "",
        f"{skipped} skipped" if skipped else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing built"


class Project:
    """The project in the schemas of dbt's target.

    Attributes:
        warnings: what dbt warned of in its last command.
    """

    _flags: tuple[str, ...] = _QUIET

    def __init__(self) -> None:
        # Imported here, because dbt takes more than two seconds.
        from dbt.cli.main import dbtRunner

        self._runner: Callable[..., Any] = dbtRunner
        self._statements: dict[str, str] = {}
        self.warnings: list[str] = []
        self.manifest: Any = None

    def parse(self) -> None:
        """Read what has changed in the project.

        Raises:
            CommandError: the project is wrong; dbt's message says where.
        """
        self.manifest = self._invoke(None, "parse")

    def build(
        self, *options: str, hear: Callable[[Event], None] | None = None
    ) -> Outcome:
        """Build what the options of `dbt build` select, and run its tests.

        Args:
            hear: is called with each event.

        Raises:
            CommandError: dbt can't begin, for example because no service answers.
        """
        self._statements.clear()
        return self._outcome(self._invoke(self.manifest, "build", *options, hear=hear))

    def build_changed(
        self, last: Path, hear: Callable[[Event], None] | None = None
    ) -> Outcome:
        """Build what is not as it was in a build, and what reads it; run their tests.

        dbt's results are then those of that build and of this one.

        Args:
            last: directory with the manifest of that build, dbt's last command.
            hear: is called with each event.

        Raises:
            CommandError: dbt can't begin, for example because no service answers.
        """
        results = dbt_target() / "run_results.json"
        before = json.loads(results.read_text())["results"]
        outcome = self.build(
            *("--select", "state:modified+", "--state", str(last)),
            *("--exclude", "resource_type:exposure"),
            # Also tests that compare it with what did not change.
            *("--indirect-selection", "eager"),
            hear=hear,
        )
        after = json.loads(results.read_text())
        if not after["results"]:
            self.warnings.clear()  # that nothing is selected
        known = {*self.manifest.nodes, *self.manifest.unit_tests}
        kept = known - {result["unique_id"] for result in after["results"]}
        after["results"] += [each for each in before if each["unique_id"] in kept]
        results.write_text(json.dumps(after))
        return outcome

    def check(self, name: str) -> None:
        """Refuse a name that no model or seed has.

        Raises:
            CommandError: there is none of this name.
        """
        if not any(node.name == name for node in _nodes(self.manifest, *_BUILT)):
            raise CommandError(
                f"no model or seed is called {name!r}: `dbt ls` lists them"
            )

    def made_tables(self) -> set[str]:
        """Return the tables that models, seeds and stored failures go to."""
        nodes = _nodes(self.manifest, *_BUILT, "test")
        return {node.relation_name for node in nodes if node.relation_name}

    def built(self) -> list[Any]:
        """Return the models and seeds."""
        return list(_nodes(self.manifest, *_BUILT))

    def has_doc(self, name: str) -> bool:
        return any(doc.name == name for doc in self.manifest.docs.values())

    def column_description(self, model: str, column: str) -> str:
        """Return a column's description, empty if it has none."""
        for node in _nodes(self.manifest, *_BUILT):
            if node.name == model and column in node.columns:
                return str(node.columns[column].description)
        return ""

    def _invoke(
        self,
        manifest: Any,
        *command: str,
        hear: Callable[[Event], None] | None = None,
    ) -> Any:
        self.warnings.clear()
        listeners = [self._remember, *([hear] if hear else [])]
        runner = self._runner(manifest=manifest, callbacks=listeners)
        done = runner.invoke([*command, *self._flags])
        if isinstance(done.exception, KeyboardInterrupt):
            raise done.exception
        if done.exception:
            raise CommandError(refusal(done.exception))
        return done.result

    def _remember(self, event: Any) -> None:
        if event.info.name == "SQLQuery":
            self._statements[event.data.node_info.unique_id] = event.data.sql
        if event.info.level == "warn":
            self.warnings.append(event.info.msg)

    def _outcome(self, results: Any) -> Outcome:
        built, failures = [], []
        passed = skipped = 0
        for result in results:
            became = OUTCOMES.get(result.status.value)
            if became == "failed":
                failures.append(failure(result, self.manifest.nodes, self._statements))
            elif became == "skipped":
                skipped += 1
            elif became == "passed":
                passed += 1
            elif result.node.resource_type in _BUILT:  # a hook succeeds, too
                built.append(result)
        return Outcome(built, passed, failures, skipped)


class OwnProject(Project):
    """The project in schemas of one's own; what is not there is read from the shared.

    Args:
        shared: directory with the manifest of the last shared build.

    Attributes:
        shared_nodes: what that build has made, by unique id.
        shared_relations: its tables by name of model or seed.

    Raises:
        CommandError: there is no such manifest.
    """

    _flags = (*_QUIET, "--no-write-json")

    def __init__(self, shared: Path) -> None:
        super().__init__()
        self.shared_nodes = shared_nodes(shared)
        self.shared_relations = relations(self.shared_nodes)
        self._defer = ("--defer", "--state", str(shared))

    def build_edited(self, names: Sequence[str]) -> Outcome:
        """Build models and seeds by their new SQL, and run their tests.

        Raises:
            CommandError: dbt can't begin, for example because no service answers.
        """
        # An incremental table has no new messages, but its SQL may be new.
        return self.build(
            "--select",
            *names,
            "--exclude",
            "resource_type:exposure",
            "--full-refresh",
            *self._defer,
        )


def shared_nodes(shared: Path) -> dict[str, Any]:
    """Return the models, seeds and tests of the last shared build, by unique id.

    Args:
        shared: directory with its manifest.

    Raises:
        CommandError: there is none.
    """
    file = shared / "manifest.json"
    if not file.exists():
        raise CommandError("nothing is built yet: run `make build` first")
    nodes: dict[str, Any] = json.loads(file.read_text())["nodes"]
    return nodes


def relations(nodes: dict[str, Any]) -> dict[str, str]:
    """Return the tables by name of model or seed."""
    return {
        node["name"]: node["relation_name"]
        for node in nodes.values()
        if node["resource_type"] in _BUILT
    }


def saved(manifest: Any, files: Sequence[str]) -> list[str]:
    """Return what to build after files were saved; of a macro, all its users."""
    macros = {
        key
        for key, macro in manifest.macros.items()
        if macro.original_file_path in files
    }
    while users := {
        key
        for key, macro in manifest.macros.items()
        if key not in macros and macros & set(macro.depends_on.macros)
    }:
        macros |= users
    return sorted(
        node.name
        for node in _nodes(manifest, *_BUILT, "test")
        if node.original_file_path in files
        or (getattr(node, "patch_path", "") or "").partition("://")[2] in files
        or macros & set(node.depends_on.macros)
    )


def downstream(manifest: Any, names: Sequence[str]) -> list[str]:
    """Return the models that read any of these, directly or not."""
    known = {node.unique_id: node for node in _nodes(manifest, *_BUILT)}
    begin = {key for key, node in known.items() if node.name in names}
    found: set[str] = set()
    waiting = list(begin)
    while waiting:
        for child in manifest.child_map.get(waiting.pop(), ()):
            if child in known and child not in found | begin:
                found.add(child)
                waiting.append(child)
    return sorted(known[key].name for key in found)


def exposures(manifest: Any, names: Sequence[str]) -> list[str]:
    """Return the exposures that read any of these models."""
    keys = {node.unique_id for node in _nodes(manifest, *_BUILT) if node.name in names}
    return sorted(
        exposure.name
        for exposure in manifest.exposures.values()
        if keys & set(exposure.depends_on.nodes)
    )


def key_of(manifest: Any, node: Any) -> list[str]:
    """Return the columns that a test says are unique together, none without one."""
    for test in _nodes(manifest, "test"):
        if getattr(test, "attached_node", None) == node.unique_id:
            arguments = test.test_metadata.kwargs
            if test.test_metadata.name == "unique":
                return [arguments["column_name"]]
            if test.test_metadata.name == "unique_combination":
                return list(arguments["columns"])
    return []


def _nodes(manifest: Any, *kinds: str) -> Iterator[Any]:
    for node in manifest.nodes.values():
        if node.resource_type in kinds:
            yield node


def own_target() -> None:
    """Make this process build in the developer's schemas, with artefacts of its own."""
    os.environ["DBT_TARGET_PATH"] = str(dbt_target() / "developer")
    os.environ["DBT_TARGET"] = "developer"
