"""What becomes of the threads that are there: what was fixed is resolved, what people closed or muted stays so.

Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from bot.models import Comment, History, Mute, Plan, Thread, ThreadChange
from rules import Analysis, Finding


def muted(
    findings: Iterable[Finding], threads: Sequence[Thread], mutes: Iterable[Mute], paths: Collection[str]
) -> frozenset[str]:
    """The findings, by fingerprint, that people do not want to hear of: muted, or resolved by a person as they are.

    Where some of what a thread speaks of is gone, its suggestion was committed, and what is left is no mute. `paths` are the files of the head. Where the file of a muted finding is not among them it may have got another name, and
    what is the same in another file stays muted.
    """
    shown = _shown(threads)
    closed = [thread for thread in threads if thread.closed == "people" and not shown.issuperset(thread.fingerprints)]
    findings, mutes = list(findings), list(mutes)
    there = {finding.fingerprint for finding in findings}
    whole = (thread.fingerprints for thread in closed if there.issuperset(thread.fingerprints))
    names = {mute.name for mute in mutes} | set(chain.from_iterable(whole))
    moved = {mute.kin for mute in mutes if mute.kin and mute.path not in paths}
    moved |= set(chain.from_iterable(thread.kin for thread in closed if thread.path not in paths))
    return frozenset(
        finding.fingerprint
        for finding in findings
        if names & {finding.fingerprint, finding.rule, finding.rule.partition("/")[0]} or finding.kin in moved
    )


def mutes_of(findings: Iterable[Finding]) -> tuple[Mute, ...]:
    """What is to be remembered so that nothing more is said of these findings."""
    return tuple(Mute(finding.fingerprint, finding.kin, finding.path) for finding in findings)


def disliked(thread: Thread) -> tuple[Mute, ...]:
    """The same for all that a thread speaks of."""
    kin = thread.kin if len(thread.kin) == len(thread.fingerprints) else ("",) * len(thread.fingerprints)
    return tuple(Mute(name, like, thread.path) for name, like in zip(thread.fingerprints, kin, strict=True))


def worn_out(threads: Iterable[Thread], head: str) -> Iterator[Thread]:
    """Threads of earlier heads whose suggestion may have to be offered once more, and those that we closed and that no other one
    stands for. One that people keep open stays as it is.
    """
    threads = list(threads)
    for number, thread in enumerate(threads):
        offers = thread.open and thread.suggestion is not None and not thread.kept
        others = threads[number + 1 :] if thread.open else threads
        if (offers or thread.closed == "us") and thread.head != head and not _stands_in(thread, others):
            yield thread


def _stands_in(thread: Thread, others: Iterable[Thread]) -> bool:
    return _shown(others).issuperset(thread.fingerprints)


def _shown(threads: Iterable[Thread]) -> set[str]:
    return set(chain.from_iterable(thread.fingerprints for thread in threads if thread.open))


def as_people_left_them(threads: Iterable[Thread], closed: Collection[str]) -> tuple[Thread, ...]:
    """The threads, those among them `kept` that people opened again. `closed` are the ids of all that were closed once, but for
    those that we opened ourselves.
    """
    return tuple(replace(one, kept=True) if one.open and one.id in closed else one for one in threads)


def thread_changes(
    findings: Mapping[str, Finding],
    history: History,
    comments: Iterable[Comment],
    head: str,
    stale: Collection[Thread] = (),
) -> Iterator[ThreadChange]:
    """What becomes of our threads, given the findings of this head (by fingerprint) and the comments that it gets.

    Those that are `stale` offer what would be wrong by now: they do not stay open, whether another one takes their place or not.
    """
    posted = {finding.fingerprint for comment in comments for finding in comment.findings}
    shown = _shown(history.threads)
    for number, thread in enumerate(history.threads):
        here = {name for name in thread.fingerprints if name in findings}
        if thread.open:
            if here <= history.muted:  # also where nothing is left of it
                if here or not thread.kept:
                    yield ThreadChange(thread, "RESOLVED")
            elif thread.head != head and not thread.kept:
                elsewhere = posted | history.muted | _shown(history.threads[number + 1 :])
                if here <= elsewhere or thread in stale:
                    yield ThreadChange(thread, "OUTDATED")
        elif thread not in stale and _is_back(
            thread, here - history.muted - shown - (posted if thread.head != head else set())
        ):
            yield ThreadChange(thread, "open")


def _is_back(thread: Thread, here: Collection[str]) -> bool:
    """Whether we resolved it, and what it speaks of is there again."""
    return thread.closed == "us" and thread.may_reopen and not thread.outdated and bool(here)


def unsettled(planned: Plan, analysis: Analysis) -> tuple[Thread, ...]:
    """The threads that are to be resolved because nothing is found there any more."""
    present = {finding.fingerprint for finding in analysis.findings}
    return tuple(
        change.thread
        for change in planned.changes
        if change.to == "RESOLVED" and present.isdisjoint(change.thread.fingerprints)
    )


def without_changes_of(planned: Plan, threads: Collection[Thread]) -> Plan:
    """The plan that leaves these threads as they are."""
    return replace(planned, changes=tuple(change for change in planned.changes if change.thread not in threads))
