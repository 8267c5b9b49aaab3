"""Objects of libraries that serve all requests: threads come to use one at the same time."""

from textwrap import dedent, indent

import pytest

from rules import Applicability, Way
from rules.core.fixes.sharing.meanwhile import used_by_threads
from tests.rules.checking import analysed, assert_unfixed, found, project, with_app

IMPORTS = dedent(
    """
    import imaplib
    from functools import cache, lru_cache

    import boto3
    import redis
    import requests
    from cv import Detector
    from fastapi import Depends, Request
    from googleapiclient.discovery import build
    from supabase import create_client
    """
).strip()
ASKED = "requests.get('https://a.example').json()"
DETECTOR = used_by_threads("Detector")
TAKING = """
{above}


class Store:
    def __init__(self):
        self.own = {taken}

    def predict(self, answer):
        return self.own.predict(answer)
"""
MODELS = """
class Models:
    _one = None

    @classmethod
    def one(cls):
        if cls._one is None:
            cls._one = Detector()
        return cls._one
"""
OF_ALL = {
    "a global": ("kept = Detector()\n", "", "kept.predict"),
    "a global of a dictionary": ("kept = {'a': Detector()}\n", "", "kept['a'].predict"),
    "a global that is called itself": ("kept = Detector()\n", "", "kept"),
    "another name of a global": ("kept = Detector()\n", "own = kept", "own.predict"),
    "a global that is filled late": (
        "kept = None\n\n\ndef given():\n    global kept\n    if kept is None:\n        kept = Detector()\n    return kept\n",
        "own = given()",
        "own.predict",
    ),
    "what a cache gives": ("@lru_cache\ndef given():\n    return Detector()\n", "own = given()", "own.predict"),
    "what a cache gives, as it is used": ("@cache\ndef given():\n    return Detector()\n", "", "given().predict"),
    "an object of a module": (
        "class Store:\n    def __init__(self):\n        self.kept = Detector()\n\n\nstore = Store()\n",
        "",
        "store.kept.predict",
    ),
    "what a method of it gives": ("kept = Detector()\n", "part = kept.part()\npart = part.other()", "part.predict"),
    "what is called as an attribute": (
        "class Store:\n    def __init__(self):\n        self.kept = Detector()\n\n\nstore = Store()\n",
        "",
        "store.kept",
    ),
    "what a helper is given": (
        "kept = Detector()\n\n\ndef by(one, answer):\n    return one.predict(answer)\n\n\ndef use(answer):\n    return by(kept, answer)\n",
        "",
        "use",
    ),
    "what an object for one request takes from the module": (
        TAKING.format(above="kept = Detector()", taken="kept"),
        "",
        "Store().predict",
    ),
    "what an object for one request takes from a class": (
        TAKING.format(above=MODELS, taken="Models.one()"),
        "",
        "Store().predict",
    ),
}
OF_ONE = {
    "its own": ("", "own = Detector()", "own.predict"),
    "what a function makes anew": ("def given():\n    return Detector()\n", "own = given()", "own.predict"),
    "what a helper is given": (
        "def by(one, answer):\n    return one.predict(answer)\n\n\ndef use(answer):\n    return by(Detector(), answer)\n",
        "",
        "use",
    ),
    "what a method of its own gives": ("", "own = Detector()\npart = own.part()", "part.predict"),
    "of an object of its own": (
        "class Store:\n    def __init__(self):\n        self.kept = Detector()\n",
        "store = Store()",
        "store.kept.predict",
    ),
}


def source(before: str, first: str, used: str, *, awaiting: bool) -> str:
    """A route with a helper that waits, and uses something beside."""
    body = "\n".join(filter(None, [first, f"answer = {ASKED}", f"return {used}(answer)"]))
    return with_app(
        IMPORTS,
        f"{before}\n\ndef ask():\n{indent(body, '    ')}\n\n\n@app.post('/')\nasync def home(request: Request) -> dict:\n"
        f"    {'await request.body()' if awaiting else 'print(request.url)'}\n    return ask()\n",
    )


@pytest.mark.parametrize(("before", "first", "used"), OF_ALL.values(), ids=OF_ALL)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_serves_all_is_no_safe_work_for_threads(before: str, first: str, used: str, awaiting: bool) -> None:
    (finding,) = found("clients/requests", source(before, first, used, awaiting=awaiting))
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert [(fix.way, fix.applicability) for fix in fixes] == [(Way.OFFLOAD, Applicability.UNSAFE)]
    if not first.startswith("own = given()") or "global" not in before:
        assert DETECTOR in fixes[0].notes


@pytest.mark.parametrize(("before", "first", "used"), OF_ONE.values(), ids=OF_ONE)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_serves_one_request_is_left_to_one_thread(before: str, first: str, used: str, awaiting: bool) -> None:
    (finding,) = found("clients/requests", source(before, first, used, awaiting=awaiting))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (
        Way.OFFLOAD if awaiting else Way.REVERSE,
        Applicability.SAFE,
    )


