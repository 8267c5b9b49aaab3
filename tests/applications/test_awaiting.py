"""Applications with mistakes in asynchronous code, which answer wrongly, or not at all, until they are mended."""

from tests.applications.playing import Stage, Talk, get, post

HEAD = """
import asyncio

from fastapi import FastAPI

app = FastAPI()
log: list[str] = []


async def load(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"number": number}


async def note(text: str) -> None:
    await asyncio.sleep(0)
    log.append(text)


"""


def test_a_forgotten_await(stage: Stage) -> None:
    """What was never done is done now."""
    stage.mended(
        HEAD
        + """
@app.get("/note/{text}")
async def index(text: str) -> list[str]:
    note(text)
    return log
""",
        (get("/note/a"), '200 ["a"]'),
        (get("/note/b"), '200 ["a","b"]'),
        fixes=1,
    )


def test_a_coroutine_used_as_its_value(stage: Stage) -> None:
    """A coroutine has no items."""
    stage.mended(
        HEAD
        + """
@app.get("/number/{number}")
async def index(number: int) -> int:
    return load(number)["number"] + 1
""",
        (get("/number/3"), "200 4"),
        fixes=1,
    )


def test_a_needless_await(stage: Stage) -> None:
    """What is no coroutine cannot be awaited."""
    stage.mended(
        HEAD
        + """
def double(number: int) -> dict[str, int]:
    return {"doubled": number * 2}


@app.get("/double/{number}")
async def index(number: int) -> dict[str, int]:
    return await double(number)
""",
        (get("/double/2"), '200 {"doubled":4}'),
        fixes=1,
    )


def test_a_second_loop(stage: Stage) -> None:
    """`asyncio.run` inside a loop raises."""
    stage.mended(
        HEAD
        + """
@app.get("/number/{number}")
async def index(number: int) -> dict[str, int]:
    return asyncio.run(load(number))
""",
        (get("/number/3"), '200 {"number":3}'),
        fixes=1,
    )


def test_a_plain_with_over_an_asynchronous_manager(stage: Stage) -> None:
    """`with` where `async with` is meant."""
    stage.mended(
        """
        import asyncio
        from contextlib import asynccontextmanager

        from fastapi import FastAPI

        app = FastAPI()


        @asynccontextmanager
        async def opened(name: str):
            await asyncio.sleep(0)
            yield name.upper()


        @app.get("/open/{name}")
        async def index(name: str) -> str:
            with opened(name) as found:
                return found
        """,
        (get("/open/a"), '200 "A"'),
        fixes=1,
    )


def test_a_plain_for_over_an_asynchronous_generator(stage: Stage) -> None:
    """`for` where `async for` is meant."""
    stage.mended(
        """
        import asyncio

        from fastapi import FastAPI

        app = FastAPI()


        async def counted(limit: int):
            for number in range(limit):
                await asyncio.sleep(0)
                yield number


        @app.get("/sum/{limit}")
        async def index(limit: int) -> int:
            total = 0
            for number in counted(limit):
                total += number
            return total
        """,
        (get("/sum/4"), "200 6"),
        fixes=1,
    )


def test_a_hand_over_of_the_result(stage: Stage) -> None:
    """The function is handed over, not what it gives."""
    stage.mended(
        """
        import time

        from fastapi import FastAPI
        from fastapi.concurrency import run_in_threadpool

        app = FastAPI()


        def slow(number: int) -> int:
            time.sleep(0.001)
            return number


        @app.get("/slow/{number}")
        async def index(number: int) -> int:
            return await run_in_threadpool(slow(number))
        """,
        (get("/slow/4"), "200 4"),
        fixes=1,
    )


def test_a_hand_over_of_a_coroutine_function(stage: Stage) -> None:
    """In a thread it would only be called, and nobody awaits what it gives."""
    stage.mended(
        HEAD
        + """
@app.get("/number/{number}")
async def index(number: int) -> dict[str, int]:
    return await asyncio.to_thread(load, number)
""",
        (get("/number/3"), '200 {"number":3}'),
        fixes=1,
    )


