"""Statements for columns: what a session gives for them is plain, holds no row, and loads nothing where it is read.

https://docs.sqlalchemy.org/en/21/orm/queryguide/select.html#selecting-individual-attributes
"""

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Expression, Name, last_name
from rules.core.fixes.sessions.models import Models
from rules.core.values import Outside, ProjectClass, ProjectFunction, Where

_SELECTING = frozenset({"select", "query"})
_ASKING = frozenset({"execute", "scalars", "scalar", "exec"})
_WRITING = frozenset({"delete", "update", "insert", "text"})
_DEEPEST = 6  # names and calls, from what is asked to what is selected


def selects_columns(call: Expression | None, where: Where, contexts: Contexts, models: Models, depth: int = 0) -> bool:
    """Whether a statement, or what is asked by one, is for columns, counts and the like only, or writes."""
    if depth > _DEEPEST:
        return False
    match call:
        case Name(id=name):
            facts = contexts.project.function(ProjectFunction(where.path, where.function))
            values = [binding.value for binding in facts.bindings.get(name, ())]
            return bool(values) and all(selects_columns(value, where, contexts, models, depth + 1) for value in values)
        case Call(callee=callee, arguments=given) if _name(callee, where, contexts) in _SELECTING:
            return bool(given) and all(_is_plain(one, where, contexts, models) for one in given)
        case Call(callee=callee) if _name(callee, where, contexts) in _WRITING:
            return True
        case Call(callee=Attribute(name=name), arguments=(given, *_)) if name in _ASKING:
            return selects_columns(given, where, contexts, models, depth + 1)
        case Call(callee=Attribute(of=of)):
            return selects_columns(of, where, contexts, models, depth + 1)
        case _:
            return False


def _name(callee: Expression | None, where: Where, contexts: Contexts) -> str:
    """The last name of what is called, whatever it is imported as."""
    value = contexts.project.value(callee, where) if isinstance(callee, Name) else None
    return value.name.rpartition(".")[2] if isinstance(value, Outside) else last_name(callee)


def _is_plain(selected: Expression | None, where: Where, contexts: Contexts, models: Models) -> bool:
    """Whether what is selected is a column, or something that the database works out of some."""
    match selected:
        case Constant():
            return True
        case Attribute(of=of, name=name):
            owner = contexts.project.value(of, where)
            is_column = isinstance(owner, ProjectClass) and models.is_mapped(owner)
            return is_column and name not in models.related and name not in models.loading
        case Call(callee=Attribute(of=of, name=name)):
            return _is_plain(of, where, contexts, models) if name == "label" else last_name(of) == "func"
        case _:
            return False
