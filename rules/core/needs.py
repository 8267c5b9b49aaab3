"""What has to hold for a call to be reached (`Site.needs`), and what rules that out.

A need is a text, as it is stored with the facts:

    name        the name holds something that counts as true
    name:       it is not None
    -name       the opposite; so with each of these
    ?name       perhaps the opposite
    name=a      it holds one of some texts, one a line
    name~a      it holds none of them
    name^a      the text that it holds starts with one of some
    name$a      it ends with one of them
    name[key]   the key is found in it, a name or a word in quotation marks
    name()      the function says so
    name@f      the function `f` says so of it
    name/C      it holds an instance of one of some classes, one a line (`kinds`)
    #name       it does not hold the same each time
    name'       it, where it was given something else before
    |a|b        one of several needs is enough

What is known of a value is told by one of these: `NOTHING` (None), `FALSE`, `EMPTY` (not None, and counts as false), `MADE` (not
None), `TRUE` (counts as true), or `=` and a text; by an
empty one where nothing is known.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rules.core.facts import Collection as Display
from rules.core.facts import Constant, Expression

NOTHING = "nothing"
FALSE = "false"
EMPTY = "empty"
MADE = "made"
TRUE = "true"

MOST_OTHERS = 6  # conditions under which a parameter was given something else
DIFFERS = "#"
"""Before a name: that it does not hold the same each time."""
OF_KIND = "/"
"""Behind a name: that it holds an instance of one of the classes that follow, one a line (see `kinds`)."""
_PARTS = re.compile("([-#]?)([^=~:/^$@]*)([=~:/^$@]?)(.*)", re.DOTALL)
_OF_TEXTS = {"^": str.startswith, "$": str.endswith}
_LASTING = frozenset("=~:^$@")
"""What is asked of a value that stays so: not whether it counts as true, as a list may be filled meanwhile."""


def alternatives(need: str) -> tuple[str, ...]:
    """The needs of which one is enough: `|a|b` stands for several, every other for itself."""
    return tuple(need[1:].split("|")) if need.startswith("|") else (need,)


def either(needs: Sequence[str]) -> str:
    """One need that stands for several of which one is enough."""
    return needs[0] if len(needs) == 1 else f"|{'|'.join(needs)}"


def subject_of(need: str) -> str:
    """The name that a need speaks of."""
    return _parts(need)[1]


def _parts(need: str) -> tuple[str, str, str, str]:
    """Its sign, the name that it speaks of, what is asked of that, and the texts or names behind it."""
    found = _PARTS.fullmatch(need)
    return (found[1], found[2], found[3], found[4]) if found is not None else ("", need, "", "")


def contradict(needs: Collection[str]) -> bool:
    """Whether one of several needs says the opposite of another, so that they never hold together."""
    return any(_opposite(need) in needs for need in needs if _parts(need)[2] in _LASTING)


def _opposite(need: str) -> str:
    sign, name, asked, said = _parts(need)
    return (
        f"{name}~{said}"
        if asked == "="
        else f"{name}={said}"
        if asked == "~"
        else f"{'' if sign else '-'}{need.removeprefix('-')}"
    )


def absent(needs: Iterable[str], marks: str = "-?") -> Iterator[str]:
    """What certainly (`-`) or perhaps (`?`) holds nothing where these needs hold."""
    asked = (need for need in needs if need.startswith(tuple(marks)) and _parts(need)[2] not in {"^", "$", "@"})
    return (need[1:].removesuffix(":") for need in asked)


def rules_out(told: str, need: str) -> bool:
    """Whether a value of which that is known is certainly other than what is needed."""
    sign, _, asked, said = _parts(need)
    if not told or sign == DIFFERS or asked in {OF_KIND, "@"}:
        return False
    if asked in _OF_TEXTS:
        return told.startswith("=") and _OF_TEXTS[asked](told[1:], tuple(said.split("\n"))) == (sign == "-")
    if asked in {"=", "~"}:
        is_one = told.startswith("=") and told[1:] in said.split("\n")
        return (told.startswith("=") or told in {NOTHING, FALSE}) and is_one == (asked == "~")
    if asked == ":":
        return (told != NOTHING) == need.startswith("-")
    if need.startswith("-"):
        return told == TRUE or (told.startswith("=") and told != "=")
    return told in {NOTHING, FALSE, EMPTY, "="}


def told_by_literal(given: Expression | None) -> str:
    """What a literal tells of itself; empty for what is unknown."""
    match given:
        case Display(items=items):
            return EMPTY if not items else TRUE if len(items) > 1 and any(items) else MADE
        case Constant(value=str(value)):
            return f"={value}"
        case Constant(value=None, kind=kind):
            return NOTHING if kind == "NoneType" else "" if kind == "unknown" else MADE
        case Constant(value=False):
            return FALSE
        case Constant(value=value):
            return TRUE if value else EMPTY
        case _:
            return ""


def is_nothing(given: Expression | None) -> bool:
    """Whether it is None or False."""
    return told_by_literal(given) in {NOTHING, FALSE}


def rebound(need: str, bound: Mapping[str, Sequence[Sequence[str]]]) -> tuple[str, ...]:
    """The same where some parameters were given something else before, under these needs.

    Either it holds of what the caller gave, or the parameter was given something else: then all that this needed held.
    """
    parts = alternatives(need)
    if bound.keys().isdisjoint(map(subject_of, parts)):
        return (need,)
    under = bound.get(subject_of(need), ()) if len(parts) == 1 and "|" not in need else ()
    others = [other for needs in under for other in needs if "|" not in other and not other.startswith("?")]
    if len(under) != 1 or not others:
        return (either([_primed(part) if subject_of(part) in bound else part for part in parts]),)
    return tuple(either([need, other]) for other in others[:MOST_OTHERS])


def _primed(need: str) -> str:
    return need.replace(subject_of(need), f"{subject_of(need)}'", 1)
