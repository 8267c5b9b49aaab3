"""What a worker thread changes while the event loop serves other requests."""

from textwrap import dedent

import pytest

from rules import Applicability, Finding, Way
from tests.rules.checking import assert_fixes, assert_unfixed, assert_whole_file_fixed, found, with_app

ABOVE = """import time

from fastapi import Depends, FastAPI
from fastapi_sqlalchemy import db

app = FastAPI()
CACHE: dict[str, int] = {}


class Counter:
    def __init__(self):
        self.seen = 0
        self.fill()

    def fill(self):
        self.rows = []

    def count(self):
        time.sleep(1)
        self.seen += 1

    def look(self):
        time.sleep(1)
        return self.seen

    def mark(self):
        time.sleep(1)
        type(self).marked = 1

    def both(self):
        self.count()


counter = Counter()


def keep(name: str):
    time.sleep(1)
    CACHE[name] = 1


def count_anew():
    mine = Counter()
    mine.both()
    return mine.seen


def the_counter():
    return counter


async def a_counter(name: str):
    found = await load(name)
    return Counter(found)


@app.get("/{name}")
async def read(name: str, one: Counter = Depends(a_counter), kept: Counter = Depends(the_counter)):
    await load(name)
"""


def only(body: str, rule: str = "blocking/sleep") -> Finding:
    (finding,) = found(rule, f"{ABOVE}    {body}\n")
    return finding


@pytest.mark.parametrize(
    "body",
    [
        "counter.count()",
        "counter.mark()",
        "counter.both()",
        "keep(name)",
        "kept.count()",
        "other = the_counter()\n    other.count()",
    ],
)
def test_what_is_changed_behind_a_call_is_told(body: str) -> None:
    fix = only(body).fix
    assert fix is not None
    assert fix.applicability is Applicability.UNSAFE
    assert any("changes what requests may share" in note for note in fix.notes)


@pytest.mark.parametrize(
    "body",
    [
        "counter.look()",
        "mine = Counter()\n    mine.both()",
        "Counter().count()",
        "count_anew()",
        "one.count()",
        "mine = await a_counter(name)\n    mine.count()",
    ],
)
def test_what_only_the_caller_knows_is_changed_safely(body: str) -> None:
    fix = only(body).fix
    assert fix is not None
    assert fix.applicability is Applicability.SAFE


def test_the_session_of_a_request_is_shared_with_no_other() -> None:
    finding = only("return db.session.get(int, 1)", "databases/session")
    assert finding.fix is not None
    assert any("run_in_threadpool(db.session.get, " in edit.replacement for edit in finding.fix.edits)


STREAM = """from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

app = FastAPI()


def names(db: Session):
    return db.scalars("select name").all()


@app.get("/")
async def read(db: Session):
    async def lines():
        await load()
        {}

    return {}
"""


@pytest.mark.parametrize(
    ("body", "returned", "is_handed_over"),
    [
        ("yield names(db)", "StreamingResponse(lines())", True),
        ("return names(db)", "await asyncio.gather(lines(), lines())", False),
    ],
)
def test_a_stream_runs_beside_nothing(body: str, returned: str, *, is_handed_over: bool) -> None:
    source = f"import asyncio\n\n{STREAM.format(body, returned)}"
    findings = [one for one in found("databases/session", source) if one.function.endswith("lines")]
    assert [one.fix is not None for one in findings] == [is_handed_over]


BESIDE_ITSELF = """import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker

make_session = sessionmaker()


class Jobs:
    kept = make_session()

    @staticmethod
    def retry(db: Session) -> None:
        db.scalars("select job").all()
        Jobs.finish(db)

    @staticmethod
    def finish(db: Session) -> None:
        db.commit()

    def look(self, db: Session) -> None:
        self.kept.commit()


def session() -> Session:
    return make_session()


async def watch(given: Session) -> None:
    while True:
        await asyncio.sleep(10)
        BODY


@asynccontextmanager
async def lifespan(app: FastAPI):
    task = asyncio.create_task(watch(make_session()))
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize(
    ("body", "is_handed_over"),
    [
        ("db = session()\n        Jobs.retry(db)", True),
        ("with make_session() as db:\n            Jobs.retry(db)", True),
        ("Jobs.retry(given)", False),
        ("db = given\n        Jobs.retry(db)", False),
        ("db = session()\n        Jobs().look(db)", False),
        ("db = Jobs.kept\n        Jobs.retry(db)", False),
    ],
)
def test_what_a_task_has_made_itself_serves_no_other(body: str, *, is_handed_over: bool) -> None:
    (finding,) = found("databases/session", BESIDE_ITSELF.replace("BODY", body))
    assert (finding.fix is not None) == is_handed_over
    assert ("others use at the same time" in finding.advice) != is_handed_over


LIBRARY = """import requests