@pytest.mark.parametrize(
    "made",
    [
        "redis.Redis()",
        "boto3.client('s3')",
        "requests.Session",
        "logging.getLogger(__name__)",
        "threading.Lock",
    ],
)
def test_what_threads_may_share_is_safe_work_for_them(made: str) -> None:
    before = f"import logging\nimport threading\n\nkept = {made}\n"
    (finding,) = found("clients/requests", source(before, "", "kept.ping", awaiting=True))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (Way.OFFLOAD, Applicability.SAFE)


def test_resources_of_boto3_are_not_for_threads() -> None:
    """https://boto3.amazonaws.com/v1/documentation/api/latest/guide/resources.html#multithreading-or-multiprocessing-with-resources"""
    body = "table = boto3.resource('dynamodb').Table('a')\n\n\n@app.get('/')\nasync def home() -> dict:\n    return table.scan()\n"
    (finding,) = found("clients/aws", with_app(IMPORTS, body))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert finding.fix.notes == (used_by_threads("Table"),)


KEEPERS = {
    "a global": "store = Store()\n\n\ndef given():\n    return store\n",
    "a class that keeps it": (
        "class Single(Store):\n    _one = None\n\n    @classmethod\n    def one(cls):\n        if cls._one is None:\n"
        "            cls._one = cls()\n        return cls._one\n\n\ndef given():\n    return Single.one()\n"
    ),
    "another that is kept": (
        "class Around:\n    def __init__(self):\n        self.store = Store()\n\n\naround = Around()\n\n\n"
        "def given():\n    return around.store\n"
    ),
    "startup": (
        "@app.on_event('startup')\ndef start():\n    app.state.store = Store()\n\n\n"
        "def given(request: Request) -> Store:\n    return request.app.state.store\n"
    ),
}
SERVICE = """
class Store:
    def __init__(self):
        self._service = None

    def service(self):
        if self._service is None:
            self._service = build("androidpublisher", "v3")
        return self._service

    async def ask(self, token: str):
        service = self.service()
        return service.purchases().get(token=token).execute()


{keeper}

@app.get("/")
async def home(token: str, store: Store = Depends(given)):
    return await store.ask(token)
"""


@pytest.mark.parametrize("keeper", KEEPERS.values(), ids=KEEPERS)
def test_what_serves_one_thread_is_not_shared_by_an_object_that_all_use(keeper: str) -> None:
    """https://googleapis.github.io/google-api-python-client/docs/thread_safety.html"""
    assert_unfixed("clients/clouds", with_app(IMPORTS, SERVICE.format(keeper=keeper)))


def test_an_object_for_each_request_has_a_service_of_its_own() -> None:
    (finding,) = found("clients/clouds", with_app(IMPORTS, SERVICE.format(keeper="def given():\n    return Store()\n")))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("above", "within"),
    [("client = create_client('a', 'b')\n\n\n", ""), ("", "client = create_client('a', 'b')\n    ")],
)
def test_who_signs_in_does_so_for_all_that_use_the_client(above: str, within: str) -> None:
    """A row that is asked for next may be asked for as another user."""
    body = (
        f"{above}def ask() -> dict:\n    {within}client.auth.sign_in_with_password({{}})\n"
        "    return client.table('a').select('*').execute()\n\n\n@app.get('/')\nasync def home() -> dict:\n    return ask()\n"
    )
    for finding in found("clients/services", with_app(IMPORTS, body)):
        assert finding.fix is not None
        assert (finding.fix.applicability is Applicability.SAFE) is bool(within)


@pytest.mark.parametrize(
    ("imports", "made", "asking"),
    [
        ("from supabase import create_client", "create_client('a', 'b')", "auth.admin.get_user_by_id(name)"),
        ("from supabase import create_client", "create_client('a', 'b')", "storage.list_buckets()"),
        ("from supabase import create_client", "create_client('a', 'b')", "functions.invoke(name)"),
        ("import docker", "docker.from_env()", "containers.get(name)"),
        ("from langchain_community.vectorstores import FAISS", "FAISS.load_local('a', 1)", "similarity_search(name)"),
        ("from langchain_core.vectorstores import InMemoryVectorStore", "InMemoryVectorStore(1)", "add_texts([name])"),
    ],
)
@pytest.mark.parametrize("is_kept", [True, False])
def test_what_is_asked_of_a_part_is_asked_of_the_object(imports: str, made: str, asking: str, *, is_kept: bool) -> None:
    above, within = (f"kept = {made}\n\n\n", "") if is_kept else ("", f"kept = {made}\n    ")
    body = f"{above}@app.get('/')\nasync def home(name: str) -> str:\n    {within}return str(kept.{asking})\n"
    findings = [
        finding
        for finding in analysed(project(with_app(imports, body))).findings
        if asking.partition("(")[0] in finding.message
    ]
    assert findings
    for finding in findings:
        assert finding.fix is not None
        assert (finding.fix.applicability is Applicability.SAFE) is not is_kept


