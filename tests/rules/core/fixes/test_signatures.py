"""Lines of a signature that stand under its first parameter move with the `async` that the `def` gains or loses."""

import pytest

from tests.rules.checking import EVERYTHING, assert_fixes, with_app

SLEEP = "blocking/sleep"
UPSTREAM = "endpoints/upstream"
IMPORTS = "import time\n\nimport requests\nfrom fastapi import Query, Request"
ALIGNED = """
@app.get("/")
async def home(request: Request,  # it asks
               first: int = Query(ge=1,
                                  le=2),
               # the last
               last: str = ""
               ) -> int:
    # It waits.
    requests.get("https://a.b")
    return 1
"""
MOVED = """
@app.get("/")
def home(request: Request,  # it asks
         first: int = Query(ge=1,
                            le=2),
         # the last
         last: str = ""
         ) -> int:
    # It waits.
    requests.get("https://a.b")
    return 1
"""


def test_they_move_with_the_async_that_is_dropped() -> None:
    assert_fixes("clients/requests", with_app(IMPORTS, ALIGNED), with_app(IMPORTS, MOVED))


@pytest.mark.parametrize(
    ("signature", "moved"),
    [
        ("home(\n    a: int,\n    b: int,\n)", "home(\n    a: int,\n    b: int,\n)"),
        ("home(  # why\n               a: int)", "home(  # why\n               a: int)"),
        ("home(a: int,\n    b: int)", "home(a: int,\n    b: int)"),
        ("home(a: int,\n         b: int)", "home(a: int,\n         b: int)"),
        ("home(a: int,\n\n               b: int)", "home(a: int,\n\n         b: int)"),
        ("home(a: str = '''x\n               y''')", "home(a: str = '''x\n               y''')"),
        ("home(a: int,\n\t       b: int)", "home(a: int,\n\t       b: int)"),
        ("home(*a: int,\n               **b: int)", "home(*a: int,\n         **b: int)"),
    ],
)
def test_lines_that_stand_elsewhere_stay(signature: str, moved: str) -> None:
    text = '@app.get("/")\n{}def {}:\n    requests.get("https://a.b")\n'
    before, after = text.format("async ", signature), text.format("", moved)
    assert_fixes("clients/requests", with_app(IMPORTS, before), with_app(IMPORTS, after))


def test_they_move_with_the_async_that_is_added() -> None:
    text = (
        '@app.get("/")\n{a}def home(a: int,\n         {s}b: int):\n    return {w}client.get("https://a.b"){e}.json()\n'
    )
    imports = "import httpx\n\nclient = httpx.{}()"
    before = with_app(imports.format("Client"), text.format(a="", s="", w="", e=""))
    after = with_app(imports.format("AsyncClient"), text.format(a="async ", s="      ", w="(await ", e=")"))
    assert_fixes(UPSTREAM, before, after, options=EVERYTHING)


def test_they_move_in_a_middleware_that_becomes_asynchronous() -> None:
    text = '@app.middleware("http")\n{a}def closed(request,\n           {s}call_next):\n    return Response("", 503)\n'
    before, after = text.format(a="", s=""), text.format(a="async ", s="      ")
    imports = "from fastapi import Response"
    assert_fixes("endpoints/crashing", with_app(imports, before), with_app(imports, after))
