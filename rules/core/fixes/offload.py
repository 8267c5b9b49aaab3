"""A call handed to a worker thread where it stands: `await run_in_threadpool(f, ...)`."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Collection, Constant, Expression, Facts, Site, last_name
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import awaitable_call, parenthesised
from rules.core.fixes.document import Document
from rules.core.fixes.files.same import WRITTEN_AT_ONCE, writes_same_file_at
from rules.core.fixes.imports import Imported, import_dotted, import_member, is_imported, is_optional
from rules.core.fixes.responses import is_read_while_sent, told
from rules.core.fixes.sharing.callers import those_above
from rules.core.fixes.sharing.exclusive import (
    given_exclusively,
    is_called_on,
    runs_beside_itself,
    uses_exclusively,
)
from rules.core.fixes.sharing.frames import CALLERS, NAMES, asks_for_callers, looks_for_names
from rules.core.fixes.sharing.handling import HANDLED, STOPPED, asks_for_exception, is_handled_at, is_stop_handled
from rules.core.fixes.sharing.hazards import (
    BOUND,
    CONTENDED,
    PER_THREAD,
    belonging,
    changes_global,
    is_contended,
    marked,
    read_from_other_threads,
)
from rules.core.fixes.sharing.in_memory import IN_MEMORY, asks_own_database, uses_own_database
from rules.core.fixes.sharing.meanwhile import CROWDING, MEANWHILE, difference_meanwhile, used_by_threads
from rules.core.fixes.sharing.objects import unproven_at
from rules.core.fixes.sharing.owning import handed_new, is_made_there
from rules.core.library import Role, Weight
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.usage import reached
from rules.core.values import Outside, ProjectFunction, Value, Where

FINISHING = frozenset({"connect", "commit", "flush", "rollback", "remove", "close", "expire_all", "expunge_all"})
LAZY = "the call only begins what is done later"
THREADPOOL = ("fastapi.concurrency", "run_in_threadpool")
STANDARD = "asyncio.to_thread"
_CONTINUED = re.compile(r"[ \t]*\\(?=\n)")  # what goes on below, which it does in brackets anyway
_HOLDING = (ast.Assign, ast.AnnAssign, ast.Return)
_LINE = 88  # characters, as formatters have it where they are told nothing else
FRAMEWORKS = frozenset({"fastapi", "starlette"})


def offload(remark: Remark, contexts: Contexts, document: Document) -> Fix | str | None:
    """The call handed to a worker thread, or why it cannot be."""
    site, function = remark.site, remark.function
    if site is None:
        return None
    call = awaitable_call(site, function, contexts, document)
    if call is None:
        return "nothing can be awaited where the call stands: a lock may be held there, or something that belongs to one thread"
    if is_stop_handled(call, document):
        return STOPPED
    hindrance = why_not_handed_over(site, function, contexts)
    if hindrance and not (hindrance == LAZY and _is_sent_later(call, remark, contexts, document)):
        return hindrance
    handing = hand_over(document, contexts, function)
    if handing is None:
        return "the name `run_in_threadpool` is taken"
    edits = parenthesised(call, document, [first_argument(call, document, handing.name)])
    fix = Fix(
        f"Hand the call to a worker thread with `{handing.name}`",
        Way.OFFLOAD,
        (*edits, *handing.edits),
    )
    made = _marked_behind(fix, site, function, contexts)
    is_said = MEANWHILE in made.notes and changes_global(
        site.call, contexts.project.function(function), function, contexts
    )
    return made if is_said else marked(made, function, contexts, site.span, document)


def _is_sent_later(call: ast.Call, remark: Remark, contexts: Contexts, document: Document) -> bool:
    """Whether a thread can begin an answer that a response reads in threads, bit by bit, as it sends it."""
    name = remark.sink.name if remark.sink is not None and remark.sink.is_direct else ""
    rows = (one for one in contexts.project.knowledge.borrowers if one.name == name and one.streaming is not None)
    row = next(rows, None)
    if row is None or row.streaming is None or told(call) is None or remark.site is None or remark.site.entered:
        return False
    quick = row.streaming.answer.keys() | row.negated.keys()
    is_read = is_read_while_sent(call, quick, remark.function, document, contexts)
    return is_read and not _binding(remark.site, remark.function, contexts)


def _marked_behind(
    fix: Fix, site: Site, function: ProjectFunction, contexts: Contexts, calls: Sequence[Call] = ()
) -> Fix:
    """The fix; unsafe where a thread now changes what requests share, or runs through it, while the event loop serves them.

    `calls` are those that are handed over together with that of the site.
    """
    target = contexts.project.called_function(contexts.project.value(site.call.callee, _where(site, function)))
    is_own = is_made_there(site.call, function, contexts)
    difference = ""
    if target is not None:
        new = handed_new(site.call, target, function, (), contexts)
        difference = difference_meanwhile(target, contexts, is_own=is_own, new=new)
    if not difference and writes_same_file_at(site, function, contexts):
        difference = WRITTEN_AT_ONCE
    facts = contexts.project.function(function)
    if not difference and changes_global(site.call, facts, function, contexts):
        difference = MEANWHILE
    if not difference and (name := unproven_at(site, function, contexts)):
        difference = used_by_threads(name)
    if not difference and _is_crowded(calls or [site.call], function, contexts):
        difference = CROWDING
    return replace(fix, applicability=Applicability.UNSAFE, notes=(difference, *fix.notes)) if difference else fix


def _is_crowded(calls: Iterable[Call], function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether one of some calls is one of which no two threads may make two at once."""
    called = (contexts.project.value(one.callee, Where(function.path, function.index)) for one in calls)
    is_unthreaded = contexts.project.knowledge.is_unthreaded
    return any(isinstance(one, Outside) and is_unthreaded(one.name) for one in called)


