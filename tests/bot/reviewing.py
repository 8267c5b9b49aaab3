"""What tests of the review line share: a bot without its own servers, in front of the fake GitHub."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from bot.analysis import AnalysisFailed, Analyst, Encoded
from bot.fixing import Made, Project, Wish, fulfil
from bot.github import GitHub, Installation
from bot.models import Mute, PullRef
from bot.review import Outcome, Tools, review
from bot.standing import Inherited
from rules import Analysis, Options, analyze, decode_facts, encode_facts, read_base, read_facts

from .fake_github import FakeGitHub, PullRequest

MAIN = """import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> dict[str, str]:
    return {}
"""
BLOCKING = MAIN.replace("    return", "    time.sleep(1)\n    return")


@dataclass
class MemoryStore:
    """The store, in memory."""

    kept: dict[tuple[int, str], dict[str, bytes]] = field(default_factory=dict)
    muted: dict[tuple[int, int], dict[str, Mute]] = field(default_factory=dict)
    answers: list[tuple[str, str, bool]] = field(default_factory=list)
    closed: dict[PullRef, frozenset[str]] = field(default_factory=dict)

    async def facts(self, repository_id: int, version: str, shas: Collection[str]) -> dict[str, bytes]:
        known = self.kept.get((repository_id, version), {})
        return {sha: known[sha] for sha in shas if sha in known}

    async def keep_facts(self, installation: int, repository_id: int, version: str, facts: Mapping[str, bytes]) -> None:
        self.kept.setdefault((repository_id, version), {}).update(facts)

    async def mutes(self, ref: PullRef) -> Sequence[Mute]:
        return list(self.muted.get((ref.repository_id, ref.number), {}).values())

    async def mute(self, ref: PullRef, mutes: Iterable[Mute]) -> None:
        self.muted.setdefault((ref.repository_id, ref.number), {}).update({mute.name: mute for mute in mutes})

    async def unmute(self, ref: PullRef, name: str) -> None:
        self.muted.get((ref.repository_id, ref.number), {}).pop(name, None)

    async def closed_threads(self, ref: PullRef) -> frozenset[str]:
        return self.closed.get(ref, frozenset())

    async def note_closed(self, ref: PullRef, threads: Collection[str]) -> None:
        self.closed[ref] = self.closed.get(ref, frozenset()) | set(threads)

    async def note_opened(self, ref: PullRef, threads: Collection[str]) -> None:
        self.closed[ref] = self.closed.get(ref, frozenset()) - set(threads)

    async def may_answer(self, ref: PullRef, name: str, login: str, *, refusal: bool) -> bool:
        self.answers.append((name, login, refusal))
        return True


class InlineAnalyst(Analyst):
    """Analyses in this process. `read_files` counts what was read; `before` runs before an analysis; `failure` ends it."""

    def __init__(self) -> None:
        super().__init__(1)
        self.read_files = 0
        self.before: Callable[[], object] = lambda: None
        self.failure = ""

    async def read(self, sources: Mapping[str, bytes]) -> dict[str, bytes]:
        self.read_files += len(sources)
        return {name: encode_facts(read_facts(source)) for name, source in sources.items()}

    async def fulfil(
        self, wish: Wish, head: Encoded, sources: Mapping[str, bytes], *, base: Encoded | None, options: Options
    ) -> Made:
        self.before()
        facts = {path: decode_facts(encoded) for path, (_, encoded) in head.items()}
        before = (
            None
            if base is None
            else read_base({path: decode_facts(one) for path, (_, one) in base.items()}, options=options)
        )
        return fulfil(Project(sources, facts, before, options), wish)

    async def analyze(
        self,
        head: Encoded,
        sources: Mapping[str, bytes],
        *,
        base: Encoded | None = None,
        options: Options | None = None,
    ) -> Analysis:
        self.before()
        if self.failure:
            raise AnalysisFailed(self.failure)
        before = None
        if base is not None:
            decoded = {path: decode_facts(facts) for path, (_, facts) in base.items()}
            before = read_base(decoded, options=options or Options())
        after = {path: decode_facts(facts) for path, (_, facts) in head.items()}
        return analyze(after, sources, base=before, options=options or Options())


@dataclass
class Bot:
    """A bot and the GitHub that it works for."""

    github: FakeGitHub
    client: GitHub
    analyst: InlineAnalyst = field(default_factory=InlineAnalyst)
    store: MemoryStore = field(default_factory=MemoryStore)
    inherited: Inherited = field(default_factory=Inherited)

    @property
    def tools(self) -> Tools:
        return Tools(self.client, self.store, self.analyst, self.inherited)

    async def review(self, pull: PullRequest, asked: str = "") -> Outcome:
        return await review(ref(pull), self.tools, asked)

    def installation(self, pull: PullRequest) -> Installation:
        return self.client.installation(ref(pull).installation, ref(pull).repository_id)


def ref(pull: PullRequest) -> PullRef:
    installation = pull.github.installation_of(pull.repository)
    return PullRef(installation.id if installation else 1, pull.repository.id, pull.repository.full_name, pull.number)


@asynccontextmanager
async def bot_at_work() -> AsyncIterator[Bot]:
    """A bot in front of an empty GitHub; at the end, nothing may have been asked that GitHub would not understand, and nothing
    that was said may have been edited or deleted.
    """
    async with FakeGitHub() as github, aiohttp.ClientSession() as session:
        client = GitHub(
            session,
            app_id=str(github.app.id),
            private_key=github.app.private_key,
            api_url=github.url,
            write_gap=0,
            retry_gap=0,
        )
        yield Bot(github, client)
        assert github.refusals == []
        assert github.taken_back() == []
