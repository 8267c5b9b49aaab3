"""Applications that ask another server over HTTP, or Redis."""

import pytest

from tests.applications.playing import Ask, Stage, get, post


def test_requests_where_nothing_is_awaited(stage: Stage, upstream: str) -> None:
    """An endpoint that asks with Requests and awaits nothing loses its `async`."""
    stage.same(
        """
        import os

        import requests
        from fastapi import FastAPI, HTTPException

        app = FastAPI()
        UPSTREAM = os.environ["UPSTREAM"]


        @app.get("/weather/{city}")
        async def weather(city: str, status: int = 200) -> dict:
            path = f"/status/{status}" if status != 200 else "/weather"
            answer = requests.get(UPSTREAM + path, params={"city": city}, headers={"X-Key": "k"}, timeout=5)
            try:
                answer.raise_for_status()
            except requests.HTTPError as error:
                raise HTTPException(502, f"upstream said {error.response.status_code}") from error
            return answer.json()
        """,
        get("/weather/Berlin"),
        get("/weather/Köln?status=404"),
        fixes=1,
        holds=("\ndef weather",),
    )


def test_requests_beside_an_await(stage: Stage, upstream: str) -> None:
    """A body that is awaited is sent on; redirects are followed as before."""
    stage.same(
        """
        import os

        import requests
        from fastapi import FastAPI, Request

        app = FastAPI()


        @app.post("/forward")
        async def forward(request: Request) -> dict:
            body = await request.body()
            moved = requests.get(os.environ["UPSTREAM"] + "/moved", timeout=5)
            answer = requests.post(os.environ["UPSTREAM"] + "/in", data=body, timeout=5)
            return {"moved": moved.json()["path"], "status": answer.status_code, "answer": answer.json()}
        """,
        post("/forward", content=b"hello"),
        fixes=2,
        process=True,
    )


def test_a_session_of_requests_in_a_class(stage: Stage, upstream: str) -> None:
    """The session belongs to an object, which a dependency gives; the method that asks lies in another file."""
    stage.same(
        {
            "main.py": """
                from typing import Annotated

                from fastapi import Depends, FastAPI, Request

                from client import Upstream, get_upstream

                app = FastAPI()


                @app.post("/echo")
                async def echo(request: Request, upstream: Annotated[Upstream, Depends(get_upstream)]) -> dict:
                    return upstream.echo((await request.body()).decode())
                """,
            "client.py": """
                import os

                import requests


                class Upstream:
                    def __init__(self, url: str) -> None:
                        self.url = url
                        self.session = requests.Session()
                        self.session.headers["X-Key"] = "k"

                    def echo(self, text: str) -> dict:
                        return self._send("/echo", json={"text": text})

                    def _send(self, path: str, **options: object) -> dict:
                        answer = self.session.post(self.url + path, timeout=5, **options)
                        answer.raise_for_status()
                        return answer.json()


                upstream = Upstream(os.environ["UPSTREAM"])


                def get_upstream() -> Upstream:
                    return upstream
                """,
        },
        post("/echo", content=b"hello"),
        fixes=2,
    )


def test_requests_that_stream(stage: Stage, upstream: str) -> None:
    """What is read bit by bit later is not handed over: the function as a whole is right in a thread."""
    stage.same(
        """
        import os

        import requests
        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/lines")
        async def lines() -> list[str]:
            with requests.get(os.environ["UPSTREAM"] + "/lines", stream=True, timeout=5) as answer:
                return [line.decode() for line in answer.iter_lines()]
        """,
        get("/lines"),
        fixes=1,
    )


def test_httpx_functions(stage: Stage, upstream: str) -> None:
    """`httpx.get` beside an await, and its exceptions in the handler of the function."""
    stage.same(
        """
        import asyncio
        import os

        import httpx
        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        @app.get("/status/{status}")
        async def status(status: int) -> dict:
            await asyncio.sleep(0)
            try:
                answer = httpx.get(f"{os.environ['UPSTREAM']}/status/{status}", timeout=5)
                answer.raise_for_status()
            except httpx.HTTPStatusError as error:
                raise HTTPException(502, str(error.response.status_code)) from error
            except httpx.ConnectError:
                raise HTTPException(503) from None
            return answer.json()
        """,
        get("/status/200"),
        get("/status/500"),
        fixes=1,
    )


