"""Applications that use what FastAPI offers: dependencies, middleware, background tasks, websockets, streams, lifespan."""

from tests.applications.playing import Ask, Stage, Talk, get, post


def test_a_chain_of_dependencies(stage: Stage) -> None:
    """A dependency of a dependency sleeps, and says no to some."""
    stage.same(
        """
        import time
        from typing import Annotated

        from fastapi import Depends, FastAPI, Header, HTTPException

        app = FastAPI()


        async def token(x_token: Annotated[str, Header()]) -> str:
            time.sleep(0.001)
            if x_token == "bad":
                raise HTTPException(400, "bad token")
            return x_token


        async def user(token: Annotated[str, Depends(token)], verbose: bool = False) -> dict[str, object]:
            return {"token": token, "verbose": verbose}


        @app.get("/me")
        async def me(user: Annotated[dict, Depends(user)]) -> dict[str, object]:
            return user
        """,
        get("/me", headers={"X-Token": "t"}),
        get("/me?verbose=1", headers={"X-Token": "t"}),
        get("/me", headers={"X-Token": "bad"}),
        get("/me"),
        fixes=1,
    )


def test_a_generator_dependency(stage: Stage) -> None:
    """What stands before and after the `yield` of an asynchronous generator sleeps; an error passes through it."""
    stage.same(
        """
        import time
        from collections.abc import AsyncIterator

        from fastapi import Depends, FastAPI, HTTPException

        app = FastAPI()


        async def unit(name: str) -> AsyncIterator[str]:
            time.sleep(0.001)
            try:
                yield name.upper()
            except ValueError as error:
                raise HTTPException(418, str(error)) from error
            finally:
                time.sleep(0.001)


        @app.get("/units/{name}")
        async def read(fail: bool = False, unit: str = Depends(unit)) -> str:
            if fail:
                raise ValueError(unit)
            return unit
        """,
        get("/units/a"),
        get("/units/b?fail=1"),
        fixes=2,
    )


def test_a_class_as_a_dependency(stage: Stage) -> None:
    """An instance with an asynchronous `__call__`, and a method that blocks."""
    stage.same(
        """
        import subprocess
        from typing import Annotated

        from fastapi import Depends, FastAPI, Query

        app = FastAPI()


        class Paging:
            def __init__(self, limit: Annotated[int, Query(le=50)] = 10, start: int = 0) -> None:
                self.limit, self.start = limit, start

            def count(self) -> int:
                return int(subprocess.check_output(["printf", str(self.limit * 2)]))


        class Checker:
            def __init__(self, word: str) -> None:
                self.word = word

            async def __call__(self, q: str = "") -> bool:
                return self.word in subprocess.run(["echo", q], capture_output=True, text=True).stdout


        has_bar = Checker("bar")


        @app.get("/items")
        async def items(paging: Annotated[Paging, Depends()], found: Annotated[bool, Depends(has_bar)]) -> list[object]:
            return [paging.limit, paging.start, paging.count(), found]
        """,
        get("/items"),
        get("/items?limit=20&q=bar"),
        get("/items?limit=60"),
        fixes=2,
    )


def test_middleware(stage: Stage) -> None:
    """A function around every request cannot be `def`."""
    stage.same(
        """
        import time

        from fastapi import FastAPI, Request
        from starlette.middleware.base import BaseHTTPMiddleware

        app = FastAPI()


        @app.middleware("http")
        async def slow(request: Request, call_next):
            time.sleep(0.001)
            response = await call_next(request)
            response.headers["X-Slow"] = "yes"
            return response


        class Marking(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                response = await call_next(request)
                time.sleep(0.001)
                response.headers["X-Mark"] = request.url.path
                return response


        app.add_middleware(Marking)


        @app.get("/items/{number}")
        async def item(number: int) -> int:
            return number
        """,
        get("/items/1"),
        get("/items/x"),
        get("/nothing"),
        fixes=2,
    )


def test_an_exception_handler(stage: Stage) -> None:
    """A handler that writes a log before it answers."""
    stage.same(
        """
        import subprocess

        from fastapi import FastAPI, Request
        from fastapi.exceptions import RequestValidationError
        from fastapi.responses import JSONResponse, PlainTextResponse

        app = FastAPI()


        class OutOfStock(Exception):
            pass


        @app.exception_handler(OutOfStock)
        async def out_of_stock(request: Request, error: OutOfStock) -> JSONResponse:
            subprocess.run(["touch", f"{error}.log"], check=True)
            return JSONResponse({"missing": str(error)}, status_code=409)


        @app.exception_handler(RequestValidationError)
        async def invalid(request: Request, error: RequestValidationError) -> PlainTextResponse:
            return PlainTextResponse(str(len(error.errors())), status_code=422)


        @app.get("/items/{name}")
        async def item(name: str, count: int = 1) -> str:
            if count > 1:
                raise OutOfStock(name)
            return name
        """,
        get("/items/pen"),
        get("/items/pen?count=2"),
        get("/items/pen?count=x"),
        fixes=1,
    )