async def fetch(url: str) -> str:
    return requests.get(url).text
"""
SERVER = """from fastapi import FastAPI
from {package}.web import fetch

app = FastAPI()


@app.get("/")
async def index(url: str) -> str:
    return await fetch(url)
"""
STANDARD, THREADPOOL = "asyncio.to_thread", "run_in_threadpool"


@pytest.mark.parametrize(
    ("path", "files", "name"),
    [
        ("library/web.py", {"library/__init__.py": "", "server.py": SERVER.format(package="library")}, STANDARD),
        ("web.py", {"server.py": SERVER.format(package="").replace(".web", "web")}, THREADPOOL),
        (
            "app/services/web.py",
            {
                "app/__init__.py": "",
                "app/services/__init__.py": "",
                "app/main.py": SERVER.format(package="app.services"),
            },
            THREADPOOL,
        ),
    ],
    ids=["a library that FastAPI uses", "an application without packages", "a part of an application"],
)
def test_who_hands_over(path: str, files: dict[str, str], name: str) -> None:
    """A library is also used where FastAPI is not installed."""
    (fix,) = {
        fix
        for finding in found("clients/requests", LIBRARY, files=files, path=path)
        for fix in finding.alternatives + ((finding.fix,) if finding.fix else ())
        if fix.way is Way.OFFLOAD
    }
    assert fix.title == f"Hand the call to a worker thread with `{name}`"


def test_a_name_that_is_given_itself_is_followed_no_further() -> None:
    """`box = box` stands for what nobody knows, which may be kept: a fix for it is no safe one."""
    source = """
    class Box:
        def work(self):
            self.worked = True
            time.sleep(1)


    @app.get("/")
    async def home(flag: bool):
        box = Box()
        if flag:
            box = box
        helper(box)


    def helper(given):
        box = Box()
        if given:
            box = box
        box.work()
    """
    (finding,) = found("blocking/sleep", with_app("import time", source))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_who_called_is_another_one_in_a_thread() -> None:
    body = """
        def send() -> None:
            requests.post("https://a.example", data={})


        @app.post("/")
        async def home(body: dict) -> None:
            await body["x"]
            send()
    """
    imports = "import inspect\nimport sys\n\nimport requests"
    for asking in ("inspect.stack()[1].function", "inspect.currentframe().f_back", "sys._getframe(1)"):
        assert_unfixed("clients/requests", with_app(imports, body.format(asking)))
    assert assert_whole_file_fixed(with_app(imports, body.format("inspect.getdoc(requests)")))


KEPT = """
    kept = threading.local()


    @app.middleware("http")
    async def named(request, call_next):
        kept.name = request.headers["x"]
        return await call_next(request)


    def send(name):
        {before}
        requests.post("https://a.example", data=kept.name)


    @app.post("/")
    async def home(body: dict) -> None:
        {awaiting}
        send(body)
"""


@pytest.mark.parametrize("awaiting", ["await body['x']", "print(body)"])
def test_what_the_thread_of_the_event_loop_keeps_is_not_there_in_another(awaiting: str) -> None:
    """https://docs.python.org/3/library/threading.html#thread-local-data."""
    imports = "import threading\n\nimport requests"
    assert_unfixed("clients/requests", with_app(imports, dedent(KEPT).format(before="print(name)", awaiting=awaiting)))
    own = with_app(imports, dedent(KEPT).format(before="kept.name = name", awaiting=awaiting))
    (finding,) = found("clients/requests", own)
    assert [fix.way for fix in (finding.fix, *finding.alternatives) if fix] == [Way.OFFLOAD]


SESSIONS = """
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://"))


def get_db():
    with SessionLocal() as db:
        yield db


async def inner(db: Session):
    await asyncio.sleep(0)
    return db.query(int).first()


async def outer({given}):
    {made}
    return await inner(db)


@app.get("/")
async def home(db: Session = Depends(get_db)):
    {body}
"""


@pytest.mark.parametrize(
    "body",
    [
        "return await asyncio.gather(inner(db), inner(db))",
        "return await asyncio.gather(outer(db), outer(db))",
        "async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(inner(db))\n        tasks.create_task(outer(db))",
        "every = [outer(db) for _ in range(2)]\n    return await asyncio.gather(*every)",
    ],
)
def test_a_session_that_coroutines_share_goes_into_no_thread(body: str) -> None:
    source = SESSIONS.format(given="db: Session", made="print(db)", body=body)
    assert_unfixed("databases/session", with_app("import asyncio\n\nfrom fastapi import Depends", source))


