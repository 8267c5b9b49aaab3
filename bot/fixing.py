"""Making fixes, round after round, until none is left.

Pure: texts in, texts out. A round makes all fixes of one analysis whose edits can be made together. Of those of one rule in
one file it leaves one to the next round, which then sees an import without its last use, and drops it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rules import (
    Analysis,
    Applicability,
    Base,
    Edit,
    EditConflictError,
    Facts,
    Finding,
    Fix,
    Options,
    analyze,
    apply_edits,
    read_facts,
)

SPARE_ROUNDS = 10  # beyond one round a finding: a fix may uncover what another rule has to say


@dataclass(frozen=True, slots=True)
class Project:
    """All that an analysis wants: the texts and facts of every file, and the merge base if it matters."""

    sources: Mapping[str, bytes]
    facts: Mapping[str, Facts]
    base: Base | None = None
    options: Options = Options()  # noqa: RUF009 -- frozen

    def analyze(self) -> Analysis:
        return analyze(self.facts, self.sources, base=self.base, options=self.options)

    def edited(self, edits: Iterable[Edit]) -> "Project":
        by_path: dict[str, list[Edit]] = {}
        for edit in edits:
            by_path.setdefault(edit.path, []).append(edit)
        texts = {path: apply_edits(self.sources[path], of_one) for path, of_one in by_path.items()}
        facts = {path: read_facts(text) for path, text in texts.items()}
        return replace(self, sources={**self.sources, **texts}, facts={**self.facts, **facts})


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the fixes made of a project: the fixes in the order in which they were made, and the findings left."""

    project: Project
    analysis: Analysis
    done: tuple[tuple[Finding, Fix], ...]


def fix_all(project: Project, analysis: Analysis, *, wanted: Callable[[Finding], bool], unsafe: bool) -> Fixed:
    """Make the fixes of all `wanted` findings; unsafe ones only where `unsafe` says so."""
    done: list[tuple[Finding, Fix]] = []
    for _ in range(len(analysis.findings) + SPARE_ROUNDS):
        candidates = fixable(filter(wanted, analysis.findings), unsafe=unsafe)
        chosen = list(_together(project.sources, [one for one in candidates if one not in done]))
        if not chosen:
            break
        project = project.edited(edit for _, fix in chosen for edit in fix.edits)
        analysis = project.analyze()
        done += chosen
    return Fixed(project, analysis, tuple(done))


def fixable(findings: Iterable[Finding], *, unsafe: bool) -> Iterator[tuple[Finding, Fix]]:
    """Each finding that may be fixed, with its fix."""
    for finding in findings:
        if finding.fix is not None and (unsafe or finding.fix.applicability is Applicability.SAFE):
            yield finding, finding.fix


def _together(sources: Mapping[str, bytes], candidates: Sequence[tuple[Finding, Fix]]) -> Iterator[tuple[Finding, Fix]]:
    """Those of the fixes that can be made in one round."""
    last = {(finding.rule, finding.path): finding for finding, _ in candidates}
    alone = Counter((finding.rule, finding.path) for finding, _ in candidates)
    taken: dict[str, tuple[Edit, ...]] = {}
    for finding, fix in candidates:
        group = (finding.rule, finding.path)
        if last[group] is finding and alone[group] > 1:
            continue
        trial = dict(taken)
        for edit in fix.edits:
            trial[edit.path] = (*trial.get(edit.path, ()), edit)
        if all(_fits(sources[path], edits) for path, edits in trial.items() if edits != taken.get(path)):
            taken = trial
            yield finding, fix


def _fits(source: bytes, edits: tuple[Edit, ...]) -> bool:
    try:
        return not read_facts(apply_edits(source, edits)).problem
    except EditConflictError:
        return False
