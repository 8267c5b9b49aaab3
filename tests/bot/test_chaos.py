"""A short form of `benchmarks/chaos.py`: processes are killed and GitHub fails, and yet everything is said once."""

import pytest

from benchmarks.chaos import unleash


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("set_up", "runs"), [("embedded", 2), ("three", 1)])
async def test_nothing_is_lost_and_nothing_is_said_twice(set_up: str, runs: int) -> None:
    """Whatever is killed, and whatever GitHub answers: one review a head, and no check run left open."""
    verdict = await unleash(set_up, runs, seed=3, quiet=True)

    assert verdict.problems == []
    assert sum(count for what, count in verdict.counts.items() if what.startswith("kill -9")) >= runs
    assert verdict.counts["reviews"] >= 2 * runs
