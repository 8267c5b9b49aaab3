"""The bot at work, without GitHub: a review from the webhook to the committed suggestion.

A fake GitHub runs beside the real `asyncify serve`. Somebody opens a pull request there; what the bot posts is shown, and
its suggestions are committed. Nothing leaves this machine.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
from rich.rule import Rule

from bot.formats import to_patch
from bot.models import ChangedFile, CheckRun, Conclusion, PostedComment, PostedFileComment, Review
from bot.preview import print_preview
from bot.terminal import open_console
from tests.bot.fake_github import pulls
from tests.bot.fake_github.github import FakeGitHub
from tests.bot.fake_github.suggestions import suggestions

START_SECONDS = 20.0
REVIEW_SECONDS = 20.0
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
    async with FakeGitHub() as github, _serving(github) as webhook:
        repository = github.repository("octo/shop", BASE)
        pull = repository.open_pull(CHANGED, title="Take orders")
        console.print(Rule(f"{repository.full_name}#{pull.number}: {pull.title}"))
        console.print(f"The review stood after {await _review(github, pull, 'opened', webhook):.1f} s.\n")
        _show(pull)
        before = repository.files(pull.head)
        committed = _commit_suggestions(github, pull)
        console.print(Rule(f"{committed} suggestions committed"))
        sys.stdout.write(to_patch(before, repository.files(pull.head)).decode())
        await _review(github, pull, "synchronize", webhook)
        console.print(f"\nWhat the bot says then: {pull.check_runs[0].title}")
        for refusal in github.refusals:
            console.print(f"GitHub would not have understood: {refusal}")
        return int(committed != SUGGESTIONS or len(pull.reviews) != 1 or bool(github.refusals))


async def _review(github: FakeGitHub, pull: pulls.PullRequest, action: str, webhook: str) -> float:
    """Tell the bot what happened to the pull request. Returns the seconds until its check run was completed."""
    started = time.perf_counter()
    status = await github.deliver("pull_request", github.webhook("pull_request", action, pull), url=webhook)
    if status != 202:
        raise RuntimeError(f"The webhook was answered with {status}.")
    async with asyncio.timeout(REVIEW_SECONDS):
        while not any(run.status == "completed" for run in pull.check_runs):  # noqa: ASYNC110 -- the fake has no event for it
            await asyncio.sleep(0.05)
    return time.perf_counter() - started


@asynccontextmanager
async def _serving(github: FakeGitHub) -> AsyncIterator[str]:
    """The address of the webhook of an `asyncify serve` with an App key, a port and a database of its own."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="asyncify-demo-") as directory:
        environment = os.environ | {
            "GITHUB_APP_ID": str(github.app.id),
            "GITHUB_PRIVATE_KEY": github.app.private_key,
            "GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
            "GITHUB_API_URL": github.url,
            "DATABASE_URL": f"sqlite:///{directory}/asyncify.db",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "LOG_LEVEL": "WARNING",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", env=environment)
        try:
            await _ready(f"http://127.0.0.1:{port}/readyz", process)
            yield f"http://127.0.0.1:{port}/webhook"
        finally:
            process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # it does not listen yet
            await asyncio.sleep(0.05)
    raise RuntimeError("asyncify serve ended at once.")


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
