"""Applications that sleep, run other programs, wait for threads, or hash passwords."""

from tests.applications.playing import Stage, get, post


def test_sleep_beside_an_await(stage: Stage) -> None:
    """`time.sleep` where something is awaited gets its twin; what the endpoint refuses it still refuses."""
    stage.same(
        """
        import asyncio
        import time

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/")
        async def index(seconds: float = 0.01) -> dict[str, float]:
            await asyncio.sleep(0)
            time.sleep(seconds)
            return {"slept": seconds}
        """,
        get("/"),
        get("/?seconds=x"),
        fixes=1,
        holds=("await asyncio.sleep(seconds)",),
    )


def test_sleep_in_a_thread(stage: Stage) -> None:
    """With `--all`, `def` becomes `async def` where all that waits in it has a twin."""
    stage.same(
        """
        import time

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/")
        def index(seconds: float = 0.01) -> dict[str, float]:
            time.sleep(seconds)
            return {"slept": seconds}
        """,
        get("/"),
        fixes=1,
        seen=False,
    )


def test_sleep_in_a_loop_in_a_helper_three_deep(stage: Stage) -> None:
    """What sleeps lies three files away: the call that leads there is handed to a thread."""
    stage.same(
        {
            "main.py": """
                import asyncio

                from fastapi import FastAPI

                from shop.orders import price_of

                app = FastAPI()


                @app.get("/orders/{number}")
                async def order(number: int) -> dict[str, int]:
                    await asyncio.sleep(0)
                    return {"price": price_of(number, tax=2)}
                """,
            "shop/__init__.py": "",
            "shop/orders.py": """
                from shop import stock


                def price_of(number: int, *, tax: int) -> int:
                    return stock.look_up(number) * tax
                """,
            "shop/stock.py": """
                from .clock import settle


                def look_up(number: int) -> int:
                    settle()
                    if number == 0:
                        raise LookupError("no such order")
                    return number
                """,
            "shop/clock.py": """
                import time


                def settle() -> None:
                    for _ in range(2):
                        time.sleep(0.001)
                """,
        },
        get("/orders/3"),
        get("/orders/0"),
        fixes=1,
    )


def test_an_endpoint_that_awaits_nothing(stage: Stage) -> None:
    """An endpoint that runs a program and awaits nothing loses its `async`."""
    stage.same(
        """
        import subprocess
        import sys

        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        @app.get("/say/{word}")
        async def say(word: str, status: int = 0) -> dict[str, str]:
            done = subprocess.run(
                [sys.executable, "-S", "-c", f"import sys; print({word!r}); sys.exit({status})"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise HTTPException(502, f"it ended with {done.returncode}")
            return {"said": done.stdout}
        """,
        get("/say/hello"),
        get("/say/hello?status=3"),
        fixes=1,
        holds=("\ndef say",),
    )


def test_a_program_beside_an_await(stage: Stage) -> None:
    """`subprocess.check_output` raises what it raised: the handler of the endpoint still catches it."""
    stage.same(
        """
        import asyncio
        import subprocess

        from fastapi import FastAPI, HTTPException

        app = FastAPI()


        @app.get("/list")
        async def listing(path: str) -> list[str]:
            await asyncio.sleep(0)
            try:
                text = subprocess.check_output(["ls", path], text=True, stderr=subprocess.STDOUT)
            except subprocess.CalledProcessError as error:
                raise HTTPException(404, error.output) from error
            return text.splitlines()
        """,
        get("/list?path=main.py"),
        get("/list?path=missing"),
        fixes=1,
        process=True,
    )


def test_popen_that_is_talked_to(stage: Stage) -> None:
    """`communicate` with a program that was started here."""
    stage.same(
        """
        import asyncio
        import subprocess

        from fastapi import Body, FastAPI

        app = FastAPI()


        @app.post("/count")
        async def count(text: str = Body()) -> int:
            await asyncio.sleep(0)
            counting = subprocess.Popen(["wc", "-w"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            out, _ = counting.communicate(text)
            return int(out)
        """,
        post("/count", json="one two three"),
        fixes=1,
    )


def test_os_system(stage: Stage) -> None:
    """The status of `os.system` is what it was."""
    stage.same(
        """
        import os

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/exit/{status}")
        async def leave(status: int) -> int:
            return os.waitstatus_to_exitcode(os.system(f"exit {status}"))
        """,
        get("/exit/0"),
        get("/exit/7"),
        fixes=1,
    )


def test_waiting_for_a_thread_pool(stage: Stage) -> None:
    """The result of a pool's future, and what it raises."""
    stage.same(
        """
        import asyncio
        import time
        from concurrent.futures import ThreadPoolExecutor

        from fastapi import FastAPI

        app = FastAPI()
        pool = ThreadPoolExecutor(2)


        def divide(by: int) -> int:
            time.sleep(0.005)
            return 10 // by


        @app.get("/divide/{by}")
        async def division(by: int) -> int:
            await asyncio.sleep(0)
            future = pool.submit(divide, by)
            return future.result(timeout=5)
        """,
        get("/divide/5"),
        get("/divide/0"),
        fixes=1,
    )


