"""What one pass over a file's tree tells."""

import pytest

from rules import read_facts
from rules.core.facts import Call, Function, Name, Site, show
from rules.core.reading import LONGEST_FILE
from tests.rules.checking import encoded


def functions(text: str) -> dict[str, Function]:
    facts = read_facts(encoded(text))
    assert not facts.problem
    return {f.qualname: f for f in facts.functions}


def sites(text: str, name: str = "<module>") -> dict[str, Site]:
    return {show(site.call.callee): site for site in functions(text)[name].sites}


def test_functions_by_their_qualified_names() -> None:
    found = functions(
        """
        def a():
            def b():
                class C:
                    def d(self): ...
            return lambda: 1

        class E:
            async def f(self):
                def g(): ...

            class H:
                def i(self): ...
        """
    )
    assert list(found) == ["<module>", "a", "a.b", "a.b.C.d", "a.<lambda>", "E.f", "E.f.g", "E.H.i"]
    assert found["E.f"].asynchronous
    assert not found["E.f.g"].asynchronous


def test_lines_are_those_of_def_and_of_the_first_decorator() -> None:
    function = functions("@a\n@b(\n    1\n)\nasync def f(\n    x,\n): ...\n")["f"]
    assert (function.first_line, function.line, function.column, function.end_line) == (1, 5, 1, 7)


@pytest.mark.parametrize(
    "body",
    [
        "await a()",
        "async for x in y: ...",
        "async with x: ...",
        "[x async for x in y]",
        "{x: 1 async for x in y}",
        "return [await x for x in y]",
        "x = f'{await y()}'",
        "if await a(): ...",
        "def g(x=await a()): ...",
        "@(await a())\n    def g(): ...",
    ],
)
def test_what_suspends(body: str) -> None:
    assert functions(f"async def f():\n    {body}\n")["f"].suspends


@pytest.mark.parametrize(
    "body",
    [
        "async def g():\n        await a()",
        "a()",
        "yield 1",
        "with x: ...",
        "x = lambda: 1",
        "async def g(): [x async for x in y]",
    ],
)
def test_what_does_not_suspend(body: str) -> None:
    assert not functions(f"async def f():\n    {body}\n")["f"].suspends


@pytest.mark.parametrize(
    "body", ["yield", "yield 1", "x = yield", "yield from x", "[(yield x)]", "f((yield))", "await (yield)"]
)
def test_generators(body: str) -> None:
    text = f"def f():\n    {body}\n".replace("def f", "async def f" if "await" in body else "def f")
    if body == "[(yield x)]":
        text = "def f():\n    [*(yield x)]\n"
    assert functions(text)["f"].generator


def test_a_yield_of_an_inner_function_is_its_own() -> None:
    found = functions("def f():\n    def g(): yield 1\n    return lambda: (yield)\n")
    assert not found["f"].generator
    assert found["f.g"].generator


def test_how_a_call_stands() -> None:
    found = sites(
        """
        async def f():
            a()
            x = b()
            await c()
            for d in e(): g()
            while h(): i()
            [j() for k in l() if m()]
            any(n() for o in p())
            try: q()
            except r(): s()
            with t() as u: v()
            async with w(): ...
            return (await y).z()
        """,
        "f",
    )
    assert {n for n, s in found.items() if s.statement} == {"a", "g", "i", "any", "q", "s", "v"}
    assert {n for n, s in found.items() if s.awaited} == {"c"}
    assert {n for n, s in found.items() if s.looped} == {"g", "h", "i", "j", "m", "n"}
    assert {n for n, s in found.items() if s.lazy} == {"n"}
    assert {n for n, s in found.items() if s.guarded} == {"q"}
    assert {n for n, s in found.items() if s.entered} == {"t", "w"}


def test_calls_in_defaults_and_decorators_belong_to_the_function_around() -> None:
    found = functions("def f(x=a()):\n    b()\n\n@c()\nclass D(e()):\n    x = g()\n")
    assert {show(s.call.callee) for s in found["f"].sites} == {"b"}
    assert {show(s.call.callee) for s in found["<module>"].sites} == {"a", "c", "e", "g"}


def test_calls_under_the_main_guard_are_scripted() -> None:
    found = sites("a()\nif __name__ == '__main__':\n    b()\nelse:\n    c()\nd()\n")
    assert {n for n, s in found.items() if s.scripted} == {"b"}


@pytest.mark.parametrize(
    ("line", "callee"),
    [
        ("x = 'größe', f(1), 'é'", "f(1)"),
        ("x = '🙂', f('🙂'), '🙂'", "f('🙂')"),
        ("\tf(1)".strip("\t"), "f(1)"),
        ("größe(1)", "größe(1)"),
        ("x = 'a\u0301', f(1)", "f(1)"),
    ],
)
def test_columns_count_characters(line: str, callee: str) -> None:
    (site,) = functions(f"{line}\n")["<module>"].sites
    assert line[site.column - 1 : site.end_column - 1] == callee


