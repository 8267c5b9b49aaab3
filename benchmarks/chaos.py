"""Kill the bot at random instants while GitHub fails at random, and count what was lost and what was said twice.

python -m benchmarks.chaos [--runs 300] [--seed 1] [--set-up embedded|one|three]

A run opens pull requests, lets faults stand in the way of their calls, pushes to some, kills processes with `kill -9` and starts
them again, and now and then cuts the power of PostgreSQL. Deliveries that nobody took are not sent again: the bot has to find them. A
third of the runs each is done by `serve` on SQLite, by one worker and by three on PostgreSQL, side by side, each with a GitHub and a
database of its own. The same seed makes the same runs, though not the same instants.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fleet import Fleet
from bot.markers import read_marker
from tests.bot.fake_github import FakeGitHub, PullRequest
from tests.bot.fake_github.faults import Fault
from tests.conftest import PostgresServer, fresh_database, postgres_server

SET_UPS = {"embedded": 0, "one": 1, "three": 3}
"""Workers beside `web`; none where `serve` does both."""
OWNERS = 4
PULLS = 2
"""Pull requests in one run."""
POWER_CUTS = 0.15
"""Share of the runs in which PostgreSQL goes away."""
SETTLE_SECONDS = 120.0

MAIN = """import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> dict[str, str]:
    return {}
"""
BLOCKING = MAIN.replace("    return", "    time.sleep(1)\n    return")
MORE = (
    BLOCKING
    + "\n\n"
    + BLOCKING.partition("\n\n\n")[2].replace("index", "other").replace("(1)", "(2)").replace('"/"', '"/other"')
)


@dataclass
class Story:
    """One pull request and what stands in its way. `heads` counts the heads that it is to have."""

    pull: PullRequest
    pushes: bool

    @property
    def name(self) -> str:
        return self.pull.repository.full_name

    def done(self) -> bool:
        return any(review.commit_id == self.pull.head for review in self.pull.reviews) and [
            run.status for run in self.pull.check_runs
        ] == ["completed"]


@dataclass
class Verdict:
    """What was counted over all runs of a set-up."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def judge(self, story: Story) -> None:
        """Each head at most one review, the last one exactly one; no finding twice; one check run, and none open."""
        pull = story.pull
        reviews = Counter(review.commit_id for review in pull.reviews)
        said = Counter(finding for comment in pull.comments for finding in _findings(comment.body))
        runs = pull.repository.check_runs
        self.counts["reviews"] += len(pull.reviews)
        self._note("lost", story, not reviews[pull.head])
        self._note("doubled", story, any(count > 1 for count in reviews.values()))
        self._note("said twice", story, any(count > 1 for count in said.values()))
        self._note("without a check run", story, not pull.check_runs)
        self._note("with two check runs", story, any(n > 1 for n in Counter(run.head_sha for run in runs).values()))
        self._note("check run left open", story, any(run.status != "completed" for run in runs))

    def _note(self, what: str, story: Story, happened: object) -> None:
        self.counts[what] += bool(happened)
        if happened:
            self.problems.append(f"{story.name}: {what}")


