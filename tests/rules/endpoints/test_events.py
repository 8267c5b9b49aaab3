"""Event handlers of an application that has a lifespan."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed

RULE = "endpoints/events"

LIFESPAN = """
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI


@asynccontextmanager
async def lifespan(app):
    yield


"""
HANDLER = '\n\n@app.on_event("startup")\nasync def start(): ...\n'


@pytest.mark.parametrize(
    ("source", "function"),
    [
        (f"app = FastAPI(lifespan=lifespan){HANDLER}", "start"),
        (f"app: FastAPI = FastAPI(title='a', lifespan=lifespan){HANDLER}", "start"),
        ("app = FastAPI(lifespan=lifespan)\n\n\n@app.on_event('shutdown')\ndef stop(): ...\n", "stop"),
        (
            "def create():\n    app = FastAPI(lifespan=lifespan)\n\n    @app.on_event('startup')\n    def start(): ...\n\n    return app\n",
            "create.start",
        ),
        ("app = FastAPI(lifespan=lifespan)\napp.add_event_handler('startup', print)\n", "<module>"),
    ],
)
def test_a_handler_that_never_runs(source: str, function: str) -> None:
    (finding,) = assert_unfixed(RULE, LIFESPAN + source)
    assert finding.function == function
    assert "yield" in finding.advice


def test_the_application_of_another_file() -> None:
    (finding,) = assert_unfixed(
        RULE,
        f"from app.core import application as app\n{HANDLER}",
        files={"app/__init__.py": "", "app/core.py": f"{LIFESPAN}application = FastAPI(lifespan=lifespan)\n"},
    )
    assert finding.path == "app/main.py"


@pytest.mark.parametrize(
    "source",
    [
        f"app = FastAPI(){HANDLER}",
        f"app = FastAPI(lifespan=None){HANDLER}",
        "app = FastAPI(lifespan=lifespan)\n",
        f"other = FastAPI(lifespan=lifespan)\napp = FastAPI(){HANDLER}",
        f"app = APIRouter(){HANDLER}",
        f"from elsewhere import app\n\nmine = FastAPI(lifespan=lifespan){HANDLER}",
        f"app = FastAPI(lifespan=lifespan)\napp = FastAPI(){HANDLER}",
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, LIFESPAN + source)


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, f"{LIFESPAN}app = FastAPI(lifespan=lifespan){HANDLER}", path="tests/conftest.py")