def test_a_client_of_httpx_that_is_shared(stage: Stage, upstream: str) -> None:
    """A client of the module, asked in a `def` helper of an endpoint that awaits."""
    stage.same(
        """
        import os

        import httpx
        from fastapi import FastAPI, Request

        app = FastAPI()
        client = httpx.Client(base_url=os.environ["UPSTREAM"], headers={"X-Key": "k"})


        def ask(path: str, **query: str) -> dict:
            return client.get(path, params=query).json()


        @app.post("/ask")
        async def index(request: Request) -> list[dict]:
            word = (await request.body()).decode()
            return [ask("/one", word=word), ask("/two")]
        """,
        post("/ask", content=b"a b&c"),
        fixes=2,
    )


def test_a_client_of_httpx_that_a_generator_opens_for_each_request(stage: Stage, upstream: str) -> None:
    """Two generators, of which one closes the client itself, and all endpoints that are given what they yield."""
    stage.same(
        {
            "main.py": """
                from fastapi import FastAPI

                from clients import Client, Other

                app = FastAPI()


                @app.get("/ask/{path:path}")
                async def ask(path: str, client: Client) -> dict:
                    return client.get(path, headers={"X-Key": "k"}).json()


                @app.get("/lines")
                def lines(client: Client, other: Other) -> list[str]:
                    first = client.get("/here")
                    with other.stream("GET", "/packed") as answer:
                        found = []
                        for line in answer.iter_lines():
                            found.append(line)
                        return [str(first.status_code), *found]
                """,
            "clients.py": """
                import os
                from collections.abc import Iterator
                from typing import Annotated

                import httpx
                from fastapi import Depends


                def get_client() -> Iterator[httpx.Client]:
                    with httpx.Client(base_url=os.environ["UPSTREAM"], timeout=5) as client:
                        yield client


                def get_other() -> Iterator[httpx.Client]:
                    client = httpx.Client(base_url=os.environ["UPSTREAM"])
                    try:
                        yield client
                    finally:
                        client.close()


                Client = Annotated[httpx.Client, Depends(get_client)]
                Other = Annotated[httpx.Client, Depends(get_other)]
                """,
        },
        get("/ask/here"),
        get("/ask/status/404"),
        get("/lines"),
        fixes=2,
        holds=("async with httpx.AsyncClient(base_url=", "await client.aclose()", "verify=SSL_CONTEXT"),
    )


def test_urlopen(stage: Stage, upstream: str) -> None:
    """`urllib.request.urlopen` as a context manager, and its error."""
    stage.same(
        """
        import json
        import os
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        @app.get("/ask/{path:path}")
        async def ask(path: str) -> dict:
            request = Request(f"{os.environ['UPSTREAM']}/{path}", headers={"X-Key": "k"})
            try:
                with urlopen(request, timeout=5) as answer:
                    return json.load(answer)
            except HTTPError as error:
                raise HTTPException(error.code) from error
        """,
        get("/ask/here"),
        get("/ask/status/403"),
        fixes=1,
    )


def test_http_client(stage: Stage, upstream: str) -> None:
    """`http.client` in a helper that an endpoint with an await calls."""
    stage.same(
        """
        import http.client
        import os
        from urllib.parse import urlsplit

        from fastapi import FastAPI, Request

        app = FastAPI()


        def put(body: bytes) -> tuple[int, str]:
            connection = http.client.HTTPConnection(urlsplit(os.environ["UPSTREAM"]).netloc, timeout=5)
            try:
                connection.request("PUT", "/thing", body, {"X-Key": "k"})
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            finally:
                connection.close()


        @app.put("/thing")
        async def thing(request: Request) -> dict[str, str]:
            status, text = put(await request.body())
            return {"status": str(status), "text": text}
        """,
        Ask("PUT", "/thing", {"content": b"x"}),
        fixes=1,
    )


def test_asking_asynchronously_is_left_alone(stage: Stage, upstream: str) -> None:
    """Aiohttp and `httpx.AsyncClient` are awaited already, whatever their methods are called."""
    stage.alone(
        """
        import os
        from contextlib import asynccontextmanager

        import aiohttp
        import httpx
        from fastapi import FastAPI

        UPSTREAM = os.environ["UPSTREAM"]
        clients = {}


        @asynccontextmanager
        async def lifespan(app: FastAPI):
            async with aiohttp.ClientSession(UPSTREAM) as session, httpx.AsyncClient(base_url=UPSTREAM) as client:
                clients["aiohttp"], clients["httpx"] = session, client
                yield


        app = FastAPI(lifespan=lifespan)


        @app.get("/both")
        async def both() -> list[dict]:
            session: aiohttp.ClientSession = clients["aiohttp"]
            client: httpx.AsyncClient = clients["httpx"]
            async with session.get("/one") as first:
                answer = await first.json()
            second = await client.get("/two")
            return [answer, second.json()]
        """,
        get("/both"),
    )


