"""From the facts of a repository to its findings, each with the fixes that could be proved."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

import msgspec
from msgspec.structs import replace

from rules.core.base import Base
from rules.core.blocking import blocking_remarks, spoken
from rules.core.contexts import Contexts
from rules.core.each import Each
from rules.core.facts import Facts, show
from rules.core.findings import Analysis, Finding, Severity, Span, Step, Unreadable
from rules.core.fixes.leftovers import without_leftovers
from rules.core.fixes.mending import Mending
from rules.core.introduced import fingerprints_in_base
from rules.core.knowledge import Knowledge
from rules.core.memory import Noting
from rules.core.noting import Noted, recalling
from rules.core.options import Options
from rules.core.project import Project
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.seldom import seldom_remarks
from rules.core.stored import decode_base
from rules.core.uncollected import uncollected

MOST_REMEMBERED = 6_000_000
"""Bytes of packed bodies, of some 10 MB of source. What is remembered of more would take too much memory."""
FRAMEWORK = frozenset({"FastAPI", "APIRouter", "Starlette"})


class Engine(msgspec.Struct, frozen=True):
    """The rules and the knowledge that an analysis goes by."""

    rules: Mapping[str, Rule]
    knowledge: Knowledge

    @uncollected()
    def analyze(
        self,
        facts: Mapping[str, Facts],
        sources: Mapping[str, bytes],
        *,
        base: Base | None = None,
        options: Options,
        each: Each = map,
    ) -> Analysis:
        """The findings of a repository.

        `facts` holds every Python file of it by path, `sources` the texts of those that fixes may touch. With `base`, the
        same repository before the change, findings are marked as introduced or not, and only the introduced
        ones carry fixes. `each` runs the shares of the work of fixing.
        """
        contexts = self._contexts(facts, options, base)
        found = self._found(contexts, options)
        old = fingerprints_in_base(found, facts, base) if base is not None else set()
        findings = [replace(finding, introduced=finding.fingerprint not in old) for _, finding in found]
        wanted = [(remark, f) for (remark, _), f in zip(found, findings, strict=True) if f.introduced]
        mending = Mending(contexts, sources, each)
        fixed = {f.fingerprint: f for f in mending.with_fixes(wanted)}
        unmended = [f for (remark, _), f in zip(found, findings, strict=True) if not remark.only_fixed]
        said = {f.fingerprint: f for f in unmended} | fixed
        return Analysis(
            findings=tuple(sorted(said.values(), key=_order)),
            refusals=dict(sorted(mending.refusals.items())),
            unreadable=tuple(Unreadable(path, f.problem) for path, f in sorted(facts.items()) if f.problem),
            concerns_fastapi=bool(contexts.roots) or any(FRAMEWORK & f.outline.imported for f in facts.values()),
        )

    def base(self, facts: Mapping[str, Facts], options: Options) -> Base:
        """The repository before a change, to be compared with what any change makes of it."""
        project, memory = Project(facts, self._knowledge(options)), Noting()
        is_remembered = sum(one.weight for one in facts.values()) <= MOST_REMEMBERED
        with uncollected():
            found = self._found(Contexts(Noted(project, memory) if is_remembered else project), options)
        project.forget()
        return Base(facts, found, options, project, memory.kept())

    def decode_base(self, data: bytes, facts: Mapping[str, Facts]) -> Base:
        """See `rules.core.stored.decode_base`."""
        return decode_base(data, facts, self._knowledge)

    def without_leftovers(
        self, facts: Mapping[str, Facts], before: Mapping[str, bytes], after: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The texts `after` fixes, by path, that can do without an import which had a use `before`; `facts` are those after."""
        return without_leftovers(before, after, Contexts(Project(facts, self.knowledge)))

    def _contexts(self, facts: Mapping[str, Facts], options: Options, base: Base | None) -> Contexts:
        knowledge = self._knowledge(options)
        if base is None or base.options != options:
            return Contexts(Project(facts, knowledge, base.repository if base is not None else None))
        return Contexts(recalling(facts, knowledge, base))

    def _knowledge(self, options: Options) -> Knowledge:
        knowledge = self.knowledge.with_client(options.client) if options.client else self.knowledge
        if options.blocking or options.offloads:
            knowledge = knowledge.with_declared(options.blocking, options.offloads)
        return knowledge

    def _found(self, contexts: Contexts, options: Options) -> list[tuple[Remark, Finding]]:
        """What the rules have to say, with identities, without fixes."""
        contexts.settle()
        answer = contexts.project.memory.answer
        return [
            one
            for path in sorted(contexts.project.facts)
            if not is_offline(path) or contexts.roots_in(path)
            for one in answer("found", path, "", partial(self._found_in, path, contexts, options))
        ]

    def _found_in(self, path: str, contexts: Contexts, options: Options) -> list[tuple[Remark, Finding]]:
        """What the rules have to say of a file."""
        said = self._remarks(contexts, path, everything=options.everything)
        wanted = [remark for remark in said if self._is_wanted(remark, contexts, options)]
        handed_over = {(r.function, r.site) for r in wanted if r.remedy is Remedy.HAND_OVER}
        remarks = [r for r in wanted if r.remedy is not Remedy.UNBLOCK or (r.function, r.site) not in handed_over]
        remarks.sort(key=lambda r: (_span(r, contexts), r.rule))
        seen: Counter[tuple[str, ...]] = Counter()
        found = []
        for remark in remarks:
            key = _identity(remark, contexts)
            seen[key] += 1
            severity = remark.severity if remark.raised else min(remark.severity, self.rules[remark.rule].severity)
            found.append((remark, _finding(remark, severity, contexts, (*key, str(seen[key])))))
        return found

    def _remarks(self, contexts: Contexts, path: str, *, everything: bool) -> Iterator[Remark]:
        yield from blocking_remarks(contexts, path)
        if everything:
            yield from seldom_remarks(contexts, path)
        for rule in self.rules.values():
            for check in rule.checks:
                yield from check(contexts, path)

    def _is_wanted(self, remark: Remark, contexts: Contexts, options: Options) -> bool:
        names = {remark.rule, remark.rule.partition("/")[0]}
        if (options.select and not names & options.select) or names & options.ignore:
            return False
        if remark.optional and not options.everything:
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


def _advice(remark: Remark, contexts: Contexts) -> str:
    """What a person could do where no fix was proved."""
    if remark.advice:
        return remark.advice
    function = contexts.project.function(remark.function)
    match remark.remedy:
        case Remedy.AWAIT if function.name and not function.asynchronous:
            return (
                f"A plain `def` cannot await: make `{function.name}` an `async def`, and await it where it is called."
            )
        case Remedy.UNBLOCK:
            return (
                "Put the blocking part into a `def` helper and call that with "
                "`await run_in_threadpool(helper, ...)` from `fastapi.concurrency`."
            )
        case Remedy.AWAIT:
            return "Put `await` before the call, or hand it to `asyncio.create_task` and keep the task."
        case Remedy.CONVERT:
            return "It could be `async def`."
        case _:
            return ""


def _finding(remark: Remark, severity: Severity, contexts: Contexts, identity: tuple[str, ...]) -> Finding:
    rule, _, *rest = identity
    return Finding(
        rule=remark.rule,
        severity=severity,
        path=remark.function.path,
        span=_span(remark, contexts),
        message=remark.message,
        fingerprint=_fingerprint(identity),
        kin=_fingerprint((rule, *rest)),
        function=contexts.project.function(remark.function).qualname,
        route=(remark.root.route or None) if remark.root is not None else None,
        chain=tuple(_chain(remark, contexts)),
        advice=_advice(remark, contexts),
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
