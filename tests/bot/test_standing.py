"""How a pull request stands, read from a strict fake of GitHub."""

import asyncio

import pytest
from cachetools import TTLCache

from bot.config import Layer
from bot.errors import Dropped
from bot.fetch import changed_files
from bot.markers import write_marker
from bot.models import Said
from bot.standing import Inherited, configuration, standing

from .fake_github import PullRequest
from .fake_github.pulls import Anchor
from .reviewing import BLOCKING, MAIN, Bot, ref

FINGERPRINT = "0123456789abcdef"


async def read_configuration(bot: Bot, pull: PullRequest) -> tuple[Layer, ...]:
    github = bot.installation(pull)
    return await configuration(github, await standing(github, ref(pull)), bot.inherited)


def say(pull: PullRequest, author: str, fingerprint: str, *, subject: str = "line", state: str = "COMMENTED") -> int:
    body = write_marker([fingerprint], pull.head)
    review = pull.add_review(write_marker([], pull.head), state, pull.github.account(author), pull.head)
    line = None if subject == "file" else 1
    return pull.add_comment(review, Anchor("app.py", line, subject=subject), body).id


class TestStanding:
    async def test_pull(self, bot: Bot) -> None:
        """A pull request is told as it stands."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, author="dependabot[bot]", fork="ann", draft=True)
        found = (await standing(bot.installation(pull), ref(pull))).pull
        assert (found.head, found.base, found.base_ref) == (pull.head, pull.base, "main")
        assert found.head_repository == "ann/shop"
        assert found.from_fork
        assert found.draft
        assert found.by_bot
        assert found.open
        assert found.page.endswith(f"acme/shop/pull/{pull.number}")
        pull.close()
        assert not (await standing(bot.installation(pull), ref(pull))).pull.open

    async def test_head_repository_gone(self, bot: Bot) -> None:
        """A fork may be gone."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, fork=True)
        pull.head_repository.delete()
        assert (await standing(bot.installation(pull), ref(pull))).pull.head_repository is None

    async def test_history(self, bot: Bot) -> None:
        """Only our own words count: anybody can write a marker. What is pending was not said."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        say(pull, "mallory", "ffff")
        say(pull, "asyncify[bot]", "eeee", state="PENDING")
        stands = await standing(bot.installation(pull), ref(pull))
        assert stands.history.reviewed == frozenset()
        assert FINGERPRINT not in {said.fingerprint for said in stands.history.said}
        line, file = say(pull, "asyncify[bot]", FINGERPRINT), say(pull, "asyncify[bot]", "abcd", subject="file")
        stands = await standing(bot.installation(pull), ref(pull))
        assert stands.history.reviewed == {pull.head}
        assert Said(FINGERPRINT, pull.head, line) in stands.history.said
        assert Said("abcd", pull.head, file, whole_file=True) in stands.history.said
        assert "ffff" not in {said.fingerprint for said in stands.history.said}

    async def test_many_threads(self, bot: Bot) -> None:
        """The hundred-and-first thread counts as well."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        for number in range(230):
            say(pull, "asyncify[bot]", f"{number:04x}")
        stands = await standing(bot.installation(pull), ref(pull))
        assert {said.fingerprint for said in stands.history.said} == {f"{number:04x}" for number in range(230)}

    async def test_many_reviews(self, bot: Bot) -> None:
        """Each thread counts once, however many reviews there are beside it: every answer in a thread is one."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        say(pull, "asyncify[bot]", FINGERPRINT)
        for _ in range(220):
            pull.add_review("Hm.", "COMMENTED", bot.github.account("ann"), pull.head)
        history = (await standing(bot.installation(pull), ref(pull))).history
        assert [thread.fingerprints for thread in history.threads] == [(FINGERPRINT,)]
        assert [said.fingerprint for said in history.said] == [FINGERPRINT]

    async def test_own_pull(self, bot: Bot) -> None:
        """Our own pull requests are known, and those of other bots are not taken for ours."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        ours = shop.open_pull({"app.py": BLOCKING}, author="asyncify[bot]")
        other = shop.open_pull({"app.py": BLOCKING}, author="asyncify")
        assert (await standing(bot.installation(ours), ref(ours))).own
        assert not (await standing(bot.installation(other), ref(other))).own

    async def test_configuration(self, bot: Bot) -> None:
        """The organisation's file, then that of the base branch; never that of the pull request."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN, ".github/asyncify.toml": "one = 1"})
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"})
        pull = shop.open_pull({"app.py": BLOCKING, ".github/asyncify.toml": "three = 3"})
        layers = await read_configuration(bot, pull)
        assert [layer.text for layer in layers] == ["two = 2", "one = 1"]
        assert layers[0].name == "acme/.github: .github/asyncify.toml"

    async def test_private_configuration(self, bot: Bot) -> None:
        """A private `.github` repository is read with a token of its own, and not at each review."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"}, private=True)
        pull = shop.open_pull({"app.py": BLOCKING})
        assert [layer.text for layer in await read_configuration(bot, pull)] == ["two = 2"]
        bot.github.forget_calls()
        assert [layer.text for layer in await read_configuration(bot, pull)] == ["two = 2"]
        assert bot.github.count() == 1

    async def test_private_configuration_that_changed(self, bot: Bot) -> None:
        """Of a change that GitHub never told of we learn within some minutes."""
        assert bot.inherited.private.ttl == 600
        bot.inherited = Inherited(private=TTLCache(16, 0.05))
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        shared = bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"}, private=True)
        pull = shop.open_pull({"app.py": BLOCKING})
        await read_configuration(bot, pull)
        shared.commit({".github/asyncify.toml": "two = 3"})
        await asyncio.sleep(0.06)
        assert [layer.text for layer in await read_configuration(bot, pull)] == ["two = 3"]

    async def test_not_installed_configuration(self, bot: Bot) -> None:
        """What the organisation did not let us see does not count."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN}, installed=False)
        bot.github.install("acme", only=[shop])
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"}, private=True)
        assert await read_configuration(bot, shop.open_pull({"app.py": BLOCKING})) == ()

    async def test_pyproject(self, bot: Bot) -> None:
        """`pyproject.toml` counts where there is no file of our own."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN, "pyproject.toml": "[tool.asyncify]"})
        pull = shop.open_pull({"app.py": BLOCKING})
        (layer,) = await read_configuration(bot, pull)
        assert (layer.name, layer.text) == ("pyproject.toml", "[tool.asyncify]")

    async def test_not_yet(self, bot: Bot) -> None:
        """What GitHub announced may take a moment; what is not there at all drops the job."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.github.faults.not_found("GET */files", times=2)
        assert [file.path for file in await changed_files(bot.installation(pull), ref(pull))] == ["app.py"]
        del shop.pulls[pull.number]
        with pytest.raises(Dropped):
            await standing(bot.installation(pull), ref(pull))
