"""From a signed webhook to what stands on GitHub: the real process, over HTTP, against a GitHub that is strict.

Each test is a story of one pull request. A story mostly waits, so while one is told those after it begin already.
"""

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from bot.markers import read_marker
from rules import Analysis, Facts, Finding, analyze, apply_edits, read_base, read_facts

from .fake_github import FakeGitHub, PullRequest, Repository, ReviewComment, suggestions
from .fake_github.checks import CheckRun
from .fake_github.faults import Fault
from .fake_github.repositories import Changes
from .service import Service, serving

AT_ONCE = 10

pytestmark = pytest.mark.asyncio(loop_scope="module")

Story = Callable[[Service], Awaitable[None]]
stories: list[Story] = []
numbers = count(1)

README = {"README.md": "# The shop\n"}
MAIN = """\
import asyncio
import time

from fastapi import FastAPI

app = FastAPI()
opened = time.monotonic()


@app.get("/")
async def index() -> dict[str, str]:
    await asyncio.sleep(0)
    return {}
"""
BLOCKING = MAIN.replace("    return", "    time.sleep(1)\n    return")
OTHER = """

@app.get("/other")
async def other() -> dict[str, str]:
    await asyncio.sleep(0)
    return {"other": "one"}
"""

# --- how a story is told


class Stage:
    """Where stories are told, some at a time."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.told: dict[Story, asyncio.Future[None]] = {}

    async def end_of(self, story: Story) -> None:
        first = stories.index(story)
        for one in stories[first : first + AT_ONCE]:
            if one not in self.told:
                self.told[one] = asyncio.ensure_future(one(self.service))
        await self.told[story]

    async def close(self) -> None:
        for one in self.told.values():
            one.cancel()
        await asyncio.gather(*self.told.values(), return_exceptions=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """A bot at work. It must have logged no error and asked nothing that GitHub would not understand, and stop when it is told to."""
    async with FakeGitHub() as github, serving(github) as service:
        stage = Stage(service)
        yield stage
        errors = service.errors()
        await stage.close()
        assert await service.stop() == 0
        assert errors == []


def story(tell: Story) -> Callable[[Stage], Awaitable[None]]:
    """A test that is told together with those after it."""
    stories.append(tell)

    async def test(stage: Stage) -> None:
        await stage.end_of(tell)
        assert stage.service.github.refusals == []

    test.__name__, test.__doc__ = tell.__name__, tell.__doc__
    return test


def a_shop(service: Service, files: Changes) -> Repository:
    """A repository of an owner, and so with an installation, of its own."""
    return service.github.repository(f"octo-{next(numbers)}/shop", files)


# --- what holds for every review


async def is_reviewed(service: Service, pull: PullRequest) -> list[ReviewComment]:
    """Have a new pull request reviewed, hold the review against all that a review has to be, and return its comments.

    At the end all of its suggestions are committed.
    """
    assert await service.told(pull) == "reviewed"
    comments = is_one_review(pull)
    for comment in comments:
        commits_what_its_fix_says(pull, comment)
    await is_said_once(service, pull)
    await commits_as_a_batch(service, pull)
    return comments


def is_one_review(pull: PullRequest) -> list[ReviewComment]:
    """One review of the App stands on the head, as a comment, and one check run."""
    (review,) = pull.reviews
    assert (review.state, review.commit_id, review.author.login) == ("COMMENTED", pull.head, "asyncify[bot]")
    assert review.comments
    (run,) = pull.check_runs
    assert (run.name, run.status, run.conclusion) == ("asyncify", "completed", "neutral")
    for posted in (review, *review.comments):
        assert posted.body.count("<!-- asyncify") == 1
    return list(review.comments)


def commits_what_its_fix_says(pull: PullRequest, comment: ReviewComment) -> None:
    """The suggestion of a comment, committed alone, makes exactly the edits of the fix; then it is taken back."""
    if not suggestions(comment.body):
        return
    head, before = pull.head, pull.head_repository.files(pull.head)
    fixed = [apply_edits(before[comment.path], edits) for edits in _fixes(pull, comment)]
    pull.commit_suggestion(comment)
    after = pull.head_repository.files(pull.head)
    assert after[comment.path] in fixed
    assert after == {**before, comment.path: after[comment.path]}
    assert parses(after[comment.path])
    pull.head_repository.move_branch(pull.head_ref, head)
    comment.thread.resolved_by = None


def _fixes(pull: PullRequest, comment: ReviewComment) -> list[list[Any]]:
    """The edits that the suggestion may stand for: the best fixes of all findings of the comment, or one way for its first."""
    lead, *others = spoken_of(pull, comment)
    together = [edit for finding in (lead, *others) if finding.fix for edit in finding.fix.edits]
    return [together, *(list(fix.edits) for fix in (lead.fix, *lead.alternatives) if fix)]


async def is_said_once(service: Service, pull: PullRequest) -> None:
    """Neither the same delivery again, nor another one for this head, nor a push of something else says anything again."""
    before = posted(pull)
    written = writes(service, pull)
    first = await service.deliver(pull, "opened")
    await service.ended(first, "done")
    await service.deliver(pull, "opened", first)
    await service.told(pull, "opened")
    assert len(service.endings(first)) == 1
    assert posted(pull) == before
    assert writes(service, pull) == written
    pull.push(README)
    conclusion = pull.repository.check_runs[-1].conclusion
    assert await service.told(pull, "synchronize") == "checked"
    assert posted(pull)[:-1] == before[:-1]
    assert check_run(pull).conclusion == conclusion


async def commits_as_a_batch(service: Service, pull: PullRequest) -> None:
    """All suggestions, committed as one, leave code that parses, and in which the bot finds nothing more."""
    with_suggestion = [comment for comment in pull.comments if suggestions(comment.body)]
    if not with_suggestion:
        return
    mended = {one.fingerprint for comment in with_suggestion for one in spoken_of(pull, comment)}
    service.github.commit_suggestions(with_suggestion)
    assert all(parses(text) for path, text in pull.head_repository.files(pull.head).items() if path.endswith(".py"))
    left = {one.fingerprint for one in analysis_at(pull, pull.head).findings if one.introduced}
    assert not left & mended
    assert await service.told(pull, "synchronize") == "checked"
    assert check_run(pull).conclusion == ("neutral" if left else "success")


def posted(pull: PullRequest) -> list[object]:
    """All that the bot said: reviews, comments and, last, what its check run on the head says."""
    return [
        *(review.body for review in pull.reviews),
        *(comment.body for comment in (*pull.comments, *pull.issue_comments)),
        [(run.conclusion, run.title, run.summary, run.text, run.annotations) for run in pull.check_runs],
    ]


def writes(service: Service, pull: PullRequest) -> int:
    """How often something was written to the repository."""
    own = f"/repos/{pull.repository.full_name}/"
    return sum(call.method != "GET" and call.path.startswith(own) for call in service.github.calls)


def check_run(pull: PullRequest) -> CheckRun:
    (run,) = pull.check_runs
    assert run.status == "completed"
    return run


def spoken_of(pull: PullRequest, comment: ReviewComment) -> list[Finding]:
    """The findings that the marker of a comment names, on the head that it was written for."""
    marker = read_marker(comment.body)
    assert marker is not None
    commented = frozenset(one.path for one in pull.comments)
    found = {finding.fingerprint: finding for finding in analysis_at(pull, marker.head, commented).findings}
    return [found[fingerprint] for fingerprint in marker.fingerprints]


@cache
def analysis_at(pull: PullRequest, commit: str, fixed: frozenset[str] = frozenset()) -> Analysis:
    """What the rules say of the pull request, without the bot; with fixes for some of its files."""
    head, base = (pull.head_repository.files(sha) for sha in (commit, pull.merge_base))
    renamed = {diff.path: base[diff.previous_path] for diff in pull.diff(commit).values() if diff.previous_path}
    sources = {path: head[path] for path in fixed}
    return analyze(facts_of(head), sources, base=read_base(facts_of(renamed | base)))


def facts_of(files: dict[str, bytes]) -> dict[str, Facts]:
    return {path: read_facts(text) for path, text in files.items() if path.endswith(".py")}


def parses(text: bytes) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def says_nothing(pull: PullRequest) -> bool:
    return not (pull.reviews or pull.comments or pull.issue_comments or pull.check_runs)


def added(text: str, line: str) -> str:
    """The endpoint of `MAIN`, with another line before its `return`."""
    return text.replace("    return {}\n", f"    {line}\n    return {{}}\n")


def line_of(text: str | bytes, part: str) -> int:
    """The number of the first line that holds `part`."""
    text = text if isinstance(text, bytes) else text.encode()
    return next(number for number, line in enumerate(text.split(b"\n"), 1) if part.encode() in line)


# --- a new file

ORDERS = '''\
import asyncio
import subprocess
import time

import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
opened = time.monotonic()


@app.get("/turn")
async def wait_for_turn(request: Request) -> dict[str, float]:
    while not await request.is_disconnected():
        time.sleep(0.5)
    await asyncio.sleep(0)
    return {"open for": time.monotonic() - opened}


@app.get("/weather")
async def weather() -> dict[str, str]:
    """What the weather is like."""
    return requests.get("https://weather.example/today", timeout=5).json()


@app.post("/orders")
async def order(request: Request) -> dict[str, int]:
    wishes = await request.json()
    printed = subprocess.run(["lp", str(wishes)], check=False)
    return {"printed": await run_in_threadpool(int, printed.returncode)}
'''


@story
async def test_new_file(service: Service) -> None:
    """A new file with blocking calls gets one review, and every suggestion in it does what its fix says and no more."""
    pull = a_shop(service, {"shop/__init__.py": "", **README}).open_pull({"shop/orders.py": ORDERS})
    comments = await is_reviewed(service, pull)
    assert [(comment.path, len(suggestions(comment.body))) for comment in comments] == [("shop/orders.py", 1)] * 3
    wanted = (
        ORDERS.replace("        time.sleep(0.5)", "        await asyncio.sleep(0.5)")
        .replace("async def weather", "def weather")
        .replace('subprocess.run(["lp"', 'await run_in_threadpool(subprocess.run, ["lp"')
    )
    assert pull.head_repository.read("shop/orders.py", pull.head).decode() == wanted


@story
async def test_fork(service: Service) -> None:
    """A pull request from a fork is reviewed like any other."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING}, fork=True)
    assert len(await is_reviewed(service, pull)) == 1


