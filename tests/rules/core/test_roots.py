"""What the framework calls besides endpoints: serializers of responses, and tasks that startup code leaves running."""

import pytest

from rules import Way
from tests.rules.checking import analysed, found

HEAD = """
import asyncio
from contextlib import asynccontextmanager

import requests
from fastapi import FastAPI
from pydantic import BaseModel, computed_field, field_serializer


"""
MODEL = """
app = FastAPI()


class User(BaseModel):
    name: str

    @field_serializer("name")
    def spoken(self, name: str) -> str:
        return requests.get(name).text

    @computed_field
    @property
    def rank(self) -> str:
        return requests.get("http://rank").text


class Team(BaseModel):
    users: list[User]


"""
LIFESPAN = """
@asynccontextmanager
async def lifespan(app: FastAPI):
    {start}
    yield


app = FastAPI(lifespan=lifespan)
"""
POLL = """
async def poll():
    while True:
        requests.get("http://jobs")
        await asyncio.sleep(1)


class Worker:
    def start(self):
        self.task = asyncio.create_task(poll())


"""
ENDING = """
async def poll():
    try:
        while True:
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        requests.get("http://jobs")
        raise


"""
ONCE = """
async def poll():
    requests.get("http://jobs")
    await asyncio.sleep(1)


"""


def told(source: str) -> list[tuple[str, str]]:
    """The function and the message of each finding of a blocking call."""
    analysis = analysed({"app/main.py": (HEAD + source).encode()})
    return [(f.function, f.message) for f in analysis.findings if "blocks the event loop" in f.message]


@pytest.mark.parametrize(
    "endpoint",
    [
        "@app.get('/', response_model=User)\ndef read(): ...\n",
        "@app.get('/')\nasync def read() -> list[User]: ...\n",
        "@app.get('/', response_model=Team)\nasync def read(): ...\n",
    ],
)
def test_serializers_of_responses_run_on_the_event_loop(endpoint: str) -> None:
    found = told(MODEL + endpoint)
    assert [function for function, _ in found] == ["User.spoken", "User.rank"]
    assert all("which writes the responses of `GET /`" in message for _, message in found)


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("@app.post('/')\ndef write(user: User) -> None: ...\n", id="it is only read"),
        pytest.param("@app.get('/')\ndef read() -> str:\n    return User(name='me').name\n", id="made, never written"),
    ],
)
def test_other_serializers_are_left_alone(endpoint: str) -> None:
    assert told(MODEL + endpoint) == []


@pytest.mark.parametrize(
    "start",
    [
        "task = asyncio.create_task(poll())",
        "asyncio.ensure_future(poll())",
        "Worker().start()",
        "tasks = [asyncio.create_task(poll())]",
    ],
)
def test_a_task_that_startup_leaves_running_blocks_the_event_loop(start: str) -> None:
    ((function, message),) = told(POLL + LIFESPAN.format(start=start))
    assert function == "poll"
    assert "in the background task `poll`" in message


@pytest.mark.parametrize(
    ("task", "start"),
    [
        pytest.param(ONCE, "task = asyncio.create_task(poll())", id="it is done once"),
        pytest.param(POLL, "await asyncio.create_task(poll())", id="it is waited for"),
        pytest.param(POLL, "await asyncio.gather(*[asyncio.create_task(poll())])", id="they are waited for"),
        pytest.param(POLL, "await poll()", id="startup itself"),
        pytest.param(ENDING, "task = asyncio.create_task(poll())", id="it is done as the task ends"),
    ],
)
def test_what_ends_with_startup_is_left_alone(task: str, start: str) -> None:
    assert told(task + LIFESPAN.format(start=start)) == []


VALIDATED = """
from typing import Any

from pydantic import field_validator
from sqlalchemy.orm import Query

app = FastAPI()


class User(BaseModel):
    pets: list[str]

    @field_validator("pets", mode="before")
    def loaded(cls, value: Any) -> Any:
        if isinstance(value, {kind}):
            {body}
        return value


@app.post("/")
async def write(user: User): ...
"""


def test_what_a_validator_does_for_what_a_request_holds_is_found() -> None:
    assert told(VALIDATED.format(kind="str", body="return requests.get(value).json()"))


def test_what_a_validator_does_for_another_object_is_left_alone() -> None:
    assert told(VALIDATED.format(kind="Query", body="return value.all()")) == []


TOOL = """
from langchain_core.tools import BaseTool

{app}


class Search(BaseTool):
    def _run(self, query: str) -> str:
        return requests.get(query).text

    async def {method}(self, query: str) -> str:
        return requests.get(query).text
"""
SERVED = "app = FastAPI()\n\n\n@app.get('/')\nasync def read(): ...\n"


def test_a_tool_of_langchain_runs_on_the_event_loop_of_the_application() -> None:
    ((function, message),) = told(TOOL.format(app=SERVED, method="_arun"))
    assert function == "Search._arun"
    assert "in the tool `Search._arun`" in message


@pytest.mark.parametrize(("app", "method"), [("", "_arun"), (SERVED, "search")])
def test_a_tool_that_no_application_asks_is_left_alone(app: str, method: str) -> None:
    assert told(TOOL.format(app=app, method=method)) == []


AGENT = """
from langchain_core.tools import tool
from langgraph.graph import StateGraph

{app}


{decorator}{kind} answer(state):
    return requests.get(state).text


graph = StateGraph(dict)
graph{added}
"""


