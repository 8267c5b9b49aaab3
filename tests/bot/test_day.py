"""A day in an organisation and with its neighbours: the real process, 30 repositories, 60 pull requests, people with different rights.

What must stand on GitHub in the evening is written down first, pull request by pull request.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle

import pytest
import pytest_asyncio

from bot.markers import read_marker, write_marker

from .fake_github import FakeGitHub, IssueComment, PullRequest, Repository, ReviewComment, webhooks
from .fake_github.checks import CheckRun
from .fake_github.pulls import Anchor
from .fake_github.server import Call
from .fake_github.webhooks import Payload
from .reviewing import BLOCKING, MAIN
from .service import Service, serving

pytestmark = pytest.mark.timeout(300)

BOT = "asyncify[bot]"
MENDED = BLOCKING.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")
CLEAN = MAIN.replace("{}", '{"open": "yes"}')
OTHER, THIRD = (BLOCKING.replace('"/"', f'"/{name}"') for name in ("other", "third"))
README = {"README.md": "# The shop\n"}
CONFIG = ".github/asyncify.toml"


@dataclass(frozen=True, slots=True)
class Stands:
    """What the bot leaves behind: reviews, threads (and how many of them are resolved), answers, the check run of the head."""

    reviews: int = 0
    threads: int = 0
    resolved: int = 0
    answers: int = 0
    check: str | None = None


NOTHING = Stands()
CHECKED = Stands(check="success")
REVIEWED = Stands(reviews=1, threads=1, check="neutral")
SETTLED = Stands(reviews=1, threads=1, resolved=1, check="success")

Act = Callable[["Day", PullRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """What is proposed, what people do then, and what must stand in the evening. `times`: so many pull requests."""

    name: str
    times: int
    evening: Stands
    head: str = BLOCKING
    author: str = "ann"
    draft: bool = False
    fork: bool = False
    act: Act | None = None


class Day:
    """The process, and what people tell it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.github = service.github

    async def pushed(self, pull: PullRequest, text: str) -> None:
        """Somebody pushes, and the bot looks."""
        pull.push({"app.py": text})
        await self.service.told(pull, "synchronize")

    async def said(self, said: IssueComment | ReviewComment) -> str:
        """Somebody gives a command. Returns the reaction that came of it."""
        event = "pull_request_review_comment" if isinstance(said, ReviewComment) else "issue_comment"
        sent = await self.service.send(event, self.github.webhook(event, "created", said))
        return str((await self.service.ended(sent, "done"))["outcome"])


async def mend(day: Day, pull: PullRequest) -> None:
    await day.pushed(pull, MENDED)


async def add_another(day: Day, pull: PullRequest) -> None:
    pull.push({"other.py": OTHER})
    await day.service.told(pull, "synchronize")