# --- pull requests that are not like others


@story
async def test_draft(service: Service) -> None:
    """A draft gets a skipped check run and no comment."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING}, draft=True)
    assert await service.told(pull) == "checked"
    assert not pull.reviews
    assert check_run(pull).conclusion == "skipped"
    await is_said_once(service, pull)
    pull.draft = False
    assert await service.told(pull, "ready_for_review") == "reviewed"
    assert check_run(pull).conclusion == "neutral"


@story
async def test_bot_as_author(service: Service) -> None:
    """What a bot proposes is checked; nothing is commented."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING}, author="renovate[bot]")
    assert await service.told(pull) == "checked"
    assert not pull.reviews
    assert [one["path"] for one in check_run(pull).annotations] == ["app.py"]
    await is_said_once(service, pull)


@story
async def test_renamed_file(service: Service) -> None:
    """A file that only got another name introduces nothing."""
    pull = a_shop(service, {"app.py": BLOCKING}).open_pull({"app.py": None, "shop/app.py": BLOCKING})
    assert await service.told(pull) == "checked"
    assert not pull.reviews
    assert check_run(pull).conclusion == "success"
    await is_said_once(service, pull)


@story
async def test_renamed_and_changed_file(service: Service) -> None:
    """Of a file that got another name and another blocking call, only the call is said."""
    before = BLOCKING + OTHER
    after = before.replace('    return {"other"', '    time.sleep(2)\n    return {"other"')
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": None, "shop/app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert (comment.path, comment.line) == ("shop/app.py", line_of(after, "sleep(2)"))