def _chained(call: Call) -> Iterator[Call]:
    """The calls of a chain, that of its end first: `a()` and `a().b()` of `a().b()`."""
    link: Expression | None = call
    while link is not None:
        if isinstance(link, Call):
            yield link
        link = link.callee if isinstance(link, Call) else link.of if isinstance(link, Attribute) else None


def offload_whole(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """A chain of blocking calls, `engine.connect().execute(...)`, handed over as one, with what blocks in its arguments."""
    function = remark.function
    blocking = _blocking(function, contexts)
    inner = document.call_at(remark.site.span) if remark.site is not None else None
    whole = _chain_around(inner, set(blocking), document) if inner is not None else None
    handing = hand_over(document, contexts, function)
    if whole is None or handing is None or not _fits_in_lambda(whole):
        return None
    last = blocking[document.span(whole)]
    outer = awaitable_call(last, function, contexts, document)
    if outer is None or not _may_all_be_handed_over(last, function, contexts):
        return None
    start, end = document.span(outer).start, document.span(outer).end
    wrapped = [document.insert(start, f"await {handing.name}(lambda: "), document.insert(end, ")")]
    if document.needs_parentheses(outer):
        wrapped = [document.insert(start, f"(await {handing.name}(lambda: "), document.insert(end, "))")]
    title = f"Hand the whole expression to a worker thread with `{handing.name}`"
    fix = Fix(title, Way.OFFLOAD, (*wrapped, *handing.edits))
    made = _marked_behind(fix, last, function, contexts, [*_chained(last.call)])
    return marked(made, function, contexts, last.span, document)


@told_once
def _blocking(function: ProjectFunction, contexts: Contexts) -> Mapping[Span, Site]:
    """The calls in a function that block themselves, by where they stand."""
    sites = contexts.project.function(function).sites
    return {site.span: site for site in sites if contexts.blocking(site, _where(site, function)) is not None}


def _chain_of(call: ast.Call, document: Document) -> list[ast.Call]:
    """The calls of a chain, `a()` and `a().b()` and so on, that the given one is part of, innermost first."""
    node: ast.AST = call
    while isinstance(attribute := document.parents.get(node), ast.Attribute):
        around = document.parents.get(attribute)
        if not (isinstance(around, ast.Call) and around.func is attribute):
            break
        node = around
    found = []
    while isinstance(node, ast.Call):
        found.append(node)
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return found[::-1]


def _chain_around(call: ast.Call, blocking: set[Span], document: Document) -> ast.Call | None:
    """The end of the outermost chain of two or more blocking calls that a call is part of, or an argument in."""
    found = None
    node: ast.AST | None = call
    while isinstance(node, (ast.expr, ast.keyword)):
        if isinstance(node, ast.Call):
            chain = [one for one in _chain_of(node, document) if document.span(one) in blocking]
            found = chain[-1] if len(chain) > 1 else found
        node = document.parents.get(node)
    return found


def _fits_in_lambda(call: ast.Call) -> bool:
    return not any(isinstance(node, (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)) for node in walk(call))


def _may_all_be_handed_over(whole: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a worker thread can do a call with all that stands in it: nothing there is, or gets, an `await` of its own."""
    for place, site in enumerate(contexts.project.function(function).sites):
        if site.span not in whole.span:
            continue
        where = _where(site, function)
        leads = contexts.blocking(site, where) or any(map(contexts.sink, contexts.targets(function, place)))
        if contexts.awaitable(site, where) or (leads and why_not_handed_over(site, function, contexts)):
            return False
    return True


def why_not_handed_over(site: Site, function: ProjectFunction, contexts: Contexts) -> str:
    """Why a worker thread cannot do all that the call does, as a clause; empty where it can."""
    if site.awaited:
        return "a thread would only make the coroutine"
    if _is_lazy(site, function, contexts):
        return LAZY
    if _takes_func(site, function, contexts):
        return "one of the arguments is, or may be, called `func`"
    return _binding(site, function, contexts)


def _takes_func(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether an argument has, or may have, the name under which the hand-over itself takes the callable."""
    named = {name for name, _ in site.call.keywords}
    own = contexts.blocking(site, _where(site, function)) is not None
    return "func" in named or ("" in named and not own)


def _binding(site: Site, function: ProjectFunction, contexts: Contexts) -> str:
    """Why the call, or a helper behind it, must run in the thread where it runs now, as a clause; empty where it need not."""
    where, knowledge = _where(site, function), contexts.project.knowledge
    if is_called_on(knowledge.thread_bound, site.call, where, contexts):
        return BOUND
    called = contexts.project.value(site.call.callee, where)
    if is_called_on(knowledge.per_thread, site.call, where, contexts) or _is_per_thread(called, contexts):
        return PER_THREAD
    if is_contended(function, contexts):
        return CONTENDED
    target = contexts.project.called_function(called)
    targets = contexts.targets(function, contexts.project.function(function).sites.index(site))
    meant = dict.fromkeys((*((target,) if target is not None else ()), *targets))
    inside = list(dict.fromkeys(inner for one in meant for inner in reached(one, contexts)))
    if asks_own_database(site, function, contexts) or any(uses_own_database(one, contexts) for one in inside):
        return IN_MEMORY
    if looks_for_names(site, function, contexts):
        return NAMES
    if any(asks_for_callers(one, contexts) for one in meant):
        return CALLERS
    if read_from_other_threads(inside, contexts):
        return PER_THREAD
    if is_handled_at(site, function, contexts) and any(asks_for_exception(one, contexts) for one in meant):
        return HANDLED
    if runs_beside_itself(function, contexts) and _shares(site, function, inside, contexts):
        return CONTENDED
    if _finishes_for_others(inside, contexts):
        return PER_THREAD
    return next(filter(None, (belonging(inner, contexts) for inner in inside)), "")


def _is_per_thread(called: Value | None, contexts: Contexts) -> bool:
    """Whether a function of a library speaks of what the thread has that calls it."""
    return isinstance(called, Outside) and called.name in contexts.project.knowledge.per_thread


def _finishes_for_others(functions: list[ProjectFunction], contexts: Contexts) -> bool:
    """Whether all that they do with what is another object in each thread is to finish what others began with it."""
    done = set[str]().union(*(_done_per_thread(function, contexts) for function in functions))
    return bool(done) and done <= FINISHING


@told_once
def _done_per_thread(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The last names of what a function calls on what is another object in each thread."""
    per_thread, sites = contexts.project.knowledge.per_thread, contexts.project.function(function).sites
    done = (site for site in sites if is_called_on(per_thread, site.call, _where(site, function), contexts))
    return frozenset(last_name(site.call.callee) for site in done)


def _shares(site: Site, function: ProjectFunction, inside: list[ProjectFunction], contexts: Contexts) -> bool:
    """Whether the call, or a helper behind it, uses a session or connection that the function has not made itself."""
    if uses_exclusively(site.call, function, contexts):
        return True
    if all(given_exclusively(site.call, function, contexts)) and _take_theirs_from_callers(inside, contexts):
        return False
    return any(
        uses_exclusively(s.call, inner, contexts) for inner in inside for s in contexts.project.function(inner).sites
    )


def _take_theirs_from_callers(functions: list[ProjectFunction], contexts: Contexts) -> bool:
    """Whether each session or connection that they use is a parameter, or was made in the function itself."""
    return all(
        all(given_exclusively(site.call, function, contexts, of_callers=True))
        for function in functions
        for site in contexts.project.function(function).sites
    )


def _where(site: Site, function: ProjectFunction) -> Where:
    return Where(function.path, function.index, site.line)


def hand_over(document: Document, contexts: Contexts, function: ProjectFunction) -> Imported | None:
    """Which function hands over: the one that the file uses already, else FastAPI's, whose pool is the larger.

    Where FastAPI need not be installed, as for a package that has nothing to do with it, it is the standard library's.
    """
    if _ends_early(function, contexts):
        return document.told("what hands over to the end", lambda: _handing_over(document, contexts, ()))
    return document.told("what hands over", lambda: _handing_over(document, contexts, (STANDARD,)))


def _ends_early(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is cancelled as a client leaves: `run_in_threadpool` then waits for the thread first, `asyncio.to_thread` does not,
    and what is cleaned up after it is taken from under the thread.

    https://anyio.readthedocs.io/en/stable/threads.html, https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread
    """
    roots = {arrival.root for arrival in contexts.arrivals.get(function, ())}
    around = {function, *those_above(function, contexts)}
    is_streamed = any(contexts.project.function(one).generator for one in around)
    return is_streamed or any(root.role is Role.WEBSOCKET for root in roots)


def _handing_over(document: Document, contexts: Contexts, others: tuple[str, ...]) -> Imported | None:
    module, member = THREADPOOL
    for dotted in (f"{module}.{member}", f"starlette.concurrency.{member}", *others):
        written = is_imported(document, dotted)
        if written is not None and (dotted.endswith(member) or written in document.called):
            return Imported(written)
    if is_optional(document, module) or not _may_import_fastapi(document.path, contexts):
        return import_dotted(document, STANDARD)
    return import_member(document, module, member)


def _may_import_fastapi(path: str, contexts: Contexts) -> bool:
    """Whether the outermost package around a file imports it somewhere; a file in no package is one of an application."""
    facts, package = contexts.project.facts, ""
    around = path.rpartition("/")[0]
    while f"{around}/__init__.py" in facts:
        package, around = f"{around}/", around.rpartition("/")[0]
    inside = (one for other, one in facts.items() if other.startswith(package)) if package else ()
    return not package or any(FRAMEWORKS & _packages_imported(one) for one in inside)


def _packages_imported(facts: Facts) -> frozenset[str]:
    return frozenset(one.module.partition(".")[0] for one in facts.outline.imports if not one.level)


def first_argument(call: ast.Call, document: Document, name: str) -> Edit:
    """The callee becomes the first argument; arguments on lines of their own keep them."""
    callee = document.text_of(call.func).replace("\r\n", "\n")
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    start, after = document.span(call.func).start, document.span(call.func).end
    opening = document.between(after, document.span(call).end).index("(")
    opened = _advanced(document, after, opening + 1)
    behind = document.line(opened[0])[opened[1] - 1 :].strip()
    is_below = not behind or behind.startswith("#")  # its first argument, on a line of its own
    around = _indentation(document.line(start[0]))
    indent = _indentation(document.line(opened[0] + 1)) if given and is_below else around + _step(around)
    is_said_of = "#" in document.between(after, document.span(call).end)
    if not given and not is_said_of and (bracket := _bracket_around(call, document)):
        taken = document.between(bracket, start).replace("\r\n", "\n").removeprefix("(")
        return document.replace(Span(*bracket, *document.span(call).end), f"await {name}({taken}{callee},")
    if "\n" in callee and not _holds_lines(call.func):
        callee = _deeper(_CONTINUED.sub("", callee), indent.removeprefix(around))
    elif not (given and is_below):
        return document.replace(Span(*start, *opened), f"await {name}({callee}{', ' if given else ''}")
    first = f"await {name}(\n{indent}{callee},"
    if joined := _start_of_line_with_all(given, opened[0], len(f"{indent}{callee}, "), document):
        return document.replace(Span(*start, *joined), f"{first} ")
    if not given and not is_said_of:
        return document.replace(document.span(call), f"{first}\n{around})")
    return document.replace(Span(*start, *opened), first if is_below else f"{first}\n{indent}")


def _bracket_around(call: ast.Call, document: Document) -> tuple[int, int] | None:
    """Where the bracket stands that does no more than to hold a call on lines of its own: `x = (⏎ call ⏎)`."""
    start, end = document.span(call).start, document.span(call).end
    statement = document.parents.get(call)
    if not isinstance(statement, _HOLDING) or start[0] == statement.lineno:
        return None
    above, below = document.line(start[0] - 1).rstrip(), document.line(end[0] + 1)
    is_alone = not document.line(start[0])[: start[1] - 1].strip() and not document.line(end[0])[end[1] - 1 :].strip()
    is_held = above.endswith(("= (", "return (")) and below.lstrip().startswith(")")
    return (start[0] - 1, len(above)) if is_alone and is_held else None


def _start_of_line_with_all(
    given: Sequence[ast.expr | ast.keyword], opening: int, more: int, document: Document
) -> tuple[int, int] | None:
    """Where the first argument stands, if all stand together on the line below the bracket and one more has room there.

    A comma behind the last says that each is to have its own line, as formatters read it.
    """
    if not given or document.span(given[0]).line != opening + 1:
        return None
    start, end = document.span(given[0]).start, document.span(given[-1]).end
    line = document.line(opening + 1)
    is_alone = end[0] == opening + 1 and not line[end[1] - 1 :].strip() and len(line.strip()) + more <= _LINE
    return start if is_alone and "#" not in document.line(opening) else None


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _step(indentation: str) -> str:
    return "\t" if "\t" in indentation else "    "


def _deeper(text: str, step: str) -> str:
    """The lines below the first, so much further to the right."""
    return text.replace("\n", f"\n{step}")


def _holds_lines(callee: ast.expr) -> bool:
    """Whether a text of several lines stands in it, which says something else where it is moved."""
    texts = (node for node in walk(callee) if isinstance(node, (ast.Constant, ast.JoinedStr)))
    return any(node.lineno != node.end_lineno for node in texts)


def _advanced(document: Document, position: tuple[int, int], characters: int) -> tuple[int, int]:
    line, column = position
    text = document.between(position, (len(document.offsets) - 1, 1))[:characters]
    lines = text.count("\n")
    return (line + lines, column + characters if not lines else characters - text.rindex("\n"))


def _is_lazy(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the result does its work later, so that handing over the call alone moves nothing."""
    if site.entered or site.lazy:
        return True
    where = _where(site, function)
    own = contexts.blocking(site, where)
    if own is not None:
        row, name = own
        streamed = dict(site.call.keywords).get("stream")
        told = row.weight is Weight.WAIT and not site.use  # reading it later is a finding of its own
        return (
            (row.opens and not told)
            or row.lazy
            or name.endswith(".__iter__")
            or (streamed is not None and streamed != Constant(False, "bool"))
        )
    target = contexts.project.called_function(contexts.project.value(site.call.callee, where))
    if target is None:
        return True
    facts = contexts.project.function(target)
    return facts.generator or any(isinstance(result, Collection) and result.lazy for result in facts.results)
