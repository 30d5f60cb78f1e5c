"""A short run of `make chaos`: each kind of process is killed once."""

from tests.integration.chaos import VICTIMS, chaos


def test_random_kills_lose_double_and_change_nothing() -> None:
    outcome = chaos(rounds=len(VICTIMS), seed=1)
    assert set(outcome.kills) == set(VICTIMS)
    assert outcome.is_right, str(outcome)
