"""Messages of dbt and Spark, shortened and placed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.exceptions import TargetNotFoundError
from dbt_common.exceptions import EventCompilationError

from cli.settings import ROOT
from cli.spark_sql import SparkError, without_stack
from workbench.failures import failure, refusal
from workbench.project import downstream, saved

_MODEL = SimpleNamespace(
    name="rpt_a",
    resource_type="model",
    original_file_path="models/rpt_a.sql",
    raw_code="select\n    first,\n    second / third as share\nfrom {{ reff('b') }}\n",
    columns={"share": None},
    patch_path=None,
)
_TEST = SimpleNamespace(
    name="shares_are_shares",
    resource_type="unit_test",
    original_file_path="models/rpt_a.yml",
    unique_id="unit_test.a",
    depends_on=SimpleNamespace(nodes=["model.rpt_a"]),
)
_STATEMENT = "/* by dbt */\n\nselect * from (\nselect\n    first,\n"
_STACK = "\n\tat org.apache.spark.sql.A.b(A.scala:1)\n'Project [a]\n+- Relation"


def _result(status: str, message: str, node: Any = _TEST) -> Any:
    return SimpleNamespace(
        status=SimpleNamespace(value=status), message=message, node=node
    )


@pytest.mark.parametrize(
    ("message", "text", "place"),
    [
        (
            "Error running query: [UNRESOLVED] org.apache.AnalysisException: "
            "[UNRESOLVED] `missing` is not there. Did you mean `first`? "
            "SQLSTATE: 42703; line 5 pos 4;" + _STACK,
            "[UNRESOLVED] `missing` is not there. Did you mean `first`?",
            "models/rpt_a.sql:2",
        ),
        (
            "[DIVIDE_BY_ZERO] java.lang.Exception: [DIVIDE_BY_ZERO] By zero.\n"
            "SQLSTATE: 22012\n== SQL of VIEW v (line 9, position 4) ==\n"
            "   second / third as share\n   ^^^^^^^^^^^^^^\n" + _STACK,
            "[DIVIDE_BY_ZERO] By zero.",
            "models/rpt_a.sql:3",
        ),
        (
            "Compilation Error in unit_test shares_are_shares (models/rpt_a.yml)\n"
            "  'reff' is undefined.\n\n  > in macro a (macros/a.sql)\n",
            "'reff' is undefined.",
            "models/rpt_a.sql:4",
        ),
        (
            "[FIXTURE] org.apache.A: [FIXTURE] `other` has no column. SQLSTATE: 42703",
            "[FIXTURE] `other` has no column.",
            "models/rpt_a.yml",
        ),
        (
            "[MISSING_GROUP_BY] org.apache.A: [MISSING_GROUP_BY] Add it. SQLSTATE: 1",
            "[MISSING_GROUP_BY] Add it.",
            "models/rpt_a.sql",
        ),
        (
            "There may be an error in the unit test definition: check the data types.\n"
            " Compilation Error\n  'dict object' has no attribute 'share'",
            "the query returns no column `share`, which the unit test expects: is it "
            "misspelled, or is a comma missing before or after it?",
            "models/rpt_a.sql",
        ),
        (
            "Compilation Error\n  'dict object' has no attribute 'shar'",
            "the query returns no column `shar`, which the unit test expects",
            "models/rpt_a.yml",
        ),
    ],
)
def test_unit_test_that_cannot_run_blames_the_line_of_its_model(
    message: str, text: str, place: str
) -> None:
    nodes = {"model.rpt_a": _MODEL}
    found = failure(_result("error", message), nodes, {"unit_test.a": _STATEMENT})
    assert (found.text, found.place) == (text, place)


def test_line_that_stands_in_a_model_twice_is_found_by_its_neighbours() -> None:
    model = "with b as (\n  select\n    c\n  from {{ d }}\n\nselect\n  c\nfrom b"
    sent = f"/* */\ncreate view v as\n{model.replace('{{ d }}', 'd')}\n)"
    node = SimpleNamespace(**{**vars(_MODEL), "raw_code": model, "unique_id": "rpt_a"})
    for line, place in ((4, 2), (8, 6)):
        message = f"[SYNTAX] Near 'select'. SQLSTATE: 42601; line {line} pos 0"
        found = failure(_result("error", message, node), {}, {"rpt_a": sent})
        assert found.place == f"models/rpt_a.sql:{place}"


def test_unit_test_with_other_rows_is_to_blame_itself() -> None:
    message = "actual differs from expected:\n+++,'first',Decimal('0.5'),1"
    found = failure(_result("fail", message), {}, {})
    assert (found.name, found.place) == ("shares_are_shares", "models/rpt_a.yml")
    assert found.text.startswith("actual differs from expected (--- is missing, ")
    assert found.text.endswith("+++,'first',0.5           ,1")


def test_generic_test_that_does_not_exist_is_found_in_its_file() -> None:
    file = "models/marts/answers/rpt_perfect_scores.yml"
    text = (ROOT / file).read_text()
    node = SimpleNamespace(
        name="rate_perfect_rate",
        resource_type="test",
        original_file_path=file,
        unique_id="test.a",
        test_metadata=SimpleNamespace(name="rate"),
        raw_code="{{ test_rate(**_dbt_generic_test_kwargs) }}",
    )
    message = f"Compilation Error in test a ({file})\n  'test_rate' is undefined"
    found = failure(_result("error", message, node), {}, {})
    assert found.text == "'test_rate' is undefined"
    line = int(found.place.rpartition(":")[2])
    assert text.splitlines()[line - 1].strip() == "- rate"


@pytest.mark.parametrize(
    "message",
    [
        "This model has an enforced contract that failed.\n"
        "  | column_name  | definition_type | contract_type | mismatch_reason    |\n"
        "  | ------------ | --------------- | ------------- | ------------------ |\n"
        "  | perfect_rate | DOUBLE_TYPE     | STRING_TYPE   | data type mismatch |",
        "Contracted models require data_type to be defined for each column. Please "
        "ensure that they are defined for the ['perfect_rate', 'other'] columns.",
    ],
)
def test_column_that_differs_from_the_contract_is_found_in_the_yml(
    message: str,
) -> None:
    file = "models/marts/answers/rpt_perfect_scores.yml"
    model = {**vars(_MODEL), "patch_path": f"assessments://{file}"}
    found = failure(_result("error", message, SimpleNamespace(**model)), {}, {})
    line = int(found.place.removeprefix(f"{file}:"))
    declared = (ROOT / file).read_text().splitlines()
    assert declared[line - 1].strip() == "- name: perfect_rate"


def test_message_without_stack_says_the_same_as_the_whole() -> None:
    analysis = "[NAME.SUB] no `x`. SQLSTATE: 42703; line 2 pos 4" + _STACK
    assert without_stack(f"org.apache.A: {analysis}", "select\n    x\nfrom t") == (
        "[NAME.SUB] no `x`. SQLSTATE: 42703; line 2 pos 4\nx"
    )
    running = (
        "[DIVIDE_BY_ZERO] Zero. SQLSTATE: 22012\n== SQL (line 9, position 4) ==\n"
        "a / b as c\n^^^^^"
    )
    assert without_stack(running + _STACK, "") == running
    assert without_stack("Failed to connect", "select 1") == "Failed to connect"
    for message in (analysis, running):
        shorter = without_stack(message, "")
        assert SparkError.find(shorter) == SparkError.find(message)


def test_text_without_an_error_of_spark_is_none() -> None:
    assert SparkError.find("Runtime Error\n  Failed to connect") is None


_NO_MODEL = SimpleNamespace(
    original_file_path="models/core/rpt_a.sql",
    resource_type="model",
    unique_id="model.assessments.rpt_a",
)
_NO_TEST = (
    "[WARNING]: Test 'test.assessments.relationships_rpt_a' (models/core/rpt_a.yml) "
    "depends on a node named 'fct_atempts' in package '' which was not found"
)


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (
            TargetNotFoundError(_NO_MODEL, "fct_atempts", "node", disabled=False),
            "(models/core/rpt_a.sql:2)",
        ),
        (EventCompilationError(_NO_TEST, None), "(models/core/rpt_a.yml:3)"),
    ],
)
def test_ref_to_no_model_names_its_line_and_a_similar_model(
    error: Exception, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.failures.ROOT", tmp_path)
    models = tmp_path / "models" / "core"
    models.mkdir(parents=True)
    (models / "fct_attempts.sql").touch()
    (models / "rpt_a.sql").write_text("with attempts as (\n  {{ ref('fct_atempts') }}")
    (models / "rpt_a.yml").write_text(
        "- relationships:\n    field: attempt_id\n    to: ref('fct_atempts')"
    )
    told = refusal(error)
    assert place in told and "WARNING" not in told
    assert told.endswith("which was not found. Did you mean `fct_attempts`?")


def test_name_that_is_not_defined_in_a_macro_is_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.failures.ROOT", tmp_path)
    (tmp_path / "macros").mkdir()
    text = "{% macro share(a, b) %}\n{{ a }} / {{ nulif(b) }}\n{% endmacro %}"
    (tmp_path / "macros" / "share.sql").write_text(text)
    message = "Compilation Error in model a (models/a.sql)\n  'nulif' is undefined"
    assert refusal(Exception(message)) == f"macros/share.sql:2: {message}"
    nodes = {"model.rpt_a": _MODEL}
    assert failure(_result("error", message), nodes, {}).place == "macros/share.sql:2"


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (
            "Error reading assessments: marts/a.yml - Runtime Error\n"
            "  Syntax error near line 2\n  1 | models:\n  2 |",
            "models/marts/a.yml:2",
        ),
        (
            "[WARNING][CustomKeyInObjectDeprecation]: Deprecated functionality\n"
            "Custom key `nam` found at `models[0]` in file\n`models/marts/a.yml`.",
            "models/marts/a.yml:2",
        ),
        (
            "[WARNING][CustomTopLevelKeyDeprecation]: Deprecated functionality\n"
            "Unexpected top-level key model in file `models/marts/a.yml`",
            "models/marts/a.yml:1",
        ),
        (
            "[WARNING][CustomKeyInObjectDeprecation]: Deprecated functionality\n"
            "Custom key `descripton` found at `models[0].columns[0].data_tests[0]` in\n"
            "file `models/marts/a.yml`.",
            "models/marts/a.yml:3",
        ),
        (
            "[WARNING][CustomKeyInObjectDeprecation]: Deprecated functionality\n"
            "Custom key `elsewhere` found at `models[0]` in file `models/marts/a.yml`.",
            "models/marts/a.yml",
        ),
    ],
)
def test_yml_that_is_wrong_is_named_with_its_line(
    message: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.failures.ROOT", tmp_path)
    (tmp_path / "models" / "marts").mkdir(parents=True)
    (tmp_path / "models" / "marts" / "a.yml").write_text(
        "model:\n  - nam: a\n    columns: [{name: b, descripton: no}]\n"
    )
    told = refusal(Exception(message))
    assert told.startswith(f"{place}: ")
    assert "Deprecat" not in told and told.endswith(message.partition("\n")[2])


def _node(path: str, kind: str = "model", macros: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        name=path.rpartition("/")[2].partition(".")[0],
        unique_id=path,
        resource_type=kind,
        original_file_path=path,
        patch_path=f"assessments://{path.replace('.sql', '.yml')}",
        depends_on=SimpleNamespace(macros=macros),
    )


_NODES = [
    _node("models/a.sql", macros=("inner",)),
    _node("models/b.sql", macros=("outer",)),
    _node("models/c.sql"),
    _node("tests/assert_d.sql", "test"),
]
_MANIFEST = SimpleNamespace(
    nodes={node.unique_id: node for node in _NODES},
    macros={
        name: SimpleNamespace(
            original_file_path=f"macros/{name}.sql",
            depends_on=SimpleNamespace(macros=used),
        )
        for name, used in {"inner": [], "outer": ["inner"]}.items()
    },
    child_map={
        "models/a.sql": ["models/b.sql", "tests/assert_d.sql"],
        "models/b.sql": ["models/c.sql"],
    },
)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("models/a.sql", ["a"]),
        ("models/c.yml", ["c"]),
        ("tests/assert_d.sql", ["assert_d"]),
        ("macros/inner.sql", ["a", "b"]),
        ("macros/outer.sql", ["b"]),
        ("models/exposures.yml", []),
    ],
)
def test_saved_file_builds_what_it_changes(file: str, names: list[str]) -> None:
    assert saved(_MANIFEST, [file]) == names


def test_models_that_read_a_model_are_found_through_others() -> None:
    assert downstream(_MANIFEST, ["a"]) == ["b", "c"]