class Chaos:
    """A fleet, its GitHub, and what happens to both."""

    def __init__(
        self, fleet: Fleet, github: FakeGitHub, chance: random.Random, database: PostgresServer | None
    ) -> None:
        self.fleet, self.github, self.chance, self.database = fleet, github, chance, database
        self.verdict = Verdict()
        self.stories: list[Story] = []
        self._struck = set[str]()

    async def watch_over(self) -> None:
        """Start again whoever ended by itself, as whoever watches over processes does: who starts while PostgreSQL is away does."""
        while True:
            self.verdict.counts["ended by themselves"] += self.fleet.revive(self._struck)
            await asyncio.sleep(0.1)

    async def run(self, number: int) -> None:
        """One run: returns when all of its pull requests are done, or when that took too long."""
        stories = [self._open(f"{number}-{one}") for one in range(PULLS)]
        self.stories += stories
        begun = time.monotonic()
        strikes = [self._strike()]
        if self.database is not None and self.chance.random() < POWER_CUTS:
            strikes.append(self._cut_the_power(self.database))
        await asyncio.gather(*strikes, *map(self._live, stories))
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while not all(story.done() for story in stories):  # noqa: ASYNC110 -- other processes do it
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.verdict.problems += [f"{story.name}: not done in time" for story in stories if not story.done()]
        self.verdict.counts["seconds"] += round(time.monotonic() - begun)
        self.github.faults.waiting.clear()

    def _open(self, name: str) -> Story:
        owner = f"owner{self.chance.randrange(OWNERS)}"
        pull = self.github.repository(f"{owner}/shop-{name}", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
        for fault in self.chance.sample(FAULTS, self.chance.randrange(4)):
            fault(self, pull)
            self.verdict.counts[f"fault: {fault.__name__.strip('_').replace('_', ' ')}"] += 1
        return Story(pull, self.chance.random() < 0.4)

    async def _live(self, story: Story) -> None:
        await asyncio.sleep(self.chance.uniform(0, 0.5))
        await self._deliver(story.pull, "opened")
        if story.pushes:
            await asyncio.sleep(self.chance.uniform(0, 3))
            story.pull.push({"app.py": MORE})
            self.verdict.counts["heads moved"] += 1
            await self._deliver(story.pull, "synchronize")

    async def _deliver(self, pull: PullRequest, action: str) -> None:
        """Once, as GitHub does."""
        payload = self.github.webhook("pull_request", action, pull)
        status = await self.github.deliver("pull_request", payload, url=f"{self.fleet.address}/webhook")
        self.verdict.counts["deliveries taken" if status == 202 else "deliveries missed"] += 1

    async def _strike(self) -> None:
        """Kill some process, at some instant, once or twice."""
        for _ in range(self.chance.choice((1, 1, 2))):
            await asyncio.sleep(self.chance.uniform(0, 2.5))
            name = self.chance.choice(list(self.fleet.processes))
            self._struck.add(name)
            await self.fleet.kill(name)
            self.verdict.counts[f"kill -9 of {name.partition('.')[0]}"] += 1
            await asyncio.sleep(self.chance.uniform(0, 0.5))
            self.fleet.start(name)
            self._struck.remove(name)

    async def _cut_the_power(self, database: PostgresServer) -> None:
        """PostgreSQL is gone at some instant, and back some seconds later. Whoever starts meanwhile does not come up."""
        await asyncio.sleep(self.chance.uniform(0, 2.5))
        await asyncio.to_thread(database.stop)
        self.verdict.counts["power cuts of PostgreSQL"] += 1
        await asyncio.sleep(self.chance.choice((0, 1, 4, 8)))
        await asyncio.to_thread(database.start)

    async def end(self) -> Verdict:
        """Wait until nothing is left to do, and judge."""
        await self.fleet.ready()
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await self.fleet.idle():  # noqa: ASYNC110 -- the queue tells nobody
                await asyncio.sleep(0.2)
        self.verdict.counts["parked"] = int((await self.fleet.metrics())['asyncify_queue_depth{state="parked"}'])
        for story in self.stories:
            self.verdict.judge(story)
        self.verdict.counts["not understood by GitHub"] = len(self.github.refusals)
        self.verdict.problems += self.github.refusals
        return self.verdict


# --- what goes wrong


def _paths(pull: PullRequest) -> tuple[str, ...]:
    """What is asked in a review, the writes more often than the rest."""
    name = pull.repository.full_name
    writes = (f"POST /repos/{name}/pulls/*/reviews", f"POST /repos/{name}/check-runs")
    return (*writes, *writes, f"GET /repos/{name}/pulls/*/files", f"GET /repos/{name}/git/trees/*", "POST /graphql")


def _add(chaos: Chaos, pull: PullRequest, **how: object) -> None:
    match = chaos.chance.choice(_paths(pull))
    containing = f'"{pull.repository.name}"' if match.endswith("graphql") else ""
    chaos.github.faults.add(Fault(match, containing=containing, times=chaos.chance.choice((1, 1, 2)), **how))  # type: ignore[arg-type]


def _bad_gateway_before(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, status=502, body={"message": "Server Error"})


def _bad_gateway_after(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, status=502, body={"message": "Server Error"}, after=True)


def _timeout_before(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, status=504, delay=6.0)


def _timeout_after(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, status=504, delay=6.0, after=True)


def _reset_before(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, reset=True)


def _reset_after(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, reset=True, after=True)


def _slow(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, delay=chaos.chance.uniform(0.2, 2))


def _unauthorized(chaos: Chaos, pull: PullRequest) -> None:
    _add(chaos, pull, status=401, body={"message": "Bad credentials"})


def _not_found_yet(chaos: Chaos, pull: PullRequest) -> None:
    name = pull.repository.full_name
    chaos.github.faults.not_found(f"GET /repos/{name}/pulls/*/files", times=chaos.chance.choice((1, 2)))


def _secondary_limit(chaos: Chaos, pull: PullRequest) -> None:
    chaos.github.faults.secondary_limit(chaos.chance.choice(_paths(pull)[:2]), retry_after=chaos.chance.choice((1, 2)))


def _secondary_limit_without_time(chaos: Chaos, pull: PullRequest) -> None:
    status = chaos.chance.choice((403, 429))
    chaos.github.faults.secondary_limit(chaos.chance.choice(_paths(pull)[:2]), status=status)


def _primary_limit(chaos: Chaos, pull: PullRequest) -> None:
    chaos.github.faults.primary_limit(f"GET /repos/{pull.repository.full_name}/git/trees/*", reset_in=2)


FAULTS: tuple[Callable[[Chaos, PullRequest], None], ...] = (
    _bad_gateway_before,
    _bad_gateway_after,
    _timeout_before,
    _timeout_after,
    _reset_before,
    _reset_after,
    _slow,
    _unauthorized,
    _not_found_yet,
    _secondary_limit,
    _secondary_limit_without_time,
    _primary_limit,
)


def _findings(body: str) -> Iterable[str]:
    marker = read_marker(body)
    return () if marker is None else marker.fingerprints


# --- all runs


async def unleash(set_up: str, runs: int, seed: int, *, quiet: bool = False) -> Verdict:
    """Do the runs of one set-up, and judge."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="asyncify-chaos-")))
        workers = SET_UPS[set_up]
        database = stack.enter_context(postgres_server()) if workers else None
        url = (
            stack.enter_context(fresh_database(database.address)) if database else f"sqlite:///{directory}/asyncify.db"
        )
        async with FakeGitHub() as github:
            fleet = Fleet(github, url, directory, workers, hurried=True)
            chaos = Chaos(fleet, github, random.Random(f"{seed} {set_up}"), database)
            watch = asyncio.create_task(chaos.watch_over())
            try:
                await fleet.start_all()
                for number in range(runs):
                    await chaos.run(number)
                    if not quiet and (number + 1) % 10 == 0:
                        print(f"  {set_up}: {number + 1} runs, {chaos.verdict.problems or 'well'}", flush=True)
                return await chaos.end()
            finally:
                watch.cancel()
                with suppress(asyncio.CancelledError):
                    await watch
                await fleet.stop()
                if chaos.verdict.problems and not quiet:
                    print(fleet.logs())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set-up", choices=SET_UPS, action="append")
    asked = parser.parse_args()
    set_ups = asked.set_up or list(SET_UPS)
    runs = -(-asked.runs // len(set_ups))
    problems = asyncio.run(_all(set_ups, runs, asked.seed))
    print("\n".join(problems) or "nothing lost, nothing doubled, no check run left open")
    sys.exit(bool(problems))


async def _all(set_ups: Sequence[str], runs: int, seed: int) -> list[str]:
    verdicts = await asyncio.gather(*(_told(set_up, runs, seed) for set_up in set_ups))
    return [problem for verdict in verdicts for problem in verdict.problems]


async def _told(set_up: str, runs: int, seed: int) -> Verdict:
    """What was counted, told as soon as it is known: another set-up may fail after hours."""
    verdict = await unleash(set_up, runs, seed)
    print(f"{set_up}: {runs} runs, {runs * PULLS} pull requests")
    for what, count in sorted(verdict.counts.items()):
        print(f"  {what:<44} {count:>6}")
    return verdict


if __name__ == "__main__":
    main()
