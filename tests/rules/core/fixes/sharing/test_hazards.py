"""What all threads of a process share, and what belongs to its main thread."""

from textwrap import dedent, indent

import pytest

from rules import Applicability, Way
from rules.core.fixes.sharing.meanwhile import CROWDING
from tests.rules.checking import assert_unfixed, found, with_app

IMPORTS = (
    "import contextlib\nimport io\nimport os\nimport random\nimport signal\nimport warnings\n\n"
    "import matplotlib.pyplot as plt\nimport requests"
)
ASKED = "requests.get('https://a.example').json()"


def program(helper: str, *, awaiting: bool) -> str:
    first = "await request.body()" if awaiting else "print(request.url)"
    body = indent(dedent(helper).strip(), "    ")
    return with_app(
        IMPORTS,
        f"def ask() -> dict:\n{body}\n\n\n@app.post('/')\nasync def home(request: Request) -> dict:\n    {first}\n    return ask()\n",
    ).replace("import FastAPI", "import FastAPI, Request")


@pytest.mark.parametrize(
    "helper",
    [
        f"os.chdir('/tmp')\nreturn {ASKED}",
        f"with contextlib.redirect_stdout(io.StringIO()):\n    return {ASKED}",
        f"with warnings.catch_warnings():\n    return {ASKED}",
        f"random.seed(3)\nreturn {ASKED}",
        f"answer = {ASKED}\nplt.plot(answer)\nplt.clf()\nreturn answer",
    ],
)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_changes_the_process_is_no_safe_work_for_a_thread(helper: str, awaiting: bool) -> None:
    """Another request would find its own folder, output or figure changed."""
    (finding,) = found("clients/requests", program(helper, awaiting=awaiting))
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert [(fix.way, fix.applicability) for fix in fixes] == [(Way.OFFLOAD, Applicability.UNSAFE)]


@pytest.mark.parametrize("awaiting", [True, False])
def test_a_library_that_bears_no_threads_is_no_safe_work_for_them(awaiting: bool) -> None:
    """PyMuPDF may crash the process where two threads use it, each with a document of its own."""
    helper = f"pages = fitz.open('a.pdf')\nreturn {ASKED} | {{'pages': len(pages)}}"
    source = program(helper, awaiting=awaiting).replace("import matplotlib", "import fitz\nimport matplotlib")
    (finding,) = found("clients/requests", source)
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert [(fix.way, fix.notes) for fix in fixes] == [(Way.OFFLOAD, (CROWDING,))]


@pytest.mark.parametrize(("told", "is_safe"), [("tokenizer.enable_truncation(9)\n    ", False), ("", True)])
@pytest.mark.parametrize("awaiting", [True, False])
def test_a_tokenizer_that_is_told_where_to_cut_off_is_no_work_for_threads(
    told: str, is_safe: bool, awaiting: bool
) -> None:
    """One thread cuts off where another has told it to."""
    helper = f"{told}return {ASKED} | {{'ids': tokenizer.encode('a').ids}}".replace("\n    ", "\n")
    source = program(helper, awaiting=awaiting).replace(
        "import requests", "import requests\nfrom tokenizers import Tokenizer"
    )
    source = source.replace("app = FastAPI()", "app = FastAPI()\ntokenizer = Tokenizer.from_file('a.json')")
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is is_safe
    assert (CROWDING in finding.fix.notes) is not is_safe


def test_a_library_that_bears_no_threads_may_stay_on_the_event_loop() -> None:
    """What is awaited beside it runs in a thread, and it does not."""
    body = f"    await request.body()\n    pages = fitz.open('a.pdf')\n    return {ASKED} | {{'pages': len(pages)}}\n"
    source = with_app(
        IMPORTS.replace("import m", "import fitz\nimport m"),
        f"@app.post('/')\nasync def home(request: Request) -> dict:\n{body}",
    )
    (finding,) = found("clients/requests", source.replace("import FastAPI", "import FastAPI, Request"))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (Way.OFFLOAD, Applicability.SAFE)