def test_a_call_over_several_lines() -> None:
    (site,) = functions("x = f(\n    1,\n)\n")["<module>"].sites
    assert site.span.start == (1, 5)
    assert site.span.end == (3, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_count_alike_with_either_line_end(end: str) -> None:
    facts = read_facts(f"a = 1{end}{end}f(2){end}".encode())
    assert facts.functions[0].sites[0].line == 3


@pytest.mark.parametrize(
    ("body", "writes"),
    [
        ("x = 1", ()),
        ("global x\n    x = 1", ("x",)),
        ("x.y = 1", ("x",)),
        ("x['y'] = 1", ("x",)),
        ("x.y.z[0].q = 1", ("x.",)),
        ("x.y += 1", ("x",)),
        ("x[0] += 1", ("x",)),
        ("del x[0]", ("x",)),
        ("del x.y", ("x",)),
        ("for x.y in z: ...", ("x",)),
        ("with z as x[0]: ...", ("x",)),
        ("a, x[0] = z", ("x",)),
        ("x = {}\n    x['y'] = 1", ()),
        ("self.y = 1", ()),
        ("(x.y): int = 1", ("x",)),
        ("x().y = 1", ("x",)),
    ],
)
def test_what_a_function_changes_outside_itself(body: str, writes: tuple[str, ...]) -> None:
    assert functions(f"def f(self):\n    {body}\n")["f"].writes == writes


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("x  # asyncify: ignore", ("*",)),
        ("x  #asyncify:ignore", ("*",)),
        ("x  # asyncify: ignore[blocking/sleep]", ("blocking/sleep",)),
        ("x  # asyncify: ignore[blocking/sleep, clients]", ("blocking/sleep", "clients")),
        ("x  # why. asyncify: ignore", None),
        ("x  # noqa: ASYNC251", ("ASYNC251",)),
        ("x  # noqa: E501, ASYNC251", ("E501", "ASYNC251")),
        ("x  # NOQA:E501 ASYNC251", ("E501", "ASYNC251")),
        ("x  # noqa: ASYNC251 -- it is short", ("ASYNC251",)),
        ("x  # noqa", None),
        ("x  # type: ignore", None),
    ],
)
def test_comments_that_silence(line: str, names: tuple[str, ...] | None) -> None:
    assert dict(read_facts(f"\n{line}\n".encode()).outline.ignores) == ({2: names} if names else {})


def test_a_comment_that_silences_the_file() -> None:
    ignores = read_facts(b"# asyncify: ignore-file\nx\n# asyncify: ignore-file[clients]\n").outline.ignores
    assert dict(ignores) == {0: ("*", "clients")}


def test_a_string_silences_nothing() -> None:
    assert not read_facts(b'x = "# asyncify: ignore-file"\n').outline.ignores


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (b"x = 1\ny = \n", "line 2"),
        (b"\xff\n", ""),
        (b"x = \x00\n", ""),
        (b"# coding: nothing\n", ""),
        (b"x = 1\ry = 2\n", "carriage return"),
        (b"x" * (LONGEST_FILE + 1), "larger"),
    ],
)
def test_what_cannot_be_read_says_why(source: bytes, problem: str) -> None:
    facts = read_facts(source)
    assert facts.problem
    assert problem in facts.problem
    assert not facts.functions
    assert "\n" not in facts.problem


def test_a_quoted_annotation_is_read() -> None:
    (parameter,) = functions('def f(x: "a.B | None"): ...\n')["f"].parameters
    assert parameter.annotation is not None


@pytest.mark.parametrize("text", ['"("', '"a b"', '""', "'\\x00'", '"' + "(" * 500 + '"', '"x: int"'])
def test_a_quoted_annotation_that_is_none_is_no_problem(text: str) -> None:
    (parameter,) = functions(f"def f(x: {text}): ...\n")["f"].parameters
    assert parameter.annotation is None


def test_parameters() -> None:
    parameters = functions("def f(a, /, b=1, *c, d, e=2, **g): ...\n")["f"].parameters
    assert [(p.name, p.kind, p.has_default) for p in parameters] == [
        ("a", "positional", False),
        ("b", "normal", True),
        ("c", "star", False),
        ("d", "keyword", False),
        ("e", "keyword", True),
        ("g", "mapping", False),
    ]


def test_a_call_keeps_what_is_called_in_its_arguments() -> None:
    (site,) = (s for s in functions("f(g, k=h)\n")["<module>"].sites)
    assert site.call == Call(Name("f"), (Name("g"),), (("k", Name("h")),))


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ("with a: await b()", ["a.__enter__()"]),
        ("with a.b, c() as d, e: await b()", ["a.b.__enter__()", "e.__enter__()"]),
        ("with a:\n        with b: pass\n        async for x in y: pass", ["a.__enter__()"]),
        ("with a:\n        with b: await x", ["b.__enter__()", "a.__enter__()"]),
        ("async with a: await b()", []),
        ("await b()\n    with a: pass", []),
        ("with a: pass\n    await b()", []),
        ("with a:\n        async def g(): await b()", []),
    ],
)
def test_what_a_plain_with_holds_while_it_suspends(body: str, held: list[str]) -> None:
    function = functions(f"async def f():\n    {body}\n")["f"]
    assert [show(site.call) for site in function.held] == held
    assert function.suspends is (
        "await" in body.replace("async def g(): await", "") or "async " in body.replace("async def", "")
    )
