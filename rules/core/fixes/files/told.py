"""Files that the program alone names: by a text, a global, an attribute, or what is joined of such."""

from collections.abc import Hashable, Iterable

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Computed, Constant, Expression, Name, last_name
from rules.core.values import Object, ProjectClass, Where

File = Hashable
"""What a path means that the program alone tells."""
_WRAPPING = frozenset({"Path", "PurePath", "str"})
_DEEPEST = 4  # names, from a path to what it is made of


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
