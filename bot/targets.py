"""What a command means by the ids, rules and paths that it names.

Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.models import Mute, Thread
from bot.threads import disliked, mutes_of
from rules import Finding, all_rules

SHORTEST_ID = 4


@dataclass(frozen=True, slots=True)
class Meant:
    """The findings that were meant, and a sentence for each name that means nothing."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()


def thread_of(comment: int | None, threads: Iterable[Thread]) -> Thread | None:
    """Our thread that begins with this comment."""
    return next((thread for thread in threads if thread.number == comment), None)


def in_thread(findings: Iterable[Finding], thread: Thread) -> tuple[Finding, ...]:
    """What is left of the findings that a thread speaks of."""
    return tuple(finding for finding in findings if finding.fingerprint in thread.fingerprints)


def spoken_of(findings: Iterable[Finding], automatic: Collection[str], threads: Sequence[Thread]) -> Meant:
    """All that the bot speaks of by itself, and what stands in an open thread: what `all` means."""
    open_ = {name for thread in threads if thread.open for name in thread.fingerprints}
    return Meant(tuple(one for one in findings if one.fingerprint in automatic or one.fingerprint in open_))


def named(findings: Sequence[Finding], names: Iterable[str]) -> Meant:
    """The findings that ids (the beginnings of fingerprints), files, folders, globs or rules name."""
    found: dict[str, Finding] = {}
    problems = []
    for name in names:
        some = _by_id(findings, name) or _by_place(findings, name)
        if len({one.fingerprint for one in some}) > 1 and _is_id(name):
            problems.append(f"More than one finding begins with `{name}`: give more of its id.")
        elif some:
            found |= {one.fingerprint: one for one in some}
        else:
            problems.append(f"`{name}` names no finding here.")
    return Meant(tuple(found.values()), tuple(problems))


def short_ids(findings: Iterable[Finding]) -> dict[str, str]:
    """By fingerprint: its shortest beginning, of four characters or more, that tells it from the others."""
    left, ids, length = {finding.fingerprint for finding in findings}, dict[str, str](), SHORTEST_ID
    every = tuple(left)
    while left:
        count = Counter(fingerprint[:length] for fingerprint in every)
        done = {one for one in left if count[one[:length]] == 1 or length >= len(one)}
        ids |= {fingerprint: fingerprint[:length] for fingerprint in done}
        left, length = left - done, length + 1
    return ids


def is_ambiguous(name: str, findings: Iterable[Finding]) -> bool:
    """Whether several findings have an id that begins so."""
    return len({one.fingerprint for one in _by_id(findings, name)}) > 1


def muted_by_name(name: str, threads: Sequence[Thread]) -> tuple[Mute, ...]:
    """What a rule, a pack or the id of a finding that was commented on mutes; nothing where it is none of these."""
    if name in {*all_rules(), *(rule.partition("/")[0] for rule in all_rules())}:
        return (Mute(name),)
    mutes = {mute.name: mute for thread in threads for mute in disliked(thread) if _begins(mute.name, name)}
    return tuple(mutes.values()) if len(mutes) == 1 else ()


def muted_findings(findings: Sequence[Finding], name: str) -> tuple[Mute, ...]:
    """What an id mutes that stands in the check run only."""
    return mutes_of(named(findings, [name]).findings) if _is_id(name) else ()


def _by_id(findings: Iterable[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if _begins(finding.fingerprint, name)]


def _begins(fingerprint: str, name: str) -> bool:
    return _is_id(name) and fingerprint.startswith(name.lower())


def _is_id(name: str) -> bool:
    return len(name) >= SHORTEST_ID and all(letter in "0123456789abcdef" for letter in name.lower())


def _by_place(findings: Iterable[Finding], name: str) -> list[Finding]:
    folder = f"{name.rstrip('/')}/"
    return [
        finding
        for finding in findings
        if finding.path == name
        or finding.path.startswith(folder)
        or (any(sign in name for sign in "*?[") and fnmatchcase(finding.path, name))
        or name in {finding.rule, finding.rule.partition("/")[0]}
    ]
