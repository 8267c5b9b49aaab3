"""Clients that an application keeps, exchanged for those of another package."""

import pytest

from tests.applications.playing import Ask, Stage, get

KEPT = """
    import os

    import {package}
    import requests
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()
    UPSTREAM = os.environ["UPSTREAM"]
    session = requests.Session()
    session_of_others = {package}.AsyncClient()


    class Upstream:
        def __init__(self) -> None:
            self.http = requests.Session()

        def said(self, path: str) -> dict:
            answer = self.http.get(f"{{UPSTREAM}}/{{path}}", headers={{"X-Path": f"{{path}}"}}, timeout=5)
            return {{"said": answer.json(), "status": answer.status_code, "type": answer.headers["content-type"]}}


    of_all = Upstream()


    @app.get("/status/{{code}}")
    async def status(code: int, request: Request) -> dict:
        body = await request.body()
        try:
            answer = session.get(f"{{UPSTREAM}}/status/{{code}}", timeout=5)
            answer.raise_for_status()
            session.head(f"{{UPSTREAM}}/moved").raise_for_status()
            return {{"said": answer.json(), "size": len(body), "reason": answer.reason}}
        except requests.HTTPError as error:
            raise HTTPException(502, f"no {{error.response.status_code}}") from error


    @app.get("/refused")
    def refused() -> str:
        try:
            return session.get("http://127.0.0.1:9/none", timeout=5).json()
        except requests.ConnectionError:
            return "refused"


    @app.post("/sent")
    def sent() -> dict:
        answer = session.post(UPSTREAM + "/in", json={{"a": 1}})
        return {{"path": answer.json()["path"], "status": answer.status_code}}


    @app.get("/moved")
    def moved() -> list:
        kept = session.get(UPSTREAM + "/moved", allow_redirects=False)
        return [session.get(UPSTREAM + "/moved").json(), kept.status_code]


    @app.get("/said/{{path}}")
    def said(path: str) -> dict:
        return of_all.said(path)
"""


@pytest.mark.parametrize("package", ["httpx2", "httpx"])
def test_sessions_of_requests_that_are_kept(stage: Stage, upstream: str, package: str) -> None:
    """By the module and by an object: who asks cannot tell which package asks upstream."""
    stage.same(
        KEPT.format(package=package),
        get("/status/200"),
        get("/status/404"),
        get("/refused"),
        Ask("POST", "/sent"),
        get("/moved"),
        get("/said/here"),
        fixes=5,
        unsafe=True,
        holds=(f"session = {package}.AsyncClient(timeout=None, follow_redirects=True)",),
    )


def test_a_session_that_is_opened_for_each_request(stage: Stage, upstream: str) -> None:
    """One of aiohttp is made in no time; it keeps cookies, and waits as long."""
    stage.same(
        """
        import os

        import aiohttp
        import requests
        from fastapi import FastAPI

        app = FastAPI()
        UPSTREAM = os.environ["UPSTREAM"]


        @app.get("/asynchronous")
        async def asynchronous() -> int:
            async with aiohttp.ClientSession() as http, http.get(UPSTREAM + "/here") as answer:
                return answer.status


        @app.get("/twice/{path}")
        def twice(path: str) -> list:
            with requests.Session() as session:
                first = session.get(f"{UPSTREAM}/{path}", timeout=5)
                first.raise_for_status()
                second = session.post(f"{UPSTREAM}/{path}", json={"a": 1})
                return [first.json(), second.json(), second.status_code]
        """,
        get("/asynchronous"),
        get("/twice/here"),
        get("/twice/there"),
        fixes=1,
        unsafe=True,
        seen=False,
        holds=("async with aiohttp.ClientSession(",),
    )


def test_a_client_of_redis_that_dependencies_give(stage: Stage, redis: None) -> None:
    """One that is kept, and one that is opened and closed for each request, are awaited by all who are given them."""
    stage.same(
        {
            "deps.py": """
            import os
            from collections.abc import Iterator
            from typing import Annotated

            from fastapi import Depends
            from redis import Redis

            store = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


            def get_kept() -> Redis:
                return store


            def get_opened() -> Iterator[Redis]:
                client = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
                try:
                    yield client
                finally:
                    client.close()


            Kept = Annotated[Redis, Depends(get_kept)]
            """,
            "main.py": """
            from fastapi import Depends, FastAPI, HTTPException, Request
            from redis import Redis

            from deps import Kept, get_kept, get_opened

            app = FastAPI()


            @app.put("/items/{name}")
            def put(name: str, value: str, store: Kept) -> bool:
                return bool(store.set(name, value))


            @app.get("/items/{name}")
            async def item(name: str, request: Request, client: Redis = Depends(get_opened)) -> dict[str, object]:
                body = await request.body()
                value = client.get(name)
                if value is None:
                    raise HTTPException(404, f"no {name}")
                return {"value": value, "size": len(body), "hits": client.incr("hits")}


            @app.get("/hits")
            def hits() -> str | None:
                return get_kept().get("hits")
            """,
        },
        get("/items/a"),
        Ask("PUT", "/items/a?value=1"),
        get("/items/a"),
        get("/items/a"),
        get("/hits"),
        fixes=2,
    )


def test_a_client_of_redis_that_nobody_closes(stage: Stage, redis: None) -> None:
    """Dropped, it took its connection with it; the other one is closed, so that no more stay open than before."""
    stage.same(
        """
        import os

        from fastapi import FastAPI, Request
        from redis import Redis

        app = FastAPI()
        URL = os.environ["REDIS_URL"]


        @app.get("/items/{name}")
        async def item(name: str, request: Request) -> str | None:
            body = await request.body()
            if not body:
                client = Redis.from_url(URL, decode_responses=True)
                # counted as well
                client.incr("asked")
                return client.get(name)
            return None


        @app.get("/open")
        async def opened(request: Request) -> int:
            await request.body()
            client = Redis.from_url(URL)
            return client.info("clients")["connected_clients"]
        """,
        get("/open"),
        get("/items/a"),
        get("/items/asked"),
        get("/open"),
        fixes=3,
        holds=(
            "async with redis.asyncio.Redis.from_url(URL, decode_responses=True) as client:\n            # counted",
            "async with redis.asyncio.Redis.from_url(URL) as client:",
        ),
    )
