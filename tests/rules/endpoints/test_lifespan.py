"""Event handlers of an application that has no lifespan."""

import pytest

from rules import Applicability
from rules.core.fixes.lifespan import IGNORED, SINCE
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found

RULE = "endpoints/lifespan"

IMPORTS = """
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI


@asynccontextmanager
async def lifespan(app):
    yield


"""
HANDLER = '\n\n@app.on_event("startup")\nasync def start(): ...\n'
PLAIN = "from fastapi import APIRouter, FastAPI\n\nfrom elsewhere import other, router, settings\n\n"
CONTEXT = "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"


def with_lifespan(body: str, name: str = "FastAPI") -> str:
    return f"\n@asynccontextmanager\nasync def lifespan(_: {name}) -> AsyncIterator[None]:\n{body}\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"app = FastAPI(){HANDLER}",
            with_lifespan("    await start()\n    yield\n")
            + "app = FastAPI(lifespan=lifespan)\n\nasync def start(): ...\n",
        ),
        (
            (
                "# The application.\napp: FastAPI = FastAPI(\n    title='a',\n)\n\n\n@app.on_event('shutdown')\ndef stop(): ...\n"
                "\n\n@app.on_event('startup')\ndef second(): ...\n\n\n@app.on_event(\n    'startup'\n)\nasync def third(): ...\n"
            ),
            (
                with_lifespan("    second()\n    await third()\n    yield\n    stop()\n")
                + "# The application.\napp: FastAPI = FastAPI(\n    title='a',\n    lifespan=lifespan,\n)\n\n\n"
                "def stop(): ...\n\n\ndef second(): ...\n\n\nasync def third(): ...\n"
            ),
        ),
        (
            f"own = APIRouter()\n\n\napp = FastAPI(title='a')\napp.include_router(own){HANDLER}",
            (
                "own = APIRouter()\n\n"
                + with_lifespan("    await start()\n    yield\n")
                + "app = FastAPI(title='a', lifespan=lifespan)\napp.include_router(own)\n\nasync def start(): ...\n"
            ),
        ),
        (
            f"app = FastAPI(\n    title='a',  # shown\n    redoc_url=None  # none, übrigens\n){HANDLER}",
            with_lifespan("    await start()\n    yield\n")
            + "app = FastAPI(\n    title='a',  # shown\n    redoc_url=None,  # none, übrigens\n    lifespan=lifespan\n)"
            "\n\nasync def start(): ...\n",
        ),
        (
            f"app = FastAPI(\n    title='a',  # shown\n    # and no more\n){HANDLER}",
            with_lifespan("    await start()\n    yield\n")
            + "app = FastAPI(\n    title='a',  # shown\n    lifespan=lifespan,\n    # and no more\n)"
            "\n\nasync def start(): ...\n",
        ),
        (
            f"app = FastAPI(title='a'  # shown\n){HANDLER}",
            with_lifespan("    await start()\n    yield\n")
            + "app = FastAPI(title='a', lifespan=lifespan  # shown\n)\n\nasync def start(): ...\n",
        ),
        (
            f"app = FastAPI(){HANDLER}\n\nimport os\nfrom collections import deque\n",
            with_lifespan("    await start()\n    yield\n")
            + "app = FastAPI(lifespan=lifespan)\n\nasync def start(): ...\n\n\nimport os\nfrom collections import deque\n",
        ),
    ],
)
def test_the_handlers_are_called_by_a_lifespan(before: str, after: str) -> None:
    """In the order in which they were registered; they stay as they are."""
    (finding,) = assert_fixes(RULE, PLAIN + before, CONTEXT + PLAIN + after)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert (finding.fix.notes, finding.fix.requires) == ((IGNORED,), (SINCE,))


@pytest.mark.parametrize("known", ["from pydantic_settings import BaseSettings", "from pydantic import ConfigDict"])
def test_what_is_imported_tells_that_a_lifespan_is_known(known: str) -> None:
    files = {"app/__init__.py": "", "app/models.py": f"{known}\n"}
    (finding,) = found(RULE, f"{PLAIN}app = FastAPI(){HANDLER}", files)
    assert finding.fix is not None
    assert (finding.fix.applicability, finding.fix.notes, finding.fix.requires) == (Applicability.SAFE, (), ())


def test_a_comment_stays_with_its_argument_in_a_file_with_carriage_returns() -> None:
    before = f"{PLAIN}app = FastAPI(\n    title='a'  # shown\n){HANDLER}"
    after = (
        CONTEXT
        + PLAIN
        + with_lifespan("    await start()\n    yield\n")
        + "app = FastAPI(\n    title='a',  # shown\n    lifespan=lifespan\n)\n\nasync def start(): ...\n"
    )
    assert_fixes(RULE, before.replace("\n", "\r\n"), after.replace("\n", "\r\n"))


def test_a_script_runs_the_application() -> None:
    source = f'{PLAIN}import uvicorn\n\napp = FastAPI(){HANDLER}\nif __name__ == "__main__":\n    uvicorn.run(app)\n'
    (finding,) = found(RULE, source)
    assert finding.fix is not None