@story
async def test_deleted_file(service: Service) -> None:
    """A file that goes away is not spoken of."""
    files: Changes = {"app.py": MAIN, "old.py": BLOCKING}
    pull = a_shop(service, files).open_pull({"old.py": None})
    assert await service.told(pull) == "checked"
    assert not pull.reviews
    assert check_run(pull).conclusion == "success"


@story
async def test_no_python(service: Service) -> None:
    """A pull request without Python is none of our business."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"notes.md": "import time\n", "app.js": "await 1\n"})
    assert await service.told(pull) == "silent"
    assert says_nothing(pull)


@story
async def test_no_fastapi(service: Service) -> None:
    """A repository without FastAPI is none of our business."""
    pull = a_shop(service, {"tool.py": "import time\n"}).open_pull({"tool.py": "import time\n\ntime.sleep(1)\n"})
    assert await service.told(pull) == "silent"
    assert says_nothing(pull)


@story
async def test_closed(service: Service) -> None:
    """A pull request that was closed before its turn came is left alone."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    pull.close()
    assert await service.told(pull) == "closed"
    assert says_nothing(pull)


@story
async def test_disabled(service: Service) -> None:
    """`enabled = false` on the base branch silences the bot."""
    shop = a_shop(service, {"app.py": MAIN, ".github/asyncify.toml": "enabled = false\n"})
    pull = shop.open_pull({"app.py": BLOCKING, ".github/asyncify.toml": "enabled = true\n"})
    assert await service.told(pull) == "silent"
    assert says_nothing(pull)


