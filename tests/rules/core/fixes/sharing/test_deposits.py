"""What a dependency leaves for a request where other requests leave theirs: nothing may come in between."""

from textwrap import dedent

import pytest

from rules import Applicability, Finding, Way
from rules.core.fixes.sharing.deposits import OVERTAKEN
from tests.rules.checking import found, with_app

STATE = """
    import functools


    class Manager:
        tenant = ""

        def __init__(self) -> None:
            self.data = {}

        def take(self, tenant: str) -> None:
            self.tenant = tenant

        def given(self) -> str:
            return self.tenant

        async def load(self, tenant: str) -> None:
            await fetched(tenant)
            self.tenant = tenant


    class Plain:
        def take(self, tenant: str) -> None:
            self.tenant = tenant


    class Own:
        tenant = ""

        def take(self, tenant: str) -> None:
            self.tenant = tenant


    manager = Manager()
    plain = Plain()
    kept = {}
    last = ""


    @functools.cache
    def cached() -> Manager:
        return Manager()
"""
PROGRAM = """
    {before}


    async def leave(tenant: str = ""){gives}:
        {leave}


    @app.get("/")
    async def home(request: Request, tenant: str = "", one: str = Depends(leave){more}) -> str:
        {body}
"""
ASK = "requests.get('https://a.example', timeout=3)"


def mended(leave: str, read: str, more: str = "", before: str = "", gives: str = "") -> Finding:
    """What is said of an endpoint that asks a server and then reads something, below a dependency that leaves something."""
    body = f"{ASK}\n        return {read}"
    source = PROGRAM.format(leave=leave, body=body, more=more, before=before, gives=gives)
    program = with_app(
        "import requests\nfrom app import state\nfrom app.state import Manager, Own, cached, kept, manager, plain",
        source,
    )
    program = program.replace("import FastAPI", "import Depends, FastAPI, Request")
    (finding,) = found("clients/requests", program, {"app/state.py": dedent(STATE), "app/__init__.py": ""})
    return finding


def ways(finding: Finding) -> dict[Way, Applicability]:
    return {fix.way: fix.applicability for fix in (finding.fix, *finding.alternatives) if fix}


@pytest.mark.parametrize(
    ("leave", "read"),
    [
        ("manager.tenant = tenant", "manager.tenant"),
        ("manager.take(tenant)", "manager.given()"),
        ("await manager.load(tenant)", "manager.tenant"),
        ("manager.data.update(tenant=tenant)", "manager.data['tenant']"),
        ("manager.data['tenant'] = tenant", "manager.data['tenant']"),
        ("setattr(manager, 'tenant', tenant)", "manager.tenant"),
        ("Manager.tenant = tenant", "Manager.tenant"),
        ("cached().take(tenant)", "cached().tenant"),
        ("plain.take(tenant)", "plain.tenant"),
        ("kept['tenant'] = tenant", "kept['tenant']"),
        ("kept.update(tenant=tenant)", "state.kept['tenant']"),
        ("state.last = tenant", "state.last"),
    ],
)
def test_what_another_request_may_change_meanwhile_is_told(leave: str, read: str) -> None:
    """As `def`, or behind an `await`, the endpoint would find the tenant of another request."""
    finding = mended(leave, read)
    assert finding.fix is not None
    assert set(ways(finding).values()) == {Applicability.UNSAFE}
    assert Way.REVERSE not in ways(finding)
    assert OVERTAKEN in finding.fix.notes


@pytest.mark.parametrize(
    ("leave", "read"),
    [
        ("print(tenant)", "manager.tenant"),
        ("manager.tenant = tenant", "tenant"),
        ("manager.tenant = tenant", "manager.other"),
        ("manager.tenant = 'all'", "manager.tenant"),
        ("Own().take(tenant)", "Own().tenant"),
        ("own = {}\n        own['tenant'] = tenant", "kept['tenant']"),
        ("kept[tenant] = tenant", "kept[tenant]"),
        ("kept['tenant'] = 3", "kept['tenant']"),
        ("kept.get(tenant)", "kept['tenant']"),
        ("manager.tenant = tenant\n        await state.asked()", "manager.tenant"),
    ],
)
def test_what_stays_as_it_is_or_may_have_been_changed_before_is_safe(leave: str, read: str) -> None:
    assert ways(mended(leave, read))[Way.REVERSE] is Applicability.SAFE


@pytest.mark.parametrize("later", ["def last_one() -> None: ...", "async def last_one() -> None: ..."])
def test_only_a_dependency_that_runs_in_a_thread_lets_others_come_before(later: str) -> None:
    finding = mended("manager.tenant = tenant", "manager.tenant", ", two: str = Depends(last_one)", later)
    assert (Way.REVERSE in ways(finding)) == later.startswith("def")


def body(read_before: bool) -> str:
    read = "own = manager.tenant"
    return (
        f"await request.body()\n    {read}\n    {ASK}"
        if read_before
        else f"await request.body()\n    {ASK}\n    {read}"
    )


@pytest.mark.parametrize("read_before", [True, False])
def test_what_is_read_above_the_new_await_is_read_in_time(read_before: bool) -> None:
    source = f"""
async def leave(tenant: str = ""):
    manager.tenant = tenant


@app.get("/", dependencies=[Depends(leave)])
async def home(request: Request) -> str:
    {body(read_before)}
    return own
"""
    program = with_app("import requests\nfrom app.state import manager", source)
    program = program.replace("import FastAPI", "import Depends, FastAPI, Request")
    (finding,) = found("clients/requests", program, {"app/state.py": dedent(STATE), "app/__init__.py": ""})
    assert ways(finding)[Way.OFFLOAD] is (Applicability.SAFE if read_before else Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("middleware", "applicability"), [("__call__(self, scope, receive, send)", None), ("", Applicability.SAFE)]
)
def test_middleware_that_calls_the_application_itself_leaves_something_as_well(
    middleware: str, applicability: Applicability | None
) -> None:
    """A BaseHTTPMiddleware runs the application in a task of its own, before which other requests can come today."""
    called = "await self.app(scope, receive, send)" if middleware else "return await call_next(scope)"
    source = f"""
class Tenants{"" if middleware else "(BaseHTTPMiddleware)"}:
    def __init__(self, app):
        self.app = app

    async def {middleware or "dispatch(self, scope, call_next)"}:
        manager.tenant = scope["path"]
        {called}


app.add_middleware(Tenants)


@app.get("/")
async def home() -> str:
    {ASK}
    return manager.tenant
"""
    imports = "import requests\nfrom app.state import manager\nfrom starlette.middleware.base import BaseHTTPMiddleware"
    files = {"app/state.py": dedent(STATE), "app/__init__.py": ""}
    (finding,) = found("clients/requests", with_app(imports, source), files)
    assert ways(finding).get(Way.REVERSE) is applicability
