"""Files that the program alone names: by a text, a global, an attribute, or what is joined of such; and those that it names in part."""

from collections.abc import Hashable, Iterable, Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Computed, Constant, Expression, Name, last_name
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

File = Hashable
"""What a path means that the program alone tells."""
_WRAPPING = frozenset({"Path", "PurePath", "str"})
_DEEPEST = 4  # names, from a path to what it is made of


GIVEN = "what is given"
"""Stands for what others than the program tell of a path."""


def kind_of(path: Expression | None, where: Where, contexts: Contexts) -> File | None:
    """What a path means as far as the program tells it, `GIVEN` for the rest: for all files of `KEPT / f"{name}.json"` the same.

    None where it tells nothing of it.
    """
    kind = _kind_of(path, where, contexts, 0)
    return kind if isinstance(kind, tuple) and {*_told_in(kind)} else None


def _told_in(kind: File) -> Iterator[File]:
    """What the program tells in a path that is more than a separator or the end of a name."""
    if isinstance(kind, tuple):
        for part in kind:
            yield from _told_in(part)
    elif kind != GIVEN and not (isinstance(kind, str) and (kind.startswith(".") or not kind.strip("/_-"))):
        yield kind


def _kind_of(path: Expression | None, where: Where, contexts: Contexts, depth: int) -> File:
    if (file := file_of(path, where, contexts, depth)) is not None:
        return file
    bound = contexts.project.function(where).bindings.get(path.id, ()) if isinstance(path, Name) else ()
    match path:
        case _ if depth > _DEEPEST:
            return GIVEN
        case Call(callee=callee, arguments=(one,)) if last_name(callee) in _WRAPPING:
            return _kind_of(one, where, contexts, depth + 1)
        case Call(callee=callee, arguments=parts) if last_name(callee) == "join":
            return tuple(_kind_of(one, where, contexts, depth + 1) for one in parts)
        case Computed(parts=parts):
            return tuple(_kind_of(one, where, contexts, depth + 1) for one in parts)
        case Call(callee=Attribute(of=Constant(value=str(text)), name="format")):
            return (text, GIVEN)
        case Call(callee=callee):
            called = contexts.project.value(callee, where)
            results = contexts.project.function(called).results if isinstance(called, ProjectFunction) else ()
            if isinstance(called, ProjectFunction) and len(results) == 1:
                return _kind_of(results[0], Where(called.path, called.index), contexts, depth + 1)
            return GIVEN
        case Name() if len(bound) == 1:
            return _kind_of(bound[0].value, where, contexts, depth + 1)
        case _:
            return GIVEN


def file_of(path: Expression | None, where: Where, contexts: Contexts, depth: int = 0) -> File | None:
    """What a path means; None where the program alone does not tell it."""
    if depth > _DEEPEST:
        return None
    match path:
        case Constant(value=str(text)):
            return text
        case Call(callee=callee, arguments=(one,)) if last_name(callee) in _WRAPPING:
            return file_of(one, where, contexts, depth + 1)
        case Call(callee=callee, arguments=parts) if last_name(callee) == "join":
            return _joined(parts, where, contexts, depth)
        case Computed(parts=(_, *_, Constant()) as parts):
            return _joined(parts, where, contexts, depth)
        case Name(id=name):
            facts = contexts.project.function(where)
            bound = facts.bindings.get(name, ()) if where.function else ()
            if bound or any(parameter.name == name for parameter in facts.parameters):
                return file_of(bound[0].value, where, contexts, depth + 1) if len(bound) == 1 else None
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
    files = [file_of(part, where, contexts, depth + 1) for part in parts]
    return tuple(files) if None not in files else None