@story
async def test_broken_configuration(service: Service) -> None:
    """A mistake in the configuration is told in the check run, and the review goes on without it."""
    shop = a_shop(service, {"app.py": MAIN, ".github/asyncify.toml": 'exclude = []\nseverity = "loud"\n'})
    pull = shop.open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    assert len(is_one_review(pull)) == 1
    summary = check_run(pull).summary or ""
    assert all(part in summary for part in ("asyncify.toml", "severity", "2"))


@story
async def test_no_patch(service: Service) -> None:
    """Where GitHub leaves the patch out, the finding is said of the file, and still only what is introduced."""
    before = BLOCKING + "\n" * 3
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": added(before, "time.sleep(2)")})
    pull.without_patch.add("app.py")
    assert await service.told(pull) == "reviewed"
    (comment,) = pull.comments
    assert (comment.subject, comment.path, comment.original_commit) == ("file", "app.py", pull.head)
    assert not suggestions(comment.body)
    assert [finding.span.line for finding in spoken_of(pull, comment)] == [line_of(before, "sleep(1)") + 1]
    await is_said_once(service, pull)


@story
async def test_many_files(service: Service) -> None:
    """Of 350 files all findings are in the check run, and ten in comments."""
    files: Changes = {f"api/m{n:03}.py": BLOCKING.replace('"/"', f'"/{n}"') for n in range(350)}
    pull = a_shop(service, {"app.py": MAIN}).open_pull(files)
    assert await service.told(pull) == "reviewed"
    comments = is_one_review(pull)
    assert len(comments) == 10
    for comment in comments:
        commits_what_its_fix_says(pull, comment)
    run = check_run(pull)
    listed = f"{run.summary}{run.text}"
    assert [path for path in files if path not in listed] == []
    assert (run.title or "").startswith("350 findings")
    assert len(run.annotations) == 200


# --- what goes wrong


@story
async def test_lost_answer(service: Service) -> None:
    """A review that took effect although GitHub answered 502 stands once."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    service.github.faults.server_error(f"POST {_reviews(pull)}", after=True)
    assert await service.told(pull) == "reviewed"
    assert len(is_one_review(pull)) == 1


@story
async def test_secondary_limit(service: Service) -> None:
    """What GitHub's limit holds back is posted once, when it may be."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    service.github.faults.secondary_limit(f"POST {_reviews(pull)}", retry_after=6)
    delivery = await service.deliver(pull, "opened")
    await service.ended(delivery, "done")
    assert [one["result"] for one in service.endings(delivery)] == ["later", "done"]
    assert len(is_one_review(pull)) == 1
    refused, taken = [call for call in service.github.calls if call.path == _reviews(pull)]
    assert taken.started - refused.ended >= 6


