"""Event handlers of an application that has no lifespan."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed

RULE = "endpoints/lifespan"

IMPORTS = """
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
        (f"app = FastAPI(){HANDLER}", "start"),
        (f"app: FastAPI = FastAPI(title='a'){HANDLER}", "start"),
        ("import fastapi as f\n\napp = f.FastAPI()\n\n\n@app.on_event('shutdown')\ndef stop(): ...\n", "stop"),
        (
            "def create():\n    app = FastAPI()\n\n    @app.on_event('startup')\n    def start(): ...\n\n    return app\n",
            "create.start",
        ),
    ],
)
def test_a_handler_that_is_deprecated(source: str, function: str) -> None:
    (finding,) = assert_unfixed(RULE, IMPORTS + source)
    assert finding.function == function
    assert "yield" in finding.advice


def test_an_application_is_spoken_of_once() -> None:
    second = '\n\n@app.on_event("shutdown")\nasync def stop(): ...\n'
    (finding,) = assert_unfixed(RULE, f"{IMPORTS}app = FastAPI(){HANDLER}{second}")
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
