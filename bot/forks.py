"""Work shared with copies of this process, which have in memory all that it has.

On Linux only: elsewhere a copy may not use what the system's own libraries have started
(https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods).
"""

import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

FEWEST = 8  # pieces of work for each process: a copy costs as much as one or two findings
MOST_GROUPS = 256  # that wait in a pipe, one byte each

_S = TypeVar("_S")
_R = TypeVar("_R")


def in_forks(
    work: Callable[[Sequence[_S]], _R],
    shares: Sequence[Sequence[_S]],
    /,
    *,
    meanwhile: Callable[[], object] | None = None,
) -> Iterable[_R]:
    """What `work` makes of each share, in order. What a copy did not end well, this process does itself.

    Each process takes another share as soon as it is free, the largest first: nobody knows how long one takes. Before it takes
    one, this process does what it can do `meanwhile`, unless it is the only one.
    """
    processes = min(_cores(), sum(map(len, shares)) // FEWEST, len(shares))
    if processes < 2 or sys.platform != "linux" or _threads() > 1:
        return map(work, shares)
    gc.freeze()  # so that looking for garbage does not write to all that is shared
    mine, *others = _turns([*sorted(range(len(shares)), key=lambda place: -len(shares[place]))], processes)
    copies = [_copy(work, shares, turns) for turns in others]
    try:
        if meanwhile is not None:
            meanwhile()
        done = {place: work(shares[place]) for place in mine}
    except BaseException:
        for process, _ in copies:
            os.kill(process, signal.SIGKILL)
        raise
    finally:
        results = [_results(*copy) for copy in copies]
    for some in results:
        done |= some
    return [done[place] if place in done else work(shares[place]) for place in range(len(shares))]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _threads() -> int:
    return threading.active_count()


def _turns(places: Sequence[int], processes: int) -> list[Iterator[int]]:
    """For each process the places that it takes: one of the first, then whichever nobody has taken so far.

    The rest wait in a pipe, in as many groups as it holds for sure (https://man7.org/linux/man-pages/man7/pipe.7.html).
    """
    rest = places[processes:]
    groups = [rest[first::MOST_GROUPS] for first in range(min(len(rest), MOST_GROUPS))]
    waiting, filling = os.pipe()
    os.write(filling, bytes(range(len(groups))))
    os.close(filling)

    def taken() -> Iterator[int]:
        while turn := os.read(waiting, 1):
            yield from groups[turn[0]]
        os.close(waiting)

    return [chain([first], taken()) for first in places[:processes]]


def _copy(work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]], turns: Iterable[int]) -> tuple[int, int]:
    """A copy of this process that works: its number, and the end of a pipe that its results come from, all at once.

    `multiprocessing` does the same, and takes longer to load than a copy to be made.
    """
    receiving, sending = os.pipe()
    process = os.fork()
    if process:
        os.close(sending)
        return process, receiving
    try:
        os.close(receiving)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer
        with os.fdopen(sending, "wb") as results:
            pickle.dump({place: work(shares[place]) for place in turns}, results)
        os._exit(0)
    finally:
        os._exit(1)  # whatever it was that went wrong here will in the first process, which answers for it


def _results(process: int, receiving: int) -> dict[int, Any]:
    """By the places of the shares that a copy has taken, what it made of them; nothing where it did not end well."""
    with os.fdopen(receiving, "rb") as results:
        content = results.read()
    _, status = os.waitpid(process, 0)
    return pickle.loads(content) if status == 0 else {}  # noqa: S301 -- of our own copy
