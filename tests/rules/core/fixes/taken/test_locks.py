"""Locks that a `with` holds unseen: in what it enters, or in what makes that."""

from textwrap import dedent

import pytest

from tests.rules.checking import assert_unfixed, found, with_app

IMPORTS = "import threading\nfrom contextlib import contextmanager\n\nimport requests"
ENDPOINT = """
    @app.post("/")
    async def home(body: dict) -> dict:
        await body
        with {entered}:
            return requests.get("https://a.example").json()
"""
FUNCTION = """
    guard = threading.Lock()


    @contextmanager
    def alone():
        {held}
"""
CLASS = """
    places = threading.Semaphore(3)


    class Place:
        def __init__(self):
            {made}

        def __enter__(self):
            {entered}
            return self

        def __exit__(self, *_):
            {left}
"""
CLASS_OF_POOL = """
    class Pool:
        def __init__(self):
            self.places = threading.Semaphore(3)

        def take(self):
            self.places.acquire()
            return 1

        def give(self):
            self.places.release()


    pool: Pool = None


    class Place:
        def __init__(self):
            self.taken = pool.take()

        def __enter__(self):
            return self.taken

        def __exit__(self, *_):
            pool.give()
"""
TAKES, GIVES, NOTHING = "places.acquire()", "places.release()", "pass"


def program(before: str, entered: str) -> str:
    return with_app(IMPORTS, dedent(before) + "\n\n" + dedent(ENDPOINT.format(entered=entered)))


@pytest.mark.parametrize(
    ("before", "entered"),
    [
        (FUNCTION.format(held="with guard:\n            yield"), "alone()"),
        (FUNCTION.format(held="guard.acquire()\n        yield"), "alone()"),
        (CLASS.format(made=TAKES, entered=NOTHING, left=GIVES), "Place()"),
        (CLASS.format(made=NOTHING, entered=TAKES, left=GIVES), "Place()"),
        (CLASS.format(made=NOTHING, entered=TAKES, left=GIVES), "Place() as place"),
        (CLASS.format(made=NOTHING, entered=TAKES, left=GIVES) + "\n\n    place = Place()", "place"),
        (CLASS_OF_POOL, "Place()"),
    ],
)
def test_nothing_is_awaited_while_a_lock_is_held_unseen(before: str, entered: str) -> None:
    """The next request would wait for the lock on the event loop, and this one could never give it back."""
    assert_unfixed("clients/requests", program(before, entered))


OF_FILES = """
    import fcntl
    import fasteners
    import portalocker
    import redis
    from filelock import FileLock

    guard = FileLock("a")
    cache = redis.Redis()
"""


@pytest.mark.parametrize(
    "entered",
    [
        *("FileLock('a')", "guard", "guard.acquire(timeout=1)", "portalocker.Lock('a')", "cache.lock('a')"),
        "fasteners.InterProcessLock('a')",
    ],
)
def test_a_lock_of_a_file_stops_the_loop_as_well(entered: str) -> None:
    source = program(OF_FILES, entered)
    assert [finding.fix for finding in found("clients/requests", source)] == [None]


TAKEN = """
    places = threading.Semaphore(3)
    file = open("a")


    def take():
        {take}


    def give():
        {give}


    @app.post("/")
    async def home(body: dict) -> dict:
        await body
        {body}
"""
ASKS = 'requests.get("https://a.example")'


@pytest.mark.parametrize(
    ("take", "body", "is_fixed"),
    [
        ("places.acquire()", f"take()\n        {ASKS}\n        give()", False),
        ("fcntl.flock(file, fcntl.LOCK_EX)", f"take()\n        {ASKS}\n        give()", False),
        ("places.acquire()", f"take()\n        give()\n        {ASKS}", True),
        ("places.acquire()", f"{ASKS}\n        take()", True),
        ("places.acquire(); places.release()", f"take()\n        {ASKS}", True),
        ("print()", f"fcntl.flock(file, fcntl.LOCK_EX)\n        {ASKS}", False),
    ],
)
def test_a_lock_that_a_helper_takes_is_held_until_another_gives_it_back(take: str, body: str, is_fixed: bool) -> None:
    give = take.replace("acquire", "release").replace("LOCK_EX", "LOCK_UN")
    source = with_app(f"import fcntl\n{IMPORTS}", dedent(TAKEN.format(take=take, give=give, body=body)))
    (finding,) = found("clients/requests", source)
    assert (finding.fix is not None) is is_fixed


