"""Making fixes, round after round, until none is left.

Pure: texts in, texts out. A round makes all fixes of one analysis whose edits can be made together. Of those of one rule in
one file it leaves one to the next round, which then sees an import without its last use, and drops it. What
fixes of several rules or files leave without a use goes in the end.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from rules import (
    Analysis,
    Applicability,
    Base,
    Each,
    Edit,
    Facts,
    Finding,
    Fix,
    Options,
    analyze,
    apply_edits,
    go_together,
    read_facts,
    without_leftovers,
)

SPARE_ROUNDS = 10  # beyond one round a finding: a fix may uncover what another rule has to say

Candidates = Callable[[Finding], tuple[Fix, ...]]
"""The fixes of a finding that may be made, in the order in which they are tried."""


class Project(msgspec.Struct, frozen=True):
    """All that an analysis wants: the texts and facts of every file, the merge base if it matters, and what shares the work."""

    sources: Mapping[str, bytes]
    facts: Mapping[str, Facts]
    base: Base | None = None
    options: Options = Options()
    each: Each = map

    def analyze(self) -> Analysis:
        return analyze(self.facts, self.sources, base=self.base, options=self.options, each=self.each)

    def edited(self, edits: Iterable[Edit]) -> "Project":
        by_path: dict[str, list[Edit]] = {}
        for edit in edits:
            by_path.setdefault(edit.path, []).append(edit)
        return self.replaced({path: apply_edits(self.sources[path], of_one) for path, of_one in by_path.items()})

    def replaced(self, texts: Mapping[str, bytes]) -> "Project":
        """With other texts of some files."""
        facts = {path: read_facts(text) for path, text in texts.items()}
        return replace(self, sources={**self.sources, **texts}, facts={**self.facts, **facts})


class Fixed(msgspec.Struct, frozen=True):
    """What the fixes made of a project: the fixes in the order in which they were made, and the findings left."""

    project: Project
    analysis: Analysis
    done: tuple[tuple[Finding, Fix], ...]


def best(finding: Finding) -> tuple[Fix, ...]:
    """The one fix that is made where nobody says more."""
    return (finding.fix,) if finding.fix else ()


def every(finding: Finding) -> tuple[Fix, ...]:
    """All fixes, the best first."""
    return (*best(finding), *finding.alternatives)


def in_way(way: str) -> Candidates:
    """The fixes that go this way (see `rules.Way`)."""
    return lambda finding: tuple(fix for fix in every(finding) if str(fix.way) == way)


def fix_all(
    project: Project,
    analysis: Analysis,
    *,
    wanted: Callable[[Finding], bool],
    unsafe: bool,
    candidates: Candidates = best,
) -> Fixed:
    """Make the fixes of all `wanted` findings, of each the first candidate; unsafe ones only where `unsafe` says so."""
    started, done = project, list[tuple[Finding, Fix]]()
    for _ in range(len(analysis.findings) + SPARE_ROUNDS):
        possible = fixable(filter(wanted, analysis.findings), unsafe=unsafe, candidates=candidates)
        chosen = _together(project.sources, [one for one in possible if one not in done])
        if not chosen:
            break
        project = project.edited(edit for _, fix in chosen for edit in fix.edits)
        analysis = project.analyze()
        done += chosen
    tidy = without_leftovers(project.facts, started.sources, project.sources) if done else {}
    if tidy:
        project = project.replaced(tidy)
        analysis = project.analyze()
    return Fixed(project, analysis, tuple(done))


def fixable(
    findings: Iterable[Finding], *, unsafe: bool, candidates: Candidates = best
) -> Iterator[tuple[Finding, Fix]]:
    """Each finding that may be fixed, with its fix."""
    for finding in findings:
        allowed = (fix for fix in candidates(finding) if unsafe or fix.applicability is Applicability.SAFE)
        if fix := next(allowed, None):
            yield finding, fix


def _together(sources: Mapping[str, bytes], candidates: Sequence[tuple[Finding, Fix]]) -> list[tuple[Finding, Fix]]:
    """Those of the fixes that can be made in one round: what they make of the files can be read."""
    chosen = _compatible(candidates, lambda _fixes, _paths: True)
    fixes = [fix for _, fix in chosen]
    if _are_readable(sources, fixes, {edit.path for fix in fixes for edit in fix.edits}):
        return chosen
    return _compatible(candidates, lambda some, paths: _are_readable(sources, some, paths))


def _compatible(
    candidates: Sequence[tuple[Finding, Fix]], may_be_made: Callable[[Sequence[Fix], Collection[str]], bool]
) -> list[tuple[Finding, Fix]]:
    """The candidates that can be made together with those before them; of a rule in a file all but the last one."""
    last = {(finding.rule, finding.path): finding for finding, _ in candidates}
    alone = Counter((finding.rule, finding.path) for finding, _ in candidates)
    taken = defaultdict[str, dict[Fix, None]](dict)
    chosen = []
    for finding, fix in candidates:
        group = (finding.rule, finding.path)
        if last[group] is finding and alone[group] > 1:
            continue
        paths = {edit.path for edit in fix.edits}
        trial = [*dict.fromkeys(one for path in sorted(paths) for one in taken[path]), fix]
        if go_together(one.edits for one in trial) and may_be_made(trial, paths):
            chosen.append((finding, fix))
            for path in paths:
                taken[path][fix] = None
    return chosen


def _are_readable(sources: Mapping[str, bytes], fixes: Sequence[Fix], paths: Iterable[str]) -> bool:
    """Whether the files can be read where all of the fixes are made."""
    by_path = defaultdict[str, list[Edit]](list)
    for edit in (edit for fix in fixes for edit in fix.edits):
        by_path[edit.path].append(edit)
    return not any(read_facts(apply_edits(sources[path], by_path[path])).problem for path in paths)


class Wish(msgspec.Struct, frozen=True):
    """The findings that are to be fixed, by fingerprint; in one way (see `rules.Way`), or the first that may be gone."""

    fingerprints: frozenset[str]
    unsafe: bool = False
    way: str = ""


class Made(msgspec.Struct, frozen=True):
    """What came of a wish: the texts of the files that change, the fixes in them, and the findings that were left, each with the fix
    that it might have got.
    """

    texts: Mapping[str, bytes]
    done: tuple[tuple[Finding, Fix], ...]
    left: tuple[tuple[Finding, Fix | None], ...]

    @property
    def requires(self) -> tuple[str, ...]:
        return tuple(sorted({one for _, fix in self.done for one in fix.requires}))


def fulfil(project: Project, wish: Wish) -> Made:
    """Make the fixes that are wished for."""
    analysis = project.analyze()
    asked = [finding for finding in analysis.findings if finding.fingerprint in wish.fingerprints]
    chosen = _still(asked, analysis.findings)
    candidates = in_way(wish.way) if wish.way else every
    fixed = fix_all(
        project,
        analysis,
        wanted=chosen,
        unsafe=wish.unsafe,
        candidates=candidates,
    )
    after = fixed.project.sources
    there = Counter(_kind(finding) for finding in fixed.analysis.findings)
    done = {finding.fingerprint for finding, _ in fixed.done}
    left = [finding for finding in asked if finding.fingerprint not in done and there[_kind(finding)]]
    return Made(
        {path: text for path, text in after.items() if text != project.sources[path]},
        fixed.done,
        tuple((finding, next(iter(candidates(finding)), None)) for finding in left),
    )


def _still(asked: Sequence[Finding], findings: Iterable[Finding]) -> Callable[[Finding], bool]:
    """Whether a finding is one of those asked for, also when others are fixed.

    Fixing one of several equal calls of a function changes the fingerprints of the rest. Where only some of them were asked for,
    they are told apart in the first round alone.
    """
    names = {finding.fingerprint for finding in asked}
    mixed = {_kind(finding) for finding in asked} & {
        _kind(finding) for finding in findings if finding.fingerprint not in names
    }
    first = {id(finding) for finding in asked}
    return lambda finding: finding.fingerprint in names and (_kind(finding) not in mixed or id(finding) in first)


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.path, finding.function
