"""What a repository sets is what it gets: every key, from its file to what stands on GitHub."""

import re
from collections.abc import Awaitable, Callable

import pytest

from bot.config import OPERATOR_NAME, Layer, keys
from bot.review import Outcome
from bot.standing import Inherited
from rules import all_rules

from .fake_github import PullRequest, ReviewComment, suggestions
from .fake_github.repositories import Changes
from .reviewing import BLOCKING, MAIN, Bot

CONFIG = ".github/asyncify.toml"

Story = Callable[[Bot], Awaitable[None]]
told: dict[str, Story] = {}


def about(key: str) -> Callable[[Story], Story]:
    def tell(story: Story) -> Story:
        told[key] = story
        return story

    return tell


@pytest.mark.parametrize("key", keys())
async def test_key(key: str, bot: Bot) -> None:
    """Each key does what its documentation says, and without it the default holds."""
    await told[key](bot)


def opened(bot: Bot, config: str, head: Changes, base: Changes | None = None, **how: str | bool) -> PullRequest:
    """A pull request in a repository of its own, with this configuration on its base branch."""
    files = {"app.py": MAIN, **(base or {}), **({CONFIG: config} if config else {})}
    owner = f"octo-{bot.github.next_id()}"
    return bot.github.repository(f"{owner}/shop", files).open_pull(head, **how)  # type: ignore[arg-type]


async def reviewed(bot: Bot, config: str, head: Changes, base: Changes | None = None, **how: str | bool) -> PullRequest:
    pull = opened(bot, config, head, base, **how)
    await bot.review(pull)
    return pull


def commented(pull: PullRequest) -> list[str]:
    return sorted({comment.path for comment in pull.comments})


def conclusion(pull: PullRequest) -> str | None:
    (run,) = pull.check_runs
    return run.conclusion


TWO = {"app.py": BLOCKING, "old/app.py": BLOCKING.replace('"/"', '"/old"')}
COMMANDS = BLOCKING.replace("import time", "import subprocess\nimport time").replace(
    "    return", "    subprocess.run(['ls'], check=False)\n    return"
)


@about("enabled")
async def _(bot: Bot) -> None:
    pull = opened(bot, "enabled = false", {"app.py": BLOCKING})
    assert await bot.review(pull) is Outcome.SILENT
    assert not (pull.reviews)
    assert not (pull.check_runs)
    assert not (pull.issue_comments)


def marked(comment: ReviewComment) -> str:
    """What a comment says outside of its suggestion."""
    return re.sub(r"(?s)(`{3,})\w+\n.*?\1", "", comment.body)


@about("select")
async def _(bot: Bot) -> None:
    (comment,) = (await reviewed(bot, 'select = ["blocking/subprocess"]', {"app.py": COMMANDS})).comments
    assert ("subprocess" in comment.body, "time.sleep" in marked(comment)) == (True, False)
    (comment,) = (await reviewed(bot, "", {"app.py": COMMANDS})).comments
    assert ("subprocess" in comment.body, "time.sleep" in marked(comment)) == (True, True)


@about("ignore")
async def _(bot: Bot) -> None:
    (comment,) = (await reviewed(bot, 'ignore = ["blocking/subprocess"]', {"app.py": COMMANDS})).comments
    assert ("subprocess" in marked(comment), "time.sleep" in marked(comment)) == (False, True)
    assert conclusion(await reviewed(bot, 'ignore = ["blocking"]', {"app.py": COMMANDS})) == "success"


@about("exclude")
async def _(bot: Bot) -> None:
    assert commented(await reviewed(bot, "", TWO)) == ["app.py", "old/app.py"]
    assert commented(await reviewed(bot, 'exclude = ["old/"]', TWO)) == ["app.py"]


@about("scope")
async def _(bot: Bot) -> None:
    base = {"app.py": BLOCKING}
    head = {"app.py": BLOCKING.replace("{}", '{"a": "b"}')}
    assert commented(await reviewed(bot, "", head, base)) == []
    assert commented(await reviewed(bot, 'scope = "changed-lines"', head, base)) == []
    (comment,) = (await reviewed(bot, 'scope = "changed-files"', head, base)).comments
    assert (comment.path, len(suggestions(comment.body))) == ("app.py", 1)
    moved = {"app.py": BLOCKING.replace("time.sleep(1)", "time.sleep( 1)")}
    assert commented(await reviewed(bot, 'scope = "changed-lines"', moved, base)) == ["app.py"]


@about("severity")
async def _(bot: Bot) -> None:
    (before, _), *_ = all_rules()["awaiting/obsolete"].examples  # below an error
    obsolete: Changes = {"app.py": before}
    assert commented(await reviewed(bot, "", obsolete)) == ["app.py"]
    pull = await reviewed(bot, 'severity = "error"', obsolete)
    assert commented(pull) == []
    assert [one["path"] for one in pull.check_runs[0].annotations] == ["app.py"]


UNSAFE = {
    "app.py": MAIN.replace("app = FastAPI()", "app = FastAPI()\n\n\nasync def audit() -> None:\n    print(1)").replace(
        "    return", "    audit()\n    return"
    )
}


@about("unsafe-suggestions")
async def _(bot: Bot) -> None:
    pull = await reviewed(bot, "", UNSAFE)
    assert [len(suggestions(comment.body)) for comment in pull.comments] == [1]
    pull = await reviewed(bot, "unsafe-suggestions = false", UNSAFE)
    assert [len(suggestions(comment.body)) for comment in pull.comments] == [0]
    assert "```diff" not in pull.comments[0].body


CLIENTS = """import httpx
import httpx2
import requests
from fastapi import FastAPI, Request

app = FastAPI()
old = httpx.AsyncClient()
new = httpx2.AsyncClient()


@app.post("/")
async def index(request: Request) -> dict:
    return requests.post("https://a.b", json=await request.json()).json()
"""