ENTERED = """
    @contextlib.contextmanager
    def {name}(path: str):
        before = os.getcwd()
        os.chdir(path)
        yield
        os.chdir(before)


    class Folder:
        def __init__(self, path: str) -> None:
            self.path = path

        def __enter__(self):
            os.chdir(self.path)

        def __exit__(self, *_):
            os.chdir("/")


    @app.post("/")
    async def home(body: dict) -> None:
        await body["x"]
        with {entered}:
            requests.get("https://a.example")
"""


@pytest.mark.parametrize("entered", ["inside('/tmp')", "Folder('/tmp')"])
def test_what_a_manager_changes_meanwhile_is_told(entered: str) -> None:
    (finding,) = found("clients/requests", with_app(IMPORTS, dedent(ENTERED.format(name="inside", entered=entered))))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize("awaiting", [True, False])
def test_only_the_main_thread_handles_signals(awaiting: bool) -> None:
    """In another one `signal.signal` raises ValueError: https://docs.python.org/3/library/signal.html#signals-and-threads."""
    helper = f"signal.signal(signal.SIGALRM, print)\nsignal.alarm(3)\nreturn {ASKED}"
    assert_unfixed("clients/requests", program(helper, awaiting=awaiting))


@pytest.mark.parametrize("awaiting", [True, False])
def test_what_only_asks_the_process_is_safe_work_for_a_thread(awaiting: bool) -> None:
    helper = f"print(os.getcwd(), random.random(), signal.getsignal(signal.SIGTERM))\nreturn {ASKED}"
    (finding,) = found("clients/requests", program(helper, awaiting=awaiting))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("change", "applicability"),
    [
        ("os.remove('a.txt')", Applicability.SAFE),
        ("import numpy as np\nprint(np.append([1], [2]))", Applicability.SAFE),
        ("os.environ.update(a='b')", Applicability.UNSAFE),
        ("from elsewhere import kept\nkept.update(a='b')", Applicability.UNSAFE),
        ("import elsewhere\nelsewhere.kept.update(a='b')", Applicability.UNSAFE),
        ("from elsewhere import kept\nkept['a'] = 'b'", Applicability.UNSAFE),
        ("from elsewhere import kept as ours\nours.last = str()", Applicability.UNSAFE),
        ("import elsewhere\nelsewhere.last = str()", Applicability.UNSAFE),
        ("from elsewhere import kept\nprint(kept['a'], kept.last)", Applicability.SAFE),
        ("globals()['last'] = 'b'", Applicability.UNSAFE),
        ("globals().update(last='b')", Applicability.UNSAFE),
        ("print(globals()['last'])", Applicability.SAFE),
        ("locals()['last'] = 'b'", Applicability.SAFE),
        ("setattr(os, 'last', 'b')", Applicability.UNSAFE),
        ("from elsewhere import kept\ndelattr(kept, 'last')", Applicability.UNSAFE),
        ("box = io.StringIO()\nsetattr(box, 'last', 'b')", Applicability.SAFE),
    ],
)
def test_what_a_function_imports_itself_is_shared_and_a_module_is_nothing_that_is_filled(
    change: str, applicability: Applicability
) -> None:
    (finding,) = found("clients/requests", program(f"{change}\nreturn {ASKED}", awaiting=True))
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


@pytest.mark.parametrize("told", ["waiting.pop().set_result(1)", "for one in waiting:\n    one.put_nowait(1)"])
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_may_belong_to_the_loop_is_told_there(told: str, awaiting: bool) -> None:
    """A future or queue of asyncio that a thread fills wakes nobody: https://docs.python.org/3/library/asyncio-dev.html."""
    source = program(f"{told}\nreturn {ASKED}", awaiting=awaiting).replace(
        "app = FastAPI()", "app = FastAPI()\nwaiting = []"
    )
    assert_unfixed("clients/requests", source)


def test_a_queue_of_threads_is_filled_in_any() -> None:
    source = program(f"jobs.put_nowait(1)\nreturn {ASKED}", awaiting=True)
    source = source.replace("import os\n", "import os\nimport queue\n").replace(
        "app = FastAPI()", "app = FastAPI()\njobs = queue.Queue()"
    )
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None


