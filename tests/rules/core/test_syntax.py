"""Python that is newer than the interpreter is read, every line and column true; and trees are walked."""

import ast
from pathlib import Path

import pytest

from rules import apply_edits, read_facts
from rules.core.syntax import UnreadableError, compiles, parse, walk
from tests.rules.checking import found, with_app

NEWER = {
    "PEP 758: except without parentheses": "try:\n    a()\nexcept A, B:\n    b()\n",
    "PEP 758: except* without parentheses": "try:\n    a()\nexcept* A, B, c.D:\n    b()\n",
    "PEP 695: a generic function": "def f[T](x: T) -> T:\n    return g(x)\n",
    "PEP 695: a generic function with bounds": "async def f[T: (int, str), *Ts, **P](x: T): g(x)\n",
    "PEP 695: a generic class": "class A[T](B):\n    def m[U](self): g()\n",
    "PEP 695: type": "type X = int | None\ng()\n",
    "PEP 695: generic type": "type X[T] = list[T]\ng()\n",
    "PEP 696: a default": "def f[T = int](x: T): g(x)\n",
    "PEP 701: the same quotes": 'x = f"{a["b"]}"; g()\n',
    "PEP 701: nested": 'x = f"{f"{a}"}"; g()\n',
    "PEP 701: a backslash": 'x = f"{"\\n".join(a)}"; g()\n',
    "PEP 701: a comment": 'x = f"""{\n    a  # why\n}"""\ng()\n',
    "PEP 750: a template": 'x = t"a {b} c"; g()\n',
    "PEP 750: a raw template": 'x = rt"a {b} c"; g()\n',
    "PEP 649: an annotation of what comes later": "def f(x: Later): g()\n\n\nclass Later: ...\n",
    "PEP 798: unpacking in a comprehension": "x = [*a for a in b]\ng()\n",
    "PEP 810: lazy import": "lazy import json\ng()\n",
}
_NOT_YET = {
    "PEP 701: a comment": "a comment in such a string is not replaced",
    "PEP 701: a backslash": "LibCST 1.9 does not say where a backslash stands in such a string",
    "PEP 798: unpacking in a comprehension": "LibCST 1.9 does not read the grammar of Python 3.15",
    "PEP 810: lazy import": "LibCST 1.9 does not read the grammar of Python 3.15",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in NEWER.items() if name not in _NOT_YET])
def test_newer_syntax_is_read(text: str) -> None:
    tree = parse(text)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "g"]
    places = [(n.lineno, n.col_offset) for n in calls]
    lines = text.split("\n")
    if "g(" in text:
        assert [lines[line - 1][column : column + 2] for line, column in places] == ["g("]
    else:
        assert not places


@pytest.mark.parametrize("name", _NOT_YET)
def test_what_nobody_can_read_yet_costs_only_its_file(name: str) -> None:
    facts = read_facts(NEWER[name].encode())
    assert facts.problem or facts.functions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "    try:\n        time.sleep(1)\n    except ValueError, TypeError: time.sleep(2)\n",
            "    try:\n        await asyncio.sleep(1)\n    except ValueError, TypeError: await asyncio.sleep(2)\n",
        ),
        ("    type X = int; time.sleep(1)\n", "    type X = int; await asyncio.sleep(1)\n"),
        ("    def f[T](x: T): ...\n    time.sleep(1)\n", "    def f[T](x: T): ...\n    await asyncio.sleep(1)\n"),
        (
            '    x = f"größe {d["é"]}", time.sleep(1), f"{d["b"]}"\n',
            '    x = f"größe {d["é"]}", await asyncio.sleep(1), f"{d["b"]}"\n',
        ),
        ('    x = t"{d}", time.sleep(1)\n', '    x = t"{d}", await asyncio.sleep(1)\n'),
    ],
)
def test_fixes_beside_newer_syntax(before: str, after: str) -> None:
    """This interpreter cannot compile them, so the harness is no help; the text says it all."""
    head = with_app("import asyncio\nimport time\nprint(time)", '@app.get("/")\nasync def home(d: dict):\n')
    source = (head + before).encode()
    fixes = [finding.fix for finding in found("blocking/sleep", source)]
    edits = [edit for fix in fixes if fix for edit in fix.edits]
    assert apply_edits(source, edits).decode() == head + after


def test_a_call_inside_a_newer_f_string_is_found_and_not_touched() -> None:
    source = with_app("import time", '@app.get("/")\nasync def home(d):\n    return f"{d["a"]} {time.sleep(1)}"\n')
    (finding,) = found("blocking/sleep", source)
    assert finding.span.line == 10


def test_alternatives_of_except_are_not_mixed_up() -> None:
    tree = parse("try:\n    a()\nexcept A, B:\n    b()\n")
    (handler,) = (n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler))
    assert handler.type is not None
    assert {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} == {"A", "B"}


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = \n", 1), ("x = 1\ndef f(:\n", 2), ("print 'x'\n", 1), ("if x:\npass\n", 2), ("(", 1), ('x = "', 1)],
)
def test_what_is_no_python_says_where(text: str, line: int) -> None:
    with pytest.raises(UnreadableError, match=f"^line {line}: "):
        parse(text)


@pytest.mark.parametrize("text", ["x = '\\d'\n", "1 is 1\n", "x = 1if y else 2\n", "assert (1, 'x')\n"])
def test_a_warning_of_the_compiler_is_no_problem(text: str) -> None:
    parse(text)
    assert compiles(text)


@pytest.mark.parametrize(
    "text",
    [
        "await x\n",
        "def f():\n    await x\n",
        "def f():\n    return [await x for x in y]\n",
        "async def f():\n    lambda: await x\n",
        "class A:\n    x = await y\n",
        "def f():\n    async with x: ...\n",
        "async def f():\n    yield 1\n    return 2\n",
        "return 1\n",
        "x = \x00\n",
    ],
)
def test_what_python_would_not_compile(text: str) -> None:
    assert not compiles(text)


@pytest.mark.parametrize("text", ["async def f():\n    await x\n", "async def f():\n    [await x for x in y]\n", ""])
def test_what_python_would_compile(text: str) -> None:
    assert compiles(text)


def test_a_literal_in_a_newer_f_string_keeps_its_meaning() -> None:
    tree = parse('x = f"{a[\'b\' + "c"]}"\n')
    assert [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)] == ["b", "c"]


def test_a_tree_is_walked_as_python_walks_it() -> None:
    for path in Path(ast.__file__).parent.glob("[a-t]*.py"):
        tree = parse(path.read_text())
        assert [*walk(tree)] == [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]