@pytest.mark.parametrize(
    ("before", "entered"),
    [
        (FUNCTION.format(held="yield"), "alone()"),
        (CLASS.format(made=NOTHING, entered=f"{TAKES}\n            {GIVES}", left=NOTHING), "Place()"),
        (CLASS.format(made=NOTHING, entered="with places:\n                pass", left=NOTHING), "Place()"),
    ],
)
def test_what_holds_no_lock_meanwhile_hinders_nobody(before: str, entered: str) -> None:
    (finding,) = found("clients/requests", program(before, entered))
    assert finding.fix is not None


ADAPTER = """
    places = threading.BoundedSemaphore(4)


    def connected():
        {take}
        return psycopg2.connect("x")


    class Acquiring:
        async def __aenter__(self):
            self.conn = connected()
            return Adapter(self.conn)

        async def __aexit__(self, *_):
            self.conn.rollback()
            places.release()


    class Adapter:
        def __init__(self, conn):
            self.conn = conn

        async def execute(self, text):
            with self.conn.cursor() as cursor:
                cursor.execute(text)


    @app.post("/")
    async def home(body: dict) -> None:
        async with Acquiring() as adapter:
            await adapter.execute("select 1")
"""


def test_a_place_that_callers_hold_is_held_meanwhile_too() -> None:
    """The next request waits for a place on the event loop, and nobody there can give one back."""
    imports = "import threading\n\nimport psycopg2"
    held = found("databases/drivers", with_app(imports, dedent(ADAPTER.format(take="places.acquire()"))))
    assert [one.fix for one in held if "execute" in one.message or "rollback" in one.message] == [None, None]
    free = found("databases/drivers", with_app(imports, dedent(ADAPTER.format(take="print()"))))
    assert [bool(one.fix) for one in free if "execute" in one.message] == [True]


SWITCHED = """
model = SentenceTransformer("small")


{decorator}
async def embed(text: str):
    await text.ready
    {body}


@app.get("/")
async def home(text: str):
    return await embed(text)
"""


@pytest.mark.parametrize(
    ("decorator", "body", "is_offered"),
    [
        ("", "with torch.no_grad():\n        return model.encode(text)", False),
        ("", "with torch.inference_mode(), open(text):\n        return model.encode(text)", False),
        ("", "with torch.autocast('cuda'):\n        return model.encode(text)", False),
        ("", "with np.errstate(all='ignore'):\n        return model.encode(text)", False),
        ("@torch.no_grad()", "return model.encode(text)", False),
        ("@torch.inference_mode()", "return model.encode(text)", False),
        ("", "with torch.no_grad():\n        pass\n    return model.encode(text)", True),
        ("", "with torch.profiler.profile():\n        return model.encode(text)", True),
    ],
)
def test_what_is_switched_for_one_thread_is_not_so_in_another(decorator: str, body: str, *, is_offered: bool) -> None:
    """https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation"""
    imports = "import numpy as np\nimport torch\nfrom sentence_transformers import SentenceTransformer"
    (finding,) = found("blocking/computing", with_app(imports, SWITCHED.format(decorator=decorator, body=body)))
    assert (finding.fix is not None) is is_offered


@pytest.mark.parametrize("body", ["with db_session:\n        commit()", "commit()"])
def test_the_session_of_pony_belongs_to_its_thread(body: str) -> None:
    """https://docs.ponyorm.org/transactions.html#working-with-db-session"""
    source = f"@app.get('/')\nasync def home(text: str):\n    await text.ready\n    {body}\n"
    (finding,) = found("databases/orm", with_app("from pony.orm import commit, db_session", source))
    assert finding.fix is None