def test_background_tasks(stage: Stage) -> None:
    """A task that is run after the answer, registered in an endpoint and in a dependency."""
    stage.same(
        """
        import time

        from fastapi import BackgroundTasks, Depends, FastAPI

        app = FastAPI()


        async def write(line: str) -> None:
            time.sleep(0.001)
            with open(f"{line}.log", "a") as log:
                log.write(line)


        def noted(tasks: BackgroundTasks, q: str | None = None) -> str | None:
            if q:
                tasks.add_task(write, f"query-{q}")
            return q


        @app.post("/send/{to}", status_code=202)
        async def send(to: str, tasks: BackgroundTasks, q: str | None = Depends(noted)) -> dict[str, str | None]:
            tasks.add_task(write, line=f"message-{to}")
            return {"to": to, "q": q}
        """,
        post("/send/ann"),
        post("/send/ben?q=x"),
        fixes=3,
    )


def test_a_websocket(stage: Stage) -> None:
    """What a websocket says is worked out word by word."""
    stage.same(
        """
        import subprocess
        import time

        from fastapi import FastAPI, WebSocket, WebSocketDisconnect

        app = FastAPI()


        def shout(word: str) -> str:
            return subprocess.run(["printf", word.upper()], capture_output=True, text=True).stdout


        @app.websocket("/shout/{name}")
        async def shouting(websocket: WebSocket, name: str) -> None:
            await websocket.accept()
            try:
                while True:
                    word = await websocket.receive_text()
                    if word == "stop":
                        await websocket.close(4001)
                        return
                    time.sleep(0.001)
                    loud = shout(word)
                    await websocket.send_text(f"{name}: {loud}")
            except WebSocketDisconnect:
                pass


        @app.get("/")
        async def index() -> str:
            return "talk to me"
        """,
        Talk("/shout/ann", ("hello", "you", "stop")),
        get("/"),
        fixes=2,
    )


def test_lifespan_is_left_alone(stage: Stage) -> None:
    """What waits before the application serves, and after, keeps nobody waiting."""
    stage.alone(
        """
        import time
        from collections.abc import AsyncIterator
        from contextlib import asynccontextmanager

        from fastapi import FastAPI, Request


        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, list[str]]]:
            time.sleep(0.001)
            app.state.words = ["ready"]
            yield {"words": app.state.words}
            time.sleep(0.001)
            app.state.words.append("closed")


        app = FastAPI(lifespan=lifespan)


        @app.get("/words")
        async def words(request: Request) -> list[str]:
            return request.state.words
        """,
        get("/words"),
    )


def test_a_router_with_everything(stage: Stage) -> None:
    """Prefix, tags, response model, status, aliases, deprecation: the contract is what it was."""
    stage.same(
        {
            "main.py": """
                from fastapi import FastAPI

                from routers import items

                app = FastAPI(title="Shop", version="2.1")
                app.include_router(items.router, prefix="/v1")
                """,
            "routers/__init__.py": "",
            "routers/items.py": """
                import time
                from enum import Enum
                from typing import Annotated

                from fastapi import APIRouter, Body, Cookie, Depends, Path, Query, Response
                from pydantic import BaseModel, Field


                class Kind(str, Enum):
                    pen = "pen"
                    ink = "ink"


                class Item(BaseModel):
                    name: str = Field(max_length=9, examples=["nib"])
                    kind: Kind = Kind.pen
                    secret: str = "hidden"


                class Shown(BaseModel):
                    name: str
                    kind: Kind


                async def slow() -> None:
                    time.sleep(0.001)


                router = APIRouter(prefix="/items", tags=["items"], dependencies=[Depends(slow)])


                @router.put(
                    "/{number}",
                    response_model=Shown,
                    status_code=202,
                    summary="Put one",
                    responses={409: {"description": "taken"}},
                    deprecated=True,
                )
                async def put(
                    number: Annotated[int, Path(ge=1)],
                    item: Annotated[Item, Body(embed=True)],
                    response: Response,
                    *,
                    q: Annotated[str | None, Query(alias="item-query", min_length=2)] = None,
                    who: Annotated[str, Cookie()] = "nobody",
                ) -> object:
                    \"\"\"Puts an item where it belongs.\"\"\"
                    time.sleep(0.001)
                    response.headers["X-Who"] = who
                    response.set_cookie("seen", str(number))
                    return item


                @router.api_route("/any", methods=["GET", "POST"], include_in_schema=False)
                async def any_way() -> dict[str, Kind]:
                    time.sleep(0.001)
                    return {"kind": Kind.ink}
                """,
        },
        Ask("PUT", "/v1/items/3?item-query=ab", {"json": {"item": {"name": "nib"}}, "cookies": {"who": "ann"}}),
        Ask("PUT", "/v1/items/0", {"json": {"item": {"name": "much too long"}}}),
        get("/v1/items/any"),
        post("/v1/items/any"),
        fixes=3,
    )


