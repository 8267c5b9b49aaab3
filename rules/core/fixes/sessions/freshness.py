"""Rows after a commit or a rollback: `AsyncSession` cannot load them again where an attribute is read."""

import msgspec

from rules.core.fixes.document import Document
from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.sessions.rows import ANYTHING, Called, Flow, Lost
from rules.core.fixes.turning import Refused
from rules.core.values import Object, ProjectClass, ProjectFunction, Where


class Freshness(msgspec.Struct, frozen=True):
    """Whether the functions of a plan read only rows that are loaded."""

    plan: Plan

    def check(self, function: ProjectFunction) -> None:
        """What a function does to rows, after all that it calls. Raises Refused where it reads one that may not be loaded."""
        if function in self.plan.gives:
            return
        self.plan.gives[function] = ANYTHING
        document = self.plan.file(function.path).document
        for site in self.plan.contexts.project.function(function).sites:
            where = Where(function.path, function.index, site.line)
            target = self.plan.contexts.project.value(site.call.callee, where)
            call = document.call_at(site.span) if isinstance(target, ProjectFunction) else None
            if isinstance(target, ProjectFunction) and call is not None and target in self.plan.inner:
                self.check(target)
                self.plan.called.setdefault(call, self.plan.gives[target])
        is_root = function not in self.plan.inner and not self.plan.gives_kept(function)
        self._read(function, self.plan.functions[function], is_root=is_root)

    def _flow(self, function: ProjectFunction, name: str, document: Document, *, is_root: bool) -> Flow:
        loading = self.plan.desk.loading(function)
        rows = loading.rows(name, with_given=not is_root)
        followed = {one for one in rows if self._names_followed(one, function)}
        return Flow(name, rows - followed, self.plan.row, document, self.plan.called)

    def _names_followed(self, name: str, function: ProjectFunction) -> bool:
        """Whether a name stands for an object whose class is part of the plan."""
        value = self.plan.contexts.project.name(name, Where(function.path, function.index))
        return isinstance(value, Object) and isinstance(value.of, ProjectClass) and self.plan.has_class(value.of)

    def _read(self, function: ProjectFunction, name: str, *, is_root: bool) -> None:
        document, definition = self.plan.file(function.path).document, self.plan.definition(function)
        flow = self._flow(function, name, document, is_root=is_root)
        flow.follow(definition)
        self.plan.gives[function] = Called(flow.lost, flow.gives, flow.done(()).thrown)
        loading = self.plan.desk.loading(function)
        loading.check(definition, self.plan.file(function.path), self.plan.wanted, name, is_root=is_root)
        for read in flow.reads:
            if read.returned and not is_root:
                continue
            if read.lost is Lost.ROLLED_BACK:
                raise Refused("a row is read after a rollback")
            if read.lost is Lost.COMMITTED:
                self._read_after_commit(read.returned, read.attribute, function)
            elif read.attribute in self.plan.desk.models.filled or (read.returned and self._shows_filled(function)):
                raise Refused("what the database fills is read without being loaded")

    def _read_after_commit(self, returned: bool, attribute: str, function: ProjectFunction) -> None:
        if self.plan.twins.instead.expires:
            raise Refused("a row is read after a commit, and would have to be loaded there")
        if attribute in self.plan.desk.models.filled or (returned and self._shows_filled(function)):
            raise Refused("what the database fills is read without being loaded")
        if returned and not self.plan.desk.models.is_shown_by_model(function):
            raise Refused("a row is returned after a commit, and would be shown as it was")
        self.plan.is_stale = True

    def _shows_filled(self, function: ProjectFunction) -> bool:
        shown = self.plan.desk.models.response(function)
        return shown is None or bool(shown & self.plan.desk.models.filled)