@pytest.mark.parametrize(
    ("decorator", "added", "role"),
    [
        ("@tool\n", "", "tool"),
        ('@tool("answer")\n', "", "tool"),
        ("", ".add_node(answer)", "graph node"),
        ("", '.add_node("answer", answer)', "graph node"),
        ("", '.add_node("first", print).add_node("answer", action=answer)', "graph node"),
    ],
)
def test_what_an_agent_calls_runs_on_the_event_loop_of_the_application(decorator: str, added: str, role: str) -> None:
    source = AGENT.format(app=SERVED, decorator=decorator, kind="async def", added=added)
    ((function, message),) = told(source)
    assert (function, f"in the {role} `answer`" in message) == ("answer", True)
    for app, kind in ((SERVED, "def"), ("", "async def")):  # LangChain runs a `def` in a thread
        assert told(AGENT.format(app=app, decorator=decorator, kind=kind, added=added)) == []


@pytest.mark.parametrize(
    "source",
    [
        TOOL.format(app=SERVED, method="_arun"),
        AGENT.format(app=SERVED, decorator="", kind="async def", added=".add_node(answer)"),
    ],
)
def test_what_langchain_awaits_stays_asynchronous(source: str) -> None:
    (finding,) = found("clients/requests", HEAD + source)
    assert finding.fix is not None
    assert finding.fix.way is Way.OFFLOAD


IN_TESTS = {
    "tests/checks.py": """
import time

from fastapi import APIRouter

router = APIRouter(prefix="/checks")
other = APIRouter()


@router.get("/run")
async def run():
    time.sleep(1)


@other.get("/never")
async def never():
    time.sleep(1)


async def test_run():
    time.sleep(1)
""",
}
INCLUDING = """
from fastapi import FastAPI
from tests.checks import router

app = FastAPI()
app.include_router(router, prefix="/api")
"""


def test_routes_that_the_application_includes_from_the_folder_of_tests() -> None:
    """They are served like any other; what else lies beside them is test code."""
    (finding,) = found("blocking/sleep", INCLUDING, IN_TESTS)
    assert (finding.path, finding.route) == ("tests/checks.py", "GET /api/checks/run")


@pytest.mark.parametrize("path", ["tests/main.py", "tests/conftest.py"])
def test_routes_that_only_tests_include(path: str) -> None:
    assert found("blocking/sleep", INCLUDING, IN_TESTS, path=path) == ()


def test_routes_in_the_folder_of_tests_that_nobody_includes() -> None:
    source = INCLUDING.replace('app.include_router(router, prefix="/api")\n', "")
    assert found("blocking/sleep", source, IN_TESTS) == ()


TWICE = """
import time

from fastapi import APIRouter, FastAPI

app = FastAPI()
router, other = APIRouter(), APIRouter()
app.include_router(router, prefix="/a")
app.include_router(other, prefix="/b")


@router.get("/items")
async def first():
    time.sleep(1)


SECOND
"""


def test_a_route_that_an_earlier_one_answers_is_never_called() -> None:
    source = TWICE.replace("SECOND", '@router.get("/items")\nasync def second():\n    time.sleep(2)\n')
    assert [one.function for one in found("blocking/sleep", source)] == ["first"]


@pytest.mark.parametrize(
    "second",
    [
        '@other.get("/items")\nasync def second():\n    time.sleep(2)\n',
        '@router.post("/items")\nasync def second():\n    time.sleep(2)\n',
        '@router.get("/items/")\nasync def second():\n    time.sleep(2)\n',
        '@router.get("/items")\n@version(2)\nasync def second():\n    time.sleep(2)\n',
        'if app.debug:\n    @router.get("/items")\n    async def second():\n        time.sleep(2)\n',
        "@router.get(PATH)\nasync def second():\n    time.sleep(2)\n",
        '@router.get("/items")\n@router.get("/things")\nasync def second():\n    time.sleep(2)\n',
    ],
)
def test_a_route_that_no_earlier_one_answers_for_certain_is_called(second: str) -> None:
    assert [one.function for one in found("blocking/sleep", TWICE.replace("SECOND", second))] == ["first", "second"]


@pytest.mark.parametrize(
    ("prefix", "route"),
    [
        ('"/a"', "GET /a/items"),
        ("settings.PREFIX", "GET …/items"),
        ('f"{settings.PREFIX}/a"', "GET …/items"),
        ('settings.PREFIX + "/a"', "GET …/items"),
        ('""', "GET /items"),
    ],
)
def test_a_prefix_that_only_the_program_knows_is_not_left_out_unsaid(prefix: str, route: str) -> None:
    source = (
        TWICE.replace("SECOND", "")
        .replace('"/a"', prefix)
        .replace("import time", "import time\n\nfrom elsewhere import settings")
    )
    assert [one.route for one in found("blocking/sleep", source)] == [route]


def test_a_route_is_answered_once_below_a_prefix_that_only_the_program_knows() -> None:
    source = TWICE.replace("SECOND", '@router.get("/items")\nasync def second():\n    time.sleep(2)\n')
    source = source.replace('"/a"', "settings.PREFIX").replace(
        "import time", "import time\n\nfrom elsewhere import settings"
    )
    assert [one.function for one in found("blocking/sleep", source)] == ["first"]
