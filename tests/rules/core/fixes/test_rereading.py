"""What is read of an edited file in pieces is what is read of the whole."""

from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import Edit, Span, apply_edits, read_facts
from rules.core.fixes.rereading import taken_apart
from rules.core.reading import read_part
from tests.rules.checking import encoded, is_read_again

PATH = "app/main.py"

SOURCE = '''
# coding: utf-8
"""What it is for."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI  # noqa: F401

app = FastAPI()
seen = {}
if True:
    limit = 1
    if not limit: raise ValueError


class Shop:
    name: str = "größe"

    def __init__(self) -> None:
        self.kept = lambda: seen


@app.get("/")
async def home(x: int = 1) -> int:
    time.sleep(1)  # asyncify: ignore[blocking/sleep]
    return [x for x in seen if isinstance(x, int)][0]


text = """
@app.get("/")
"""

@app.get(
    "/other"
)
def other(shop: "Shop"):
    global limit
    assert isinstance(shop, Shop)
    limit = (lambda: f"ö {shop.name()}")()
    if limit:
        seen[shop] = 1
    return 1
'''


def edit(before: str, after: str, source: str = SOURCE) -> tuple[bytes, Edit]:
    """A source, and the edit that replaces the one place in it that reads `before`."""
    text = encoded(source).decode()
    assert text.count(before) == 1
    offset, end = text.index(before), text.index(before) + len(before)
    places = [(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)) for at in (offset, end)]
    return text.encode(), Edit(PATH, Span(*places[0], *places[1]), after)


def read_again(source: bytes, *edits: Edit) -> bool:
    return is_read_again(source, apply_edits(source, edits), edits)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("time.sleep(1)", "await asyncio.sleep(1)"),
        ("import time\n", "import time\nimport anyio\n"),
        ("import asyncio\n", ""),
        ("from __future__ import annotations\n", "from __future__ import annotations\n\nimport anyio\n"),
        ("class Shop", "\n\n# More.\nclass Shop"),
        ("    limit = 1\n", "    limit = int = 1\n"),
        ("return 1\n", "return 1"),
        ("return 1\n", "return seen[other, home]\n# asyncify: ignore-file\n"),
        ("async def home", "# A comment.\nasync def home"),
        ("@app.get(\n", "@app.post(\n\n"),
        ('name: str = "größe"', 'name: str = "größe und mehr"; later = 2'),
        ("seen = {}", "seen = {}; more = {}"),
        ("seen = {}", '"seen"'),
    ],
)
def test_what_an_edit_touches_is_read_again(before: str, after: str) -> None:
    assert read_again(*edit(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("time.sleep(1)", "await (lambda: time)()"),
        ("async def home", "def more(): ...\n\n@app.put('/')\nasync def home"),
        ("seen = {}", "class Seen: ..."),
        ("time.sleep(1)", "yield from seen"),
        ("def other(", "def other(("),
        ("seen = {}", "if seen: raise ValueError"),
        ("seen = {}", "raise ValueError"),
        ("seen = {}", "while True: ..."),
        ("seen = {}", "global seen"),
        ("seen = {}", "from __future__ import generator_stop"),
        ("from __future__ import annotations\n", ""),
        ("app = FastAPI()\n", "app = FastAPI(); "),
        ("app = FastAPI()\n", "app = FastAPI(); \\\n"),
        ("# coding: utf-8", "# coding: latin-1"),
        ("seen = {}", "seen = {}\rmore = {}"),
    ],
)
def test_where_more_may_mean_something_else_the_whole_is_read(before: str, after: str) -> None:
    assert not read_again(*edit(before, after))


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# Nothing.\n",
        "a = 1\rb = 2\n",
        "a = (\n",
        "return 1\n",
        "a = 1\nraise SystemExit\nb = 1\n",
        "a = 1\nglobal a\n",
        "if a:\n    global b\n",
        "from __future__ import barry_as_FLUFL\na = 1\n",
        "from __future__ import nonsense\na = 1\n",
        "a = 1\nfrom __future__ import annotations\n",
        "try: ...\nexcept A, B: ...\n",
    ],
)
def test_files_that_are_not_taken_apart(source: str) -> None:
    assert taken_apart(source.encode()) is None


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("a = 1; b = 2\nc = 3\n", ["a = 1; b = 2\n", "c = 3\n"]),
        ("a = 1; \\\nb = 2\nc = 3\n", ["a = 1; \\\nb = 2\n", "c = 3\n"]),
        ('a = """\nb"""; b = """\n"""; c = 1\nd = 4', ['a = """\nb"""; b = """\n"""; c = 1\n', "d = 4"]),
        ("a = 1\n@b\n\ndef c(): ...\n", ["a = 1\n", "@b\n\ndef c(): ...\n"]),
        ("a = 1\n@(\n  b\n)\ndef c(): ...\n", ["a = 1\n@(\n  b\n)\ndef c(): ...\n"]),
        ("a = 1\n(\n  b\n)\n", ["a = 1\n", "(\n  b\n)\n"]),
        ("'a'\nfrom __future__ import division\n\nb = 1\n", ["'a'\nfrom __future__ import division\n\n", "b = 1\n"]),
    ],
)
def test_a_file_is_taken_apart_where_a_line_begins_a_statement(source: str, pieces: list[str]) -> None:
    apart = taken_apart(source.encode())
    assert apart is not None
    assert [piece.text for piece in apart.pieces] == pieces


