"""dbt as people know it, from the root with no flag."""

import json

import pytest

from tests.integration.stack import ENVIRONMENT, STACK, query, run


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    run("dbt", "build")


def test_debug_finds_a_working_connection() -> None:
    assert "All checks passed!" in run("dbt", "debug").stdout


def test_the_catalog_holds_every_model_seed_and_source_with_types() -> None:
    run("dbt", "docs", "generate")
    target = STACK.directory / "target"
    manifest = json.loads((target / "manifest.json").read_text())
    catalog = json.loads((target / "catalog.json").read_text())
    tables = catalog["nodes"] | catalog["sources"]
    nodes = {
        name
        for name, node in manifest["nodes"].items()
        if node["resource_type"] in {"model", "seed"}
    }
    for name in nodes | set(manifest["sources"]):
        columns = tables[name]["columns"]
        assert columns and all(column["type"] for column in columns.values()), name


def test_every_model_column_is_described_and_typed_in_its_yml() -> None:
    manifest = json.loads((STACK.directory / "target" / "manifest.json").read_text())
    for name, node in manifest["nodes"].items():
        if node["resource_type"] == "model":
            table = node["relation_name"]
            columns = {row[0]: row[2] for row in _columns(table)}
            declared = node["columns"]
            assert list(columns) == list(declared), name
            assert node["description"].startswith("One row per "), name
            assert all(column["data_type"] for column in declared.values()), name
            described = {key: value["description"] for key, value in declared.items()}
            assert columns == described, "descriptions are persisted to the table"


def _columns(table: str) -> list[tuple[str, str, str]]:
    rows = query(f"describe table {table}")
    return [(row[0], row[1], row[2]) for row in rows if not row[0].startswith("#")]


def test_a_developers_target_has_schemas_of_its_own() -> None:
    environment = {
        **ENVIRONMENT,
        "DBT_TARGET": "developer",
        "DBT_SCHEMA_PREFIX": "ada",
    }
    run("dbt", "seed", environment=environment)
    [before] = query("select count(*) from reference.reject_reasons")
    assert query("select count(*) from ada_reference.reject_reasons") == [before]
