"""Who looks at the frames of those who call: in a worker thread others call.

https://docs.python.org/3/library/inspect.html#the-interpreter-stack
"""

import re

from rules.core.contexts import Contexts
from rules.core.facts import Constant, Site
from rules.core.usage import called_outside, given_to
from rules.core.values import Object, Outside, ProjectFunction, Where

CALLERS = "it asks who called it, and in a thread somebody else does"
NAMES = "it may take a table from a variable of the function that calls it"
_FRAMES = frozenset({"inspect.stack", "inspect.currentframe", "sys._getframe"})
_TABLE = re.compile(r"\b(?:from|join)\s+\"?(\w+)", re.IGNORECASE)
_TABLES = ("pandas.", "polars.", "pyarrow.")


def asks_for_callers(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function itself wants to know who called it."""
    return not _FRAMES.isdisjoint(called_outside(function, contexts))


def looks_for_names(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call may take a table from a variable of the function that it stands in, or of its module.

    https://duckdb.org/docs/stable/clients/c/replacement_scans
    """
    where = Where(function.path, function.index, site.line)
    called = contexts.project.value(site.call.callee, where)
    if not (isinstance(called, Outside) and called.name.startswith("duckdb.")):
        return False
    facts = contexts.project.function(function)
    names = {*facts.bindings, *(one.name for one in facts.parameters)}
    known = [one.value for one in given_to(site.call) if isinstance(one, Constant) and isinstance(one.value, str)]
    if known:
        names.update(contexts.project.facts[function.path].functions[0].bindings)
        return any(table in names for text in known for table in _TABLE.findall(text))
    values = (contexts.project.name(name, where) for name in names)
    return any(isinstance(v, Object) and isinstance(v.of, Outside) and v.of.name.startswith(_TABLES) for v in values)