def test_an_app_of_firebase_is_made_once() -> None:
    """Where two threads make it, the second raises ValueError."""
    body = (
        "@lru_cache\ndef make():\n    return firebase_admin.initialize_app()\n\n\n@app.get('/')\nasync def home(token: str) -> dict:\n"
        "    make()\n    return auth.verify_id_token(token)\n"
    )
    imports = "from functools import lru_cache\n\nimport firebase_admin\nfrom firebase_admin import auth"
    (finding,) = found("clients/services", with_app(imports, body))
    assert finding.fix is not None
    assert finding.fix.way is Way.OFFLOAD


LIMITED = """
class Limiter:
    def __init__(self):
        self.calls = []

    def ask(self):
        self.calls.append(1)
        return requests.get("https://a.example").json()


LIMITER = Limiter()
SEEN = {{}}


class Service:
    def __init__(self):
        self.limiter = {limiter}
        self.seen = {seen}

    def ask(self):
        return self.limiter.ask()

    def count(self, name):
        self.seen[name] = 1
        return requests.get("https://a.example").json()


@app.post("/")
async def home(request: Request) -> dict:
    await request.body()
    return Service().{called}
"""


@pytest.mark.parametrize("called", ["ask()", "count('a')"])
@pytest.mark.parametrize(("limiter", "seen", "is_safe"), [("LIMITER", "SEEN", False), ("Limiter()", "{}", True)])
def test_what_an_object_takes_from_a_module_is_not_its_own(
    limiter: str, seen: str, called: str, *, is_safe: bool
) -> None:
    (finding,) = found("clients/requests", with_app(IMPORTS, LIMITED.format(limiter=limiter, seen=seen, called=called)))
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is is_safe


def test_what_is_imported_in_a_function_is_not_its_own() -> None:
    files = {
        "app/__init__.py": "",
        "app/limits.py": "import requests\n\n\nclass Limiter:\n    def __init__(self):\n        self.calls = []\n\n    def ask(self):\n"
        "        self.calls.append(1)\n        return requests.get('https://a.example').json()\n\n\nlimiter = Limiter()\n",
    }
    body = "@app.post('/')\nasync def home(request: Request) -> dict:\n    await request.body()\n    from app.limits import limiter\n\n    return limiter.ask()\n"
    (finding,) = found("clients/requests", with_app(IMPORTS, body), files)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize(("name", "is_safe"), [("detector", False), ("Detector()", True)])
def test_what_comes_with_all_of_a_module_is_not_its_own(name: str, *, is_safe: bool) -> None:
    files = {"app/__init__.py": "", "app/kept.py": "from cv import Detector\n\ndetector = Detector()\n"}
    helper = f"def ask():\n    answer = {ASKED}\n    return {name}.predict(answer)\n\n\n"
    body = f"{helper}@app.post('/')\nasync def home(request: Request) -> dict:\n    await request.body()\n    return ask()\n"
    (finding,) = found("clients/requests", with_app(f"{IMPORTS}\nfrom app.kept import *", body), files)
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is is_safe


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("redis.Redis().pipeline()", "kept.execute()"),
        ("redis.Redis().pubsub()", "kept.subscribe(name)"),
        ("genai.GenerativeModel('a').start_chat()", "kept.send_message(name)"),
        ("Client().chats.create(model='a')", "kept.send_message(name)"),
    ],
)
def test_what_remembers_what_it_is_told_serves_one_request(made: str, used: str, *, is_kept: bool) -> None:
    above, within = (f"kept = {made}\n\n\n", "") if is_kept else ("", f"kept = {made}\n    ")
    body = f"{above}@app.get('/')\nasync def home(request: Request, name: str) -> str:\n    await request.body()\n    {within}return str({used})\n"
    imports = f"{IMPORTS}\nimport google.generativeai as genai\nfrom google.genai import Client"
    findings = [
        one
        for rule in ("databases/redis", "clients/models")
        for one in found(rule, with_app(imports, body))
        if used.partition("(")[0].rpartition(".")[2] in one.message
    ]
    fixes = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix]
    assert fixes
    assert {fix.applicability is Applicability.SAFE for fix in fixes} == {not is_kept}


@pytest.mark.parametrize(
    ("key", "is_safe"), [("name", False), ("KEY", True), ("os.environ['KEY']", True), ("'a'", True)]
)
def test_what_tells_a_library_the_key_of_one_request_is_no_safe_work_for_threads(key: str, *, is_safe: bool) -> None:
    body = (
        f"KEY = os.environ['KEY']\n\n\ndef ask(name: str) -> str:\n    genai.configure(api_key={key})\n"
        "    return genai.GenerativeModel('a').generate_content(name).text\n\n\n"
        "@app.get('/')\nasync def home(request: Request, name: str) -> str:\n    await request.body()\n    return ask(name)\n"
    )
    imports = f"{IMPORTS}\nimport os\n\nimport google.generativeai as genai"
    (finding,) = found("clients/models", with_app(imports, body))
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is is_safe
