"""What failed in a build, and at which line of the project."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from cli.settings import ROOT
from cli.spark_sql import SparkError

# dbt's heading repeats the name and the file; its trace and Java's stack help nobody.
_NOISE = re.compile(
    r"(?m)^ *((\w+ )+Error in \S+ \S+ \(\S+\)|> (in|called by) .*|at \S+\(.*)\n?"
)
# What dbt's signs mean in the comparison of a unit test.
_SIGNS = "expected (--- is missing, +++ is not expected, → is another value):"
_DECIMAL = re.compile(r"Decimal\('([^']*)'\)")
# dbt's macro of a generic test has this prefix.
_MISSING_TEST = re.compile(r"'test_(?P<name>\w+)' is undefined")
_MISSING_NODE = re.compile(
    r"\((?P<file>\S+)\) depends on a node named '(?P<name>[^']+)'"
)
_UNREADABLE = re.compile(
    r"Error reading \w+: (?P<file>\S+) - [\s\S]*? near line (?P<line>\d+)"
)
_UNKNOWN_KEY = re.compile(r"key `?(?P<key>[^`\s]+)`?\s[\s\S]*?\sfile\s+`(?P<file>\S+)`")
# A wrong `ref` or key in yml is one of dbt's warnings, which the project makes errors.
_WARNING = re.compile(r"\[WARNING\](\[\w+\])?: (Deprecated functionality\s+)?")
# dbt looks up each column of the expected rows among those that the model returns.
_NO_COLUMN = re.compile(r"'dict object' has no attribute '(?P<name>\w+)'")
_UNDEFINED = re.compile(r"'(?P<name>\w+)' is undefined")
_QUOTED = re.compile(r"[`'\"]([^`'\"\n]+)[`'\"]")
# The columns that differ from a contract: in a table, or in a list.
_CONTRACT = re.compile(
    r"enforced contract[\s\S]*?\|\s*(?P<name>\w+) .*\| (data type|missing in) "
    r"|Contracted models require data_type[\s\S]*?\['(?P<untyped>\w+)"
)


@dataclass(frozen=True)
class Failure:
    """A node that failed, where in the project, and why.

    Attributes:
        place: a file, with the line if it is known.
        query: of a test whose rows fail, the statement that returns them.
    """

    name: str
    place: str
    text: str
    query: str = ""


def failure(
    result: Any, nodes: Mapping[str, Any], statements: Mapping[str, str]
) -> Failure:
    """Explain one failed result of a build.

    Args:
        result: dbt's.
        nodes: the manifest's, by unique id.
        statements: the last one that each node sent, by unique id.
    """
    node, message = result.node, result.message or ""
    place = str(node.original_file_path)
    is_failed = result.status.value == "fail"
    if is_failed and node.resource_type == "test":
        text = f"rows that fail: {result.failures:,}"
        return Failure(node.name, place, text, node.compiled_code or "")
    error = SparkError.find(message)
    text = str(error or without_noise(message))
    if is_failed:
        # Numbers stand as Python writes them, in columns of equal width.
        text = _DECIMAL.sub(lambda found: found[1].ljust(len(found[0])), text)
        return Failure(node.name, place, text.replace("expected:", _SIGNS, 1))
    source, file = node, place
    number: int | None = None
    if node.resource_type == "test" and (missing := _MISSING_TEST.search(text)):
        # A generic test is a line of yml.
        code = (ROOT / place).read_text()
        clues = iter([re.compile(rf"^\s*- (name: )?{missing['name']}:?\s*$")])
    elif (
        node.resource_type == "model"
        and node.patch_path
        and (wrong := _CONTRACT.search(text))
    ):
        # So is what a contract says of a column.
        place = file = node.patch_path.partition("://")[2]
        code = (ROOT / file).read_text()
        name = wrong["name"] or wrong["untyped"]
        clues = iter([re.compile(rf"^\s*- name: {name}\s*$")])
    elif node.resource_type == "unit_test" and (absent := _NO_COLUMN.search(text)):
        return _without_column(absent["name"], node, nodes)
    else:
        if node.resource_type == "unit_test":
            # It runs the SQL of its model, so the model may be what is wrong.
            source = nodes[node.depends_on.nodes[0]]
            file = str(source.original_file_path)
        code = source.raw_code
        statement = statements.get(node.unique_id, "")
        if error and error.line:
            number = _aligned(code, statement, error.line)
        clues = _clues(text, error)
    if number := number or _line(code, clues):
        return Failure(source.name, f"{file}:{number}", text)
    if place_in_macro := _undefined_in_macro(text):
        return Failure(source.name, place_in_macro, text)
    if source is not node and error and not _QUOTED.search(text):
        # A message about the rows that the test gives would name a column or a value.
        return Failure(source.name, file, text)
    return Failure(node.name, place, text)


def _without_column(name: str, node: Any, nodes: Mapping[str, Any]) -> Failure:
    """Explain that a unit test expects a column that its model does not return."""
    model = nodes[node.depends_on.nodes[0]]
    text = f"the query returns no column `{name}`, which the unit test expects"
    if name not in model.columns:
        return Failure(node.name, str(node.original_file_path), text)
    text += ": is it misspelled, or is a comma missing before or after it?"
    return Failure(model.name, str(model.original_file_path), text)


def _aligned(code: str, statement: str, number: int) -> int | None:
    """Return the line of a model from which a line of its statement was made.

    A line such as `select` may stand in a model several times.
    """
    sent, written = (
        [line.strip() for line in text.splitlines()] for text in (statement, code)
    )
    matcher = SequenceMatcher(None, sent, written, autojunk=False)
    for first, place, size in matcher.get_matching_blocks():
        if first < number <= first + size:
            return place + number - first
    return None


def _clues(text: str, error: SparkError | None) -> Iterator[re.Pattern[str]]:
    """Yield what the line that is wrong must hold, the surest first."""
    if error and error.excerpt:
        yield re.compile(re.escape(error.excerpt))
    for name in _QUOTED.findall(text):
        yield re.compile(rf"(?<!\w){re.escape(name.rpartition('.')[2])}(?!\w)")
        return


def _line(code: str, clues: Iterable[re.Pattern[str]]) -> int | None:
    """Return the number of the line with the first clue that any line has."""
    for wanted in clues:
        for number, line in enumerate(code.splitlines(), start=1):
            if wanted.search(line):
                return number
    return None


def _undefined_in_macro(text: str) -> str:
    """Return file and line of a macro that uses an undefined name, or ''."""
    if undefined := _UNDEFINED.search(text):
        wanted = re.compile(rf"(?<!\w){undefined['name']}(?!\w)")
        for file in sorted((ROOT / "macros").rglob("*.sql")):
            if number := _line(file.read_text(), [wanted]):
                return f"{file.relative_to(ROOT)}:{number}"
    return ""


def refusal(error: Exception) -> str:
    """Return why dbt can't begin.

    Of wrong yml, and of a name that is not defined in a macro, it says the line; of a
    wrong `ref` the line and a similar name.
    """
    text = _WARNING.sub("", str(error)).strip()
    if missing := _MISSING_NODE.search(text):
        file, name = missing.groups()
        wanted = re.compile(rf"['\"]{re.escape(name)}['\"]")
        if number := _line((ROOT / file).read_text(), [wanted]):
            text = text.replace(f"({file})", f"({file}:{number})")
        files = [*(ROOT / "models").rglob("*.sql"), *(ROOT / "seeds").glob("*.csv")]
        for similar in get_close_matches(name, [file.stem for file in files], n=1):
            text += f". Did you mean `{similar}`?"
    if place := _undefined_in_macro(text) or _wrong_yml(text):
        text = f"{place}: {text}"
    return text


def _wrong_yml(text: str) -> str:
    """Return file and line of yml that can't be read or has an unknown key, or ''."""
    if found := _UNREADABLE.search(text):
        for file in ROOT.glob(f"[mst]*s/{found['file']}"):
            return f"{file.relative_to(ROOT)}:{found['line']}"
    elif found := _UNKNOWN_KEY.search(text):
        wanted = re.compile(rf"(?<!\w){re.escape(found['key'])}['\"]?\s*[:=]")
        number = _line((ROOT / found["file"]).read_text(), [wanted])
        return f"{found['file']}:{number}" if number else found["file"]
    return ""


def without_noise(message: str) -> str:
    """Return a message of dbt without what only its developers can use."""
    return _NOISE.sub("", message).strip()
