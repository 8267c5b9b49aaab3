"""A `def` where the framework awaits."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, with_app

RULE = "endpoints/crashing"

HELPERS = """
import functools

from elsewhere import wrapped
from fastapi import APIRouter, Request, Response, WebSocket
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware.base import BaseHTTPMiddleware

router = APIRouter()
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '@app.websocket("/ws")\ndef talk(websocket: WebSocket):\n    websocket.accept()\n    text = websocket.receive_text()\n',
            (
                '@app.websocket("/ws")\nasync def talk(websocket: WebSocket):\n    await websocket.accept()\n'
                "    text = await websocket.receive_text()\n"
            ),
        ),
        (
            '@router.websocket("/ws")\ndef talk(websocket: WebSocket):\n    return None\n',
            '@router.websocket("/ws")\nasync def talk(websocket: WebSocket):\n    return None\n',
        ),
        (
            '@app.middleware("http")\ndef closed(request: Request, call_next):\n    return Response("closed")\n',
            '@app.middleware("http")\nasync def closed(request: Request, call_next):\n    return Response("closed")\n',
        ),
        (
            (
                '@app.middleware("http")\ndef closed(request: Request, call_next):\n    if request.method == "GET":\n'
                '        return call_next(request)\n    return Response("closed")\n'
            ),
            (
                '@app.middleware("http")\nasync def closed(request: Request, call_next):\n    if request.method == "GET":\n'
                '        return await call_next(request)\n    return Response("closed")\n'
            ),
        ),
        (
            (
                '@app.middleware("http")\ndef tagged(request: Request, call_next):\n    response = call_next(request)\n'
                '    response.headers.append("x", "y")\n    return response\n'
            ),
            (
                '@app.middleware("http")\nasync def tagged(request: Request, call_next):\n    response = await call_next(request)\n'
                '    response.headers.append("x", "y")\n    return response\n'
            ),
        ),
        (
            (
                '@app.middleware("http")\ndef tagged(request: Request, call_next):\n    response = call_next(request)\n'
                '    response.headers["x"] = request.headers["x"]\n    return response\n'
            ),
            (
                '@app.middleware("http")\nasync def tagged(request: Request, call_next):\n    response = await call_next(request)\n'
                '    response.headers["x"] = request.headers["x"]\n    return response\n'
            ),
        ),
        (
            'class Gate(BaseHTTPMiddleware):\n    def dispatch(self, request, call_next):\n        return Response("no")\n',
            'class Gate(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        return Response("no")\n',
        ),
        (
            "class Talk(WebSocketEndpoint):\n    def on_connect(self, websocket: WebSocket):\n        websocket.accept()\n",
            (
                "class Talk(WebSocketEndpoint):\n    async def on_connect(self, websocket: WebSocket):\n"
                "        await websocket.accept()\n"
            ),
        ),
    ],
)
def test_it_becomes_asynchronous(before: str, after: str) -> None:
    (finding,) = assert_fixes(RULE, with_app(HELPERS, before), with_app(HELPERS, after))
    assert finding.fix is not None
    assert finding.fix.notes == ("The framework awaits it: as a plain `def` it fails on each call.",)


@pytest.mark.parametrize(
    "source",
    [
        '@app.websocket("/ws")\nasync def talk(websocket: WebSocket): ...\n',
        '@app.middleware("http")\nasync def passed(request, call_next):\n    return await call_next(request)\n',
        '@app.middleware("http")\ndef passed(request, call_next):\n    return call_next(request)\n',
        '@app.middleware("http")\ndef passed(request, call_next):\n    response = call_next(request)\n    return response\n',
        (
            '@app.middleware("http")\ndef passed(request, call_next):\n    request.state.x = 1\n    request.scope["x"] = 2\n'
            "    response = call_next(request)\n    return response\n"
        ),
        'async def inner(websocket): ...\n\n\n@app.websocket("/ws")\ndef talk(websocket: WebSocket):\n    return inner(websocket)\n',
        '@app.websocket("/ws")\n@wrapped\ndef talk(websocket: WebSocket): ...\n',
        (
            "class Plain:\n    def __init__(self, app):\n        self.app = app\n\n    def __call__(self, scope, receive, send):\n"
            "        return self.app(scope, receive, send)\n\n\napp.add_middleware(Plain)\n"
        ),
        'class Plain:\n    def __init__(self, app):\n        self.app = app\n\n\napp.middleware("http")(Plain)\n',
        "class Gate: ...\n\n\ndef make(app, size: int) -> Gate:\n    return Gate()\n\n\napp.add_middleware(make, size=1)\n",
        '@app.get("/")\ndef home():\n    return Response("a")\n',
        "class Gate:\n    def dispatch(self, request, call_next):\n        return Response('no')\n",
        '@app.exception_handler(ValueError)\ndef failed(request, error):\n    return Response("no")\n',
        '@app.on_event("startup")\ndef start(): ...\n',
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(HELPERS, source))