def test_routes_that_are_added_by_hand(stage: Stage) -> None:
    """`add_api_route`, a bound method as an endpoint, and Starlette's own routes."""
    stage.same(
        """
        import time

        from fastapi import APIRouter, FastAPI, Request
        from fastapi.responses import PlainTextResponse


        class Clock:
            def __init__(self) -> None:
                self.router = APIRouter()
                self.router.add_api_route("/wait/{ticks}", self.wait, methods=["GET"])

            async def wait(self, ticks: int) -> int:
                for _ in range(ticks):
                    time.sleep(0.002)
                return ticks


        async def plain(request: Request) -> PlainTextResponse:
            time.sleep(0.001)
            return PlainTextResponse(request.query_params.get("q", "none"))


        app = FastAPI()
        app.include_router(Clock().router)
        app.add_route("/plain", plain)
        """,
        get("/wait/3"),
        get("/wait/x"),
        get("/plain?q=1"),
        fixes=2,
    )


def test_server_sent_events(stage: Stage) -> None:
    """An asynchronous generator inside the endpoint."""
    stage.same(
        """
        import json
        import subprocess
        import time

        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse

        app = FastAPI()


        @app.get("/events")
        async def events(count: int = 2) -> StreamingResponse:
            async def produced():
                for number in range(count):
                    time.sleep(0.001)
                    text = subprocess.check_output(["printf", str(number)]).decode()
                    yield f"data: {json.dumps({'number': text})}\\n\\n"

            return StreamingResponse(produced(), media_type="text/event-stream")
        """,
        get("/events"),
        fixes=2,
    )


def test_a_mounted_application(stage: Stage) -> None:
    """What is mounted has endpoints of its own."""
    stage.same(
        """
        import time

        from fastapi import FastAPI

        inner = FastAPI(title="Inner")


        @inner.get("/wait")
        async def wait() -> str:
            time.sleep(0.001)
            return "waited"


        app = FastAPI()
        app.mount("/inner", inner)
        """,
        get("/inner/wait"),
        get("/inner/openapi.json"),
        fixes=1,
    )


def test_plain_endpoints_and_dependencies(stage: Stage) -> None:
    """`def` that waits for nothing becomes `async def`, with `--all`; its schema and answers stay."""
    stage.same(
        """
        from typing import Annotated

        from fastapi import Depends, FastAPI, HTTPException, Query
        from pydantic import BaseModel

        app = FastAPI()
        PRICES = {"pen": 2, "ink": 5}


        class Item(BaseModel):
            name: str
            price: int


        class Paging(BaseModel):
            limit: int = Query(5, le=10)


        def paging(limit: Annotated[int, Query(le=10)] = 5) -> Paging:
            return Paging(limit=limit)


        def known(name: str) -> Item:
            if name not in PRICES:
                raise HTTPException(404, f"no {name}")
            return Item(name=name, price=PRICES[name])


        @app.get("/items/{name}")
        def item(item: Annotated[Item, Depends(known)]) -> Item:
            \"\"\"One item.\"\"\"
            return item


        @app.get("/items")
        def items(paging: Annotated[Paging, Depends(paging)]) -> list[str]:
            return sorted(PRICES)[: paging.limit]
        """,
        get("/items/pen"),
        get("/items/nib"),
        get("/items?limit=1"),
        get("/items?limit=11"),
        fixes=3,
        seen=False,
    )