def test_a_def_endpoint_that_asks_is_left_alone(stage: Stage, upstream: str) -> None:
    """A client per call in `def` is right where it is."""
    stage.alone(
        """
        import os

        import requests
        from fastapi import FastAPI

        app = FastAPI()


        def ask(path: str) -> requests.Response:
            with requests.Session() as session:
                session.cookies.set("a", "b")
                return session.get(os.environ["UPSTREAM"] + path, allow_redirects=False, timeout=(1, 5))


        @app.get("/")
        def index() -> dict[str, int | str]:
            answer = ask("/moved")
            return {"status": answer.status_code, "to": answer.headers["Location"], "reason": answer.reason}
        """,
        get("/"),
    )


def test_a_mocked_name_is_left_alone(stage: Stage) -> None:
    """A module of the project's own that is called `requests` is not the library."""
    stage.alone(
        {
            "main.py": """
                import asyncio

                from fastapi import FastAPI

                from shop import requests

                app = FastAPI()


                @app.get("/")
                async def index() -> str:
                    await asyncio.sleep(0)
                    return requests.get("one")
                """,
            "shop/__init__.py": "",
            "shop/requests.py": """
                def get(name: str) -> str:
                    return f"request {name}"
                """,
        },
        get("/"),
    )


def test_redis_in_an_endpoint(stage: Stage, redis: None) -> None:
    """A client of the module, used by endpoints that await and by some that do not."""
    stage.same(
        """
        import os

        import redis
        from fastapi import FastAPI, HTTPException, Request

        app = FastAPI()
        store = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


        @app.post("/items/{name}")
        async def put(name: str, request: Request) -> bool:
            body = await request.body()
            store.set(name, body, ex=60)
            return bool(store.exists(name))


        @app.get("/items/{name}")
        async def item(name: str) -> str:
            value = store.get(name)
            if value is None:
                raise HTTPException(404)
            return value


        @app.get("/hits")
        async def hits() -> int:
            return store.incr("hits")
        """,
        get("/items/a"),
        post("/items/a", content=b"one"),
        get("/items/a"),
        get("/hits"),
        get("/hits"),
        fixes=3,
    )


def test_a_pipeline_of_redis(stage: Stage, redis: None) -> None:
    """What a pipeline collects is sent by one call."""
    stage.same(
        """
        import os

        import redis
        from fastapi import Depends, FastAPI, Request

        app = FastAPI()
        pool = redis.ConnectionPool.from_url(os.environ["REDIS_URL"])


        def get_redis() -> redis.Redis:
            return redis.Redis(connection_pool=pool)


        @app.post("/visits")
        async def visits(request: Request, store: redis.Redis = Depends(get_redis)) -> list[int]:
            name = (await request.body()).decode()
            pipeline = store.pipeline()
            pipeline.incr(f"visits:{name}")
            pipeline.incr("visits")
            return pipeline.execute()
        """,
        post("/visits", content=b"ann"),
        post("/visits", content=b"ben"),
        fixes=1,
    )


def test_redis_asyncio_is_left_alone(stage: Stage, redis: None) -> None:
    """The methods of `redis.asyncio` have the same names, and are awaited."""
    stage.alone(
        """
        import os
        from collections.abc import AsyncIterator

        from fastapi import Depends, FastAPI
        from redis.asyncio import Redis

        app = FastAPI()


        async def get_redis() -> AsyncIterator[Redis]:
            async with Redis.from_url(os.environ["REDIS_URL"]) as store:
                yield store


        @app.get("/hits")
        async def hits(store: Redis = Depends(get_redis)) -> int:
            await store.setnx("hits", 10)
            return await store.incr("hits")
        """,
        get("/hits"),
        get("/hits"),
    )


def test_a_client_of_redis_in_def_endpoints(stage: Stage, redis: None) -> None:
    """With `--all`, the client of the module becomes asynchronous together with all that uses it."""
    stage.same(
        """
        import os

        from fastapi import FastAPI, HTTPException
        from redis import Redis

        app = FastAPI()
        store = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


        def known(name: str) -> str:
            value = store.get(name)
            if value is None:
                raise HTTPException(404, f"no {name}")
            return value


        @app.put("/items/{name}")
        def put(name: str, value: str) -> bool:
            return bool(store.set(name, value))


        @app.get("/items/{name}")
        def item(name: str) -> dict[str, str]:
            return {"value": known(name), "hits": str(store.incr("hits"))}
        """,
        get("/items/a"),
        Ask("PUT", "/items/a?value=1"),
        get("/items/a"),
        fixes=1,
        seen=False,
    )


