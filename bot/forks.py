"""Work shared with copies of this process, which have in memory all that it has.

On Linux only: elsewhere a copy may not use what the system's own libraries have started
(https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods).
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

FEWEST = 8  # pieces of work for each process: a copy costs as much as one or two findings

_S = TypeVar("_S")
_R = TypeVar("_R")


def in_forks(work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]], /) -> Iterable[_R]:
    """What `work` makes of each share, in order. What a copy did not end well, this process does itself."""
    processes = min(_cores(), sum(map(len, shares)) // FEWEST)
    if processes < 2 or sys.platform != "linux" or _threads() > 1:
        return map(work, shares)
    mine, *others = _parts(shares, processes)
    copies = [_copy(work, [shares[place] for place in part]) for part in others]
    done = {place: work(shares[place]) for place in mine}
    for part, copy in zip(others, copies, strict=True):
        results = _results(copy) or [work(shares[place]) for place in part]
        done |= dict(zip(part, results, strict=True))
    return [done[place] for place in range(len(shares))]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _threads() -> int:
    return threading.active_count()


def _parts(shares: Sequence[Sequence[_S]], count: int) -> list[list[int]]:
    """The places of the shares, so parted that each part has about as much work; those in a part are in order."""
    parts: list[list[int]] = [[] for _ in range(count)]
    sizes = [0] * count
    for place in sorted(range(len(shares)), key=lambda place: -len(shares[place])):
        least = sizes.index(min(sizes))
        parts[least].append(place)
        sizes[least] += len(shares[place])
    return [sorted(part) for part in parts if part]


def _copy(work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]]) -> "Connection":
    """Where the results of a copy of this process that works come from, all at once."""
    from multiprocessing import get_context  # noqa: PLC0415 -- few runs have so much to do

    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    context.Process(target=_work, args=(work, shares, sending), daemon=True).start()
    sending.close()
    return receiving


def _work(work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]], sending: "Connection") -> None:
    gc.freeze()  # so that looking for garbage does not write to all that is shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer
    sending.send([work(share) for share in shares])


def _results(copy: "Connection") -> list[_R]:
    with copy:
        try:
            results: list[_R] = copy.recv()
        except EOFError:
            return []
    return results
