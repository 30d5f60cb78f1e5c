"""A short run of `make histories`."""

from tests.integration.histories import history, project
from tests.integration.stack import query


def test_builds_in_random_order_end_as_a_full_refresh() -> None:
    with project() as dbt:
        assert not history(dbt, steps=2, seed=12)
    # Readers always find a table: a full refresh replaces it in one commit. If it had
    # been dropped and created again, it would have one version.
    staged = "staging.stg_assessments__messages"
    [(versions,)] = query(f"select count(*) from {staged}.snapshots")
    assert versions > 1
