"""Rows that are one object: a session gives the same for a row of a table, whoever asks for that by its key.

https://docs.sqlalchemy.org/en/21/orm/session_basics.html#is-the-session-a-cache
"""

import ast
from collections.abc import Iterator, Mapping

from rules.core.fixes.sessions.models import Models
from rules.core.syntax import walk
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def same_rows(
    given: Mapping[str, ast.expr],
    loaded: frozenset[str],
    helper: ProjectFunction,
    definition: Definition,
    caller: ProjectFunction,
    models: Models,
) -> Iterator[str]:
    """The names in a caller that stand for rows which a helper leaves loaded: it asks for those by the keys that it is given.

    `given` is what a call gives for its parameters, `loaded` are its names for what it leaves loaded.
    """
    for parameter, value in given.items():
        match value:
            case ast.Attribute(value=ast.Name(id=name), attr=key):
                row = _row(name, caller, models)
                asked = (local for local in loaded if _is_asked_for(local, key, parameter, definition))
                if row is not None and models.is_key(row, key) and row in {_row(one, helper, models) for one in asked}:
                    yield name
            case _:
                pass


def _row(name: str, function: ProjectFunction, models: Models) -> ProjectClass | None:
    """The class of the row that a name stands for."""
    project = models.contexts.project
    value = project.name(name, Where(function.path, function.index, project.function(function).end_line))
    of = value.of if isinstance(value, Object) else None
    return of if isinstance(of, ProjectClass) else None


def _is_asked_for(local: str, key: str, parameter: str, definition: Definition) -> bool:
    """Whether a name stands for what is asked for by the key that a parameter holds, wherever it is given something."""
    values = [
        node.value for node in walk(definition) if isinstance(node, ast.Assign) and _names(node.targets[0], local)
    ]
    return bool(values) and all(any(_asks_by(node, key, parameter) for node in walk(value)) for value in values)


def _asks_by(node: ast.AST, key: str, parameter: str) -> bool:
    match node:
        case ast.Compare(left=ast.Attribute(attr=name), ops=[ast.Eq()], comparators=[value]):
            return name == key and _names(value, parameter)
        case ast.keyword(arg=name, value=value):
            return name in {key, parameter} and _names(value, parameter)
        case ast.Call(args=given):  # `db.get(Item, key)`, or a helper that is given the key
            return any(_names(one, parameter) for one in given)
        case _:
            return False


def _names(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
