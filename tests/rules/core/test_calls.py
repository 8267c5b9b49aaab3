"""What checks ask of calls: how their values are used, which library function they mean, what is certain of results."""

import pytest

from rules import Way, read_facts
from rules.core.calls import calls_of, gives_plain_value
from rules.core.catalog import all_libraries
from rules.core.contexts import Contexts
from rules.core.project import Project
from rules.core.values import ProjectFunction
from tests.rules.checking import analysed, project, with_app


def contexts_of(source: str, path: str = "app/main.py") -> Contexts:
    return Contexts(Project({path: read_facts(source.encode())}, all_libraries()))


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("if f(): ...", "tested"),
        ("x = not f()", "tested"),
        ("x = f() and y", "tested"),
        ("x = y and f()", ""),
        ("if y and f(): ...", "tested"),
        ("x = 1 if f() else 2", "tested"),
        ("if (x := f()): ...", "tested"),
        ("assert f(), y", "tested"),
        ("x = [y for y in [z] if f()]", "tested"),
        ("x = f().name", ".name"),
        ("f().name()", ".name"),
        ("x = f()[0]", "item"),
        ("x = f() == 1", "compared"),
        ("x = y in f()", "compared"),
        ("x = f() + 1", "computed"),
        ("x = -f()", "computed"),
        ("x = f'{f()}'", "formatted"),
        ("x, y = f()", "unpacked"),
        ("f()()", "called"),
        ("x = f()", ""),
        ("f()", ""),
        ("y(f())", ""),
        ("return f()", ""),
        ("x = [f()]", ""),
    ],
)
def test_the_use_of_a_value(statement: str, use: str) -> None:
    facts = read_facts(f"def g(y, z):\n    {statement}\n".encode())
    assert [
        site.use for site in facts.functions[1].sites if site.call.callee == facts.functions[1].sites[0].call.callee
    ][:1] == [use]


@pytest.mark.parametrize(
    ("statement", "suspending"),
    [
        ("with f(): ...", False),
        ("async with f(): ...", True),
        ("for x in f(): ...", False),
        ("async for x in f(): ...", True),
        ("x = [y for y in f()]", False),
        ("x = [y async for y in f()]", True),
        ("x = list(f())", False),
    ],
)
def test_what_is_entered_or_run_through_asynchronously(statement: str, suspending: bool) -> None:
    facts = read_facts(f"async def g():\n    {statement}\n".encode())
    site = facts.functions[1].sites[0]
    assert site.entered or site.iterated
    assert site.suspending is suspending


def test_names_whose_truth_is_asked_for() -> None:
    facts = read_facts(b"def g(a, b, c, d):\n    if a and not b or c: ...\n    x = d\n")
    assert facts.functions[1].tested == ("a", "b", "c")


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import asyncio\nasyncio.run(1)\nasyncio.run(2)\n", 2),
        ("from asyncio import run\nrun(1)\n", 1),
        ("from asyncio import run as start\nstart(1)\n", 1),
        ("def run(): ...\nrun(1)\n", 0),
        ("import other\nother.run(1)\n", 0),
        ("import asyncio\nif __name__ == '__main__':\n    asyncio.run(1)\n", 0),
    ],
)
def test_calls_of_a_library_function(source: str, count: int) -> None:
    assert len(list(calls_of(frozenset({"asyncio.run"}), contexts_of(source), "app/main.py"))) == count


def test_tests_make_no_calls_that_count() -> None:
    contexts = contexts_of("import asyncio\nasyncio.run(1)\n", "tests/test_a.py")
    assert not list(calls_of(frozenset({"asyncio.run"}), contexts, "tests/test_a.py"))


@pytest.mark.parametrize(
    ("definition", "is_plain"),
    [
        ("def f(): ...", True),
        ("def f() -> None: ...", True),
        ("def f() -> int: ...", True),
        ("def f() -> 'dict[str, int] | None': ...", True),
        ("def f():\n    return [1]", True),
        ("def f():\n    return g()", False),
        ("def f(x):\n    return x", False),
        ("def f() -> object: ...", False),
        ("def f() -> type: ...", False),
        ("def f() -> unknown: ...", False),
        ("def f():\n    yield", False),
        ("async def f() -> int: ...", False),
        ("@unknown\ndef f() -> int: ...", False),
    ],
)
def test_functions_that_give_plain_values(definition: str, is_plain: bool) -> None:
    assert gives_plain_value(ProjectFunction("app/main.py", 1), contexts_of(f"{definition}\n")) is is_plain


def test_advice_stands_in_the_way_of_no_fix() -> None:
    """A client that is made anew has no fix, and the endpoint can still lose its `async` for what blocks in it."""
    source = with_app(
        "import boto3\nimport requests",
        '@app.get("/")\nasync def home():\n    boto3.client("s3")\n    requests.get("https://example.org")\n',
    )
    findings = {finding.rule: finding for finding in analysed(project(source)).findings}
    assert findings["concurrency/clients"].fix is None
    assert findings["concurrency/clients"].advice
    blocking = findings["clients/requests"].fix
    assert blocking is not None
    assert blocking.way is Way.REVERSE
