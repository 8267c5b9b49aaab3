"""What all tests share: the fake GitHub."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.bot.fake_github import FakeGitHub


@pytest.fixture
async def github() -> AsyncIterator["FakeGitHub"]:
    """A fake GitHub that answers; the test fails if it was asked what the real one would not understand."""
    from tests.bot.fake_github import FakeGitHub

    async with FakeGitHub() as github:
        yield github
    assert github.refusals == []
