"""What has to hold for a call to be reached (`Site.needs`), and what rules that out."""

import re

from rules.core.facts import Collection, Constant, Expression

_TOLD = re.compile("[^=~]+([=~])(.*)", re.DOTALL)


def subject_of(need: str) -> str:
    """The name that a need speaks of."""
    return re.split("[=~]", need.removeprefix("-"), maxsplit=1)[0]


def rules_out(given: Expression | None, need: str) -> bool:
    """Whether what is given for a parameter is certainly other than what is needed."""
    told = _TOLD.fullmatch(need)
    if told is None:
        return (is_something if need.startswith("-") else is_nothing)(given)
    if not isinstance(given, Constant) or (given.value is None and given.kind != "NoneType"):
        return False
    return (given.value in told[2].split("\n")) == (told[1] == "~")


def is_nothing(given: Expression | None) -> bool:
    """Whether it is None or False."""
    return isinstance(given, Constant) and (given.value is False or given.kind == "NoneType")


def is_something(given: Expression | None) -> bool:
    """Whether it is a literal that counts as true."""
    return (isinstance(given, Constant) and bool(given.value)) or (isinstance(given, Collection) and bool(given.items))
