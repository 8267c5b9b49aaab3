"""Which findings were there before the change, also where the code around them moved."""

from collections import Counter
from collections.abc import Mapping
from difflib import SequenceMatcher

from rules.core.base import Base, Found
from rules.core.facts import Facts, Site, show
from rules.core.findings import Finding
from rules.core.remarks import Remark
from rules.core.values import ProjectFunction


def fingerprints_in_base(
    found: Found,
    facts: Mapping[str, Facts],
    base: Base,
) -> set[str]:
    """The fingerprints of the findings that were there before the change.

    Where a function has got another call that looks like one it had, the order of all its calls tells which is which.
    """
    old = {finding.fingerprint for _, finding in base.found}
    old |= _moved(found, base.found)
    counted = Counter((f.path, f.function, show(r.site.call)) for r, f in base.found if r.site is not None)
    now = Counter((f.path, f.function, show(r.site.call)) for r, f in found if r.site is not None)
    for remark, finding in found:
        if remark.site is None:
            continue
        key = (finding.path, finding.function, show(remark.site.call))
        if 0 < counted[key] < now[key]:
            kept = _kept_sites(remark.function, facts, base.facts)
            old = (old | {finding.fingerprint}) if remark.site in kept else (old - {finding.fingerprint})
    return old


def _moved(found: Found, before: Found) -> set[str]:
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