def test_a_def_websocket(stage: Stage) -> None:
    """The framework awaits what a websocket's function gives."""
    stage.mended(
        """
        from fastapi import FastAPI, WebSocket

        app = FastAPI()


        @app.websocket("/echo")
        def echo(websocket: WebSocket):
            websocket.accept()
            word = websocket.receive_text()
            websocket.send_text(word * 2)
        """,
        (Talk("/echo", ("ab",)), "abab"),
        fixes=1,
    )


def test_a_def_middleware(stage: Stage) -> None:
    """A middleware must be awaited."""
    stage.mended(
        """
        from fastapi import FastAPI, Request

        app = FastAPI()


        @app.middleware("http")
        def marked(request: Request, call_next):
            response = call_next(request)
            response.set_cookie("mark", "yes")
            return response


        @app.get("/")
        async def index() -> str:
            return "fine"
        """,
        (get("/"), '200 "fine"'),
        fixes=1,
    )


def test_obsolete_functions(stage: Stage) -> None:
    """`asyncio.get_event_loop` on the loop gives the same as its successor."""
    stage.same(
        HEAD
        + """
@app.get("/number/{number}")
async def index(number: int) -> dict[str, int]:
    task = asyncio.ensure_future(load(number))
    loop = asyncio.get_event_loop()
    return await task if loop.is_running() else {}
""",
        get("/number/3"),
        fixes=2,
        seen=False,
    )


def test_coroutines_that_are_handed_on_are_left_alone(stage: Stage) -> None:
    """gather, wait_for, create_task, a list of coroutines, and a function that returns one."""
    stage.alone(
        HEAD
        + """
def later(number: int):
    return load(number)


@app.post("/many")
async def many(numbers: list[int]) -> list[dict[str, int]]:
    first = asyncio.create_task(load(0))
    waiting = [load(number) for number in numbers]
    rest = await asyncio.gather(*waiting, later(9))
    return [await first, *rest, await asyncio.wait_for(load(10), 5)]
""",
        post("/many", json=[1, 2]),
    )


def test_tasks_that_are_kept_are_left_alone(stage: Stage) -> None:
    """A task in a set, with a callback that takes it out."""
    stage.alone(
        HEAD
        + """
tasks: set[asyncio.Task[None]] = set()


@app.post("/note/{text}")
async def index(text: str) -> int:
    task = asyncio.create_task(note(text))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return len(tasks)
""",
        post("/note/a"),
    )


def test_awaits_that_depend_on_each_other_are_left_alone(stage: Stage) -> None:
    """The second await needs what the first gave."""
    stage.alone(
        HEAD
        + """
@app.get("/number/{number}")
async def index(number: int) -> dict[str, int]:
    first = await load(number)
    second = await load(first["number"] + 1)
    return second
""",
        get("/number/3"),
    )


def test_independent_awaits_are_not_joined_unasked(stage: Stage) -> None:
    """What follows each other stays in that order: joining them changes who fails first."""
    stage.alone(
        HEAD
        + """
@app.get("/both")
async def both() -> list[dict[str, int]]:
    first = await load(1)
    await note("between")
    second = await load(2)
    return [first, second]
""",
        get("/both"),
    )


def test_reads_that_are_awaited_at_once(stage: Stage) -> None:
    """The answers are the same; what fails, fails as before."""
    stage.same(
        """
        import asyncio
        import time

        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        async def get_price(name: str) -> int:
            await asyncio.sleep(0.01)
            if name == "none":
                raise HTTPException(404, "no price")
            return len(name)


        async def get_stock(name: str) -> int:
            await asyncio.sleep(0.02)
            return 3


        async def get_colour(name: str) -> str:
            await asyncio.sleep(0.01)
            return name.upper()


        @app.get("/items/{name}")
        async def item(name: str) -> dict:
            price = await get_price(name)
            stock = await get_stock(name)
            colour = await get_colour(name)
            time.sleep(0.01)
            return {"price": price, "stock": stock, "colour": colour}
        """,
        get("/items/tea"),
        get("/items/none"),
        fixes=2,
        unsafe=True,
        holds=("await asyncio.gather(get_price(name), get_stock(name), get_colour(name))",),
    )
