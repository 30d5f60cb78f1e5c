"""A short run of `make histories`."""

from tests.integration.histories import history, project
from tests.integration.stack import query


def test_builds_in_random_order_end_as_a_full_refresh() -> None:
    """A full refresh replaces tables in one commit: the earlier snapshots stay."""
    versions = "select snapshot_id from staging.stg_assessments__messages.snapshots"
    before = set(query(versions))
    with project() as dbt:
        assert not history(dbt, steps=3, seed=1)
    assert before < set(query(versions))
