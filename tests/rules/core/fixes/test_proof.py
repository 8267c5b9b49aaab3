"""Each objection to a fix, by a fix that deserves it."""

import pytest

from rules import Edit, Fix, Span, Way, read_facts
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.fixes.proof import objection
from rules.core.project import Project
from rules.core.values import ProjectFunction
from tests.rules.checking import encoded, not_yet

PATH = "app/main.py"

SOURCE = """
import asyncio
import time

from fastapi import Depends, FastAPI

app = FastAPI()


async def helper(): ...


def plain(): ...


@app.get("/")
async def home(x: int = 1, *, y: str = Depends(plain)) -> int:
    await helper()
    time.sleep(1)
    return 1
"""


def objected(before: str, after: str, source: str = SOURCE, function: str = "home") -> str:
    """The objection to replacing the one place that reads `before`, for a finding in the function."""
    text = encoded(source).decode()
    assert text.count(before) == 1
    offset = text.index(before)
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    end = offset + len(before)
    end_line, end_column = text.count("\n", 0, end) + 1, end - text.rfind("\n", 0, end)
    return _objection(source, function, Edit(PATH, Span(line, column, end_line, end_column), after))


def _objection(source: str | bytes, function: str, *edits: Edit) -> str:
    sources = {PATH: encoded(source)}
    facts = read_facts(sources[PATH])
    contexts = Contexts(Project({PATH: facts}, engine().knowledge))
    index = [f.qualname for f in facts.functions].index(function)
    return objection(Fix("Do it", Way.TWIN, edits), ProjectFunction(PATH, index), contexts, sources)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("time.sleep(1)", "await asyncio.sleep(1)"),
        ("time.sleep(1)", "await asyncio.to_thread(time.sleep, 1)"),
        ("    time.sleep(1)\n", ""),
        ("def plain(): ...", "def plain():\n    return 1"),
        ("    return 1", "    return 1  # one"),
    ],
)
def test_no_objection(before: str, after: str) -> None:
    assert objected(before, after) == ""


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("time.sleep(1)", "await asyncio.sleep(1", "does not parse"),
        ("def plain(): ...", "def plain(): await helper()", "does not parse"),
        ("app = FastAPI()", "app = await FastAPI()", "does not parse"),
        ("    return 1", "    return [x async for x in y", "does not parse"),
        ("time.sleep(1)", "await anyio.sleep(1)", "leaves a name unresolved"),
        ("import time\n", "", "leaves a name unresolved"),
        ("import time\n", "import time\n\nasyncio.plain = plain\n", "reads a name above the line that binds it"),
        ("import time\n", "import time\n\n@plain\ndef f(): ...\n\n", "reads a name above the line that binds it"),
        ("time.sleep(1)", "time.sleep(1)", "changes nothing"),
        ("x: int = 1", "x: int = 2", "changes a signature"),
        ("x: int = 1", "z: int = 1", "changes a signature"),
        ("x: int = 1", "x: str = 1", "changes a signature"),
        ("-> int", "-> str", "changes a signature"),
        ('@app.get("/")\n', "", "changes a signature"),
        ('@app.get("/")', '@app.get("/x")', "changes a signature"),
        (", *, y", ", y", "changes a signature"),
        ("Depends(plain)", "Depends(helper)", "changes a signature"),
        ("async def home", "async def house", "changes a signature"),
        ("    return 1", "    yield 1", "changes a signature"),
        ("    return 1", "    import requests\n    requests.get('x')", "blocks elsewhere"),
        ("    return 1", "    time.sleep(2)", "blocks elsewhere"),
        ("await helper()", "helper()", "leaves a coroutine unawaited"),
        ("time.sleep(1)", "asyncio.sleep(1)", "leaves a coroutine unawaited"),
        ("    return 1", "    return helper()", "leaves a coroutine unawaited"),
    ],
)
def test_an_objection(before: str, after: str, reason: str) -> None:
    assert objected(before, after) == reason


INNER = """

@app.get("/inner")
async def outer():
    async def inner():
        await helper()
        time.sleep(3)

    await inner()
    return 2


async def other():
    time.sleep(4)
    await helper()
"""


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("return 2", "return helper()", "leaves a coroutine unawaited"),
        ("return 2", "time.sleep(2)", "blocks elsewhere"),
        ("        await helper()\n        time.sleep(3)", "        helper()", "leaves a coroutine unawaited"),
        ("        time.sleep(3)", "        time.sleep(3)\n        time.sleep(3)", "blocks elsewhere"),
    ],
)
def test_what_is_defined_in_the_function_is_looked_at_too(before: str, after: str, reason: str) -> None:
    assert objected(before, after, SOURCE + INNER, "outer") == reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("    time.sleep(4)\n    await helper()", "    helper()", "leaves a coroutine unawaited"),
        ("time.sleep(4)", "time.sleep(4)\n    time.sleep(4)", "blocks elsewhere"),
        ("def plain(): ...", "def plain(): time.sleep(5)", ""),
        ("def plain(): ...", "def plain(): anyio.sleep(5)", "leaves a name unresolved"),
        ("async def other", "def other", "does not parse"),
        ("async def other()", "async def other(x)", "changes a signature"),
        ("def plain()", "def simple()", "leaves a name unresolved"),
        ("def plain(): ...", "def plain(): ...\n\n\ndef more(): ...", "changes a signature"),
    ],
)
def test_what_a_fix_does_to_other_functions_counts(before: str, after: str, reason: str) -> None:
    assert objected(before, after, SOURCE + INNER) == reason


def test_edits_that_overlap() -> None:
    edits = [Edit(PATH, Span(1, 1, 1, 4), "a"), Edit(PATH, Span(1, 2, 1, 5), "b")]
    assert _objection(SOURCE, "home", *edits) == "edits overlap"


def test_a_text_that_the_encoding_of_the_file_cannot_hold() -> None:
    edit = Edit(PATH, Span(2, 5, 2, 6), "'€'")
    assert _objection(b"# coding: latin-1\na = 1\n", "<module>", edit) == "not writable in the encoding of the file"


def test_newer_syntax_is_no_objection() -> None:
    """The rest of the file may be newer than the interpreter."""
    source = SOURCE + "\n\ndef f[T](x: T):\n    try: ...\n    except A, B: ...\n    return f'{x[\"a\"]}'\n"
    assert objected("time.sleep(1)", "await asyncio.sleep(1)", source) == ""


def test_a_name_that_was_read_too_early_before_is_no_objection() -> None:
    """Nor is one that a function reads when it is called, or that a branch may have bound."""
    source = f"print(helper)\n\n\ndef early():\n    return plain()\n\n\nif helper:\n    app = None\n{SOURCE}"
    assert objected("time.sleep(1)", "await asyncio.sleep(1)", source, "home") == ""


def test_a_name_that_was_open_before_is_no_objection() -> None:
    assert objected("time.sleep(1)", "await asyncio.sleep(1)", SOURCE + "\nprint(undefined)\n") == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    return 1", "    def time(): ...\n    return 1"),
        pytest.param(
            "import time\n",
            "import time\nasyncio = None\n",
            marks=not_yet("a name that now means something else resolves all the same"),
        ),
    ],
)
def test_names_that_change_their_meaning(before: str, after: str) -> None:
    assert objected(before, after)
