"""Context managers of an application's own."""

from tests.applications.playing import Stage, get

LOCKED = """
    import os
    from collections.abc import Iterator
    from contextlib import contextmanager

    from fastapi import HTTPException
    from redis import Redis

    store = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


    @contextmanager
    def locked(name: str) -> Iterator[str]:
        if not store.setnx(f"lock:{name}", 1):
            raise HTTPException(409, "busy")
        try:
            yield name.upper()
        except KeyError as error:
            raise HTTPException(404, f"no {error.args[0]}") from error
        finally:
            store.delete(f"lock:{name}")
"""


def test_a_manager_of_another_file(stage: Stage, redis: None) -> None:
    """It is entered in an endpoint that awaits, and in a `def`; what is raised inside it turns, and the lock is let go."""
    stage.same(
        {
            "locks.py": LOCKED,
            "main.py": """
            from fastapi import FastAPI, Request

            from locks import locked, store

            app = FastAPI()


            @app.get("/awaits/{name}")
            async def awaits(name: str, request: Request) -> dict[str, str]:
                with locked(name) as upper:
                    body = await request.body()
                    return {"upper": upper, "size": str(len(body)), "a": {"A": "1"}[upper]}


            @app.get("/waits/{name}")
            def waits(name: str) -> dict[str, str]:
                with locked(name) as upper:
                    return {"upper": upper, "lock": str(store.get(f"lock:{name}")), "nested": nested(name)}


            def nested(name: str) -> str:
                with locked(f"inner-{name}") as upper:
                    return upper
            """,
        },
        get("/awaits/a"),
        get("/awaits/b"),
        get("/awaits/a"),
        get("/waits/a"),
        get("/waits/inner-a"),
        get("/waits/a"),
        fixes=2,
        unsafe=True,
        holds=("async with locked(name)", "@asynccontextmanager", "AsyncIterator[str]"),
    )


def test_a_manager_that_a_script_enters_is_left_alone(stage: Stage, redis: None) -> None:
    """Whoever enters it outside of requests cannot await."""
    stage.alone(
        {
            "locks.py": LOCKED,
            "fill.py": """
            from locks import locked

            if __name__ == "__main__":
                with locked("a"):
                    print("locked")
            """,
            "main.py": """
            from fastapi import FastAPI

            from locks import locked

            app = FastAPI()


            @app.get("/waits/{name}")
            def waits(name: str) -> str:
                with locked(name) as upper:
                    return upper
            """,
        },
        get("/waits/a"),
    )
