"""What a condition tells of names: that one holds something, is of a type, or is a certain text."""

import ast

from rules.core.needs import either
from rules.core.syntax import walk

PRESENT = frozenset({"exists", "isdir", "isfile", "is_dir", "is_file"})  # what asks whether there is a file
LONGEST_TEXT = 120  # characters of a literal that is kept


def type_check(test: ast.expr) -> ast.Call | None:
    """`isinstance(x, T)`, alone or with more behind an `and`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return next((asked for value in test.values if (asked := type_check(value)) is not None), None)
    is_asked = isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance"
    return test if is_asked and isinstance(test, ast.Call) and len(test.args) == 2 else None


def always_leaves(statement: ast.stmt) -> bool:
    """Whether nothing runs that stands below a statement in its block: each way through it returns, raises or leaves a loop."""
    if isinstance(statement, ast.If):
        always = isinstance(statement.test, ast.Constant) and bool(statement.test.value)
        blocks = (statement.body,) if always else (statement.body, statement.orelse)
        return all(block and always_leaves(block[-1]) for block in blocks)
    return isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break))


def needed(test: ast.expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that must hold something for a condition to hold, and for it to fail; with a minus: that must hold nothing.

    Behind a `|` stand several of which one is enough. A colon behind it: where None is asked for, not whether it counts as true. `cache[key]` stands for `key in cache`, `f()` for a function that is asked, `x@f` for one that is asked of something.
    """
    match test:
        case ast.Compare(subject, [ast.IsNot()], [ast.Constant(value=None)]) if name := _subject(subject):
            return (f"{name}:",), (f"-{name}:",)
        case ast.Compare(subject, [ast.Is()], [ast.Constant(value=None)]) if name := _subject(subject):
            return (f"-{name}:",), (f"{name}:",)
        case ast.Compare(ast.Name(id=name), [ast.Eq() | ast.In()], [texts]) if said := _texts(texts):
            return (f"{name}={said}",), (f"{name}~{said}",)
        case ast.Compare(ast.Name(id=name), [ast.NotEq() | ast.NotIn()], [texts]) if said := _texts(texts):
            return (f"{name}~{said}",), (f"{name}={said}",)
        case ast.Compare(key, [ast.In()], [kept]) if name := _subject(kept):
            return (f"{name}[{_key(key)}]",), (f"-{name}[{_key(key)}]",)
        case ast.Compare(key, [ast.NotIn()], [kept]) if name := _subject(kept):
            return (f"-{name}[{_key(key)}]",), (f"{name}[{_key(key)}]",)
        case ast.UnaryOp(ast.Not(), operand):
            held, failed = needed(operand)
            return failed, held
        case ast.BoolOp(ast.And(), parts):
            told = [needed(part) for part in parts]
            return tuple(name for held, _ in told for name in held), _one_of([failed for _, failed in told])
        case ast.BoolOp(ast.Or(), parts):
            told = [needed(part) for part in parts]
            return _one_of([held for held, _ in told]), tuple(name for _, failed in told for name in failed)
        case ast.Call(ast.Name(id=name) | ast.Attribute(attr=name), [], []):
            return (f"{name}()",), (f"-{name}()",)
        case ast.Call(ast.Attribute(attr=name), [_], []) if name in PRESENT:
            return (f"{name}()",), (f"-{name}()",)
        case ast.Call(ast.Name("hasattr"), [ast.Name(id=owner), ast.Constant(value=str(attribute))]):
            return (f"{owner}.{attribute}",), (f"-{owner}.{attribute}",)
        case ast.Call(ast.Attribute(ast.Name(id=name), "startswith" | "endswith" as part), [texts], []) if (
            said := _texts(texts)
        ):
            asked = f"{name}{'^' if part == 'startswith' else '$'}{said}"
            return (asked,), (f"-{asked}",)
        case ast.Call(ast.Name(id=asking), [ast.Name(id=name)], []):
            return (f"{name}@{asking}",), (f"-{name}@{asking}",)
        case _:
            name = _subject(test)
            return ((name,), (f"-{name}",)) if name else ((), ())


def _one_of(ways: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What of several ways one is enough needs: of each the first thing that it needs. Nothing where one needs nothing."""
    first = [needs[0] for needs in ways if needs and "|" not in needs[0]]
    return (either(first),) if len(first) == len(ways) else ()


def _texts(node: ast.expr) -> str:
    """A text, or several, one a line; empty for anything else."""
    items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    said = "\n".join(found)
    return said if len(found) == len(items) and len(said) <= LONGEST_TEXT else ""


def matched(pattern: ast.pattern) -> str:
    """The text that a pattern stands for, or those, one a line; empty for any other pattern."""
    options = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    values = [option.value for option in options if isinstance(option, ast.MatchValue)]
    return _texts(ast.Tuple(list(values))) if len(values) == len(options) else ""


def _key(node: ast.expr) -> str:
    """What is looked for: a name, an attribute of one, or a literal word, in quotation marks."""
    match node:
        case ast.Constant(value=str(word)) if word.isidentifier():
            return f'"{word}"'
        case _:
            return _subject(node)


def _subject(node: ast.expr) -> str:
    """A name, or an attribute of one: `cache`, `self.cache`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(ast.Name(id=owner), attribute):
            return f"{owner}.{attribute}"
        case _:
            return ""


def perhaps_missing(test: ast.expr) -> tuple[str, ...]:
    """What may hold nothing below `if cache is not None and ready: return cache`, each with a question mark.

    Where a condition compares what grows, as time does, what is kept is made again and again.
    """
    ordered = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    parts = list(walk(test))
    if any(isinstance(part, (ast.Call, *ordered)) for part in parts):
        return ()
    return tuple(f"?{name}" for name in needed(test)[0] if not name.startswith(("-", "|")))


def is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