def test_several_edits_of_one_file() -> None:
    source, first = edit("import asyncio\n", "import anyio\nimport asyncio\n")
    edits = [
        first,
        *(edit(*one)[1] for one in (("time.sleep(1)", "await anyio.sleep(1)"), ("return 1\n", "return 2\n"))),
    ]
    assert read_again(source, *edits)
    assert read_again(source, *edits, first)
    assert read_again(source.replace(b"\n", b"\r\n"), *edits)


def test_an_import_that_many_fixes_add_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source, added = edit("import asyncio\n", "import anyio\nimport asyncio\n")
    fixes = [
        [added, edit(*one)[1]] for one in (("time.sleep(1)", "await anyio.sleep(1)"), ("return 1\n", "return 2\n"))
    ]
    taken_apart.cache_clear()
    apart = taken_apart(source)
    assert apart is not None
    read = Mock(wraps=read_part)
    monkeypatch.setattr("rules.core.fixes.rereading.read_part", read)

    told = [apart.edited(fix, apply_edits(source, fix)) for fix in fixes]

    assert read.call_count == 3
    for fix, one in zip(fixes, told, strict=True):
        assert one is not None
        assert one.facts.body == read_facts(apply_edits(source, fix)).body


STATEMENTS = (
    "import time",
    "from a import *",
    "from .b import c as d, e",
    "x = y = time.monotonic()",
    "x: int = d(lambda: x)",
    '"""text\n# asyncify: ignore\n"""',
    "# asyncify: ignore[blocking/sleep]",
    "# asyncify: ignore-file[blocking]",
    "d.state.e = x  # noqa: ASYNC251, E501",
    "if x:\n    y = 1\nelif not y:\n    y = 2\n\nelse: ...",
    "if x is None: raise ValueError\nx.run()",
    "for z in range(3): z(z for z in x)",
    "with open('größe') as f, x: x.y['z'] = f",
    "try:\n    import json as d\nexcept (ImportError, E) as e:\n    d = None",
    "match x:\n    case {'a': [B(c=d), *e]} if d: ...",
    "async def f(x=1, *y: 'z', k: int = x) -> 'Z':\n    async with x as z:\n        return [await n for n in z]",
    "@d.route('/')\n@e\ndef g(x):\n    global y\n    y, x.z = f(x), lambda: g\n    yield from x",
    "class C(B, metaclass=d):\n    x: 'int | None' = 1\n    def m(self): self.x, (self.y, *z) = x\n    @property\n    def p(self): return f'{self.m()!r:>{x}} ö'",
    "assert isinstance(x, C), f'''{\n  x.y()\n}'''",
    "print(f'ä {x(1)}', (\n  x := 2,\n))",
    "del x; x = 'a.b'",
    "",
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=2, max_size=9),
    st.lists(st.sampled_from(STATEMENTS), max_size=3),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_statements_in_the_place_of_any_others(
    kept: list[str], put: list[str], data: st.DataObject, end: str
) -> None:
    """Wherever less than the whole is read, it says the same."""
    start = data.draw(st.integers(0, len(kept)))
    stop = data.draw(st.integers(start, len(kept)))
    starts = [1]
    for statement in kept:
        starts.append(starts[-1] + statement.count("\n") + 1)
    source = "".join(f"{statement}\n" for statement in kept).replace("\n", end).encode()
    replacement = "".join(f"{statement}\n" for statement in put).replace("\n", end)
    read_again(source, Edit(PATH, Span(starts[start], 1, starts[stop], 1), replacement))