CAUGHT = """
import os
from contextlib import asynccontextmanager
from typing import Annotated

import {package}
import requests
from fastapi import Depends, FastAPI, HTTPException

app = FastAPI()
UPSTREAM = os.environ["UPSTREAM"]


{dependency}


Client = Annotated[{package}.{client}, Depends(get_client)]


@app.get("/status/{{code}}")
async def status(code: int, client: Client) -> dict:
    try:
        answer = requests.get(f"{{UPSTREAM}}/status/{{code}}", timeout=5)
        answer.raise_for_status()
        return {{"said": answer.json(), "status": answer.status_code, "type": answer.headers["content-type"]}}
    except requests.HTTPError as error:
        raise HTTPException(502, "no") from error


@app.get("/refused")
async def refused(client: Client) -> str:
    try:
        return requests.get("http://127.0.0.1:9/none", timeout=5).json()
    except requests.ConnectionError:
        return "refused"


@app.get("/lines")
async def lines(client: Client) -> str:
    try:
        return requests.get(UPSTREAM + "/lines", headers={{"X-Key": "k"}}).json()
    except requests.RequestException:
        return "no JSON"


@app.post("/sent")
async def sent(client: Client) -> dict:
    answer = requests.post(UPSTREAM + "/in", json={{"a": 1}})
    return {{"path": answer.json()["path"], "status": answer.status_code}}


@app.get("/moved")
async def moved(client: Client) -> dict:
    return requests.get(UPSTREAM + "/moved").json()
"""


SHARED = "shared = {package}.{client}()\n\n\nasync def get_client():\n    return shared"
OPENED = "async def get_client():\n    async with {package}.{client}() as client:\n        yield client"


@pytest.mark.parametrize(
    ("package", "client", "dependency"),
    [
        ("httpx2", "AsyncClient", SHARED),
        ("httpx", "AsyncClient", SHARED),
        ("aiohttp", "ClientSession", OPENED),
    ],
)
def test_the_client_of_a_dependency_asks_instead_of_requests(
    stage: Stage, upstream: str, package: str, client: str, dependency: str
) -> None:
    """What is taken of the answers, and what is caught, goes by other names; who asks cannot tell."""
    dependency = dependency.format(package=package, client=client)
    stage.same(
        CAUGHT.format(package=package, client=client, dependency=dependency),
        get("/status/200"),
        get("/status/404"),
        get("/refused"),
        get("/lines"),
        post("/sent"),
        get("/moved"),
        fixes=5,
        way="twin",
    )


@pytest.mark.parametrize("package", ["httpx", "httpx2"])
def test_a_client_for_each_request(stage: Stage, upstream: str, package: str) -> None:
    """It is given the certificates that were read once; its cookies are still its own."""
    stage.same(
        f"""
        import os

        import {package}
        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/twice")
        async def twice() -> dict:
            async with {package}.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=5) as client:
                client.cookies.set("a", "b")
                first = await client.get("/first")
            async with {package}.AsyncClient() as client:
                second = await client.get(os.environ["UPSTREAM"] + "/second")
            return {{"first": first.json(), "second": second.json(), "cookies": dict(client.cookies)}}
        """,
        get("/twice"),
        get("/twice"),
        fixes=2,
        seen=False,
        holds=("verify=SSL_CONTEXT",),
    )


def test_a_pipeline_that_is_entered(stage: Stage, redis: None) -> None:
    """What a manager gives is awaited as well."""
    stage.same(
        """
        import os

        import redis
        from fastapi import FastAPI, Request

        app = FastAPI()
        store = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


        @app.post("/count")
        async def count(request: Request) -> list:
            name = (await request.json())["name"]
            with store.pipeline(transaction=True) as pipe:
                pipe.incr(name)
                pipe.get(name)
                return pipe.execute()
        """,
        post("/count", json={"name": "a"}),
        post("/count", json={"name": "a"}),
        fixes=1,
        holds=("async with store.pipeline(transaction=True) as pipe:", "return await pipe.execute()"),
    )


