"""Which fix of each finding: those of one function go together, and so do those that reach into other functions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from rules.core.edits import go_together
from rules.core.facts import Facts
from rules.core.findings import Applicability, Finding, Fix, Way
from rules.core.fixes.sharing.current_app import CURRENT
from rules.core.fixes.sharing.hazards import CONTENDED
from rules.core.values import ProjectFunction

_ADVICE = {
    CONTENDED: "Give each request a session or connection of its own, from a dependency that closes it afterwards.",
    CURRENT: "Say which application is meant, as `AsyncResult(id, app=tasks)` or `@tasks.task` do.",
}
"""What a person could do instead, by what is in the way."""


class Offered(msgspec.Struct, frozen=True):
    """A finding with the fixes that are proved for it, best first.

    An `only_fixed` one is said with a fix or not at all. `hindrance` is the clause that says why the last way is none.
    """

    finding: Finding
    fixes: tuple[Fix, ...]
    only_fixed: bool = False
    hindrance: str = ""

    @property
    def advice(self) -> str:
        """What a person could do without a fix."""
        reason = f"No fix could be proved: {self.hindrance}. " if self.hindrance else ""
        return f"{reason}{_ADVICE.get(self.hindrance, self.finding.advice)}"


Groups = Mapping[ProjectFunction, tuple[Offered, ...]]


def chosen(groups: Groups, facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """One best fix for each finding, so that all of them can be made."""
    touched = {fix: set(_touched(fix, facts)) for group in groups.values() for one in group for fix in one.fixes}
    for component in _components(groups, touched):
        yield from _of_component({function: groups[function] for function in component}, touched)


def _of_component(groups: Groups, touched: Mapping[Fix, set[ProjectFunction]]) -> Iterator[Finding]:
    wide = {fix for fix, functions in touched.items() if len(functions) > 1}
    best = next(filter(_fit, _plans(groups, touched)), None) if len(groups) > 1 else None
    if best is None:
        best = _function_by_function(groups, wide if len(groups) > 1 else set())
    for group in groups.values():
        for one in group:
            fix = best.get(one.finding.fingerprint)
            if fix is None and one.only_fixed:
                continue
            others = tuple(other for other in one.fixes if other != fix)
            advice = one.advice if fix is None else ""
            yield replace(one.finding, fix=fix, alternatives=others, advice=advice)


def _plans(groups: Groups, touched: Mapping[Fix, set[ProjectFunction]]) -> Iterator[dict[str, Fix]]:
    """The best fixes that leave every function asynchronous; then one that reaches far, for all that it mends at once."""
    best = _asynchronous(groups)
    if best is None:
        return
    yield best
    far = [fix for fix in dict.fromkeys(best.values()) if len(touched[fix]) > 1]
    for fix in sorted(far, key=lambda fix: len(touched[fix]), reverse=True):
        mended = {one.finding.fingerprint for group in groups.values() for one in group if _mends(fix, one)}
        yield best | dict.fromkeys(mended, fix)


def _mends(fix: Fix, one: Offered) -> bool:
    """Whether a fix, which deals with all that blocks in what it turns, changes the call that a finding stands at."""
    start = one.finding.span.start
    at_call = any(edit.path == one.finding.path and edit.span.start == start for edit in fix.edits)
    return fix in one.fixes or (at_call and not one.only_fixed)


def _fit(best: Mapping[str, Fix]) -> bool:
    return go_together(fix.edits for fix in best.values())


def _asynchronous(groups: Groups) -> dict[str, Fix] | None:
    """The best fix of each finding that leaves its function asynchronous, if there is one for each that can be mended."""
    best: dict[str, Fix] = {}
    for group in groups.values():
        for one in group:
            fitting = [fix for fix in one.fixes if fix.way is not Way.REVERSE]
            if one.fixes and not fitting:
                return None
            if fitting:
                best[one.finding.fingerprint] = fitting[0]
    return best


def _function_by_function(groups: Groups, left_out: set[Fix]) -> dict[str, Fix]:
    """A function that loses its `async` can await nothing, so either every finding of it is mended that way or none is:
    none where each has a twin of its own, where a service is asked that can be awaited, or where only that is safe; else all.
    """
    best: dict[str, Fix] = {}
    for group in groups.values():
        left = [(one.finding, [fix for fix in one.fixes if fix not in left_out]) for one in group]
        is_awaited = any(map(_is_safer_awaited, left)) or _pays_awaited(left)
        reverse = _has_everywhere(Way.REVERSE, left) and not (is_awaited or all(map(_prefers_twin, left)))
        for finding, fixes in left:
            fitting = [fix for fix in fixes if (fix.way is Way.REVERSE) == reverse]
            if fitting:
                best[finding.fingerprint] = fitting[0]
    return best


def _prefers_twin(offered: tuple[Finding, list[Fix]]) -> bool:
    """Whether a twin comes before all that takes the `async` away."""
    ways = [fix.way for fix in offered[1]]
    return Way.TWIN in ways and ways.index(Way.TWIN) < ways.index(Way.REVERSE)


def _is_safer_awaited(offered: tuple[Finding, list[Fix]]) -> bool:
    """Whether a call can be awaited safely, and the function cannot lose its `async` so."""
    safe = {fix.way for fix in offered[1] if fix.applicability is Applicability.SAFE}
    return bool(safe) and Way.REVERSE not in safe


def _pays_awaited(group: list[tuple[Finding, list[Fix]]]) -> bool:
    """Whether the function waits for a service that has a twin, so that as `def` it would be told to become asynchronous."""
    twin = any(finding.rule.startswith("clients/") and _has_safe_twin(fixes) for finding, fixes in group)
    return twin and all(any(fix.way is not Way.REVERSE for fix in fixes) for _, fixes in group)


def _has_safe_twin(fixes: list[Fix]) -> bool:
    return any(fix.way is Way.TWIN and fix.applicability is Applicability.SAFE for fix in fixes)


def _has_everywhere(way: Way, group: list[tuple[Finding, list[Fix]]]) -> bool:
    return all(any(fix.way is way for fix in fixes) for _, fixes in group)


def _touched(fix: Fix, facts: Mapping[str, Facts]) -> Iterator[ProjectFunction]:
    """The functions that a fix changes; what it does at the top of a file is none."""
    for edit in fix.edits:
        innermost = 0
        for index, function in enumerate(facts[edit.path].functions):
            if index and not function.is_lambda and function.line <= edit.span.line <= function.end_line:
                innermost = index
        if innermost:
            yield ProjectFunction(edit.path, innermost)


def _components(groups: Groups, touched: Mapping[Fix, set[ProjectFunction]]) -> list[list[ProjectFunction]]:
    """The functions with findings, together with those that a fix of theirs changes as well."""
    leader = {function: function for function in groups}

    def lead(function: ProjectFunction) -> ProjectFunction:
        while leader[function] != function:
            function = leader[function]
        return function

    for function, group in groups.items():
        for one in group:
            for fix in one.fixes:
                for other in touched[fix] & groups.keys():
                    leader[lead(other)] = lead(function)
    found: defaultdict[ProjectFunction, list[ProjectFunction]] = defaultdict(list)
    for function in groups:
        found[lead(function)].append(function)
    return list(found.values())