@about("http-client")
async def _(bot: Bot) -> None:
    (comment,) = (await reviewed(bot, "", {"app.py": CLIENTS})).comments
    assert ("await new.post(" in comment.body, "await old.post(" in comment.body) == (True, False)
    (comment,) = (await reviewed(bot, 'http-client = "httpx"', {"app.py": CLIENTS})).comments
    assert ("await new.post(" in comment.body, "await old.post(" in comment.body) == (False, True)
    (comment,) = (await reviewed(bot, 'http-client = "aiohttp"', {"app.py": CLIENTS})).comments
    assert ("await new.post(" in comment.body, "await old.post(" in comment.body) == (False, False)


@about("fail-on")
async def _(bot: Bot) -> None:
    assert conclusion(await reviewed(bot, "", {"app.py": BLOCKING})) == "neutral"
    assert conclusion(await reviewed(bot, 'fail-on = "error"', {"app.py": BLOCKING})) == "failure"
    assert conclusion(await reviewed(bot, 'fail-on = "error"', {"README.md": "# B\n", "a.py": "x = 1\n"})) == "success"


@about("review-drafts")
async def _(bot: Bot) -> None:
    assert conclusion(await reviewed(bot, "", {"app.py": BLOCKING}, draft=True)) == "skipped"
    pull = await reviewed(bot, "review-drafts = true", {"app.py": BLOCKING}, draft=True)
    assert (commented(pull), conclusion(pull)) == (["app.py"], "neutral")


@about("review-bots")
async def _(bot: Bot) -> None:
    assert commented(await reviewed(bot, "", {"app.py": BLOCKING}, author="renovate[bot]")) == []
    assert commented(await reviewed(bot, "review-bots = true", {"app.py": BLOCKING}, author="renovate[bot]")) == [
        "app.py"
    ]


@about("max-comments")
async def _(bot: Bot) -> None:
    many: Changes = {f"m{number}.py": BLOCKING.replace('"/"', f'"/{number}"') for number in range(6)}
    assert len((await reviewed(bot, "max-comments = 2", many)).comments) == 2
    pull = await reviewed(bot, "max-comments = {review = 3, pull-request = 4}", many)
    assert len(pull.comments) == 3
    pull.push({f"n{number}.py": BLOCKING.replace('"/"', f'"/n{number}"') for number in range(6)})
    await bot.review(pull)
    assert len(pull.comments) == 4
    silent = await reviewed(bot, "max-comments = 0", many)
    assert (len(silent.comments), len(silent.check_runs[0].annotations)) == (0, 6)


OWN = MAIN.replace("import time", "from crm import load").replace("    return", "    load()\n    return")
CRM = "def load() -> None:\n    pass\n"


@about("blocking")
async def _(bot: Bot) -> None:
    assert commented(await reviewed(bot, "", {"app.py": OWN, "crm.py": CRM})) == []
    assert commented(await reviewed(bot, '[blocking]\n"crm.load" = ""', {"app.py": OWN, "crm.py": CRM})) == ["app.py"]


HANDED = MAIN.replace("import time", "import time\nfrom threads import run").replace(
    "    return", "    await run('name', lambda: time.sleep(1))\n    return"
)
THREADS = "async def run(name, function):\n    return function()\n"


@about("offloads")
async def _(bot: Bot) -> None:
    assert commented(await reviewed(bot, "", {"app.py": HANDED, "threads.py": THREADS})) == ["threads.py"]
    head: Changes = {"app.py": HANDED, "threads.py": THREADS}
    assert commented(await reviewed(bot, '[offloads]\n"threads.run" = 1', head)) == []


async def test_a_mistake_is_told_in_the_check_run(bot: Bot) -> None:
    """The review goes on with what is right, and the check run names file, line and key."""
    pull = await reviewed(bot, "review-drafts = true\nscop = 1\nseverity = 3", {"app.py": BLOCKING}, draft=True)
    assert commented(pull) == ["app.py"]
    for problem in ("line 2: unknown key `scop`", "line 3: `severity` is not used"):
        assert problem in (pull.check_runs[0].summary or "")
    clean = await reviewed(bot, "enabled =", {"app.py": MAIN.replace("{}", '{"a": "b"}')})
    assert conclusion(clean) == "neutral"
    assert "not valid TOML" in (clean.check_runs[0].summary or "")


async def test_the_pull_request_itself_sets_nothing(bot: Bot) -> None:
    """What counts stands on the base branch; a pull request cannot silence its own review."""
    pull = await reviewed(
        bot, "", {"app.py": BLOCKING, CONFIG: "enabled = false", "pyproject.toml": "[tool.asyncify]\nenabled = false"}
    )
    assert commented(pull) == ["app.py"]


async def test_a_pyproject(bot: Bot) -> None:
    """`[tool.asyncify]` counts where there is no file of our own."""
    table = {"pyproject.toml": "[tool.asyncify]\nenabled = false\n"}
    assert not (await reviewed(bot, "", {"app.py": BLOCKING}, table)).check_runs
    assert (await reviewed(bot, "scope = 'introduced'", {"app.py": BLOCKING}, table)).check_runs


async def test_what_the_operator_locks(bot: Bot) -> None:
    """The operator's value holds in every repository, and the check run tells who tried another one."""
    bot.inherited = Inherited((Layer(OPERATOR_NAME, 'locked = ["fail-on"]\nfail-on = "error"'),))
    pull = await reviewed(bot, 'fail-on = "never"', {"app.py": BLOCKING})
    assert conclusion(pull) == "failure"
    assert "locks it" in (pull.check_runs[0].summary or "")
