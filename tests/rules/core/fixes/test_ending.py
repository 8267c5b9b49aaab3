"""What a stream does as it ends, where a client that leaves has every `await` cancelled."""

import pytest

from rules import Applicability
from tests.rules.checking import found

ABOVE = """import shutil
from uuid import uuid4

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


"""
BELOW = """


@app.get("/{name}")
async def read(name: str):
    return StreamingResponse(lines(name))
"""


def applicability(source: str) -> Applicability:
    """That of the only fix."""
    (finding,) = found("blocking/files", ABOVE + source)
    assert finding.fix is not None
    return finding.fix.applicability


@pytest.mark.parametrize(
    "ending",
    [
        "finally:\n        shutil.rmtree(uuid4().hex)",
        "finally:\n        if name:\n            shutil.rmtree(uuid4().hex)",
        "except (ValueError, GeneratorExit):\n        shutil.rmtree(uuid4().hex)\n        raise",
        "except:\n        shutil.rmtree(uuid4().hex)\n        raise",
    ],
)
def test_what_may_not_be_done_any_more_is_told(ending: str) -> None:
    stream = f"async def lines(name: str):\n    try:\n        yield await load(name)\n    {ending}\n"
    assert applicability(stream + BELOW) is Applicability.UNSAFE


@pytest.mark.parametrize(
    "source",
    [
        "async def lines(name: str):\n    shutil.rmtree(uuid4().hex)\n    yield await load(name)\n" + BELOW,
        "async def lines(name: str):\n    try:\n        shutil.rmtree(uuid4().hex)\n        yield await load(name)\n    finally:\n"
        "        print(name)\n" + BELOW,
        "async def lines(name: str):\n    try:\n        yield await load(name)\n    except ValueError:\n        shutil.rmtree(uuid4().hex)\n"
        + BELOW,
        (
            "async def folder(name: str):\n    try:\n        yield await load(name)\n    finally:\n        shutil.rmtree(uuid4().hex)\n"
            "\n\n@app.get('/{name}')\nasync def read(folder=Depends(folder)):\n    return folder\n"
        ),
        (
            "@app.get('/{name}')\nasync def read(name: str):\n    try:\n        return await load(name)\n    finally:\n"
            "        shutil.rmtree(uuid4().hex)\n"
        ),
    ],
)
def test_what_is_done_for_every_client_is_safe(source: str) -> None:
    assert applicability(source) is Applicability.SAFE


def test_what_awaits_nothing_is_cut_short_by_nothing() -> None:
    stream = "async def lines(name: str):\n    try:\n        yield await load(name)\n    finally:\n        print(asyncio.get_event_loop().time())\n"
    (finding,) = found("awaiting/obsolete", f"import asyncio\n{ABOVE}{stream}{BELOW}")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
