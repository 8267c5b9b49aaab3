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
from typing import Any, TypeVar

FEWEST = 8  # pieces of work for each process: a copy costs as much as one or two findings
MOST_TICKETS = 4096  # bytes, which any pipe holds: https://man7.org/linux/man-pages/man7/pipe.7.html

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

    Neighbouring shares have much in common: what a process has worked out for one it has for the next. So two processes work
    through the same stretch, from its two ends, until they meet. Before it takes a share, this process does what it can do
    `meanwhile`, unless it is the only one.
    """
    processes = min(_cores(), sum(map(len, shares)) // FEWEST, len(shares))
    if processes < 2 or sys.platform != "linux" or _threads() > 1:
        return map(work, shares)
    gc.freeze()  # so that looking for garbage does not write to all that is shared
    mine, *others = turns = _turns(len(shares), processes)
    copies = [_copy(work, shares, turn) for turn in others]
    try:
        if meanwhile is not None:
            meanwhile()
        done = {place: work(shares[place]) for place in _taken(*mine)}
    except BaseException:
        for process, _ in copies:
            os.kill(process, signal.SIGKILL)
        raise
    finally:
        results = [_results(*copy) for copy in copies]
        for tickets in {tickets for _, tickets in turns}:
            os.close(tickets)
    for some in results:
        done |= some
    return [done[place] if place in done else work(shares[place]) for place in range(len(shares))]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _threads() -> int:
    return threading.active_count()


def _turns(count: int, processes: int) -> list[tuple[Sequence[int], int]]:
    """For each process the places that it may take, of so many, in its order, and a pipe with a ticket for each but the first.

    Two processes have the same places, and as many tickets as make them meet. Places that no ticket is left for are never taken.
    """
    found: list[tuple[Sequence[int], int]] = []
    for first in range(0, processes, 2):
        ends = min(2, processes - first)
        stretch = range(count * first // processes, count * (first + ends) // processes)
        tickets, issuing = os.pipe()
        os.write(issuing, bytes(min(len(stretch) - ends, MOST_TICKETS)))
        os.close(issuing)
        found += [(places, tickets) for places in (stretch, stretch[::-1])[:ends]]
    return found


def _taken(places: Sequence[int], tickets: int) -> Iterator[int]:
    for place in places:
        yield place
        if not os.read(tickets, 1):
            break


def _copy(
    work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]], turn: tuple[Sequence[int], int]
) -> tuple[int, int]:
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
            pickle.dump({place: work(shares[place]) for place in _taken(*turn)}, results)
        os._exit(0)
    finally:
        os._exit(1)  # whatever it was that went wrong here will in the first process, which answers for it


def _results(process: int, receiving: int) -> dict[int, Any]:
    """By the places of the shares that a copy has taken, what it made of them; nothing where it did not end well."""
    with os.fdopen(receiving, "rb") as results:
        content = results.read()
    _, status = os.waitpid(process, 0)
    return pickle.loads(content) if status == 0 else {}  # noqa: S301 -- of our own copy
