"""Helpers that stay as they are, and are run with a session of their own kind: `await session.run_sync(helper, ...)`.

https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html#running-synchronous-methods-and-functions-under-asyncio
"""

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import last_name
from rules.core.fixes.sessions.rows import Lost
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Where


class Bridging(msgspec.Struct, frozen=True):
    """What may be run so."""

    contexts: Contexts
    row: Sessions

    def check(self, helper: ProjectFunction) -> None:
        """Raises Refused where a helper does more than to ask the session that it is handed."""
        project = self.contexts.project
        result = project.result(helper)
        if project.function(helper).generator or project.function(helper).decorators:
            raise Refused("a helper is no plain function")
        if isinstance(result, Object) and isinstance(result.of, Outside) and _is_unasked(result.of.name):
            raise Refused("a helper gives what is to be asked later")
        for inner in reached(helper, self.contexts):
            if project.function(inner).asynchronous:
                raise Refused("a helper starts a coroutine")
            for site in project.function(inner).sites:
                where = Where(inner.path, inner.index, site.line)
                blocked = self.contexts.blocking(site, where)
                if blocked is not None and not self._is_of_session(blocked[1]):
                    raise Refused("a helper blocks by other things as well")
                made = project.value(site.call, where)
                callee = project.value(site.call.callee, where)
                is_made = isinstance(made, Object) and isinstance(made.of, Outside) and made.of.name == self.row.of
                if is_made and not (isinstance(callee, Outside) and callee.name.startswith(f"{self.row.of}.")):
                    raise Refused("a helper makes a session of its own")

    def _is_of_session(self, name: str) -> bool:
        knowledge = self.contexts.project.knowledge
        owner = name.rpartition(".")[0]
        return (
            owner in knowledge.family(self.row.of)
            or owner == knowledge.result(f"{self.row.of}.{self.row.query}")
            or (owner == knowledge.result(f"{knowledge.family(self.row.of)[-1]}.{self.row.query}"))
        )


def lost_in(helper: ProjectFunction, row: Sessions, contexts: Contexts) -> Lost:
    """What rows may lose in a helper, by the methods that are called in it."""
    called = names_called(helper, contexts)
    if called & row.losing:
        return Lost.ROLLED_BACK
    if called & row.expiring:
        return Lost.COMMITTED
    return Lost.FILLED if "flush" in called else Lost.NOTHING


def names_called(helper: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The names of all methods and functions that are called in a helper, and in what it calls."""
    return frozenset(
        last_name(site.call.callee)
        for inner in reached(helper, contexts)
        for site in contexts.project.function(inner).sites
    )


def _is_unasked(name: str) -> bool:
    """Whether an object of the library still has to ask the database for what it gives; rows that were loaded have not."""
    return name.startswith("sqlalchemy.") and not name.endswith(".Loaded")