@pytest.mark.parametrize(
    ("given", "made", "body"),
    [
        ("name", "db = SessionLocal()", "return await asyncio.gather(outer(1), outer(2))"),
        ("db: Session", "print(db)", "return await outer(db)"),
    ],
)
def test_a_session_of_its_own_goes_into_a_thread(given: str, made: str, body: str) -> None:
    source = SESSIONS.format(given=given, made=made, body=body)
    imports = "import asyncio\n\nfrom fastapi import Depends"
    (finding,) = found("databases/session", with_app(imports, source))
    assert finding.fix is not None


def test_a_connection_of_peewee_is_opened_where_it_is_used() -> None:
    """Each thread has one of its own: opened in a worker thread, it would be closed in another."""
    body = """
        database = PostgresqlDatabase("x")


        @app.get("/")
        async def home(body: dict) -> None:
            await body["x"]
            database.connect()
    """
    assert_unfixed("databases/orm", with_app("from peewee import PostgresqlDatabase", body))


CHAINED = """
@app.get("/")
async def home(db: Session = Depends(get_db)):
    await asyncio.sleep(0)
    {}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "row = (\n        db.query(int)\n        .filter(1)\n        .first()\n    )",
            "row = await run_in_threadpool(\n        db.query(int)\n        .filter(1)\n        .first,\n    )",
        ),
        (
            'return (\n        db.query(int)\n        .filter("""a\n        b""")\n        .first()\n    )',
            'return await run_in_threadpool(\n        db.query(int)\n        .filter("""a\n        b""")\n        .first,\n    )',
        ),
        (
            "row = (\n        db.query(int)\n        .filter(1)\n        .first(),\n    )",
            (
                "row = (\n        await run_in_threadpool(\n            db.query(int)\n            .filter(1)\n"
                "            .first,\n        ),\n    )"
            ),
        ),
        (
            "row = (\n        db.query(int)\n        .filter(1)  # one\n        .first(  # of all\n        )\n    )",
            (
                "row = (\n        await run_in_threadpool(\n            db.query(int)\n            .filter(1)  # one\n"
                "            .first,  # of all\n        )\n    )"
            ),
        ),
        (
            "row = db.query(\n        int\n    ).first()",
            "row = await run_in_threadpool(\n        db.query(\n            int\n        ).first,\n    )",
        ),
        (
            "row = db.query(\n        int\n    ).update({1: 2})",
            "row = await run_in_threadpool(\n        db.query(\n            int\n        ).update,\n        {1: 2})",
        ),
        (
            "row = db.query(int) \\\n        .filter(1) \\\n        .first()",
            "row = await run_in_threadpool(\n        db.query(int)\n            .filter(1)\n            .first,\n    )",
        ),
        (
            'row = (db.query(int)\n        .filter("""a\n        b""")\n        .first())',
            'row = (await run_in_threadpool(db.query(int)\n        .filter("""a\n        b""")\n        .first))',
        ),
    ],
)
def test_a_callee_over_several_lines_stands_on_lines_of_its_own(before: str, after: str) -> None:
    above = SESSIONS[: SESSIONS.index("async def inner")]
    imports = "import asyncio\n\nfrom fastapi import Depends"
    source = with_app(imports, f"{above}{CHAINED.lstrip()}")
    added = source.replace(
        "from fastapi import FastAPI\n",
        "from fastapi import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n",
    )
    assert_fixes("databases/session", source.replace("{}", before), added.replace("{}", after))


MAIL = """
class Mail:
    def __init__(self):
        self.service = None
        self.start()

    def start(self):
        self.service = build("gmail", "v1")

    def send(self, body):
        self.service.users().messages().send(userId="me", body=body).execute()


kept = None


def get_mail():
    global kept
    if kept is None:
        kept = Mail()
    return kept


@lru_cache
def drive():
    return build("drive", "v3")


{above}


@app.post("/")
async def home(body: dict):
    {first}
    {sent}
"""
NOT_FOR_THREADS = [
    ("mail = Mail()", "mail.send(body)"),
    ("", "get_mail().send(body)"),
    ("service = build('drive', 'v3')", "service.files().list().execute()"),
    ("", "drive().files().list().execute()"),
    ("", "files = drive()\n    files.files().list().execute()"),
]


@pytest.mark.parametrize("first", ["await body['x']", "print(body)"])
@pytest.mark.parametrize(("above", "sent"), NOT_FOR_THREADS)
def test_what_serves_one_thread_at_a_time_and_all_requests_goes_into_none(above: str, sent: str, first: str) -> None:
    """https://googleapis.github.io/google-api-python-client/docs/thread_safety.html."""
    imports = "from functools import lru_cache\n\nfrom googleapiclient.discovery import build"
    assert_unfixed("clients/clouds", with_app(imports, MAIL.format(above=above, sent=sent, first=first)))


