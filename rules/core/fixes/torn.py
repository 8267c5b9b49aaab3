"""Files that the event loop writes while a thread reads them: there it may find them half written, or empty.

On the event loop nothing comes between the opening of a file and the end of what is written to it.
"""

from collections.abc import Hashable, Iterable

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Computed, Constant, Expression, Name, Site, last_name
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.pools import threaded
from rules.core.fixes.rewriting import read_by, written_by
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

TORN = "It reads a file in a thread that other requests write on the event loop: it may find it half written."
_WRAPPING = frozenset({"Path", "PurePath", "str"})
_WHOLE = frozenset({"move", "rename", "replace"})  # what comes to be there at once
_DEEPEST = 4  # names, from a path to what it is made of

File = Hashable
"""What a path means that the program alone tells: a text, a global, an attribute, or what is joined of such."""


def marked_torn(fix: Fix, remark: Remark, contexts: Contexts) -> Fix:
    """The fix; unsafe where it lets a thread read what the event loop writes."""
    if fix.way not in {Way.REVERSE, Way.OFFLOAD, Way.TWIN}:
        return fix
    inside = {inner for one in threaded(fix, remark, contexts) for inner in reached(one, contexts)}
    read = {file for one in inside for file in _read(one, contexts)}
    if fix.way is not Way.REVERSE:
        own = (pair for pair in read_by(remark.function, contexts) if pair[0] == remark.site)
        read |= _files(own, remark.function, contexts)
    if not read or read.isdisjoint(contexts.table("written files", lambda: _written_on_loop(contexts))):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, TORN))


@told_once
def _read(function: ProjectFunction, contexts: Contexts) -> frozenset[File]:
    return _files(read_by(function, contexts), function, contexts)


def _written_on_loop(contexts: Contexts) -> dict[File, bool]:
    """The files that are written step by step by what runs on the event loop while requests are served."""
    found = set[File]()
    for function in contexts.arrivals:
        written = (one for one in written_by(function, contexts) if last_name(one[0].call.callee) not in _WHOLE)
        found |= _files(written, function, contexts)
    return dict.fromkeys(found, True)


def _files(paths: Iterable[tuple[Site, Expression]], function: ProjectFunction, contexts: Contexts) -> frozenset[File]:
    files = (_file(path, Where(function.path, function.index, site.line), contexts) for site, path in paths)
    return frozenset(file for file in files if file is not None)


def _file(path: Expression | None, where: Where, contexts: Contexts, depth: int = 0) -> File | None:
    if depth > _DEEPEST:
        return None
    match path:
        case Constant(value=str(text)):
            return text
        case Call(callee=callee, arguments=(one,)) if last_name(callee) in _WRAPPING:
            return _file(one, where, contexts, depth + 1)
        case Call(callee=callee, arguments=parts) if last_name(callee) == "join":
            return _joined(parts, where, contexts, depth)
        case Computed(parts=(_, *_, Constant()) as parts):
            return _joined(parts, where, contexts, depth)
        case Name(id=name):
            facts = contexts.project.function(where)
            bound = facts.bindings.get(name, ()) if where.function else ()
            if bound or any(parameter.name == name for parameter in facts.parameters):
                return _file(bound[0].value, where, contexts, depth + 1) if len(bound) == 1 else None
            return contexts.project.definition(path, where)
        case Attribute(of=of, name=name):
            value = contexts.project.value(of, where)
            owner = value.of if isinstance(value, Object) else None
            is_own = isinstance(owner, ProjectClass)
            return (owner, name) if is_own else contexts.project.definition(path, where)
        case _:
            return None


def _joined(
    parts: Iterable[Expression | None], where: Where, contexts: Contexts, depth: int
) -> tuple[File, ...] | None:
    files = [_file(part, where, contexts, depth + 1) for part in parts]
    return tuple(files) if None not in files else None
