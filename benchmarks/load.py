"""Send 1,000 pull requests as fast as they can be sent; then see how fast they are reviewed, by one worker and by two.

python -m benchmarks.load [--deliveries 1000] [--minutes 5] [--set-up embedded|one|two] [--soak MINUTES] [--rate 0.25]

The processes are the real ones, in front of the fake GitHub, which runs in this process and takes its share of the machine. Each
set-up is given `--minutes` to review what it was sent. With `--soak`, deliveries come at a steady pace for so long instead, and the
memory of the bot is watched. That pace is low enough to be kept on a machine that others use as well; where it is not kept, the
soak says so and fails.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from benchmarks.changes import change
from benchmarks.figures import quantile, say, say_load
from benchmarks.fleet import Fleet, postgresql
from benchmarks.sample import sample
from tests.bot.fake_github import FakeGitHub, PullRequest, encode

SET_UPS = {"embedded": 0, "one": 1, "two": 2}
"""Workers beside `web`; none where `serve` does both."""
OWNERS = 20
"""Installations: each may write once a second."""
SENDERS = 100
MEGABYTES = 0.1
GROWTH = 1.1
"""Times the memory of a soak's second quarter that its last quarter may take."""


@dataclass
class Ground:
    """A fleet at work, its GitHub with pull requests, and who delivers."""

    fleet: Fleet
    github: FakeGitHub
    session: aiohttp.ClientSession
    pulls: Sequence[PullRequest]
    told: set[int] = field(default_factory=set)

    async def deliver(self, pull: PullRequest, action: str = "opened") -> tuple[int, float]:
        """The status and the seconds until it came; 0 where none did."""
        body = encode(self.github.webhook("pull_request", action, pull))
        headers = self.github.sign(body)
        begun = time.perf_counter()
        try:
            async with self.session.post(f"{self.fleet.address}/webhook", data=body, headers=headers) as answer:
                await answer.read()
                return answer.status, time.perf_counter() - begun
        except (aiohttp.ClientError, TimeoutError):
            return 0, time.perf_counter() - begun

    def reviewed(self) -> int:
        return sum(bool(pull.reviews) for pull in self.pulls)

    def doubled(self) -> int:
        return sum(len(pull.reviews) > 1 for pull in self.pulls)

    async def late(self) -> int:
        """How many of the pull requests that were told of have a head without a check run, a minute from now at the latest."""
        for _ in range(60):
            waiting = [one for one in self.told if not self.pulls[one].check_runs]
            if not waiting:
                break
            await asyncio.sleep(1)
        return len(waiting)


async def burst(ground: Ground, minutes: float) -> float:
    """Send all at once, and say how that went. Returns the reviews a minute."""
    begun = time.perf_counter()
    answers = await asyncio.gather(*map(ground.deliver, ground.pulls))
    sent = time.perf_counter() - begun
    times = [seconds for _, seconds in answers]
    taken = sum(status == 202 for status, _ in answers)
    count = len(ground.pulls)
    say(f"  {count} deliveries: acknowledged", f"{taken} in {sent:.1f} s", "all", held=taken == count)
    say(
        "  p50, p99 of the acknowledgement",
        f"{quantile(times, 0.5):.2f}, {quantile(times, 0.99):.2f} s",
        "10 s",
        held=max(times) < 10,
    )
    while ground.reviewed() < count and time.perf_counter() - begun < minutes * 60:  # noqa: ASYNC110 -- the fake has no event for it
        await asyncio.sleep(0.5)
    took, reviewed = (time.perf_counter() - begun) / 60, ground.reviewed()
    say("  reviewed", f"{reviewed} in {took:.1f} min")
    say("  reviewed twice", str(ground.doubled()), "none", held=not ground.doubled())
    say("  reviews a minute", f"{reviewed / took:.0f}")
    stored = await ground.fleet.metrics()
    counted = {
        state: int(stored[f'asyncify_queue_depth{{state="{state}"}}']) for state in ("waiting", "running", "parked")
    }
    if reviewed < count:
        left = counted["waiting"] + counted["running"]
        say("  still in the queue", str(left), "all the others", held=left >= count - reviewed)
    say("  parked", str(counted["parked"]), "none", held=not counted["parked"])
    return reviewed / took