@pytest.mark.parametrize("sent", ["Mail().send(body)", "own = build('drive', 'v3')\n    own.files().list().execute()"])
def test_what_a_request_makes_for_itself_goes_into_a_thread(sent: str) -> None:
    imports = "from functools import lru_cache\n\nfrom googleapiclient.discovery import build"
    source = with_app(imports, MAIL.format(above="", sent=sent, first="await body['x']"))
    (finding,) = found("clients/clouds", source.replace("kept = Mail()", "kept = None"))
    assert finding.fix is not None


LIMITED = """
class Limiter:
    def __init__(self):
        self.hits = {}

    def __call__(self, name):
        requests.post("https://a.example", data=name)
        self.hits[name] = 1


limiter = Limiter()


def check(name):
    limiter(name)


@app.post("/")
async def home(body: dict):
    await body["x"]
    check(body)
"""
WRAPPED = """
def signed_in(function):
    @wraps(function)
    def wrapper(self, *args):
        if not self.token:
            self.sign_in()
        return function(self, *args)

    return wrapper


class Client:
    def __init__(self):
        self.token = ""
        self.session = requests.Session()

    def sign_in(self):
        self.token = self.session.get("https://a.example").text

    @signed_in
    def rows(self):
        return self.session.get("https://a.example").json()


client = Client()


@app.post("/")
async def home(body: dict):
    {first}
    return client.rows()
"""


@pytest.mark.parametrize(
    "source", [LIMITED, WRAPPED.format(first="await body['x']"), WRAPPED.format(first="print(body)")]
)
def test_what_is_changed_by_a_called_object_or_a_decorator_is_told(source: str) -> None:
    (finding,) = found("clients/requests", with_app("from functools import wraps\n\nimport requests", source))
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert [(fix.way, fix.applicability) for fix in fixes] == [(Way.OFFLOAD, Applicability.UNSAFE)]


@pytest.mark.parametrize("called", ["create_batch(db)", "asyncio.run(inner(db))"])
def test_tests_and_loops_of_their_own_run_nothing_beside(called: str) -> None:
    source = SESSIONS.format(given="db: Session", made="print(db)", body="return await outer(db)")
    test = f"import asyncio\n\nfrom app.main import inner, outer\n\n\ndef test_it(db):\n    create_batch = outer\n    {called}\n"
    imports = "import asyncio\n\nfrom fastapi import Depends"
    (finding,) = found(
        "databases/session", with_app(imports, source), {"app/__init__.py": "", "tests/test_it.py": test}
    )
    assert finding.fix is not None


@pytest.mark.parametrize(
    ("decorator", "applicability"), [("@staticmethod", Applicability.SAFE), ("", Applicability.UNSAFE)]
)
def test_what_a_static_method_is_given_is_not_its_object(decorator: str, applicability: Applicability) -> None:
    source = f"""
        class Users:
            {decorator or "kept = 1"}
            async def renew(user, body):
                await body[user.key]
                print(user.key)
                user.key = requests.get("https://a.example").text


        @app.post("/")
        async def home(body: dict):
            await Users.renew(body, body)
    """
    (finding,) = found("clients/requests", with_app("import requests", dedent(source)))
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


CANCELLED = {
    "a stream": (
        "async def steps():\n    await asyncio.to_thread(print)\n    yield ''\n    requests.get('https://a.example')\n\n\n"
        "@app.get('/')\nasync def home():\n    return StreamingResponse(steps())\n"
    ),
    "what a stream awaits": (
        "async def ask():\n    await asyncio.to_thread(print)\n    requests.get('https://a.example')\n\n\n"
        "async def steps():\n    yield ''\n    await ask()\n\n\n@app.get('/')\nasync def home():\n    return StreamingResponse(steps())\n"
    ),
    "a websocket": (
        "@app.websocket('/')\nasync def talk(websocket: WebSocket):\n    await asyncio.to_thread(print)\n"
        "    requests.get('https://a.example')\n"
    ),
}
ENDING = "@app.get('/')\nasync def home():\n    await asyncio.to_thread(print)\n    requests.get('https://a.example')\n"


@pytest.mark.parametrize("body", CANCELLED.values(), ids=CANCELLED)
def test_what_is_cancelled_as_a_client_leaves_waits_for_its_threads(body: str) -> None:
    """`asyncio.to_thread` would leave the thread to itself, and a session would be closed under it."""
    imports = "import asyncio\n\nimport requests\nfrom fastapi import WebSocket\nfrom fastapi.responses import StreamingResponse"
    (finding,) = found("clients/requests", with_app(imports, body))
    assert finding.fix is not None
    assert finding.fix.title == "Hand the call to a worker thread with `run_in_threadpool`"
    (other,) = found("clients/requests", with_app(imports, ENDING))
    assert other.fix is not None
    assert other.fix.title == "Hand the call to a worker thread with `asyncio.to_thread`"