def test_a_plain_lock_is_left_alone(stage: Stage) -> None:
    """What is held under a lock of threads must not wait for anything else."""
    stage.alone(
        """
        import asyncio
        import threading
        import time

        from fastapi import FastAPI

        app = FastAPI()
        lock = threading.Lock()


        @app.get("/")
        async def index() -> str:
            await asyncio.sleep(0)
            with lock:
                time.sleep(0.001)
            return "done"
        """,
        get("/"),
    )


def test_bcrypt(stage: Stage) -> None:
    """Hashing and checking of a password in two endpoints, one of which awaits."""
    stage.same(
        """
        import asyncio

        import bcrypt
        from fastapi import FastAPI, HTTPException
        from pydantic import BaseModel

        app = FastAPI()
        users: dict[str, bytes] = {"ann": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))}


        class Login(BaseModel):
            name: str
            password: str


        @app.post("/login")
        async def login(given: Login) -> dict[str, str]:
            await asyncio.sleep(0)
            known = users.get(given.name)
            if known is None or not bcrypt.checkpw(given.password.encode(), known):
                raise HTTPException(401, "wrong name or password")
            return {"name": given.name}


        @app.post("/check")
        async def check(given: Login) -> bool:
            return bcrypt.checkpw(given.password.encode(), users[given.name])
        """,
        post("/login", json={"name": "ann", "password": "secret"}),
        post("/login", json={"name": "ann", "password": "wrong"}),
        post("/login", json={"name": "ben", "password": "wrong"}),
        post("/login", json={}),
        post("/check", json={"name": "ann", "password": "secret"}),
        fixes=2,
    )


def test_key_derivation(stage: Stage) -> None:
    """`hashlib.scrypt` and `pbkdf2_hmac` with arguments by name, in a helper of the same file."""
    stage.same(
        """
        import hashlib

        from fastapi import FastAPI, Request

        app = FastAPI()


        def derived(password: bytes) -> str:
            first = hashlib.pbkdf2_hmac("sha256", password, b"salt", iterations=1000)
            return hashlib.scrypt(first, salt=b"salt", n=16, r=8, p=1, dklen=16).hex()


        @app.post("/key")
        async def key(request: Request) -> str:
            return derived(await request.body())
        """,
        post("/key", content=b"password"),
        fixes=1,
    )


def test_two_sleeps_and_a_program_in_one_function(stage: Stage) -> None:
    """Several fixes of one function go together."""
    stage.same(
        """
        import subprocess
        from time import sleep

        from fastapi import FastAPI, Request

        app = FastAPI()


        @app.post("/work")
        async def work(request: Request) -> dict[str, str]:
            name = (await request.body()).decode()
            sleep(0.001)
            for _ in range(2):
                sleep(0.001)
            done = subprocess.run(["echo", name], capture_output=True, text=True, check=True)
            return {"done": done.stdout.strip()}
        """,
        post("/work", content=b"it"),
        fixes=3,
        holds=("import asyncio",),
    )


def test_sleep_in_a_thread_is_left_alone(stage: Stage) -> None:
    """What is handed over already, and what runs in a thread anyway."""
    stage.alone(
        """
        import asyncio
        import threading
        import time

        from fastapi import BackgroundTasks, FastAPI
        from fastapi.concurrency import run_in_threadpool

        app = FastAPI()
        done = threading.Event()


        def pause(seconds: float) -> float:
            time.sleep(seconds)
            return seconds


        @app.get("/")
        async def index(tasks: BackgroundTasks) -> list[float]:
            tasks.add_task(pause, 0.001)
            loop = asyncio.get_running_loop()
            return [
                await run_in_threadpool(pause, 0.001),
                await asyncio.to_thread(pause, 0.002),
                await loop.run_in_executor(None, pause, 0.003),
            ]
        """,
        get("/"),
    )


def test_own_sleep_is_left_alone(stage: Stage) -> None:
    """Another function of the same name is not `time.sleep`."""
    stage.alone(
        """
        import asyncio

        from fastapi import FastAPI

        app = FastAPI()


        class time:
            @staticmethod
            def sleep(seconds: float) -> str:
                return f"slept {seconds}"


        @app.get("/")
        async def index() -> str:
            await asyncio.sleep(0)
            return time.sleep(1)
        """,
        get("/"),
    )


def test_futures_of_a_pool_are_awaited(stage: Stage) -> None:
    """What the pool returns, and what it raises, comes as before."""
    stage.same(
        """
        import time
        from concurrent.futures import ThreadPoolExecutor

        from fastapi import FastAPI, HTTPException, Request

        app = FastAPI()
        pool = ThreadPoolExecutor(2)


        def halved(number: int) -> int:
            time.sleep(0.01)
            if number % 2:
                raise ValueError("odd")
            return number // 2


        @app.post("/halves")
        async def halves(request: Request) -> list[int]:
            futures = [pool.submit(halved, number) for number in await request.json()]
            try:
                return [future.result() for future in futures]
            except ValueError as error:
                raise HTTPException(422, str(error)) from error
        """,
        post("/halves", json=[2, 4]),
        post("/halves", json=[2, 3]),
        fixes=1,
        holds=("await asyncio.wrap_future(future)",),
    )