@story
async def test_moved_head(service: Service) -> None:
    """A push during the analysis: the review stands once, on the new head."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    slow = f"/repos/{pull.repository.full_name}/git/trees/{pull.head}"
    service.github.faults.slow(f"GET {slow}", 1)
    first = await service.deliver(pull, "opened")
    await _asked(service, slow)
    pull.push({"app.py": BLOCKING.replace("sleep(1)", "sleep(2)")})
    assert await service.told(pull, "synchronize") == "reviewed"
    assert [one["result"] for one in service.endings(first)] == ["dropped"]
    assert len(is_one_review(pull)) == 1


@story
async def test_killed(_: Service) -> None:  # noqa: PT019 -- it kills a process of its own
    """A process that is killed before, while and after it posts has posted everything once when the next one is done."""
    async with FakeGitHub() as github, serving(github) as service:
        pulls = [a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING}) for _ in range(3)]
        names = [pull.repository.full_name for pull in pulls]
        slow = [f"/repos/{names[0]}/git/trees/{pulls[0].head}", _reviews(pulls[1]), f"/repos/{names[2]}/check-runs"]
        github.faults.slow(f"GET {slow[0]}", 60)
        for path in slow[1:]:
            github.faults.add(Fault(f"POST {path}", after=True, delay=60))
        deliveries = [await service.deliver(pull, "opened") for pull in pulls]
        await asyncio.gather(*(_asked(service, path) for path in slow))
        await service.kill()
        assert [(len(pull.reviews), len(pull.check_runs)) for pull in pulls] == [(0, 0), (1, 0), (1, 1)]
        assert not any(service.endings(delivery) for delivery in deliveries)
        await service.start()
        await asyncio.gather(*(service.ended(delivery, "done") for delivery in deliveries))
        logged = [one for one in service.errors() if "logger" in one]  # Python itself also tells that it was killed
        assert logged == []
        assert [len(is_one_review(pull)) for pull in pulls] == [1, 1, 1]
        assert {(check_run(pull).title, len(check_run(pull).history)) for pull in pulls} == {
            ("1 finding, 1 suggestion to commit", 1)
        }
        assert github.refusals == []


def _reviews(pull: PullRequest) -> str:
    return f"/repos/{pull.repository.full_name}/pulls/{pull.number}/reviews"


async def _asked(service: Service, path: str) -> None:
    """Returns when GitHub was asked for this path."""
    async with asyncio.timeout(30):
        while all(call.path != path for call in service.github.calls):  # noqa: ASYNC110 -- the fake has no event for it
            await asyncio.sleep(0.02)


# --- texts that are not like others

DOCSTRING = '''\
    """Say it.

    ````suggestion
    1
    ````
    """
'''


async def is_mended(service: Service, before: str, after: str) -> None:
    """The change is reviewed, and its one suggestion committed."""
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert comment.line == line_of(after, "time.sleep(1)")
    assert len(suggestions(comment.body)) == 1


@story
async def test_form_feed_and_line_separator(service: Service) -> None:
    """Characters that other programs take for line ends do not shift anything."""
    before = MAIN.replace('@app.get("/")', 'RULE = "\u2028\x0c\x85\x1c"\n\x0c\n@app.get("/")')
    await is_mended(service, before, added(before, "time.sleep(1)"))


@story
async def test_backticks(service: Service) -> None:
    """A docstring with a fence of its own does not end the suggestion that holds it."""
    after = BLOCKING.replace("import asyncio\n", "").replace("    await asyncio.sleep(0)\n", DOCSTRING)
    pull = a_shop(service, {"README.md": "# The shop\n"}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert DOCSTRING in "\n".join(suggestions(comment.body)[0])
    await is_mended(service, MAIN, added(MAIN, 'time.sleep(1); quoted = "`````suggestion"'))


@story
async def test_no_last_line_end(service: Service) -> None:
    """A file without a last line end keeps it that way, and its last line is not suggested."""
    before = MAIN + "\n\nfirst = 1\nlast = 1"
    await is_mended(service, before, added(before, "time.sleep(1)"))
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": MAIN.removesuffix("return {}\n") + "time.sleep(1)"})
    (comment,) = await is_reviewed(service, pull)
    assert comment.line == len(MAIN.splitlines())
    assert not suggestions(comment.body)
    assert "```diff" in comment.body


@story
async def test_carriage_returns(service: Service) -> None:
    """What a suggestion might not carry byte for byte is shown as a diff: lines that end in CRLF."""
    await is_shown_as_diff(service, MAIN.replace("\n", "\r\n").encode(), BLOCKING.replace("\n", "\r\n").encode())


@story
async def test_byte_order_mark(service: Service) -> None:
    """The same with a byte-order mark."""
    await is_shown_as_diff(service, MAIN.encode("utf-8-sig"), BLOCKING.encode("utf-8-sig"))


@story
async def test_latin_1(service: Service) -> None:
    """The same with another encoding."""
    before = f'# -*- coding: latin-1 -*-\n"""Caf\xe9."""\n{MAIN}'
    await is_shown_as_diff(service, before.encode("latin-1"), added(before, "time.sleep(1)").encode("latin-1"))


async def is_shown_as_diff(service: Service, before: bytes, after: bytes) -> None:
    """The change is reviewed where it stands, with a fix but no suggestion."""
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert comment.line == line_of(after, "time.sleep(1)")
    assert not suggestions(comment.body)
    assert "```diff" in comment.body
    assert "+" in comment.body.partition("```diff")[2]


@story
async def test_file_that_does_not_parse(service: Service) -> None:
    """A file that cannot be parsed is named in the check run; the others are reviewed."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull(
        {"app.py": BLOCKING, "broken.py": "def f(:\n    time.sleep(1)\n"}
    )
    assert await service.told(pull) == "reviewed"
    (comment,) = is_one_review(pull)
    assert comment.path == "app.py"
    assert "broken.py" in (check_run(pull).summary or "")
    commits_what_its_fix_says(pull, comment)
    await is_said_once(service, pull)


