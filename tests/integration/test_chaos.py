"""A short run of `make chaos`: the services that no other test of ingest kills."""

from tests.integration.chaos import chaos


def test_random_kills_lose_double_and_change_nothing() -> None:
    outcome = chaos(rounds=3, seed=5)
    assert set(outcome.kills) == {"kafka", "namenode", "datanode"}
    assert outcome.is_right, str(outcome)