@pytest.mark.parametrize(
    "kept", ["request.app.state.rows", "request.app.state.rows['all']", "app.state.rows", "request.state.rows"]
)
@pytest.mark.parametrize(
    "change", ["{}.append(name)", "{}.update(a=name)", "rows = {}\n    rows['a'] = name", "rows = {}\n    rows.clear()"]
)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_lies_in_the_state_of_an_application_is_seen_by_all(kept: str, change: str, awaiting: bool) -> None:
    first = "await request.body()" if awaiting else "print(request.url)"
    source = with_app(
        "import requests\nfrom fastapi import Request",
        f"def ask(request: Request, name: str) -> dict:\n    {change.format(kept)}\n    return {ASKED}\n\n\n"
        f"@app.get('/')\nasync def home(request: Request, name: str) -> dict:\n    {first}\n    return ask(request, name)\n",
    )
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    is_own = kept == "request.state.rows"
    assert finding.fix.applicability is (Applicability.SAFE if is_own else Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("change", "applicability"),
    [
        ("users.insert().values(name=name)", Applicability.SAFE),
        ("users.update().where(users.c.name == name)", Applicability.SAFE),
        ("users.update(name=name)", Applicability.UNSAFE),
        ("users.pop()", Applicability.UNSAFE),
        ("users.clear()", Applicability.UNSAFE),
    ],
)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_is_given_nothing_builds_a_statement_unless_it_empties(
    change: str, applicability: Applicability, awaiting: bool
) -> None:
    first = "await request.body()" if awaiting else "print(request.url)"
    source = with_app(
        "import requests\nfrom fastapi import Request\nfrom sqlalchemy import MetaData, Table",
        f"users = Table('users', MetaData())\n\n\ndef ask(name: str) -> dict:\n    print({change})\n    return {ASKED}\n\n\n"
        f"@app.get('/')\nasync def home(request: Request, name: str) -> dict:\n    {first}\n    return ask(name)\n",
    )
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


MOVED = """
@app.post("/")
async def home(request: Request) -> dict:
    name = (await request.json())["name"]
    with tempfile.NamedTemporaryFile(delete=False) as kept:
        kept.write(name.encode())
    {looked}
        shutil.move({moved}, f"shown/{{name}}")
    return requests.get("https://a.example").json()
"""


@pytest.mark.parametrize(
    ("looked", "moved", "applicability"),
    [
        ("if os.path.exists(kept.name):", "kept.name", Applicability.SAFE),
        ("if Path(kept.name).exists():", "kept.name", Applicability.SAFE),
        ("if os.path.exists(name):", "name", Applicability.UNSAFE),
        ("if os.path.exists(name):", "kept.name", Applicability.UNSAFE),
        ("if not os.path.isdir(f'shown/{name}'):", "kept.name", Applicability.UNSAFE),
    ],
)
def test_what_nobody_else_names_is_not_taken_away_meanwhile(
    looked: str, moved: str, applicability: Applicability
) -> None:
    imports = "import os\nimport shutil\nimport tempfile\nfrom pathlib import Path\n\nimport requests"
    source = with_app(imports, MOVED.format(looked=looked, moved=moved))
    (finding,) = found("clients/requests", source.replace("import FastAPI", "import FastAPI, Request"))
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


@pytest.mark.parametrize("asked", ["{}", "await {}"])
def test_what_motor_starts_belongs_to_the_loop(asked: str) -> None:
    """Nobody awaits it, yet it has to be started there."""
    body = f"@app.delete('/')\nasync def home(name: str, db: AsyncIOMotorDatabase) -> dict:\n    {asked.format('db.rows.delete_one(name)')}\n    return {ASKED}\n"
    source = with_app("import requests\nfrom motor.motor_asyncio import AsyncIOMotorDatabase", body)
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    assert finding.fix.way is Way.OFFLOAD


TELLING = """
KEY = "a"


@app.post("/other")
async def other(key: str, request: Request) -> None:
    await request.body()
    stripe.api_key = {other}


@app.get("/")
async def home(key: str, request: Request) -> dict:
    await request.body()
    stripe.api_key = {own}
    return stripe.Product.list()
"""


