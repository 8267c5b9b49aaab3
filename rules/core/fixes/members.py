"""What an import statement takes from a module, and where one more name belongs among it."""

import ast

from rules.core.findings import Edit
from rules.core.fixes.document import Document


def besides(document: Document, statement: ast.ImportFrom, members: list[str]) -> tuple[Edit, ...]:
    """The edits by which a statement imports more names: each in its place where those that stand there are in order.

    On lines of their own where those that stand there are, else beside them.
    """
    places: dict[int, list[str]] = {}
    for member in sorted(members, key=_rank):
        places.setdefault(_place_among(statement.names, member), []).append(member)
    return tuple([_insertion(document, statement, place, joined) for place, joined in places.items()])


def belongs_there(statement: ast.ImportFrom, alias: ast.alias, member: str) -> bool:
    """Whether a statement is still in order once it imports another name in place of one."""
    others = [one for one in statement.names if one is not alias]
    return _place_among(others, member) == statement.names.index(alias)


def _place_among(names: list[ast.alias], member: str) -> int:
    ranks = [_rank(alias.name) for alias in names]
    return next((i for i, rank in enumerate(ranks) if ranks == sorted(ranks) and rank > _rank(member)), len(names))


def _rank(name: str) -> tuple[int, str, str]:
    """What names are sorted by: constants come before classes, and classes before functions.

    https://docs.astral.sh/ruff/settings/#lint_isort_order-by-type
    """
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name.casefold(), name


def _insertion(document: Document, statement: ast.ImportFrom, place: int, members: list[str]) -> Edit:
    if place == len(statement.names):
        return document.append(statement.names[-1], *members)
    line, column = document.span(statement.names[place]).start
    indent = document.line(line)[: column - 1]
    if indent.strip():
        return document.insert((line, column), "".join(f"{member}, " for member in members))
    return document.insert((line, 1), "".join(f"{indent}{member},\n" for member in members))
