"""The fixes of findings: each way is tried and proved, and those are chosen that go together."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.each import Each
from rules.core.findings import Applicability, Edit, Finding, Fix, Way
from rules.core.fixes import lifespan, repairs
from rules.core.fixes.aligned import aligned
from rules.core.fixes.choosing import Offered, chosen
from rules.core.fixes.clients.borrowing import borrow
from rules.core.fixes.clients.certificates import read_once
from rules.core.fixes.clients.lending import lend
from rules.core.fixes.clients.made_once import share_client
from rules.core.fixes.document import Document
from rules.core.fixes.ending import marked_ending
from rules.core.fixes.files.colliding import marked_colliding
from rules.core.fixes.files.held_open import marked_reading
from rules.core.fixes.files.torn import marked_torn
from rules.core.fixes.gathering import gather
from rules.core.fixes.offload import offload, offload_whole
from rules.core.fixes.proof import objection
from rules.core.fixes.reverse import reverse
from rules.core.fixes.sessions.exchange import prospect
from rules.core.fixes.sessions.forgetting import marked_forgetting
from rules.core.fixes.sessions.relationships import with_relationships_noted
from rules.core.fixes.standing import marked_standing
from rules.core.fixes.swallowing import marked_swallowing
from rules.core.fixes.taken.pools import marked_exhausting, marked_sharing
from rules.core.fixes.texts import Texts
from rules.core.fixes.twin import twin
from rules.core.fixes.whole import Bench, enter, exchange, member, session, turn
from rules.core.remarks import Remark, Remedy
from rules.core.surroundings import Surroundings
from rules.core.values import ProjectFunction

Writer = Callable[[Remark, Contexts, Document], Fix | str | None]

MOST_MENDED = 50  # findings of a file that get fixes: what one person can read at a time
SHARE = 3  # findings of a file whose fixes are tried one after the other

WAYS: Mapping[Remedy, tuple[Writer, ...]] = {
    Remedy.UNBLOCK: (twin, reverse, offload_whole, offload),
    Remedy.AWAIT: (repairs.await_call,),
    Remedy.CONVERT: (repairs.make_asynchronous,),
    Remedy.RELEASE: (repairs.release,),
    Remedy.SUSPEND: (repairs.suspend,),
    Remedy.REPLACE: (repairs.replace_callee,),
    Remedy.UNWRAP: (repairs.unwrap,),
    Remedy.CALL: (repairs.call_directly,),
    Remedy.HAND_OVER: (repairs.hand_over,),
    Remedy.READ_ONCE: (read_once,),
    Remedy.GATHER: (gather,),
    Remedy.MOVE: (lifespan.move,),
}
WIDE: Mapping[Remedy, tuple[Callable[[Remark, Bench], Fix | None], ...]] = {
    Remedy.UNBLOCK: (member, exchange, session, enter),
    Remedy.TURN: (turn,),
    Remedy.READ_ONCE: (share_client,),
}


Asked = tuple[Remark, Finding, bool]
"""What was found, and whether it may get fixes."""


class Tried(msgspec.Struct, frozen=True):
    """What came of a share: for each finding the fixes that were written, or clauses that say why another is none, each with what is
    to be said against it (empty: it is proved). `refusals` counts what never came to be a fix.
    """

    fixes: tuple[tuple[tuple[Fix | str, str], ...], ...]
    refusals: Counter[str]


@dataclass(slots=True)
class Mending:
    """The mending of one analysis: its findings get fixes; `refusals` counts why others were not offered."""

    contexts: Contexts
    sources: Mapping[str, bytes]
    each: Each = map
    refusals: Counter[str] = field(default_factory=Counter)
    _bench: Bench = field(init=False)
    _surroundings: Surroundings = field(init=False)
    _is_told: bool = False
    _judged: dict[tuple[Edit, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bench = Bench(self.contexts, Texts(self.sources, self.contexts.project.modules), Counter())
        self._surroundings = Surroundings(self.contexts)

    def with_fixes(self, found: Iterable[tuple[Remark, Finding]]) -> Iterator[Finding]:
        """The findings with their fixes; those that are said only with a fix are left out where none is proved."""
        together: defaultdict[ProjectFunction, list[Offered]] = defaultdict(list)
        asked: defaultdict[str, list[Asked]] = defaultdict(list)
        for remark, finding in found:
            if remark.remedy is Remedy.NONE:  # it stands in nobody's way
                yield finding
                continue
            own = asked[remark.function.path]
            own.append((remark, finding, len(own) < MOST_MENDED))
        shares = [own[at : at + SHARE] for own in asked.values() for at in range(0, len(own), SHARE)]
        judged: dict[tuple[Edit, ...], str] = {}
        for share, tried in zip(shares, self.each(self._tried, shares), strict=True):
            self.refusals += tried.refusals
            for (remark, finding, _), written in zip(share, tried.fixes, strict=True):
                told = [(one, _said_first(one, against, judged)) for one, against in written]
                together[remark.function].append(self._offered(remark, finding, told))
        groups = {function: tuple(group) for function, group in together.items()}
        yield from chosen(groups, self.contexts.project.facts)

    def _tried(self, share: Sequence[Asked]) -> Tried:
        self._bench.refusals = refusals = Counter[str]()
        return Tried(tuple([tuple(self._fixes(*one)) for one in share]), refusals)

    def _fixes(self, remark: Remark, _: Finding, may_be_mended: bool) -> Iterator[tuple[Fix | str, str]]:
        document = self._bench.texts.document(remark.function.path) if may_be_mended else None
        for one in _written(remark, self._bench, document) if document is not None else ():
            made = aligned(one, self._bench.texts) if isinstance(one, Fix) else one
            yield made, self._objection(made, remark) if isinstance(made, Fix) else made

    def _offered(self, remark: Remark, finding: Finding, written: Iterable[tuple[Fix | str, str]]) -> Offered:
        proved: list[Fix] = []
        hindrance = ""
        for one, against in written:
            if isinstance(one, Fix) and not against:
                proved.append(self._with_prospect(one, remark))
            else:
                self.refusals[against] += 1
                hindrance = against
        return Offered(finding, tuple(proved), remark.only_fixed, hindrance)

    def _with_prospect(self, fix: Fix, remark: Remark) -> Fix:
        """The fix; the first that keeps a session as it is also says what it would take to await it."""
        if self._is_told or fix.way not in {Way.REVERSE, Way.OFFLOAD}:
            return fix
        if not (said := prospect(remark, self._bench.desk)):
            return fix
        self._is_told = True
        return replace(fix, notes=(*fix.notes, said))

    def _objection(self, fix: Fix, remark: Remark) -> str:
        """What is to be said against a fix; the same edits are judged once."""
        if fix.edits not in self._judged:
            usual = partial(objection, surroundings=self._surroundings)
            judge = self._bench.judges.get(fix, lifespan.objection if remark.remedy is Remedy.MOVE else usual)
            self._judged[fix.edits] = judge(fix, remark.function, self.contexts, self.sources)
        return self._judged[fix.edits]


def _said_first(one: Fix | str, against: str, judged: dict[tuple[Edit, ...], str]) -> str:
    """What was said against the same edits before, whichever process said it."""
    return judged.setdefault(one.edits, against) if isinstance(one, Fix) else against


def _written(remark: Remark, bench: Bench, document: Document) -> Iterator[Fix | str]:
    """The fixes of a remark, and clauses that say why another is none.

    What reaches further or borrows comes first where it is safe, and last where it is not.
    """
    reaching = [fix for reach in WIDE.get(remark.remedy, ()) if (fix := reach(remark, bench)) is not None]
    if remark.remedy is Remedy.UNBLOCK and (borrowed := borrow(remark, bench.contexts, document)) is not None:
        reaching.append(marked_standing(borrowed, remark, bench.contexts, document, bench.texts))
    elif remark.remedy is Remedy.UNBLOCK and (lent := lend(remark, bench)) is not None:
        reaching.append(marked_standing(lent, remark, bench.contexts, document, bench.texts))
    reaching = [marked_swallowing(fix, bench.texts) for fix in reaching]
    yield from (fix for fix in reaching if fix.applicability is Applicability.SAFE)
    rest = [fix for fix in reaching if fix.applicability is Applicability.UNSAFE]
    for write in WAYS.get(remark.remedy, ()):
        if (made := write(remark, bench.contexts, document)) is not None:
            if isinstance(made, Fix):
                made = with_relationships_noted(made, remark, bench.desk)
                made = marked_forgetting(made, remark, bench.desk, document)
                made = marked_ending(made, remark, bench.contexts, document)
                made = marked_standing(made, remark, bench.contexts, document, bench.texts)
                made = marked_exhausting(made, remark, bench.contexts)
                made = marked_sharing(made, remark, bench.contexts)
                made = marked_torn(made, remark, bench.contexts)
                made = marked_reading(made, remark, bench.contexts, document)
                made = marked_colliding(made, remark, bench.contexts)
                made = marked_swallowing(made, bench.texts)
            if isinstance(made, Fix) and made.way is Way.OFFLOAD and made.applicability is Applicability.UNSAFE:
                yield from rest  # what is awaited comes before a thread that is no better
                rest = []
            yield made
    yield from rest
