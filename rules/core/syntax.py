"""Python text to `ast`, also where the text is newer than the interpreter that reads it (see `rules.core.newer`)."""

import ast
import re
import warnings
from collections.abc import Iterator

DEEPEST = 100  # brackets, or columns of indentation
_WITHOUT_NODES = frozenset(
    {"arg", "asname", "attr", "conversion", "ctx", "id", "kind", "level", "module", "simple", "type_comment"}
)
_BRACKETS = re.compile(r"[()\[\]{}]")
_SIGNS = re.compile(r"(?:[-+~]\s*|not\s+|await\s+|lambda\s*:\s*|\*\*\s*|\.\w+){200}")
_INDENTS = re.compile(r"^[ \t]+", re.MULTILINE)


class UnreadableError(ValueError):
    """The text is no Python that could be read; the message says where and why, for a person."""


def parse(text: str) -> ast.Module:
    """The tree of a module. Raises `UnreadableError`."""
    try:
        return parse_now(text)
    except SyntaxError as error:
        return _parse_newer(text, error)
    except (ValueError, MemoryError, RecursionError) as error:
        raise UnreadableError(_sentence(error)) from error


def parse_now(text: str) -> ast.Module:
    """The tree of a module in the grammar of this interpreter. Raises what `ast.parse` raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes and the like are not ours to report
        return ast.parse(text)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in the order of `ast.walk` and in a third of its time. `Load` and its kin are left out."""
    waiting = [node]
    for one in waiting:
        waiting += children(one)
        yield one


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """For each node below a tree the one around it, in the same order."""
    found: dict[ast.AST, ast.AST] = {}
    waiting = [tree]
    for node in waiting:
        below = children(node)
        found |= dict.fromkeys(below, node)
        waiting += below
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node."""
    found: list[ast.AST] = []
    for name in _fields[type(node)]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of nodes in which other nodes may lie: https://docs.python.org/3/library/ast.html#abstract-grammar."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = tuple(name for name in kind._fields if name not in _WITHOUT_NODES)
        return self[kind]


_fields = _Fields()


def compiles(text: str) -> bool:
    """Whether Python would compile the text, as far as this interpreter can tell (`await` only where it may stand)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(parse(text), "<fix>", "exec", dont_inherit=True)
    except (UnreadableError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _parse_newer(text: str, error: SyntaxError) -> ast.Module:
    if _is_too_deep(text):
        raise UnreadableError("it is nested too deeply to be read") from error
    from rules.core.newer import older  # noqa: PLC0415 -- LibCST takes half of the start, and few files need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(older(text))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise UnreadableError(_sentence(error)) from error


def _is_too_deep(text: str) -> bool:
    """Whether brackets, signs or blocks nest so deeply that LibCST's parser might overflow its stack."""
    if _SIGNS.search(text):
        return True
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "([{" else -1
        deepest = max(deepest, depth)
    return deepest > DEEPEST or any(len(indent) > DEEPEST for indent in _INDENTS.findall(text))


def _sentence(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    if isinstance(error, (MemoryError, RecursionError)):
        return "it is nested too deeply to be read"
    return str(error)
