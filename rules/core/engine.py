"""From the facts of a repository to its findings, each with the fixes that could be proved."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from rules.core import conversion, repairs
from rules.core.blocking import blocking_remarks, spoken
from rules.core.contexts import Contexts, is_offline
from rules.core.document import Document
from rules.core.facts import Facts, Site, show
from rules.core.findings import Analysis, Finding, Fix, Severity, Span, Step, Unreadable, Way
from rules.core.library import Knowledge
from rules.core.project import Project
from rules.core.proof import objection
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.syntax import UnreadableError
from rules.core.values import ProjectFunction

Writer = Callable[[Remark, Contexts, Document], Fix | None]

FRAMEWORK = frozenset({"FastAPI", "APIRouter", "Starlette"})
WAYS: Mapping[Remedy, tuple[Writer, ...]] = {
    Remedy.UNBLOCK: (conversion.twin, conversion.reverse, conversion.offload),
    Remedy.AWAIT: (repairs.await_call,),
    Remedy.CONVERT: (repairs.make_asynchronous,),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What to look for: names of rules or packs (none: all of them); `everything` also says what pays little.

    `blocking` and `offloads` are what the repository declares of its own functions (see `Knowledge.with_declared`).
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    everything: bool = False
    blocking: Mapping[str, str | None] = field(default_factory=dict)
    offloads: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engine:
    """The rules and the knowledge that an analysis goes by."""

    rules: Mapping[str, Rule]
    knowledge: Knowledge

    def analyze(
        self,
        facts: Mapping[str, Facts],
        sources: Mapping[str, bytes],
        *,
        base: Mapping[str, Facts] | None = None,
        options: Options,
    ) -> Analysis:
        """The findings of a repository.

        `facts` holds every Python file of it by path, `sources` the texts of those that fixes may touch. With `base`, the
        facts of the same repository before the change, findings are marked as introduced or not, and only the introduced
        ones carry fixes.
        """
        knowledge = self.knowledge
        if options.blocking or options.offloads:
            knowledge = knowledge.with_declared(options.blocking, options.offloads)
        contexts = Contexts(Project(facts, knowledge))
        found = self._found(contexts, options)
        before = self._found(Contexts(Project(base, knowledge)), options) if base is not None else []
        old = _in_base(found, before, facts, base or {})
        findings = [replace(finding, introduced=finding.fingerprint not in old) for _, finding in found]
        wanted = [(remark, f) for (remark, _), f in zip(found, findings, strict=True) if f.introduced]
        fixed = {f.fingerprint: f for f in self._with_fixes(wanted, contexts, sources)}
        return Analysis(
            findings=tuple(sorted((fixed.get(f.fingerprint, f) for f in findings), key=_order)),
            unreadable=tuple(Unreadable(path, f.problem) for path, f in sorted(facts.items()) if f.problem),
            concerns_fastapi=bool(contexts.roots) or any(FRAMEWORK & f.outline.imported for f in facts.values()),
        )

    def _found(self, contexts: Contexts, options: Options) -> list[tuple[Remark, Finding]]:
        """What the rules have to say, with identities, without fixes."""
        remarks = [r for r in self._remarks(contexts) if self._is_wanted(r, contexts, options)]
        remarks.sort(key=lambda r: (r.function.path, _span(r, contexts), r.rule))
        seen: Counter[tuple[str, ...]] = Counter()
        found = []
        for remark in remarks:
            key = _identity(remark, contexts)
            seen[key] += 1
            severity = min(remark.severity, self.rules[remark.rule].severity)
            found.append((remark, _finding(remark, severity, contexts, _fingerprint((*key, str(seen[key]))))))
        return found

    def _remarks(self, contexts: Contexts) -> Iterator[Remark]:
        yield from blocking_remarks(contexts)
        for rule in self.rules.values():
            for check in rule.checks:
                yield from check(contexts)

    def _is_wanted(self, remark: Remark, contexts: Contexts, options: Options) -> bool:
        path = remark.function.path
        names = {remark.rule, remark.rule.partition("/")[0]}
        if (options.select and not names & options.select) or names & options.ignore:
            return False
        if remark.optional and not options.everything:
            return False
        if is_offline(path):
            return False
        return not self._is_silenced(remark, contexts)

    def _is_silenced(self, remark: Remark, contexts: Contexts) -> bool:
        """Whether a comment silences it: in the file, on the call, on the `def`, or on the blocking call at the end."""
        rule = self.rules[remark.rule]
        silent = {"*", rule.name, rule.name.partition("/")[0], *rule.codes}
        ignores = dict(contexts.project.facts[remark.function.path].outline.ignores)
        span = _span(remark, contexts)
        lines = {0, contexts.project.function(remark.function).line, *range(span.line, span.end_line + 1)}
        if any(silent & set(ignores.get(line, ())) for line in lines):
            return True
        if remark.sink is None:
            return False
        sink = remark.sink
        deep = dict(contexts.project.facts[sink.through[-1].path].outline.ignores)
        return bool(silent & set(deep.get(sink.site.line, ())))

    def _with_fixes(
        self, found: Iterable[tuple[Remark, Finding]], contexts: Contexts, sources: Mapping[str, bytes]
    ) -> Iterator[Finding]:
        """The findings with their fixes. All findings of one function are mended in ways that go together."""
        documents = _Documents(sources)
        together: defaultdict[object, list[tuple[Finding, list[Fix]]]] = defaultdict(list)
        for remark, finding in found:
            document = documents.at(remark.function.path)
            fixes = list(self._proved(remark, contexts, document, sources)) if document is not None else []
            together[remark.function].append((finding, fixes))
        for group in together.values():
            yield from _chosen(group)

    def _proved(
        self, remark: Remark, contexts: Contexts, document: Document, sources: Mapping[str, bytes]
    ) -> Iterator[Fix]:
        for write in WAYS[remark.remedy]:
            fix = write(remark, contexts, document)
            if fix is not None and not objection(fix, contexts, sources):
                yield fix


class _Documents:
    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._read: dict[str, Document | None] = {}

    def at(self, path: str) -> Document | None:
        if path not in self._read:
            self._read[path] = self._document(path)
        return self._read[path]

    def _document(self, path: str) -> Document | None:
        if path not in self._sources:
            return None
        try:
            return Document(path, self._sources[path])
        except (UnreadableError, SyntaxError, UnicodeError):
            return None


def _chosen(group: list[tuple[Finding, list[Fix]]]) -> Iterator[Finding]:
    """One best fix for each finding of a function, so that all of them can be made.

    A function that loses its `async` can await nothing, so either every finding of it is mended that way or none is: none
    where each has a twin of its own, and all where one has not.
    """
    each_has_twin = all(any(fix.way is Way.TWIN for fix in fixes) for _, fixes in group)
    reversible = all(any(fix.way is Way.REVERSE for fix in fixes) for _, fixes in group)
    first = Way.REVERSE if reversible and not each_has_twin else None
    for finding, fixes in group:
        ordered = sorted(fixes, key=lambda fix: (fix.way is not first, fix.way is Way.REVERSE))
        usable = [fix for fix in ordered if first is not None or fix.way is not Way.REVERSE or len(ordered) == 1]
        best = usable[0] if usable and (usable[0].way is not Way.REVERSE or reversible) else None
        advice = "" if best is not None else finding.advice
        yield replace(finding, fix=best, advice=advice, alternatives=tuple(fix for fix in ordered if fix is not best))


def _in_base(
    found: list[tuple[Remark, Finding]],
    before: list[tuple[Remark, Finding]],
    facts: Mapping[str, Facts],
    base: Mapping[str, Facts],
) -> set[str]:
    """The fingerprints of the findings that were there before the change.

    Where a function has got another call that looks like one it had, the order of all its calls tells which is which.
    """
    old = {finding.fingerprint for _, finding in before}
    old |= _moved(found, before)
    counted = Counter((f.path, f.function, show(r.site.call)) for r, f in before if r.site is not None)
    now = Counter((f.path, f.function, show(r.site.call)) for r, f in found if r.site is not None)
    for remark, finding in found:
        if remark.site is None:
            continue
        key = (finding.path, finding.function, show(remark.site.call))
        if 0 < counted[key] < now[key]:
            kept = _kept_sites(remark.function, facts, base)
            old = (old | {finding.fingerprint}) if remark.site in kept else (old - {finding.fingerprint})
    return old


def _moved(found: list[tuple[Remark, Finding]], before: list[tuple[Remark, Finding]]) -> set[str]:
    """The fingerprints of findings that stood elsewhere before: on the same route, or in a function of the same name."""
    now = {finding.fingerprint for _, finding in found}
    gone = Counter(key for r, f in before if f.fingerprint not in now for key in _traces(r, f))
    moved: set[str] = set()
    known = {finding.fingerprint for _, finding in before}
    for remark, finding in found:
        trace = next((key for key in _traces(remark, finding) if gone[key] > 0), None)
        if finding.fingerprint not in known and trace is not None:
            gone.subtract(_traces(remark, finding))
            moved.add(finding.fingerprint)
    return moved


def _traces(remark: Remark, finding: Finding) -> list[tuple[str, ...]]:
    """By what a finding can be known again in another place."""
    what = (finding.rule, show(remark.site.call) if remark.site is not None else "")
    places = [("function", finding.function), ("path", finding.path), ("route", finding.route or "")]
    return [(*what, *place) for place in places if place[1]]


def _kept_sites(function: ProjectFunction, facts: Mapping[str, Facts], base: Mapping[str, Facts]) -> list[Site]:
    """The calls of a function that stood in it before, in the order in which they stood."""
    new = facts[function.path].functions[function.index]
    old = next((f for f in base[function.path].functions if f.qualname == new.qualname), None)
    if old is None:
        return []
    shown_old, shown_new = ([show(site.call) for site in version.sites] for version in (old, new))
    matcher = SequenceMatcher(None, shown_old, shown_new, autojunk=False)
    return [new.sites[block.b + i] for block in matcher.get_matching_blocks() for i in range(block.size)]


def _advice(remark: Remark) -> str:
    """What a person could do where no fix was proved."""
    match remark.remedy:
        case Remedy.UNBLOCK:
            return (
                "No fix could be proved here. Put the blocking part into a `def` helper and call that with "
                "`await run_in_threadpool(helper, ...)` from `fastapi.concurrency`."
            )
        case Remedy.AWAIT:
            return "Put `await` before the call, or hand it to `asyncio.create_task` and keep the task."
        case Remedy.CONVERT:
            return "It could be `async def`."


def _finding(remark: Remark, severity: Severity, contexts: Contexts, fingerprint: str) -> Finding:
    return Finding(
        rule=remark.rule,
        severity=severity,
        path=remark.function.path,
        span=_span(remark, contexts),
        message=remark.message,
        fingerprint=fingerprint,
        function=contexts.project.function(remark.function).qualname,
        route=(remark.root.route or None) if remark.root is not None else None,
        chain=tuple(_chain(remark, contexts)),
        advice=_advice(remark),
    )


def _chain(remark: Remark, contexts: Contexts) -> Iterator[Step]:
    deeper = remark.sink.through[1:] if remark.sink is not None else ()
    for place in (*remark.way, *deeper):
        function = contexts.project.function(place)
        yield Step(place.path, function.line, function.qualname)
    if remark.sink is not None and deeper:
        yield Step(deeper[-1].path, remark.sink.site.line, spoken(remark.sink.name))


def _span(remark: Remark, contexts: Contexts) -> Span:
    if remark.site is not None:
        return remark.site.span
    function = contexts.project.function(remark.function)
    width = len("async def" if function.asynchronous else "def")
    return Span(function.line, function.column, function.line, function.column + width)


def _identity(remark: Remark, contexts: Contexts) -> tuple[str, ...]:
    """What makes a finding the same in another version of its file."""
    function = contexts.project.function(remark.function)
    source = show(remark.site.call) if remark.site is not None else ""
    return (remark.rule, remark.function.path, function.qualname, source)


def _fingerprint(parts: tuple[str, ...]) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _order(finding: Finding) -> tuple[str, Span, str]:
    return (finding.path, finding.span, finding.rule)