def test_one_client_for_all_requests(stage: Stage, upstream: str) -> None:
    """The lifespan of the application opens it, in another file than those whose endpoints are given it."""
    stage.same(
        {
            "main.py": """
                from collections.abc import AsyncIterator
                from contextlib import asynccontextmanager

                from fastapi import FastAPI

                from routes import router


                @asynccontextmanager
                async def lifespan(app: FastAPI) -> AsyncIterator[dict]:
                    yield {"started": True}


                app = FastAPI(lifespan=lifespan)
                app.include_router(router, prefix="/rates")
                """,
            "routes.py": """
                import os

                import httpx
                from fastapi import APIRouter, HTTPException, Request

                router = APIRouter()
                UPSTREAM = os.environ["UPSTREAM"]


                async def ask(client: httpx.AsyncClient, path: str, day: str) -> httpx.Response:
                    return await client.get(UPSTREAM + path, params={"day": day})


                @router.get("/{day}")
                async def rate(request: Request, day: str, status: int = 200) -> dict:
                    async with httpx.AsyncClient(timeout=5) as client:
                        answer = await ask(client, f"/status/{status}" if status != 200 else "/rate", day)
                        if answer.is_error:
                            raise HTTPException(502, f"upstream said {answer.status_code}")
                    return answer.json() | {"started": request.state.started}


                @router.post("/")
                async def say(day: str) -> dict:
                    async with httpx.AsyncClient(timeout=5) as http:
                        text = \"\"\"a text
                          of lines\"\"\"
                        return (await http.post(f"{UPSTREAM}/in", json={"day": day, "text": text})).json()
                """,
        },
        get("/rates/monday"),
        get("/rates/monday?status=404"),
        get("/rates/tuesday"),
        post("/rates/?day=friday"),
        get("/rates/"),
        fixes=2,
        seen=False,
        way="twin",
        holds=("app.state.http_client = http_client", "Depends(get_http_client)"),
    )


def test_one_client_where_the_application_had_no_lifespan(stage: Stage, upstream: str) -> None:
    """The application and its endpoints stand in one file."""
    stage.same(
        """
        import os

        import httpx
        from fastapi import FastAPI

        app = FastAPI(title="rates")


        async def fetch(path: str, times: int = 1) -> list[dict]:
            async with httpx.AsyncClient() as client:
                return [(await client.get(os.environ["UPSTREAM"] + path)).json() for _ in range(times)]


        @app.get("/asked")
        async def asked(path: str = "/here") -> list[dict]:
            return await fetch(path, times=2) + await fetch("/there")


        @app.get("/lines")
        async def lines() -> list[str]:
            async with httpx.AsyncClient() as client:
                async with client.stream("GET", os.environ["UPSTREAM"] + "/lines") as answer:
                    return [line async for line in answer.aiter_lines()]
        """,
        get("/lines"),
        get("/lines"),
        get("/asked"),
        get("/asked?path=/status/404"),
        fixes=2,
        seen=False,
        way="twin",
        holds=(
            "await fetch(path, times=2, client=client)",
            'FastAPI(title="rates", lifespan=lifespan)',
        ),
    )


def test_requests_on_a_client_that_the_lifespan_opens(stage: Stage, upstream: str) -> None:
    """The project has a client of HTTPX elsewhere; the answers, and what is raised, are as before."""
    stage.same(
        {
            "elsewhere.py": "import httpx\n\n\ndef make():\n    return httpx.AsyncClient()\n",
            "main.py": """
                import os

                import requests
                from fastapi import FastAPI, HTTPException, Request

                app = FastAPI()
                UPSTREAM = os.environ["UPSTREAM"]


                @app.post("/orders")
                async def order(request: Request, status: int = 200) -> dict:
                    body = await request.body()
                    try:
                        answer = requests.get(f"{UPSTREAM}/status/{status}", timeout=5)
                        answer.raise_for_status()
                    except requests.RequestException as error:
                        raise HTTPException(502, "upstream") from error
                    moved = requests.request("GET", f"{UPSTREAM}/moved", headers={"X-Key": "k"}, timeout=5)
                    if not moved.ok:
                        raise ValueError(moved.text)
                    return {"moved": moved.json(), "length": len(body), "fine": moved.ok}
                """,
        },
        post("/orders", content=b"hello"),
        post("/orders?status=404", content=b"hello"),
        fixes=2,
        way="twin",
        holds=(
            "FastAPI(lifespan=lifespan)",
            "except (httpx.HTTPError, httpx.InvalidURL)",
            "await http_client.request(",
        ),
    )