async def soak(ground: Ground, minutes: float, rate: float) -> bool:
    """Deliver at a steady pace and watch the memory; whether it stayed flat while the bot kept up with what it was sent."""
    resident = await _deliver_steadily(ground, minutes, rate)
    late = await ground.late()
    say("  heads not reviewed a minute after the last delivery", str(late), "none, or it tells nothing", held=not late)
    say("  reviewed twice", str(ground.doubled()), "none", held=not ground.doubled())
    flat = [_say_memory(name, [one[name] for one in resident], minutes) for name in ground.fleet.processes]
    return all(flat) and not late and not ground.doubled()


async def _deliver_steadily(ground: Ground, minutes: float, rate: float) -> list[Mapping[str, int]]:
    """What each process took, all along."""
    resident: list[Mapping[str, int]] = []
    statuses: list[int] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < minutes * 60:
        pull = ground.pulls[len(statuses) % len(ground.pulls)]
        if len(statuses) >= len(ground.pulls):
            pull.push({"notes.txt": f"{len(statuses)}\n"})
        ground.told.add(len(statuses) % len(ground.pulls))
        statuses.append((await ground.deliver(pull, "synchronize"))[0])
        resident.append(ground.fleet.memory())
        if len(statuses) % 60 == 0:
            told = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in resident[-1].items())
            print(f"  {(time.perf_counter() - begun) / 60:.0f} min, {len(statuses)} deliveries: {told}", flush=True)
        await asyncio.sleep(max(0.0, begun + len(statuses) / rate - time.perf_counter()))
    taken = statuses.count(202)
    say(
        f"  {len(statuses)} deliveries in {minutes:g} min: acknowledged", str(taken), "all", held=taken == len(statuses)
    )
    return resident


def _say_memory(name: str, resident: Sequence[int], minutes: float) -> bool:
    """Whether the last quarter took no more than the second; the first one fills what is kept."""
    quarter = len(resident) // 4
    early, late = (statistics.median(part) for part in (resident[quarter : 2 * quarter], resident[-quarter:]))
    half = resident[len(resident) // 2 :]
    slope = statistics.linear_regression(range(len(half)), half).slope * len(resident) / minutes * 60
    held = late <= GROWTH * early
    what = f"  memory of {name} with its children, in the last half {slope / 1e6:+.0f} MB an hour"
    say(what, f"{early / 1e6:.0f} -> {late / 1e6:.0f} MB", f"{GROWTH} x", held=held)
    return held


async def measure(set_up: str, deliveries: int, minutes: float, soaked: float, rate: float) -> float:
    """One set-up. Returns the reviews a minute of a burst, and whether the memory stayed flat of a soak."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="asyncify-load-")))
        workers = SET_UPS[set_up]
        url = stack.enter_context(postgresql()) if workers else f"sqlite:///{directory}/asyncify.db"
        async with FakeGitHub() as github:
            pulls = _pulls(github, deliveries)
            fleet = Fleet(github, url, directory, workers)
            try:
                await fleet.start_all()
                connector = aiohttp.TCPConnector(limit=SENDERS)
                timeout = aiohttp.ClientTimeout(total=60)
                async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                    ground = Ground(fleet, github, session, pulls)
                    print(f"{set_up}: {', '.join(fleet.processes)}")
                    return await (soak(ground, soaked, rate) if soaked else burst(ground, minutes))
            finally:
                await fleet.stop()


def _pulls(github: FakeGitHub, count: int) -> list[PullRequest]:
    """Pull requests of many owners, each with one finding or more."""
    files = sample(MEGABYTES)
    shops = [github.repository(f"owner{number}/shop", files) for number in range(OWNERS)]
    return [shops[number % OWNERS].open_pull(change(files, 5 + number % 7, 1)) for number in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--set-up", choices=SET_UPS, action="append")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--rate", type=float, default=0.25, metavar="DELIVERIES", help="a second, in a soak")
    asked = parser.parse_args()
    say_load()
    rates = {
        set_up: asyncio.run(measure(set_up, asked.deliveries, asked.minutes, asked.soak, asked.rate))
        for set_up in asked.set_up or (["one"] if asked.soak else SET_UPS)
    }
    if not asked.soak and {"one", "two"} <= rates.keys():
        faster = rates["two"] / rates["one"]
        say("two workers / one, reviews a minute", f"{faster:.2f} x", "1.7 x where cores allow", held=faster >= 1.7)
    sys.exit(asked.soak > 0 and not all(rates.values()))


if __name__ == "__main__":
    main()
