"""The bot at work, without GitHub: a review from the webhook to the committed suggestion.

A fake GitHub runs beside the real `asyncify serve`. Somebody opens a pull request there; what the bot posts is shown, and
its suggestions are committed. Nothing leaves this machine.
"""

import asyncio
import sys
import time
from typing import cast

from rich.rule import Rule

from bot.formats import to_patch
from bot.models import ChangedFile, CheckRun, Conclusion, PostedComment, PostedFileComment, Review
from bot.preview import print_preview
from bot.terminal import open_console
from tests.bot.fake_github import pulls
from tests.bot.fake_github.github import FakeGitHub
from tests.bot.fake_github.suggestions import suggestions
from tests.bot.service import Service, serving

SUGGESTIONS = 3

BASE = {
    "requirements.txt": "fastapi\nrequests\nsqlalchemy\n",
    "shop/__init__.py": "",
    "shop/database.py": """\
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg://shop@localhost/shop")
SessionLocal = sessionmaker(bind=engine)


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
""",
    "shop/warehouse.py": '''\
import requests


def reserve(item: int) -> bool:
    """Ask the warehouse to keep one for us."""
    answer = requests.post(f"https://warehouse.example/{item}", timeout=5)
    return answer.ok
''',
    "shop/main.py": """\
import asyncio
import time

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import text
from sqlalchemy.orm import Session

from shop.database import get_session
from shop.warehouse import reserve

app = FastAPI()
opened = time.monotonic()


@app.get("/")
async def read_root() -> dict[str, float]:
    await asyncio.sleep(0)
    return {"open for": time.monotonic() - opened}


@app.get("/stock")
async def read_stock() -> dict[str, bool]:
    return {"bread": await run_in_threadpool(reserve, 1)}
""",
}

CHANGED = {
    "shop/main.py": BASE["shop/main.py"]
    + """\


@app.get("/turn")
async def wait_for_turn(request: Request) -> dict[str, str]:
    while not await request.is_disconnected():
        time.sleep(0.5)
    return {"turn": "missed"}


@app.post("/orders/{item}")
async def order(item: int, request: Request) -> dict[str, object]:
    wishes = await request.json()
    return {"reserved": reserve(item), "wishes": wishes}


@app.get("/items")
async def read_items(session: Session = Depends(get_session)) -> list[str]:
    return list(session.execute(text("SELECT name FROM items")).scalars())
""",
}


async def main() -> int:
    """Run the demo. Returns the exit status: 1 where the bot did not do what it is there for."""
    console = open_console()
    async with FakeGitHub() as github, serving(github) as service:
        repository = github.repository("octo/shop", BASE)
        pull = repository.open_pull(CHANGED, title="Take orders")
        console.print(Rule(f"{repository.full_name}#{pull.number}: {pull.title}"))
        console.print(f"The review stood after {await _review(service, pull, 'opened'):.1f} s.\n")
        _show(pull)
        before = repository.files(pull.head)
        committed = _commit_suggestions(github, pull)
        console.print(Rule(f"{committed} suggestions committed"))
        sys.stdout.write(to_patch(before, repository.files(pull.head)).decode())
        await _review(service, pull, "synchronize")
        console.print(f"\nWhat the bot says then: {pull.check_runs[0].title}")
        for error in service.errors():
            console.print(f"What the bot had to complain of: {error}")
        for refusal in github.refusals:
            console.print(f"GitHub would not have understood: {refusal}")
        return int(committed != SUGGESTIONS or len(pull.reviews) != 1 or bool(github.refusals))


async def _review(service: Service, pull: pulls.PullRequest, action: str) -> float:
    """Tell the bot what happened to the pull request. Returns the seconds until it had said all."""
    started = time.perf_counter()
    await service.told(pull, action)
    return time.perf_counter() - started


# --- what was posted


def _show(pull: pulls.PullRequest) -> None:
    files = [ChangedFile(diff.path, diff.status, patch=diff.patch) for diff in pull.files]
    print_preview(_posted(pull), _posted_check_run(pull), files)


def _posted(pull: pulls.PullRequest) -> Review | None:
    if not pull.reviews:
        return None
    inline = [comment for comment in pull.comments if comment.subject == "line" and comment.line]
    return Review(
        head=pull.head,
        body=pull.reviews[0].body,
        comments=tuple(PostedComment(one.path, one.line or 0, one.body, one.start_line) for one in inline),
        file_comments=tuple(PostedFileComment(one.path, one.body) for one in pull.comments if one.subject == "file"),
    )


def _posted_check_run(pull: pulls.PullRequest) -> CheckRun:
    (run,) = pull.check_runs
    conclusion = cast("Conclusion", run.conclusion)
    return CheckRun(conclusion, run.title or "", run.summary or "", run.text or "", tuple(run.annotations))


def _commit_suggestions(github: FakeGitHub, pull: pulls.PullRequest) -> int:
    """Press "Commit suggestion" on every comment that has one. Returns how many there were."""
    with_suggestion = [comment for comment in pull.comments if suggestions(comment.body)]
    for comment in with_suggestion:
        github.commit_suggestion(comment)
    return len(with_suggestion)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