async def let_it_fix(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify fix", "ann")) == "rocket"
    assert pull.head_repository.read("app.py", pull.head).decode() == MENDED
    await day.service.told(pull, "synchronize")


async def ask_without_right(day: Day, pull: PullRequest) -> None:
    head = pull.head
    assert await day.said(pull.comment("/asyncify fix", "bob")) == "confused"
    assert pull.head == head


async def ask_on_a_fork(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify fix", "eve")) == "confused"


async def mute(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.threads[0].first.reply("/asyncify ignore", "ann")) == "rocket"
    await day.pushed(pull, f"{BLOCKING}\n\nopen = True\n")


async def pause(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify pause", "ann")) == "rocket"
    await add_another(day, pull)


async def ask_for_help(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify help", "bob")) == "+1"


async def mistype(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify fxi", "bob")) == "confused"


async def ask_with_too_little_right(day: Day, pull: PullRequest) -> None:
    assert await day.said(pull.comment("/asyncify fix", "tess")) == "confused"
    assert pull.head_repository.read("app.py", pull.head).decode() == BLOCKING


async def press(day: Day, pull: PullRequest, payload: Payload) -> str:
    sent = await day.service.send("check_run", payload)
    return str((await day.service.ended(sent, "done"))["outcome"])


async def press_fix_all(day: Day, pull: PullRequest) -> None:
    pressed = webhooks.check_run(pull.check_runs[0], "requested_action", "max", "fix-all")
    assert await press(day, pull, pressed) == "rocket"
    await day.service.told(pull, "synchronize")


async def run_again(day: Day, pull: PullRequest) -> None:
    again = day.github.webhook("check_run", "rerequested", pull.check_runs[0], sender="dan")
    assert await press(day, pull, again) == "+1"


async def mend_by_force(day: Day, pull: PullRequest) -> None:
    pull.force_push({"app.py": MENDED})
    await day.service.told(pull, "synchronize")


async def dislike(day: Day, pull: PullRequest) -> None:
    pull.threads[0].first.react("-1", "bob")
    await day.service.told(pull, "synchronize")
    assert not pull.threads[0].resolved
    pull.threads[0].first.react("-1", "max")
    await add_nothing(day, pull)


async def resolve(day: Day, pull: PullRequest) -> None:
    pull.threads[0].resolve("bob")
    event = "pull_request_review_thread"
    sent = await day.service.send(event, day.github.webhook(event, "resolved", pull.threads[0], sender="bob"))
    await day.service.ended(sent, "done")


async def open_again(day: Day, pull: PullRequest) -> None:
    await day.pushed(pull, MENDED)
    assert pull.threads[0].resolved
    pull.threads[0].resolved_by = None
    await add_nothing(day, pull)


async def add_nothing(day: Day, pull: PullRequest) -> None:
    pull.push({"more.py": "import os\n"})
    await day.service.told(pull, "synchronize")


async def tell_again(day: Day, pull: PullRequest) -> None:
    sent = await day.service.deliver(pull, "reopened")
    await day.service.ended(sent, "done")
    for _ in range(2):
        await day.service.deliver(pull, "reopened", sent)


ACME = (
    Story("mended by a push", 2, SETTLED, act=mend),
    Story("one more finding", 1, Stands(reviews=2, threads=2, check="neutral"), act=add_another),
    Story("fixed by a command", 1, SETTLED, act=let_it_fix),
    Story("fix without the right", 1, Stands(1, 1, 0, 1, "neutral"), act=ask_without_right),
    Story("draft", 1, Stands(check="skipped"), draft=True),
    Story("by a bot", 1, Stands(check="neutral"), author="renovate[bot]"),
    Story("clean", 2, CHECKED, head=CLEAN),
    Story("documentation", 10, NOTHING, head=""),
)
GUILD = (
    Story("fork", 1, Stands(1, 1, 0, 1, "neutral"), author="eve", fork=True, act=ask_on_a_fork),
    Story("muted", 1, Stands(1, 1, 1, 0, "success"), act=mute),
    Story("paused", 1, Stands(1, 1, 0, 0, "skipped"), act=pause),
    Story("help", 1, Stands(1, 1, 0, 1, "neutral"), act=ask_for_help),
    Story("told again and again", 1, REVIEWED, act=tell_again),
    Story("clean", 3, CHECKED, head=CLEAN),
    Story("draft", 2, Stands(check="skipped"), draft=True),
    Story("documentation", 8, NOTHING, head=""),
)
NORTH = (
    Story("fixed by the button", 1, SETTLED, act=press_fix_all),
    Story("run again by its author", 1, REVIEWED, author="dan", act=run_again),
    Story("mistyped", 1, Stands(1, 1, 0, 1, "neutral"), act=mistype),
    Story("mended by a force push", 1, SETTLED, act=mend_by_force),
    Story("fix with too little right", 1, Stands(1, 1, 0, 1, "neutral"), act=ask_with_too_little_right),
    Story("disliked", 1, SETTLED, act=dislike),
    Story("resolved by a person", 1, SETTLED, act=resolve),
    Story("opened again by a person", 1, Stands(1, 1, 0, 0, "success"), act=open_again),
    Story("documentation", 8, NOTHING, head=""),
)
# And, told below: two in a repository whose configuration is wrong, two in one that is taken away, two of an organisation that is
# suspended for a while, one that is closed at once.
REFUSED = {"GET /repos/{owner}/{repo}/installation", "POST /app/installations/{installation_id}/access_tokens"}
"""What GitHub refuses: to say who let the App into the fork, since nobody did; and a token for the repository that was taken away,
of which a delivery comes late."""


@pytest_asyncio.fixture
async def day() -> AsyncIterator[Day]:
    async with FakeGitHub() as github, serving(github) as service:
        service.patience = 200.0  # in the morning all of them wait for each other
        async with asyncio.timeout(60):
            while not github.count("GET /app/hook/deliveries"):  # noqa: ASYNC110 -- it still looks for what it missed in the night
                await asyncio.sleep(0.1)
        yield Day(service)
        errors = service.errors()
        assert await service.stop() == 0
        assert errors == []


async def test_a_day(day: Day) -> None:
    """In the evening every pull request stands as it was written down, nothing twice, nothing left open, nothing refused."""
    shared = {CONFIG: 'exclude = ["generated/"]\n'}
    private = [day.github.repository(f"{owner}/.github", shared, private=True) for owner in ("acme", "guild", "north")]
    acme, guild, north = shops(day.github, "acme", 10), shops(day.github, "guild", 7), shops(day.github, "north", 7)
    wrong = shop(day.github, "acme/wrong", {CONFIG: 'scop = "introduced"\n'})
    taken, rest = shop(day.github, "acme/taken"), shop(day.github, "rest/shop")
    expected: dict[str, tuple[PullRequest, Stands]] = {}
    await install(day)
    tellings = [
        *begin(day, ACME, acme, expected),
        *begin(day, GUILD, guild, expected),
        *begin(day, NORTH, north, expected),
        *wrong_configuration(day, wrong, expected),
        taken_away(day, taken, [private[0], *acme, wrong], expected),
        suspended(day, rest, expected),
        closed_at_once(day, guild[0], expected),
    ]

    await asyncio.gather(*tellings)

    assert (len(day.github.repositories), len(expected)) == (31, 60)  # and the fork
    pulls = [pull for pull, _ in expected.values()]
    assert {name: stands(pull) for name, (pull, _) in expected.items()} == {
        name: evening for name, (_, evening) in expected.items()
    }
    assert "unknown key `scop`" in (wrong.pulls[1].check_runs[0].summary or "")
    nothing_is_double(pulls)
    no_check_run_is_lost(day.github.repositories.values())
    assert day.github.refusals == []
    assert {str(call) for call in day.github.calls if call.status >= 400} == REFUSED
    every_call_is_made_for_its_owner(day.github, pulls)
    assert kept_of(day, taken) == 0


def spoil_by_a_second_review(pull: PullRequest) -> None:
    pull.add_review(pull.reviews[0].body, "COMMENTED", pull.github.app.bot, pull.head)


def spoil_by_a_second_thread(pull: PullRequest) -> None:
    pull.add_comment(pull.reviews[0], Anchor("app.py", 10), pull.threads[0].first.body)


def spoil_by_an_open_check_run(pull: PullRequest) -> None:
    pull.check_runs[0].status = "in_progress"


def spoil_by_a_second_check_run(pull: PullRequest) -> None:
    pull.repository.check_runs.append(a_check_run(pull, pull.head))


def spoil_by_an_orphan(pull: PullRequest) -> None:
    pull.repository.check_runs.append(a_check_run(pull, pull.base))


def spoil_by_a_foreign_token(pull: PullRequest) -> None:
    path = f"/repos/{pull.repository.full_name}/git/trees/main"
    pull.github.calls.append(Call("GET", path, path, None, 0.0, installation=7))


def a_check_run(pull: PullRequest, head: str) -> CheckRun:
    now = pull.github.now()
    return CheckRun(pull.repository, pull.github.next_id(), "asyncify", head, now, "completed", "neutral")


@pytest.mark.parametrize(
    "spoil",
    [
        *(None, spoil_by_a_second_review, spoil_by_a_second_thread, spoil_by_an_open_check_run),
        *(spoil_by_a_second_check_run, spoil_by_an_orphan, spoil_by_a_foreign_token),
    ],
)
def test_what_an_evening_must_not_look_like(spoil: Callable[[PullRequest], None] | None) -> None:
    """What the day is held against sees each thing that may go wrong."""
    pull = shop(FakeGitHub(), "acme/shop").open_pull({"app.py": BLOCKING})
    review = pull.add_review(f"One.\n\n{write_marker((), pull.head)}", "COMMENTED", pull.github.app.bot, pull.head)
    pull.add_comment(review, Anchor("app.py", 10), write_marker(["abcd1234"], pull.head))
    pull.repository.check_runs.append(a_check_run(pull, pull.head))

    def holds() -> None:
        assert stands(pull) == REVIEWED
        nothing_is_double([pull])
        no_check_run_is_lost([pull.repository])
        every_call_is_made_for_its_owner(pull.github, [pull])

    if spoil is None:
        holds()
        return
    spoil(pull)
    with pytest.raises(AssertionError):
        holds()


def shop(github: FakeGitHub, name: str, files: dict[str, str] | None = None) -> Repository:
    made = github.repository(name, {"app.py": MAIN, **(files or {})})
    made.collaborators |= {"max": "maintain", "ann": "write", "tess": "triage", "bob": "read", "dan": "read"}
    return made


def shops(github: FakeGitHub, owner: str, count: int) -> list[Repository]:
    return [shop(github, f"{owner}/shop-{number}") for number in range(count)]


async def install(day: Day) -> None:
    """In the morning each of the owners lets the bot in, which is not heard of anywhere."""
    before = len(day.github.calls)
    for installation in day.github.installations.values():
        await day.service.send("installation", day.github.webhook("installation", "created", installation))
    assert len(day.github.calls) == before


def begin(
    day: Day, told: Iterable[Story], repositories: Sequence[Repository], expected: dict[str, tuple[PullRequest, Stands]]
) -> list[Awaitable[None]]:
    """Open the pull requests of the stories, spread over the repositories; what remains is to tell of them."""
    places = cycle(repositories)
    tellings: list[Awaitable[None]] = []
    for one in told:
        for number in range(one.times):
            repository = next(places)
            changes = {"app.py": one.head} if one.head else README
            pull = repository.open_pull(changes, author=one.author, draft=one.draft, fork=one.fork)
            expected[f"{repository.owner.login}: {one.name} {number}"] = pull, one.evening
            tellings.append(tell(day, one, pull))
    return tellings


async def tell(day: Day, story: Story, pull: PullRequest) -> None:
    await day.service.told(pull)
    if story.act is not None:
        await story.act(day, pull)


def wrong_configuration(
    day: Day, wrong: Repository, expected: dict[str, tuple[PullRequest, Stands]]
) -> list[Awaitable[str]]:
    """A mistake in the configuration stops nothing, and no check run says that all is well."""
    blocking, clean = wrong.open_pull({"app.py": BLOCKING}), wrong.open_pull({"app.py": CLEAN})
    expected["acme: wrong configuration"] = blocking, REVIEWED
    expected["acme: wrong configuration, clean"] = clean, Stands(check="neutral")
    return [day.service.told(pull) for pull in (blocking, clean)]


async def taken_away(
    day: Day, taken: Repository, kept: list[Repository], expected: dict[str, tuple[PullRequest, Stands]]
) -> None:
    """A repository that the owner takes away at noon: what stands there stays, and nothing more is said."""
    early, late = taken.open_pull({"app.py": BLOCKING}), taken.open_pull({"other.py": OTHER})
    expected["acme: taken away"] = early, REVIEWED
    expected["acme: taken away, told late"] = late, NOTHING
    payload = day.github.webhook("pull_request", "opened", late)
    assert await day.service.told(early) == "reviewed"
    installation = day.github.installation_of(taken)
    assert installation is not None
    installation.selected = kept
    await day.service.updated("installation_repositories", day.github.removed_from(installation, [taken]))
    sent = await day.service.send("pull_request", payload)
    assert (await day.service.ended(sent))["result"] == "dropped"


async def suspended(day: Day, repository: Repository, expected: dict[str, tuple[PullRequest, Stands]]) -> None:
    """An owner who suspends the bot at noon, and lets it in again: what was pushed meanwhile is looked at then, and not before."""
    early, late = (repository.open_pull({path: text}) for path, text in (("app.py", BLOCKING), ("third.py", THIRD)))
    expected["rest: suspended"] = early, Stands(reviews=2, threads=2, check="neutral")
    expected["rest: opened while suspended"] = late, REVIEWED
    assert await day.service.told(early) == "reviewed"
    installation = day.github.installation_of(repository)
    assert installation is not None
    installation.suspended_at = day.github.now()
    await day.service.updated("installation", day.github.webhook("installation", "suspend", installation))
    early.push({"other.py": OTHER})
    for pull, action in ((early, "synchronize"), (late, "opened")):
        assert (await day.service.ended(await day.service.deliver(pull, action)))["result"] == "dropped"
    assert len(early.reviews) + len(late.reviews) == 1
    installation.suspended_at = None
    await day.service.updated("installation", day.github.webhook("installation", "unsuspend", installation))
    for pull in (early, late):
        found = f"recovered-{repository.id}-{pull.number}-{pull.head[:12]}"
        assert (await day.service.ended(found, "done"))["outcome"] == "reviewed"


async def closed_at_once(day: Day, repository: Repository, expected: dict[str, tuple[PullRequest, Stands]]) -> None:
    pull = repository.open_pull({"app.py": BLOCKING})
    expected["guild: closed at once"] = pull, NOTHING
    pull.state = "closed"
    assert await day.service.told(pull) == "closed"


def stands(pull: PullRequest) -> Stands:
    """What the bot left behind in a pull request."""
    threads = [thread for thread in pull.threads if thread.first.author.login == BOT]
    replies = [one for thread in pull.threads for one in thread.comments[1:] if one.author.login == BOT]
    answers = [one for one in pull.issue_comments if one.author.login == BOT]
    runs = pull.check_runs
    assert len(runs) <= 1
    return Stands(
        reviews=sum(review.author.login == BOT and bool(review.body) for review in pull.reviews),
        threads=len(threads),
        resolved=sum(bool(thread.resolved) for thread in threads),
        answers=len(answers) + len(replies),
        check=runs[0].conclusion if runs else None,
    )


def nothing_is_double(pulls: Iterable[PullRequest]) -> None:
    """Of each head one review at most, of each finding one thread."""
    for pull in pulls:
        ours = [review.commit_id for review in pull.reviews if review.author.login == BOT and review.body]
        assert len(ours) == len(set(ours))
        markers = [read_marker(thread.first.body) for thread in pull.threads]
        said = [name for marker in markers if marker for name in marker.fingerprints]
        assert len(said) == len(set(said))


def no_check_run_is_lost(repositories: Iterable[Repository]) -> None:
    """Every check run is completed, and alone on a head that some pull request has or had."""
    for repository in repositories:
        heads = {head for pull in repository.pulls.values() for head in (pull.head, *pull.earlier_heads)}
        on = [run.head_sha for run in repository.check_runs]
        assert len(on) == len(set(on))
        assert heads.issuperset(on)
        assert {run.status for run in repository.check_runs} <= {"completed"}


def every_call_is_made_for_its_owner(github: FakeGitHub, pulls: Iterable[PullRequest]) -> None:
    """No call in a repository was made with the token of another installation."""
    owners = {each.account.login: each.id for each in github.installations.values()}
    for pull in pulls:
        own = f"/repos/{pull.repository.full_name}/"
        callers = {call.installation for call in github.calls if call.path.startswith(own) and call.installation}
        assert callers <= {owners[pull.repository.owner.login]}


def kept_of(day: Day, repository: Repository) -> int:
    with closing(sqlite3.connect(day.service.database)) as database:
        counted = database.execute("SELECT count(*) FROM asyncify_facts WHERE repository_id = ?", (repository.id,))
        return int(counted.fetchone()[0])