@pytest.mark.parametrize(
    ("source", "function"),
    [
        (f"{IMPORTS}app = FastAPI(){HANDLER}", "start"),
        (
            "import fastapi as f\n\n\ndef lifespan(): ...\n\n\napp = f.FastAPI()\n\n\n@app.on_event('shutdown')\ndef stop(): ...\n",
            "stop",
        ),
        (
            f"{PLAIN}def create():\n    app = FastAPI()\n\n    @app.on_event('startup')\n    def start(): ...\n\n    return app\n",
            "create.start",
        ),
        (f"{PLAIN}app = FastAPI(on_startup=[print]){HANDLER}", "start"),
        (f"{PLAIN}app = FastAPI(){HANDLER}\n\napp.add_event_handler('shutdown', print)\n", "start"),
        (
            f"{PLAIN}app = FastAPI(){HANDLER}\n\nown = APIRouter()\n\n\n@own.on_event('startup')\ndef more(): ...\n",
            "start",
        ),
        (f"{PLAIN}app = FastAPI(){HANDLER}\n\nother.instrument(app)\n", "start"),
        (f"{PLAIN}app = FastAPI(){HANDLER}\n\napp.include_router(router)\n", "start"),
        (f"{PLAIN}app = FastAPI(){HANDLER}\n\nasync def test():\n    await app.router.startup()\n", "start"),
        (f"{PLAIN}app = FastAPI(){HANDLER}\n\napp.router.on_startup.append(print)\n", "start"),
        (f"{PLAIN}app = FastAPI()\n\n\n@other\n@app.on_event('startup')\ndef start(): ...\n", "start"),
        (f"{PLAIN}app = FastAPI()\n\n\n@app.on_event('startup')  # first\ndef start(): ...\n", "start"),
        (f"{PLAIN}app = FastAPI()\n\n\n@app.on_event('startup')\ndef start(a=1): ...\n", "start"),
        (f"{PLAIN}app = FastAPI()\n\n\n@app.on_event(other)\ndef start(): ...\n", "start"),
    ],
)
def test_handlers_that_are_not_all_seen(source: str, function: str) -> None:
    (finding,) = assert_unfixed(RULE, source)
    assert finding.function == function
    assert "yield" in finding.advice


@pytest.mark.parametrize(
    "files",
    [
        {"app/other.py": "from app.main import app\n\n\n@app.on_event('shutdown')\ndef stop(): ...\n"},
        {"app/other.py": "from app.main import app\nfrom elsewhere import instrument\n\ninstrument(app)\n"},
        {"tests/test_app.py": "from app.main import app\n\n\nasync def test_it():\n    await app.router.startup()\n"},
    ],
)
def test_handlers_of_other_files(files: dict[str, str]) -> None:
    findings = found(RULE, f"{PLAIN}app = FastAPI(){HANDLER}", {"app/__init__.py": "", **files})
    assert [finding.fix for finding in findings] == [None]


def test_another_application_with_handlers_of_its_own() -> None:
    """It is another matter, unless it is not certain with what they are registered."""
    plain = PLAIN.replace("from elsewhere import other, router, settings\n\n", "")
    other = f"{plain}app = FastAPI(){HANDLER}"
    findings = found(RULE, f"{PLAIN}app = FastAPI(){HANDLER}", {"shop/__init__.py": "", "shop/main.py": other})
    assert [finding.fix is not None for finding in findings] == [True, True]
    unknown = "from elsewhere import app\n\n\n@app.on_event('startup')\ndef more(): ...\n"
    findings = found(RULE, f"{PLAIN}app = FastAPI(){HANDLER}", {"shop/__init__.py": "", "shop/main.py": unknown})
    assert [finding.fix for finding in findings] == [None]


def test_an_application_is_spoken_of_once() -> None:
    second = '\n\n@app.on_event("shutdown")\nasync def stop(): ...\n'
    (finding,) = found(RULE, f"{PLAIN}app = FastAPI(){HANDLER}{second}")
    assert finding.function == "start"


def test_the_application_of_another_file() -> None:
    (finding,) = assert_unfixed(
        RULE,
        f"from app.core import application as app\n{HANDLER}",
        files={"app/__init__.py": "", "app/core.py": f"{IMPORTS}application = FastAPI()\n"},
    )
    assert finding.path == "app/main.py"


@pytest.mark.parametrize(
    "source",
    [
        f"app = FastAPI(lifespan=lifespan){HANDLER}",
        f"app = FastAPI(lifespan=None){HANDLER}",
        f"app = FastAPI(**settings){HANDLER}",
        "app = FastAPI()\n",
        f"other = FastAPI()\nfrom elsewhere import app{HANDLER}",
        f"app = APIRouter(){HANDLER}",
        f"app = make(){HANDLER}",
        f"class Bus: ...\n\napp = Bus(){HANDLER}",
        f"app = FastAPI()\napp = Bus(){HANDLER}",
        "app = FastAPI()\napp.add_event_handler('startup', print)\n",
        "app = FastAPI()\n\n\n@app.get('/')\nasync def start(): ...\n",
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, IMPORTS + source)


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, f"{IMPORTS}app = FastAPI(){HANDLER}", path="tests/conftest.py")