@pytest.mark.parametrize(
    ("own", "other", "applicability"),
    [
        ("key", "KEY", Applicability.UNSAFE),
        ("KEY", "key", Applicability.UNSAFE),
        ("KEY", "'b'", Applicability.UNSAFE),
        ("next(KEY)", "next(KEY)", Applicability.UNSAFE),
        ("KEY", "KEY", Applicability.SAFE),
        ("os.getenv('KEY')", "os.getenv('KEY')", Applicability.SAFE),
    ],
)
def test_what_a_library_is_told_for_a_request_others_may_tell_it_otherwise(
    own: str, other: str, applicability: Applicability
) -> None:
    """It reads that when it sends, which the thread does later."""
    imports = "import os\n\nimport stripe\nfrom fastapi import Request"
    (finding,) = found("clients/services", with_app(imports, TELLING.format(own=own, other=other)))
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


FILLING = """
KEY = "a"


async def fetched(name: str) -> bool:
    {first}
    return requests.get(name).ok


async def sent(name: str) -> bool:
    {second}
    return requests.post(name).ok


@app.get("/")
async def home(name: str) -> bool:
    return await fetched(name) and await sent(name)
"""


@pytest.mark.parametrize(
    ("first", "second", "applicability"),
    [
        ("os.environ['A'] = KEY", "os.environ['A'] = KEY", Applicability.SAFE),
        ("os.environ['A'] = KEY", "os.environ['B'] = 'b'", Applicability.SAFE),
        ("os.environ['A'] = name", "os.environ['A'] = name", Applicability.UNSAFE),
        ("os.environ['A'] = KEY", "os.environ['A'] = name", Applicability.UNSAFE),
        ("os.environ[name] = KEY", "os.environ[name] = KEY", Applicability.UNSAFE),
    ],
)
def test_an_environment_that_is_filled_with_the_same_each_time_is_nothing_to_share(
    first: str, second: str, applicability: Applicability
) -> None:
    findings = found(
        "clients/requests", with_app("import os\n\nimport requests", FILLING.format(first=first, second=second))
    )
    assert {one.fix.applicability for one in findings if one.fix} == {applicability}


HANDING = """
KEPT = {{}}


def changed(kept: dict, name: str) -> None:
    {changing}


def shown(kept: dict, name: str) -> str:
    return kept.get(name, "")


def begun(kept: dict, name: str) -> None:
    changed(kept, name)


@app.get("/{{{{name}}}}")
async def home(name: str) -> dict:
    own = {{}}
    {calling}
    return requests.get(name).json()
"""


@pytest.mark.parametrize(
    ("changing", "calling", "is_reversed"),
    [
        ("kept.update(name=name)", "changed(KEPT, name)", False),
        ("kept.pop(name)", "changed(kept=KEPT, name=name)", False),
        ("kept.last = name", "changed(KEPT, name)", False),
        ("kept.update(name=name)", "begun(KEPT, name)", False),
        ("kept.update(name=name)", "begun(own, name)", True),
        ("kept.update(name=name)", "shown(KEPT, name)", True),
        ("kept = dict(kept)\n    kept.update(name=name)", "changed(KEPT, name)", True),
        ("print(kept.copy())", "changed(KEPT, name)", True),
        ("kept[name] = name", "changed(KEPT, name)", False),
        ("kept[name] += name", "changed(KEPT, name)", False),
        ("kept[name][name] = name", "changed(KEPT, name)", False),
        ("print(kept[name])", "changed(KEPT, name)", True),
    ],
)
def test_what_is_handed_to_a_function_that_changes_it_is_shared_by_threads(
    changing: str, calling: str, *, is_reversed: bool
) -> None:
    source = with_app(
        "import requests", HANDING.format(changing=changing, calling=calling).replace("{{name}}", "{name}")
    )
    (finding,) = found("clients/requests", source)
    ways = {fix.way for fix in (finding.fix, *finding.alternatives) if fix}
    assert (Way.REVERSE in ways) is is_reversed
