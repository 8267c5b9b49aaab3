"""Classes of an application's own that dependencies give."""

from tests.applications.playing import Ask, Stage, get


def test_classes_over_redis_as_dependencies(stage: Stage, redis: None) -> None:
    """Methods of what a class or a function gives, and an instance that is called, are awaited with all that call them."""
    stage.same(
        """
        import os
        from typing import Annotated

        from fastapi import Depends, FastAPI, Header, HTTPException
        from redis import Redis

        app = FastAPI()
        store = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


        class Items:
            def __init__(self, prefix: Annotated[str, Header()] = "item") -> None:
                self.prefix = prefix

            def read(self, name: str) -> str:
                value = store.get(f"{self.prefix}:{name}")
                if value is None:
                    raise HTTPException(404, f"no {name}")
                return value

            def write(self, name: str, value: str) -> str:
                store.set(f"{self.prefix}:{name}", value)
                return self.read(name)


        class Counter:
            def __init__(self, step: int) -> None:
                self.step = step

            def __call__(self, who: str = "all") -> int:
                return store.incr(f"count:{who}", self.step)


        twice = Counter(2)


        def get_items() -> Items:
            return Items("fixed")


        @app.put("/items/{name}")
        def put(name: str, value: str, items: Annotated[Items, Depends()]) -> str:
            return items.write(name, value)


        @app.get("/items/{name}")
        def item(name: str, items: Annotated[Items, Depends()], count: Annotated[int, Depends(twice)]) -> dict[str, object]:
            return {"value": items.read(name), "count": count}


        @app.get("/fixed/{name}")
        def fixed(name: str, items: Annotated[Items, Depends(get_items)]) -> str:
            return items.write(name, "fixed")
        """,
        get("/items/a"),
        Ask("PUT", "/items/a?value=1"),
        get("/items/a?who=me"),
        get("/items/a", headers={"prefix": "other"}),
        get("/fixed/a"),
        fixes=4,
        seen=False,
    )
