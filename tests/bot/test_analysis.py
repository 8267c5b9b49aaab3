"""Real processes that hang, eat memory or die, and what becomes of the others."""

import asyncio
import os
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import analysis
from bot.analysis import AnalysisFailed, Analyst
from rules import Analysis, decode_facts, encode_facts, read_facts
from tests.bot.mischief import die, eat, hang, nap, never_ready, read_or_hang, stumble

APPLICATION = b"""from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> str:
    return ""
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


async def gone(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
async def analyst() -> AsyncIterator[Analyst]:
    analyst = Analyst(2)
    yield analyst
    await analyst.close()


async def test_a_process_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed at its deadline as well: on a machine that is too slow they would become more and more."""
    monkeypatch.setattr(analysis, "START_DEADLINE", 0.5)
    monkeypatch.setattr(analysis, "_settle", never_ready)
    analyst = Analyst(1)
    started: list[int] = []

    def replace(process: analysis._Process) -> None:
        started.extend(process._executor._processes)
        Analyst._replace(analyst, process)

    monkeypatch.setattr(analyst, "_replace", replace)
    for _ in range(2):
        with pytest.raises(AnalysisFailed):
            await analyst.run(30, nap, 0)
    assert len(started) == 2
    assert all([await gone(pid) for pid in started])
    await analyst.close()


async def test_analysis_waits_for_everybody_else(analyst: Analyst) -> None:
    """The processor goes first to who answers GitHub."""
    assert await analyst.run(30, os.nice, 0) == min(os.nice(0) + analysis.YIELDING, 19)


async def test_hanging_job(analyst: Analyst) -> None:
    """A job that hangs is killed at its deadline, while the one beside it goes on undisturbed."""
    pids = await asyncio.gather(analyst.run(30, nap, 0.2), analyst.run(30, nap, 0.2))
    beside = asyncio.create_task(analyst.run(30, nap, 2))
    await asyncio.sleep(0)
    with pytest.raises(AnalysisFailed, match="longer than 1 second"):
        await analyst.run(1, hang)
    survivor = await beside
    assert survivor in pids
    (killed,) = set(pids) - {survivor}
    assert await gone(killed)
    assert await analyst.run(30, nap, 0) != killed


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
async def test_memory_hog(analyst: Analyst) -> None:
    """A job that wants too much memory is told so, and the next one has a process again."""
    with pytest.raises(AnalysisFailed, match="memory"):
        await analyst.run(30, eat)
    assert await analyst.run(30, nap, 0)


async def test_death(analyst: Analyst) -> None:
    """A process that dies, as by the kernel's out-of-memory killer, fails its own job only."""
    results = await asyncio.gather(analyst.run(30, die), analyst.run(30, nap, 0.5), return_exceptions=True)
    assert isinstance(results[0], AnalysisFailed)
    assert isinstance(results[1], int)
    assert await analyst.run(30, nap, 0)


async def test_mistake(analyst: Analyst) -> None:
    """A mistake of ours fails the job; its cause is kept for the log and not shown."""
    with pytest.raises(AnalysisFailed, match="mistake in asyncify") as caught:
        await analyst.run(30, stumble)
    assert isinstance(caught.value.__cause__, KeyError)


async def test_cancelled(analyst: Analyst) -> None:
    """A job that nobody waits for any more does not go on."""
    pids = await asyncio.gather(analyst.run(30, nap, 0.2), analyst.run(30, nap, 0.2))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(analyst.run(60, hang), 0.3)
    assert [await analyst.run(30, nap, 0) for _ in range(2)]
    assert sum(map(is_alive, pids)) <= 1


async def test_at_most_so_many(analyst: Analyst) -> None:
    """Two processes serve any number of jobs."""
    pids = await asyncio.gather(*(analyst.run(30, nap, 0.01) for _ in range(20)))
    assert len(set(pids)) == 2


async def test_reading(analyst: Analyst) -> None:
    """Files are read to what the engine itself would say, many shares at once."""
    sources = {f"m{number}.py": b"x = 1\n" * 20_000 for number in range(5)} | {"app.py": APPLICATION}
    read = await analyst.read(sources)
    assert read.keys() == sources.keys()
    assert decode_facts(read["app.py"]) == read_facts(APPLICATION)


async def test_unreadable_file(analyst: Analyst, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that takes for ever costs itself only."""
    monkeypatch.setattr(analysis, "read_share", read_or_hang)
    monkeypatch.setattr(analysis, "READ_DEADLINE", 1.0)
    sources = {"a.py": b"a", "b.py": b"hang", "c.py": b"c"}
    assert await analyst.read(sources) == {"a.py": b"a", "c.py": b"c"}


async def test_many_unreadable_files(analyst: Analyst, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a number of failures the rest is left unread; the next reading begins anew."""
    monkeypatch.setattr(analysis, "read_share", read_or_hang)
    monkeypatch.setattr(analysis, "READ_DEADLINE", 0.5)
    monkeypatch.setattr(analysis, "MOST_FAILURES", 4)
    hostile = {f"{number}.py": b"hang" for number in range(64)}
    failed = 0

    def replace(process: analysis._Process) -> None:
        nonlocal failed
        failed += 1
        Analyst._replace(analyst, process)

    monkeypatch.setattr(analyst, "_replace", replace)

    assert await analyst.read(hostile) == {}
    assert failed == 4
    monkeypatch.setattr(analysis, "READ_DEADLINE", 30.0)
    assert await analyst.read({"a.py": b"a"}) == {"a.py": b"a"}


async def test_analysing(analyst: Analyst) -> None:
    """An analysis comes back from its process as the engine made it."""
    facts = {"app.py": ("sha", encode_facts(read_facts(APPLICATION)))}
    for _ in range(2):  # the second time from what the process remembers
        done = await analyst.analyze(facts, {"app.py": APPLICATION}, base={})
        assert isinstance(done, Analysis)
        assert done.concerns_fastapi


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_orphans(tmp_path: Path) -> None:
    """No process outlives the bot, even where that was killed."""
    script = tmp_path / "bot_that_is_killed.py"
    script.write_text(
        textwrap.dedent("""
            import asyncio, os, sys, time
            from bot.analysis import Analyst

            async def main():
                analyst = Analyst(1)
                print(await analyst.run(30, os.getpid), flush=True)
                await analyst.run(60, time.sleep, 60)

            if __name__ == "__main__":
                asyncio.run(main())
        """)
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    bot = await asyncio.create_subprocess_exec(sys.executable, script, stdout=asyncio.subprocess.PIPE, env=environment)
    assert bot.stdout is not None
    child = int(await bot.stdout.readline())
    assert is_alive(child)
    bot.kill()
    await bot.wait()
    assert await gone(child)