@story
async def test_newer_syntax(service: Service) -> None:
    """Syntax that is newer than the Python that the bot runs on is read all the same (https://peps.python.org/pep-0758/)."""
    newer = "    try:\n        pass\n    except ValueError, TypeError:\n        pass\n"
    before = MAIN.replace("    return", f"{newer}    return")
    after = added(before, "time.sleep(1)")
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": after})
    assert await service.told(pull) == "reviewed"
    (comment,) = is_one_review(pull)
    assert "Not analysed" not in (check_run(pull).summary or "")
    await is_said_once(service, pull)
    pull.commit_suggestion(comment)
    mended = after.replace("time.sleep(1)", "await asyncio.sleep(1)")
    assert pull.head_repository.read("app.py", pull.head).decode() == mended


# --- what is introduced

HELPER = """\
import time


def pause() -> None:
    print("a moment")
    time.sleep(1)
"""
WITH_HELPER = MAIN.replace("from fastapi", "from helper import pause\nfrom fastapi")


@story
async def test_helper_in_unchanged_file(service: Service) -> None:
    """What an unchanged helper does is found from a changed endpoint, and the comment shows the way there."""
    after = added(WITH_HELPER, "pause()")
    pull = a_shop(service, {"app.py": WITH_HELPER, "helper.py": HELPER}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert (comment.path, comment.line) == ("app.py", line_of(after, "    pause()"))
    links = re.sub(r"\]\([^)]+\)", "]", comment.body)
    assert "`index` ([`app.py:12`]) → `pause` ([`helper.py:4`]) → `time.sleep` ([`helper.py:6`])" in links


@story
async def test_changed_helper(service: Service) -> None:
    """A helper that begins to block below an unchanged endpoint is said at the helper's line."""
    before = HELPER.replace("    time.sleep(1)\n", "")
    shop = a_shop(service, {"app.py": added(WITH_HELPER, "pause()"), "helper.py": before})
    (comment,) = await is_reviewed(service, shop.open_pull({"helper.py": HELPER}))
    assert (comment.path, comment.line) == ("helper.py", line_of(HELPER, "sleep"))
    assert "app.py" in comment.body


@story
async def test_def_that_became_async(service: Service) -> None:
    """`async` put before a `def` makes an untouched line block."""
    after = BLOCKING.replace("    await asyncio.sleep(0)\n", "")
    before = after.replace("async def", "def").replace("{}", '{"a": "b"}')
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert [finding.span.line for finding in spoken_of(pull, comment)] == [line_of(after, "time.sleep(1)")]


@story
async def test_old_findings(service: Service) -> None:
    """What was there before is not said, however near it is to what was changed."""
    pull = a_shop(service, {"app.py": BLOCKING}).open_pull({"app.py": BLOCKING.replace("{}", '{"open": "yes"}')})
    assert await service.told(pull) == "checked"
    assert not pull.reviews
    assert check_run(pull).conclusion == "success"


@story
async def test_moved_function(service: Service) -> None:
    """A function that only moved says nothing."""
    head, at, function = BLOCKING.partition('@app.get("/")')
    before, after = f"{head}{at}{function}{OTHER}", f"{head.rstrip()}\n{OTHER}\n\n{at}{function}"
    pull = a_shop(service, {"app.py": before}).open_pull({"app.py": after})
    assert await service.told(pull) == "checked"
    assert not pull.reviews


@story
async def test_second_call_above(service: Service) -> None:
    """Of two calls that look the same, the one that was added is said, and the old one is left alone."""
    after = BLOCKING.replace("    await", "    time.sleep(1)\n    await")
    pull = a_shop(service, {"app.py": BLOCKING}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert comment.line == line_of(after, "time.sleep(1)")
    wanted = after.replace("    time.sleep(1)\n    await", "    await asyncio.sleep(1)\n    await")
    assert pull.head_repository.read("app.py", pull.head).decode() == wanted


@story
async def test_second_call_below(service: Service) -> None:
    """The same where both stand together: what the diff shows as added is said."""
    after = BLOCKING.replace("    time.sleep(1)\n", "    time.sleep(1)\n" * 2)
    pull = a_shop(service, {"app.py": BLOCKING}).open_pull({"app.py": after})
    (comment,) = await is_reviewed(service, pull)
    assert comment.line == line_of(after, "time.sleep(1)") + 1


# --- the next push


@story
async def test_mended_by_a_push(service: Service) -> None:
    """After a push that mends what was said nothing is said again; the new head has a check run of its own."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    first = check_run(pull)
    pull.push({"app.py": MAIN.replace("{}", '{"a": "b"}')})
    assert await service.told(pull, "synchronize") == "checked"
    assert len(pull.reviews) == len(pull.comments) == 1
    assert check_run(pull) is not first
    assert (first.conclusion, check_run(pull).conclusion) == ("neutral", "success")


@story
async def test_new_finding_on_a_push(service: Service) -> None:
    """After a push that blocks once more, only that is said."""
    pull = a_shop(service, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    more = BLOCKING + OTHER.replace("    await asyncio.sleep(0)", "    time.sleep(2)")
    pull.push({"app.py": more})
    assert await service.told(pull, "synchronize") == "reviewed"
    assert [len(review.comments) for review in pull.reviews] == [1, 1]
    second = pull.reviews[1]
    assert second.commit_id == pull.head
    assert [finding.function for finding in spoken_of(pull, second.comments[0])] == ["other"]
    assert len(pull.check_runs) == 1
    assert (check_run(pull).title or "").startswith("2 findings")
