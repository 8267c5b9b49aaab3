"""Analysis in processes of their own, each with a deadline and a memory limit.

What is analysed is hostile: a file may take forever, or all memory. So each process stands alone in an executor of its own;
one that has to be killed takes no other job with it.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import structlog
from cachetools import LRUCache

from bot.fixing import Made, Project, Wish, fulfil
from bot.shares import read_share, shares
from rules import Analysis, Base, Facts, Options, analyze, decode_facts, read_base

DEADLINE = 60.0
"""Seconds for the analysis of one pull request."""
READ_DEADLINE = 10.0
"""Seconds for one share of files that are read."""
MOST_FAILURES = 40
"""Shares that may fail before the rest is left unread: what is made to be slow holds nobody up for more than some minutes."""
START_DEADLINE = 60.0
MEMORY = 1024**3
"""Bytes of address space a process may take."""
YIELDING = 10
"""How nice a process is (https://man7.org/linux/man-pages/man7/sched.7.html): a delivery waits for no analysis."""
KEPT = 16 * 1024**2
"""Bytes of encoded facts that each process keeps decoded."""

Encoded = Mapping[str, tuple[str, bytes]]
"""One side of a pull request: path -> (blob SHA, encoded facts)."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class AnalysisFailed(Exception):  # noqa: N818 -- read as a sentence: the analysis failed
    """An analysis did not end well. `reason` is one sentence that may be shown to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Analyst:
    """Reads and analyses, in at most `processes` processes. Close it at the end."""

    def __init__(self, processes: int = 2, *, deadline: float = DEADLINE, memory: int = MEMORY) -> None:
        self.deadline = deadline
        self._memory = memory
        # The process that worked last is taken first: it has the most in its cache.
        self._free: asyncio.LifoQueue[_Process | None] = asyncio.LifoQueue()
        self._started: set[_Process] = set()
        self._readers = asyncio.Semaphore(processes)
        for _ in range(processes):
            self._free.put_nowait(None)

    async def read(self, sources: Mapping[str, bytes]) -> dict[str, bytes]:
        """The encoded facts of each file; one that cannot be read in time is left out. Keys are the caller's own."""
        failures: list[str] = []
        parts = await asyncio.gather(*(self._read_share(share, failures) for share in shares(sources)))
        return {name: facts for part in parts for name, facts in part.items()}

    async def analyze(
        self,
        head: Encoded,
        sources: Mapping[str, bytes],
        *,
        base: Encoded | None = None,
        options: Options | None = None,
    ) -> Analysis:
        """`rules.analyze` on facts as the store keeps them.

        Raises:
            AnalysisFailed: it took too long, or more memory than it may have, or its process died.
        """
        return await self.run(self.deadline, _analyze, head, sources, base, options or Options())

    async def fulfil(
        self, wish: Wish, head: Encoded, sources: Mapping[str, bytes], *, base: Encoded | None, options: Options
    ) -> Made:
        """`bot.fixing.fulfil` on facts as the store keeps them. Raises AnalysisFailed like `analyze`."""
        return await self.run(self.deadline, _fulfil, wish, head, sources, base, options)

    async def close(self) -> None:
        """Kill what still runs."""
        await asyncio.gather(*(asyncio.to_thread(process.kill) for process in tuple(self._started)))
        self._started.clear()

    async def run(self, deadline: float, job: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """`job(*args)` in the next process that is free, within `deadline` seconds. Raises AnalysisFailed."""
        process = await self._free.get() or self._new_process()
        try:
            result = await process.run(deadline, job, *args, **kwargs)
        except BaseException as error:
            self._replace(process)
            if (reason := _failure(error, deadline)) is None:
                raise
            raise AnalysisFailed(reason) from error
        self._free.put_nowait(process)
        return result

    def _new_process(self) -> "_Process":
        process = _Process(self._memory)
        self._started.add(process)
        return process

    def _replace(self, process: "_Process") -> None:
        self._free.put_nowait(None)
        self._started.discard(process)
        process.kill(wait=False)

    async def _read_share(self, share: Mapping[str, bytes], failures: list[str]) -> dict[str, bytes]:
        """One file that cannot be read costs itself only: it is found by halving."""
        try:
            async with self._readers:
                if len(failures) >= MOST_FAILURES:
                    log.warning("files left unread", files=len(share))
                    return {}
                return await self.run(min(READ_DEADLINE, self.deadline), read_share, share)
        except AnalysisFailed as failure:
            failures.append(failure.reason)
            if len(share) == 1:
                log.warning("file could not be read", file=next(iter(share)), reason=failure.reason)
                return {}
        files = list(share.items())
        middle = len(files) // 2
        first = await self._read_share(dict(files[:middle]), failures)
        return first | await self._read_share(dict(files[middle:]), failures)


class _Process:
    """An executor with one process, which can be killed."""

    def __init__(self, memory: int) -> None:
        self._executor = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_settle, initargs=(os.getpid(), memory)
        )
        self._ready = False

    async def run(self, deadline: float, job: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        if not self._ready:
            await self._submit(START_DEADLINE, os.getpid)
            self._ready = True
        return await self._submit(deadline, job, *args, **kwargs)

    async def _submit(self, deadline: float, job: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        future = self._executor.submit(job, *args, **kwargs)
        return await asyncio.wait_for(asyncio.wrap_future(future), deadline)

    def kill(self, *, wait: bool = True) -> None:
        """End it, whatever it does, also if it is still starting. Killing it twice does nothing."""
        started = self._executor._processes  # noqa: SLF001 -- `kill_workers` of Python 3.14 does the same
        for process in list((started or {}).values()):
            process.kill()
        self._executor.shutdown(wait=wait, cancel_futures=True)


def _failure(error: BaseException, deadline: float) -> str | None:
    """What to tell of an error, in one sentence; None where it is none of the analysis."""
    if isinstance(error, TimeoutError):
        return f"The analysis took longer than {deadline:.0f} seconds."
    if isinstance(error, MemoryError):
        return "The analysis needed more memory than it may have."
    if isinstance(error, BrokenProcessPool):
        return "The analysis ended unexpectedly; it may have needed more memory than it may have."
    if isinstance(error, Exception):
        # The traceback of the child as text: that of this process would lead through the texts of a repository.
        log.error("analysis failed", error=repr(error), traceback=str(error.__cause__))
        return "The analysis failed because of a mistake in asyncify."
    return None


# What follows runs in the child process.

_bases: LRUCache[object, Base] = LRUCache(4)
_known: LRUCache[str, tuple[int, Facts]] = LRUCache(KEPT, getsizeof=lambda kept: kept[0])


def _settle(parent: int, memory: int) -> None:
    """Die with the parent, stay within `memory` bytes, leave Ctrl-C to the parent, and let those go first that answer GitHub."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(YIELDING)
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 -- not there on Windows

    ctypes.CDLL(None).prctl(
        1, signal.SIGKILL
    )  # PR_SET_PDEATHSIG: https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
    if os.getppid() != parent:  # it died before that
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _analyze(head: Encoded, sources: Mapping[str, bytes], base: Encoded | None, options: Options) -> Analysis:
    before = None if base is None else _base(base, options)
    return analyze(_head(head, base, before), sources, base=before, options=options)


def _base(side: Encoded, options: Options) -> Base:
    """The base; that of a pull request stays the same from push to push."""
    key = (repr(options), frozenset((path, sha) for path, (sha, _) in side.items()))
    if key not in _bases:
        _bases[key] = read_base(_decoded(side), options=options)
    return _bases[key]


def _fulfil(wish: Wish, head: Encoded, sources: Mapping[str, bytes], base: Encoded | None, options: Options) -> Made:
    before = None if base is None else _base(base, options)
    return fulfil(Project(sources, _head(head, base, before), before, options), wish)


def _head(head: Encoded, base: Encoded | None, before: Base | None) -> dict[str, Facts]:
    """The facts of the head; those of files that did not change are the base's own, so that they are in memory once."""
    if base is None or before is None:
        return _decoded(head)
    same = {path for path, (sha, _) in head.items() if path in base and base[path][0] == sha}
    return {path: before.facts[path] if path in same else _facts(*one) for path, one in head.items()}


def _decoded(side: Encoded) -> dict[str, Facts]:
    return {path: _facts(sha, encoded) for path, (sha, encoded) in side.items()}


def _facts(sha: str, encoded: bytes) -> Facts:
    known = _known.get(sha)
    if known is not None:
        return known[1]
    facts = decode_facts(encoded)
    if len(encoded) < KEPT:
        _known[sha] = len(encoded), facts
    return facts
