"""The names that an import statement takes: where one more belongs among them, and how one is taken away."""

import ast

from rules.core.findings import Edit, Span
from rules.core.fixes.document import Document

ImportStatement = ast.Import | ast.ImportFrom


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


def bound_name(statement: ImportStatement, alias: ast.alias) -> str:
    """The name that an import binds for one of what it takes."""
    return alias.asname or (alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name)


def without(document: Document, statement: ImportStatement, name: str) -> list[Edit]:
    """The edit that takes one of several names from an import; of several lines where it has its own."""
    place = next(i for i, alias in enumerate(statement.names) if bound_name(statement, alias) == name)
    if statement.lineno != statement.end_lineno:
        alias = statement.names[place]
        alone = document.line(alias.lineno).strip().removesuffix(",") == ast.unparse(alias)
        is_bracketed = document.line(statement.lineno).rstrip().endswith("(")
        own_line = Span(alias.lineno, 1, alias.lineno + 1, 1)
        return [document.replace(own_line, "")] if alone and is_bracketed else []
    first, last = (place, place + 1) if place == 0 else (place - 1, place)
    kept, gone = statement.names[first], statement.names[last]
    line = statement.lineno
    if place == 0:
        span = Span(line, document.column(line, kept.col_offset), line, document.column(line, gone.col_offset))
    else:
        ends = (kept.end_col_offset or 0, gone.end_col_offset or 0)
        span = Span(line, document.column(line, ends[0]), line, document.column(line, ends[1]))
    return [document.replace(span, "")]
