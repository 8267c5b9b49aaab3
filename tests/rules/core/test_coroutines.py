"""Coroutines that a `def` makes on the event loop, and that nothing runs."""

import pytest

from tests.rules.checking import found, with_app

SOURCE = """
async def change(name):
    time.sleep(1)


def shown(one):
    return {{"name": one.name}}


def started(one):
    return asyncio.create_task(one)


def kept(one):
    KEPT["one"] = one


KEPT = {{}}


def checked(func):
    @wraps(func)
    async def view(*args, **kwargs):
        return func(*args, **kwargs)

    return view


@app.get("/{{name}}")
@checked
def home(name: str):
    {body}
"""


def is_found(body: str) -> bool:
    imports = "import asyncio\nimport time\nfrom functools import wraps"
    return bool(found("blocking/sleep", with_app(imports, SOURCE.format(body=body))))


@pytest.mark.parametrize(
    "body",
    [
        "change(name)",
        "one = change(name)\n    return str(one)",
        "one = change(name)\n    return shown(one)",
        "one = change(name)\n    if one:\n        return one.name",
        "one = change(name)\n    return shown(one=one)",
    ],
)
def test_a_coroutine_that_is_only_looked_at_blocks_nothing(body: str) -> None:
    assert not is_found(body)


@pytest.mark.parametrize(
    "body",
    [
        "return change(name)",
        "one = change(name)\n    return one",
        "one = change(name)\n    return {'one': one}",
        "one = change(name)\n    asyncio.create_task(one)",
        "asyncio.create_task(change(name))",
        "one = change(name)\n    started(one)",
        "one = change(name)\n    kept(one)",
        "one = change(name)\n    KEPT[name] = one",
        "one = change(name)\n    two = one\n    return two",
        "one = change(name)\n    unknown(one)",
        "one = change(name)\n    return lambda: one",
        "one = [change(name)]\n    return one",
    ],
)
def test_a_coroutine_that_may_be_run_blocks(body: str) -> None:
    assert is_found(body)


def test_a_coroutine_function_may_await_it_later() -> None:
    body = """
        async def change(name):
            time.sleep(1)


        @app.get("/{name}")
        async def home(name: str):
            one = change(name)
            return await one
    """
    assert found("blocking/sleep", with_app("import time", body))


@pytest.mark.parametrize(
    ("body", "routes"),
    [
        ("return change(name)", []),
        ("return await change(name)", ["GET /{name}"]),
        ("one = change(name)\n    return await one", ["GET /{name}"]),
        ("return [await change(name)]", ["GET /{name}"]),
    ],
)
def test_a_coroutine_that_an_endpoint_answers_with_never_runs(body: str, routes: list[str]) -> None:
    """FastAPI awaits the endpoint, not what that gives."""
    source = f"""
async def change(name):
    time.sleep(1)


@app.get("/{{name}}")
async def home(name: str):
    {body}
"""
    findings = found("blocking/sleep", with_app("import time", source))
    assert [finding.route for finding in findings] == routes
