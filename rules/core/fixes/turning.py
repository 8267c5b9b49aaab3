"""Functions as wholes: which functions one fix makes asynchronous, so that every blocking call in them is dealt with.

A plan grows until it is closed: what a turned function calls and what calls it is either turned as well, asynchronous already,
certainly quick, or stays in a worker thread. Where that cannot be shown, there is no plan.
"""

import ast
from collections.abc import Callable
from enum import Enum

import msgspec

from rules.core.contexts import ALWAYS_ON_LOOP, Contexts
from rules.core.facts import Constant, Entered, Function, Site, last_name, show
from rules.core.findings import Span
from rules.core.fixes.calm import Calm
from rules.core.fixes.clients import certificates
from rules.core.fixes.clients.answers import UnknownUse
from rules.core.fixes.clients.asking import written_anew
from rules.core.fixes.clients.closing import UnclosedError, unclosed
from rules.core.fixes.clients.holding import (
    Held,
    Use,
    counterpart_of,
    counterparts,
    held_at,
    held_by,
    maker_call,
    uses_of,
)
from rules.core.fixes.offload import why_not_handed_over
from rules.core.fixes.responses import goes_into_response
from rules.core.fixes.sharing.hazards import CONTEXT_SETTERS, LOOP_MODULES
from rules.core.fixes.texts import Texts
from rules.core.library import Blocking, Counterpart, Weight
from rules.core.repository import is_offline
from rules.core.roots import Root
from rules.core.syntax import children
from rules.core.usage import calls_by_hand
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

MOST_TURNED = 12  # functions that one person can look through
PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "pydantic.BaseModel"})
HARMLESS = frozenset({"builtins.staticmethod", "builtins.classmethod", "typing.override"})
MANAGER = "contextlib.contextmanager"


class Refused(Exception):  # noqa: N818 -- it is an answer, not a failure
    """Why there is no plan, in a few words."""


class Step(Enum):
    """What a plan does with one call."""

    AWAIT = "it calls a function that is asynchronous now"
    ITERATE = "it runs through a generator that is asynchronous now"
    STREAM = "it hands such a generator to a response"
    ENTER = "it enters a context manager that is asynchronous now"
    TWIN = "an awaitable twin of the function"
    MEMBER = "an awaitable twin of the method"
    CLIENT = "the awaited method of a client that is another one now"
    OFFLOAD = "a worker thread"


NATIVE = frozenset({Step.TWIN, Step.MEMBER, Step.CLIENT})
At = tuple[ProjectFunction, int]  # a call, by its function and its place among the sites of that