def test_a_function_that_is_also_called_by_hand(stage: Stage) -> None:
    """Whoever calls an endpoint himself awaits it from then on."""
    stage.same(
        """
        import time

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/one")
        def one() -> str:
            time.sleep(0.001)
            return "one"


        @app.get("/both")
        def both() -> list[str]:
            return [one(), one()]
        """,
        get("/one"),
        get("/both"),
        fixes=1,
        seen=False,
    )


def test_a_counter_is_left_alone(stage: Stage) -> None:
    """What all requests change is changed by one at a time on the loop, and by forty in threads."""
    stage.alone(
        """
        import socket

        from fastapi import FastAPI

        app = FastAPI()
        seen: dict[str, int] = {}
        total = 0


        @app.get("/resolve")
        async def resolve(name: str = "localhost") -> int:
            global total
            with open(name) if name.endswith(".md") else socket.create_server(("127.0.0.1", 0)) as opened:
                total += 1
                return total
        """,
        get("/resolve"),
        get("/resolve"),
    )


def test_an_unknown_decorator_is_left_alone(stage: Stage) -> None:
    """A decorator of the project that awaits what it decorates."""
    stage.alone(
        """
        import functools
        from pathlib import Path

        from fastapi import FastAPI

        app = FastAPI()


        def logged(function):
            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                return "logged " + await function(*args, **kwargs)

            return wrapper


        @app.get("/notes/{name}")
        @logged
        async def note(name: str) -> str:
            with Path(name).open() as file:
                return file.readline()
        """,
        get("/notes/main.py"),
    )


def test_a_validator_is_left_alone(stage: Stage) -> None:
    """A validator runs on the loop and can await nothing."""
    stage.alone(
        """
        import time

        from fastapi import FastAPI
        from pydantic import BaseModel, field_validator

        app = FastAPI()


        class Item(BaseModel):
            name: str

            @field_validator("name")
            @classmethod
            def checked(cls, value: str) -> str:
                time.sleep(0.001)
                return value.strip()


        @app.post("/items")
        async def add(item: Item) -> Item:
            return item
        """,
        post("/items", json={"name": " pen "}),
    )


def test_a_context_variable_is_left_alone(stage: Stage) -> None:
    """What a dependency sets for those after it would be lost in a thread."""
    stage.alone(
        """
        import time
        from contextvars import ContextVar

        from fastapi import Depends, FastAPI

        app = FastAPI()
        who: ContextVar[str] = ContextVar("who", default="nobody")


        def settled() -> None:
            with open("main.py") as file:
                file.readline()


        async def set_who(name: str = "ann") -> None:
            who.set(name)
            settled()


        @app.get("/", dependencies=[Depends(set_who)])
        async def index() -> str:
            return who.get()
        """,
        get("/"),
        get("/?name=ben"),
    )


def test_documented_callbacks_and_webhooks_are_left_alone(stage: Stage) -> None:
    """What only describes the requests that others have to answer is called by nobody."""
    stage.alone(
        """
        from fastapi import APIRouter, FastAPI
        from pydantic import BaseModel

        app = FastAPI()
        told = APIRouter()


        class Event(BaseModel):
            paid: bool


        @told.post("{$callback_url}/invoices")
        def notified(body: Event) -> None:
            \"\"\"You will be told.\"\"\"


        @app.post("/invoices", callbacks=told.routes)
        async def invoice(callback_url: str | None = None) -> dict[str, bool]:
            return {"told": notified(Event(paid=True)) is None}


        @app.webhooks.post("new")
        def new(body: Event) -> None:
            \"\"\"You will be told as well.\"\"\"
        """,
        post("/invoices"),
        get("/openapi.json"),
    )


def test_event_handlers_become_a_lifespan(stage: Stage) -> None:
    """What they open and close is opened and closed, in the same order."""
    stage.same(
        """
        import asyncio

        import anyio
        from fastapi import FastAPI

        app = FastAPI(title="Events")
        opened: list[str] = []


        @app.on_event("startup")
        async def connect() -> None:
            await asyncio.sleep(0)
            opened.append("connected")


        @app.on_event("shutdown")
        def leave() -> None:
            opened.append("left")


        @app.on_event("startup")
        def warm() -> None:
            opened.append("warm")


        @app.on_event("shutdown")
        async def close() -> None:
            opened.append("closed")
            await anyio.Path("closed.log").write_text(" ".join(opened))


        @app.get("/")
        async def index() -> list[str]:
            return opened
        """,
        get("/"),
        fixes=1,
        unsafe=True,
        seen=False,
        holds=('FastAPI(title="Events", lifespan=lifespan)',),
    )
