"""A short run of `make histories`."""

from tests.integration.histories import history, project


def test_builds_in_random_order_end_as_a_full_refresh() -> None:
    with project() as dbt:
        assert not history(dbt, steps=2, seed=12)