class Turning(msgspec.Struct):
    """A plan: what is turned, which clients are exchanged, and what becomes of each call."""

    contexts: Contexts
    texts: Texts
    calm: Calm
    functions: dict[ProjectFunction, None] = msgspec.field(default_factory=dict)
    clients: dict[Held, Counterpart] = msgspec.field(default_factory=dict)
    steps: dict[At, Step] = msgspec.field(default_factory=dict)
    uses: dict[At, tuple[Use, Held]] = msgspec.field(default_factory=dict)
    kept: set[ProjectFunction] = msgspec.field(default_factory=set)
    others: set[ProjectFunction] = msgspec.field(default_factory=set)

    @property
    def waits_natively(self) -> bool:
        """Whether anything of it is awaited without a thread."""
        return any(step in NATIVE for step in self.steps.values())

    # Growing

    def turn(self, function: ProjectFunction) -> None:
        """Make a `def` asynchronous. Raises Refused."""
        if function in self.functions:
            return
        if function in self.kept or len(self.functions) >= MOST_TURNED:
            raise Refused("it would turn too much")
        self._check(function)
        self.functions[function] = None
        for place, site in enumerate(self._facts(function).sites):
            if not site.is_loop or held_at(function, site, self.contexts) is not None:
                self._decide((function, place), site)
        calls = calls_by_hand(function, self.contexts)
        if calls is None:
            raise Refused("it is used in a way that cannot be followed")
        if not calls and not self._is_root(function):
            raise Refused("nobody is known to call it")
        for caller, place in calls:
            self._follow(function, caller, place)

    def exchange(self, held: Held) -> None:
        """Make a client by its asynchronous class, and await it wherever it is used. Raises Refused."""
        if held in self.clients:
            return
        counterpart = counterpart_of(held, self.contexts)
        self.clients[held] = counterpart
        if held.function > 0 and held.owner < 0 and held.name:
            self._make_within(held, counterpart)
        elif counterpart.bound:
            raise Refused("the other client can only be made on the event loop")
        if counterpart.asks and self._is_made_often(held):
            raise Refused("each request would make a client of its own")
        uses = uses_of(held, self.contexts, self.texts)
        if uses is None:
            raise Refused("the client is used in a way that cannot be followed")
        try:
            unclosed(held, counterpart, uses, self.contexts, self.texts)
        except UnclosedError as left:
            raise Refused("nothing would close the asynchronous client") from left
        for use in uses:
            self._use(use, held)
        if counterpart.asks:
            self._ask(uses, counterpart)

    def _is_made_often(self, held: Held) -> bool:
        """Whether a client that is made in no time is made for each request, where the other one would take its time."""
        if held.owner >= 0:
            return self.contexts.once.is_made_for_requests(Object(ProjectClass(held.path, held.owner)))
        return not held.name and not self.contexts.once.runs_once(ProjectFunction(held.path, held.function))

    def _make_within(self, held: Held, counterpart: Counterpart) -> None:
        """A client that a function makes for itself: not on the loop where that takes long."""
        if counterpart.heavy and not self._is_made_lighter(held, counterpart):
            raise Refused("making the client would hold up the loop")
        self._reach(ProjectFunction(held.path, held.function))

    def _is_made_lighter(self, held: Held, counterpart: Counterpart) -> bool:
        """Whether the module can read once what makes it take long."""
        document = self.texts.document(held.path)
        call = maker_call(held, self.contexts, document) if document is not None else None
        if document is None or call is None or counterpart.made:
            return False
        return certificates.shared(call, counterpart.instead, document) is not None

    def _use(self, use: Use, held: Held) -> None:
        tail, counterpart = use.tail, self.clients[held]
        at = (use.function, use.place)
        if not is_offline(use.function.path) and self._is_prepared(use, counterpart):
            return
        if is_offline(use.function.path) or use.function.index == 0:
            raise Refused("the client is used outside of requests")
        if tail in counterpart.quick and tail not in counterpart.renamed:
            self._reach(use.function)
            return
        if tail not in {*counterpart.awaited, *counterpart.entered, *counterpart.iterated}:
            raise Refused(f"`{tail}` has no counterpart")
        self.steps[at] = Step.CLIENT
        self.uses[at] = (use, held)
        self._reach(use.function)

    def _is_prepared(self, use: Use, counterpart: Counterpart) -> bool:
        """Whether the module tells a client of another package, right after it is made, what both are told alike."""
        is_statement = self._facts(use.function).sites[use.place].statement
        return bool(counterpart.asks) and use.function.index == 0 and is_statement and use.tail in counterpart.quick

    def _ask(self, uses: tuple[Use, ...], counterpart: Counterpart) -> None:
        """See that each call can be written for the client of another package."""
        try:
            for use in uses:
                document = self.texts.document(use.function.path)
                if document is not None:
                    written_anew(use, uses, counterpart, document, self.contexts)
        except UnknownUse as unknown:
            raise Refused("what is asked of the client has no counterpart") from unknown

    def _reach(self, function: ProjectFunction) -> None:
        """See that a function is asynchronous."""
        if self._facts(function).asynchronous:
            self.others.add(function)
        else:
            self.turn(function)

    def _follow(self, function: ProjectFunction, caller: ProjectFunction, place: int) -> None:
        """A call of a turned function: the caller awaits it."""
        site = self._facts(caller).sites[place]
        if caller.index == 0 or site.scripted:
            raise Refused("it is called where nothing can be awaited")
        if self._facts(function).generator:
            self._follow_generator(function, (caller, place), site)
            return
        self._reach(caller)
        self.steps[caller, place] = Step.AWAIT

    def _follow_generator(self, function: ProjectFunction, at: At, site: Site) -> None:
        caller, _ = at
        if is_manager(function, self.contexts):
            self._follow_manager(at, site)
        elif goes_into_response(site.call, caller, self.contexts):
            self.steps[at] = Step.STREAM
        elif site.iterated and not site.suspending:
            self._reach(caller)
            self.steps[at] = Step.ITERATE
        else:
            raise Refused("what it yields is used in a way that cannot be followed")

    def _follow_manager(self, at: At, site: Site) -> None:
        if not site.entered or site.suspending:
            raise Refused("the context manager is used other than by `with`")
        self._reach(at[0])
        self.steps[at] = Step.ENTER

    # Deciding

    def _decide(self, at: At, site: Site) -> None:
        """What becomes of a call in a turned function."""
        function, place = at
        if at in self.steps:
            return
        where = _where(function, site)
        callee = self.contexts.project.value(site.call.callee, where)
        if isinstance(callee, Outside) and callee.name.partition(".")[0] in LOOP_MODULES:
            raise Refused("it uses an event loop of its own")
        if isinstance(callee, Outside) and callee.name in CONTEXT_SETTERS:
            raise Refused("it sets a context variable")
        called = self.contexts.project.called_function(callee)
        if called is not None and called in self.functions:
            self._follow(called, function, place)
        elif (known := self._blocking(site, where)) is not None:
            self._unblock(at, site, *known)
        elif (
            called is not None
            and self._facts(called).generator
            and goes_into_response(site.call, function, self.contexts)
        ):
            pass  # a plain generator is run through in threads
        elif any(map(self._blocks, self.contexts.targets(function, place))):
            self._help(at, site)
        elif not (self.calm.is_quick(site, where) or self._is_member_of_client(at, site)):
            raise Refused(f"`{last_name(site.call.callee)}` may block")

    def _blocks(self, target: ProjectFunction) -> bool:
        return self._facts(target).asynchronous or self.contexts.sink(target) is not None

    def _is_member_of_client(self, at: At, site: Site) -> bool:
        """A call on a client that has, or makes one that has, a counterpart; it blocks nothing by itself.

        So is one on what a manager of such a client gives: whoever writes the plan sees to it.
        """
        callee = self.contexts.project.value(site.call.callee, _where(at[0], site))
        made = counterparts(callee.name, self.contexts) if isinstance(callee, Outside) else []
        if made:
            return not made[0].heavy or self._is_client_of(at[0], site)
        held = held_at(at[0], site, self.contexts) or held_by(site.call, at[0], self.contexts)
        if held is None:
            return self._is_read_of_answer(at, site)
        self.exchange(held)
        return held_at(at[0], site, self.contexts) is not None or self._is_made_quickly(held)

    def _is_client_of(self, function: ProjectFunction, site: Site) -> bool:
        """Whether it makes a client of the function itself that is exchanged."""
        document = self.texts.document(function.path)
        own = [held for held in self.clients if (held.path, held.function) == (function.path, function.index)]
        calls = [maker_call(held, self.contexts, document) for held in own] if document is not None else []
        return any(call is not None and document is not None and document.span(call) == site.span for call in calls)

    def _is_read_of_answer(self, at: At, site: Site) -> bool:
        """Whether it reads an answer bit by bit whose client is exchanged, so that the reading is written anew with the call."""
        facts = self._facts(at[0])
        for binding in facts.bindings.get(show(site.call.callee).partition(".")[0], ()):
            made = binding.value.of if isinstance(binding.value, Entered) else binding.value
            asked = next((one for one in facts.sites if one.call == made), None)
            held = held_at(at[0], asked, self.contexts) if asked is not None else None
            if held is not None and last_name(site.call.callee) in self._reading(held):
                self.exchange(held)
                return True
        return False

    def _reading(self, held: Held) -> set[str]:
        """What reads an answer of a client bit by bit, where that has a counterpart in the package of the other one."""
        instead = counterpart_of(held, self.contexts).instead
        rows = [one for one in self.contexts.project.knowledge.borrowers if one.client == instead]
        return {name for one in rows if one.streaming for name in {*one.streaming.chunks, *one.streaming.lines}}

    def _is_made_quickly(self, held: Held) -> bool:
        """Whether the function that gives a client may be called on the event loop."""
        giver = ProjectFunction(held.path, held.function)
        return bool(held.name) or not self.clients[held].heavy or self.contexts.once.runs_once(giver)

    def _blocking(self, site: Site, where: Where) -> tuple[Blocking, str] | None:
        """What blocks, files of the program's own among it."""
        found = self.contexts.blocking(site, where)
        if found is not None:
            return found
        callee = self.contexts.project.value(site.call.callee, where)
        row = self.contexts.project.knowledge.blocking(callee.name) if isinstance(callee, Outside) else None
        if row is None or not isinstance(callee, Outside) or row.lazy or row.weight is not Weight.FILE:
            return None
        return row, callee.name

    def _unblock(self, at: At, site: Site, row: Blocking, name: str) -> None:
        """A blocking call: awaited in another way, else kept in a worker thread."""
        if row.twin is not None and not row.twin.wraps and row.weight is Weight.WAIT:
            self.steps[at] = Step.TWIN
            return
        if name in self.contexts.project.knowledge.twins and gives_all_at_once(site):
            self.steps[at] = Step.MEMBER
            return
        held = held_at(at[0], site, self.contexts)
        if held is None or not self._tries(lambda: self.exchange(held)):
            self._offload(at, site)

    def _help(self, at: At, site: Site) -> None:
        """A helper that blocks: turned with all that call it, else handed to a worker thread as it is."""
        targets = self.contexts.targets(*at)
        called = self.contexts.project.called_function(
            self.contexts.project.value(site.call.callee, _where(at[0], site))
        )
        if len(targets) != 1 or targets[0] != called:
            raise Refused("a context manager or class of the project blocks")
        if self._facts(called).asynchronous:
            raise Refused("it starts a coroutine")
        if site.entered:
            self.turn(called)  # it cannot be handed to a thread
            return
        if self._tries(lambda: self._turn_helper(called)):
            return
        self.kept.add(called)
        self._offload(at, site)

    def _turn_helper(self, helper: ProjectFunction) -> None:
        self.turn(helper)
        if not self.waits_natively:
            raise Refused("it would only move to threads")

    def _tries(self, step: Callable[[], None]) -> bool:
        """Whether a step can be taken; if not, nothing of it is."""
        saved = (dict(self.functions), dict(self.clients), dict(self.steps), dict(self.uses), set(self.others))
        kept = set(self.kept)
        try:
            step()
        except Refused:
            self.functions, self.clients, self.steps, self.uses, self.others = saved
            self.kept = kept
            return False
        return True

    def _offload(self, at: At, site: Site) -> None:
        function, _ = at
        if why_not_handed_over(site, function, self.contexts):
            raise Refused("it blocks, and can neither be awaited nor handed to a thread")
        self.steps[at] = Step.OFFLOAD

    # Checking

    def _check(self, function: ProjectFunction) -> None:
        """Raises Refused where a function may not become asynchronous, whatever it calls."""
        facts, project = self._facts(function), self.contexts.project
        definition = self._definition(function)
        if definition is None or facts.is_lambda or facts.asynchronous or is_offline(function.path):
            raise Refused("its text is not at hand")
        if not project.decorators_are_known(function) or self._is_wrapped(function):
            raise Refused("a decorator is unknown")
        if facts.owner >= 0 and facts.name == "__init__":
            raise Refused("what makes an object cannot be awaited")
        if facts.owner >= 0 and not self._may_be_turned_as_method(function):
            raise Refused("other code expects the method as it is")
        names = {node.id for node in _own_nodes(definition) if isinstance(node, ast.Name)}
        if not self.calm.is_quiet(function) or any(self.calm.is_thread_bound(name, function) for name in names):
            raise Refused("it uses a lock, what belongs to a thread, or attributes that load")
        if any(root.role in ALWAYS_ON_LOOP for root in self._roots(function)):
            raise Refused("it runs on the loop already")
        if not self._all_calls(function, definition) <= {site.span for site in facts.sites}:
            raise Refused("it holds calls that cannot be followed")
        if facts.generator and not _may_yield_asynchronously(definition):
            raise Refused("it delegates to another generator, or returns a value")

    def _all_calls(self, function: ProjectFunction, definition: ast.FunctionDef) -> set[Span]:
        document = self.texts.document(function.path)
        calls = (node for node in _own_nodes(definition) if isinstance(node, ast.Call))
        return {document.span(call) for call in calls} if document is not None else set()

    def _is_wrapped(self, function: ProjectFunction) -> bool:
        """Whether a decorator calls the function itself, or is one that only functions of its kind may have."""
        known = self.contexts.project.knowledge.registrations
        decorators = self.contexts.project.decorators(function)
        if is_manager(function, self.contexts):
            return self._is_root(function)
        return any(isinstance(d, Outside) and d.name not in known and d.name not in HARMLESS for d in decorators)

    def _may_be_turned_as_method(self, function: ProjectFunction) -> bool:
        facts, project = self._facts(function), self.contexts.project
        if facts.name.startswith("__") and not (facts.name == "__call__" and self._is_root(function)):
            return False
        owner = ProjectClass(function.path, facts.owner)
        plain = all(isinstance(o, Outside) and o.name in PLAIN_BASES for o in project.family(owner)[1:])
        return plain and not project.is_derived(owner) and len(project.class_(owner).bases) < len(project.family(owner))

    def _is_root(self, function: ProjectFunction) -> bool:
        return bool(self._roots(function))

    def _roots(self, function: ProjectFunction) -> list[Root]:
        return [root for root in self.contexts.roots if root.function == function]

    def _facts(self, function: ProjectFunction) -> Function:
        return self.contexts.project.function(function)

    def _definition(self, function: ProjectFunction) -> ast.FunctionDef | None:
        document = self.texts.document(function.path)
        found = document.function_at(self._facts(function).line) if document is not None else None
        return found if isinstance(found, ast.FunctionDef) else None


def is_manager(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether `with` enters what a call of the function gives, and nothing else is put around it."""
    return contexts.project.decorators(function) == (Outside(MANAGER),)


def gives_all_at_once(site: Site) -> bool:
    """Whether a call is not told to stream its answer."""
    return dict(site.call.keywords).get("stream", Constant(False, "bool")) == Constant(False, "bool")


def _where(function: ProjectFunction, site: Site) -> Where:
    return Where(function.path, function.index, site.line)


def _own_nodes(definition: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function's body, those of functions in it left out."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(definition.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]
        elif isinstance(node, ast.Lambda):
            waiting += [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
        else:
            waiting += children(node)
    return found


def _may_yield_asynchronously(definition: ast.FunctionDef) -> bool:
    nodes = _own_nodes(definition)
    returned = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    return not returned and not any(isinstance(node, ast.YieldFrom) for node in nodes)
