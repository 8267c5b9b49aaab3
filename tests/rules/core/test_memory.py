"""A review that recalls what was worked out of the base finds what one finds that works out all anew.

That findings are the same shows little: most of what could go wrong changes none of them. So two things are held that make them the
same: whatever is read for an answer is noted, and whatever is another than in the base is in doubt.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from itertools import islice
from textwrap import dedent
from typing import Any

import pytest
from msgspec import Struct

from rules import Base, Facts, read_base, read_facts
from rules.awaiting.value import _is_anything_in
from rules.core import engine as engine_module
from rules.core import noting
from rules.core.applications import _applications, event_handlers
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.facts import Name, class_name, last_name
from rules.core.files import Files
from rules.core.knowledge import Knowledge
from rules.core.memory import FILE, Kept, Memory, Noting, Read, Recalling, Together, itself
from rules.core.noting import ANY, FEW, IMPORTERS, PARTS, Noted, edited, recalling
from rules.core.options import Options
from rules.core.project import Project
from rules.core.readings import FILES, MODULES, NotedFiles
from rules.core.repository import USES
from rules.core.values import Module, Object, ProjectClass, ProjectFunction, Where
from rules.databases.lazy import _relations
from rules.endpoints.upstream import _longest, _own_waits, _streamed

TEXTS = {
    "app/__init__.py": "",
    "app/main.py": """
        import asyncio
        from contextlib import asynccontextmanager

        import requests
        from fastapi import Depends, FastAPI, Request
        from starlette.middleware.base import BaseHTTPMiddleware

        from app import items, orders
        from app.clients import Client
        from app.deps import current
        from app.jobs import watch
        from app.models import *

        @asynccontextmanager
        async def lifespan(app):
            app.state.session = requests.Session()
            asyncio.create_task(watch())
            yield

        app = FastAPI(lifespan=lifespan, dependencies=[Depends(current)])
        app.client = Client()
        app.include_router(items.router, prefix="/api")
        app.include_router(orders.router)

        @app.on_event("startup")
        def started():
            pass

        class Timing(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                orders.measured(request)
                return await call_next(request)

        app.add_middleware(Timing)

        @app.get("/state")
        async def state(request: Request):
            request.app.state.session.get("https://example.org")
            return app.client.ask()
        """,
    "app/items.py": """
        from fastapi import APIRouter, Depends
        from fastapi.responses import StreamingResponse

        from app.base import Loading, Store
        from app.deps import current, loader, store
        from app.models import Item, ItemIn
        from app.streams import lines

        router = APIRouter(prefix="/items", dependencies=[Depends(current)])

        @router.get("/")
        async def items(found: Store = Depends(store)) -> list[Item]:
            return found.all()

        @router.post("/")
        async def add(item: ItemIn, user=Depends(current)):
            user.load()
            return item.total

        @router.get("/loaded")
        async def loaded(loading: Loading = Depends(loader)):
            return loading.load()

        @router.get("/lines")
        def streamed():
            return StreamingResponse(lines())
        """,
    "app/orders.py": """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        from fastapi import APIRouter, BackgroundTasks

        from app.cached import rates
        from app.clients import Client, retried
        from app.helpers import both, given, notify, read, saved

        router = APIRouter(prefix="/orders")

        def measured(request):
            return saved(request.url)

        @router.get("/{number}")
        async def order(number: int, tasks: BackgroundTasks):
            tasks.add_task(notify, number)
            both(read)
            rates(number)
            given(Client())
            saved(number)
            await asyncio.to_thread(read())
            return retried(number)

        pool = ThreadPoolExecutor()

        @router.get("/lost")
        async def lost():
            pool.submit(notify, 1)
            asyncio.run(notify(1))
            notify(1)
            if notify(2):
                return await read()
        """,
    "app/helpers.py": """
        import time

        from app import clients

        async def notify(number):
            time.sleep(1)

        def read():
            with open("data.txt") as file:
                return file.read()

        def both(function):
            function()
            return time.sleep(2)

        def given(client):
            return client.ask()

        def saved(name):
            return clients.Client().named.get(name)
        """,
    "app/clients.py": """
        import functools

        import requests

        class Client:
            def __init__(self):
                self.session = requests.Session()

            @property
            def named(self):
                return self.session

            def ask(self):
                return self.session.get("https://example.org")

        def retrying(function):
            @functools.wraps(function)
            async def inner(*args):
                return function(*args)
            return inner

        @retrying
        def retried(number):
            return Client().ask()
        """,
    "app/base.py": """
        import abc
        from typing import Protocol

        class Store(abc.ABC):
            @abc.abstractmethod
            def all(self): ...

        class Loading(Protocol):
            def load(self): ...
        """,
    "app/stores.py": """
        from app.base import Store
        from app.database import SessionLocal

        class SqlStore(Store):
            def all(self):
                return SessionLocal().query(1).all()
        """,
    "app/users.py": """
        from app.helpers import read

        class User:
            def load(self):
                return read()
        """,
    "app/deps.py": """
        import time

        from app.base import Loading, Store
        from app.users import User

        def store() -> Store:
            raise NotImplementedError

        def loader() -> Loading:
            raise NotImplementedError

        async def current() -> Loading:
            time.sleep(1)
            with open("users.txt") as file:
                file.read()
            return User()
        """,
    "app/database.py": """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        engine = create_engine("sqlite:///shop.db")
        SessionLocal = sessionmaker(engine)
        """,
    "app/models.py": """
        import time

        from pydantic import BaseModel, field_serializer, field_validator
        from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

        class Row(DeclarativeBase):
            pass

        class Part(Row):
            items: Mapped[list["Stored"]] = relationship()

        class Stored(Row):
            parts: Mapped[list[Part]] = relationship()

        class Item(BaseModel):
            name: str

            @field_serializer("name")
            def written(self, value):
                time.sleep(1)
                return value

        class ItemIn(Item):
            @field_validator("name")
            def checked(cls, value):
                time.sleep(1)
                return value

            @property
            def total(self):
                return time.sleep(3)
        """,
    "app/cached.py": """
        from functools import lru_cache

        import requests

        kept = {}

        @lru_cache
        def rates(day):
            return requests.get("https://example.org").json()
        """,
    "app/streams.py": """
        import time

        import requests

        def lines():
            yield requests.get("https://example.org").text
        """,
    "app/jobs.py": """
        import asyncio
        import time

        async def watch():
            while True:
                await asyncio.sleep(60)
                time.sleep(1)
        """,
    "app/rows.py": """
        from fastapi import APIRouter
        from sqlalchemy import select
        from sqlalchemy.ext.asyncio import AsyncSession

        from app.models import Part

        router = APIRouter()

        @router.get("/parts")
        async def parts(session: AsyncSession):
            part = (await session.scalars(select(Part))).first()
            return part.items
        """,
    "app/first.py": """
        from app.chain import one
        from app.left import left
        from app.main import app

        @app.get("/first")
        async def first():
            left(1).get("https://example.org")
            return one()
        """,
    "app/second.py": """
        from app.chain import one
        from app.main import app
        from app.right import right

        @app.get("/second")
        async def second():
            right(1).get("https://example.org")
            return one()
        """,
    "app/chain.py": "from app.deeper import two\n\ndef one():\n    return two()\n",
    "app/deeper.py": """
        from app.deepest import three
        from app.quiet import still

        def two():
            still()
            return three()
        """,
    "app/quiet.py": "def still():\n    pass\n",
    "app/deepest.py": "import time\n\ndef three():\n    return time.sleep(1)\n",
    "app/left.py": """
        from app.fourth import unknown
        from app.right import right

        def left(n):
            if n:
                return unknown(n)
            return right(n)
        """,
    "app/right.py": """
        from app.left import left
        from app.third import made

        def right(n):
            if n:
                return left(n)
            return made()
        """,
    "app/fourth.py": "def unknown(n):\n    return n\n",
    "app/third.py": "import requests\n\ndef made():\n    return requests.Session()\n",
    "app/other.py": "from fastapi import FastAPI\n\nother = FastAPI()\n",
    "app/early.py": "from app.other import other\n\n@other.on_event('startup')\ndef early(): ...\n",
    "app/late.py": "from app.other import other\n\n@other.on_event('startup')\ndef late(): ...\n",
    "app/started.py": "from app.main import app\n\n@app.on_event('startup')\ndef begun(): ...\n",
    "tests/test_main.py": """
        import importlib

        from app.main import app
        from app.orders import order

        def test_order():
            importlib.import_module("app.jobs")
            order(1)
        """,
}
TOUCHED = "touched"
OF_FILES = {FILE, *PARTS}
SOURCES = {path: dedent(text).encode() for path, text in TEXTS.items()}
EDITS = (
    ("async def ", "def "),
    ("    def ", "    async def "),
    ("time.sleep", "asyncio.sleep"),
    ("requests", "httpx"),
    ("\ndef ", "\n@property\ndef "),
    ("(self)", "(self, other)"),
    ("@router.get", "@router.put"),
    ("@abc.abstractmethod", ""),
    ("Depends", "Security"),
    ("    return ", "    return None and "),
    ("from app.", "from application."),
    ("@lru_cache", ""),
    ("lifespan=lifespan, ", ""),
    ("dependencies=", "tags="),
    ("list[Part]", "Part"),
    ("relationship()", "relationship(lazy='selectin')"),
)
MORE = """

import nest_asyncio
from concurrent.futures import ThreadPoolExecutor

from app.deps import store
from app.main import app
from app.stores import SqlStore

JOBS = "app.deps.store", "app.deepest.three"
app.dependency_overrides[store] = SqlStore
nest_asyncio.apply()


class Own(ThreadPoolExecutor): ...
"""


def facts_of(sources: Mapping[str, bytes]) -> dict[str, Facts]:
    return {path: read_facts(source) for path, source in sources.items()}


FACTS = facts_of(SOURCES)


@pytest.fixture(scope="module")
def base() -> Base:
    return read_base(FACTS)


@pytest.fixture(scope="module")
def ordered() -> Base:
    return read_base(in_order(FACTS))


def edits_of(path: str) -> Iterator[bytes]:
    """What becomes of a file: emptied, without one of its lines that begin something, changed throughout."""
    source = SOURCES[path]
    yield b""
    yield source + MORE.encode()
    yield source + b"\n\nasync def read():\n    pass\n"
    yield b"\n\nimport time\n\ntime.sleep(1)\n" + source
    yield b"\n".join(source.split(b"\n")[::-1])
    yield b"\n\n".join(part for part in re.split(rb"\n\n(?=\S)", source)[::-1])
    yield re.sub(rb"\n\n(?=\S)", b"\n\n\n# and now for more\n", source)
    yield from {source.replace(old.encode(), new.encode()) for old, new in EDITS} - {source}


def other_files(path: str) -> Iterator[dict[str, Facts]]:
    """What becomes of all files without this one, with it elsewhere, with it twice, and with a package of its name."""
    without = {other: facts for other, facts in FACTS.items() if other != path}
    name = path.rpartition("/")[2]
    yield without
    yield without | {f"app/inner/{name}": FACTS[path]}
    yield FACTS | {f"inner/{path}": FACTS[path], "inner/__init__.py": read_facts(b"")}
    yield FACTS | {path.replace(".py", "/__init__.py"): read_facts(b"import time\n\ndef one(): time.sleep(1)\n")}


NEW = (
    {"requests.py": read_facts(b"def get(url): ...\n"), "fastapi.py": read_facts(b"class FastAPI: ...\n")},
    {"time/__init__.py": read_facts(b""), "app/time.py": read_facts(b"def sleep(seconds): ...\n")},
    {"app/more.py": read_facts(SOURCES["app/orders.py"] + MORE.encode())},
    {"app/none.py": read_facts(b"def broken(:\n")},
)
"""Files that come to a repository: with the names of libraries, with further routes, and one that nobody can read."""


def in_order(files: Mapping[str, Facts]) -> dict[str, Facts]:
    return dict(sorted(files.items()))


def found(project: Project) -> list[object]:
    """What there is to say of a project, before any fix."""
    return list(engine()._found(Contexts(project), Options()))


@pytest.mark.parametrize("path", SOURCES)
def test_what_is_recalled_beside_a_changed_file_is_what_is_found_anew(path: str, base: Base) -> None:
    for source in islice(edits_of(path), 6):  # the next test is quicker, and shows more
        head = {**FACTS, path: read_facts(source)}
        recalled = found(recalling(head, engine().knowledge, base))
        assert recalled == found(Project(head, engine().knowledge)), source.decode()


@pytest.mark.parametrize("path", SOURCES)
def test_what_is_recalled_beside_a_fix_is_what_is_found_anew(path: str, base: Base) -> None:
    head = {**FACTS, "app/deps.py": read_facts(SOURCES["app/deps.py"].replace(b"async def ", b"def "))}
    before = recalling(head, engine().knowledge, base)
    found(before)
    for source in islice(edits_of(path), 2, 5):
        fixed = {**head, path: read_facts(source)}
        assert found(edited(before, {path: fixed[path]})) == found(Project(fixed, engine().knowledge)), source.decode()


@pytest.mark.parametrize("path", SOURCES)
def test_what_is_recalled_where_files_came_or_went_is_what_is_found_anew(path: str, ordered: Base) -> None:
    for head in map(in_order, other_files(path)):
        recalled = found(recalling(head, engine().knowledge, ordered))
        assert recalled == found(Project(head, engine().knowledge)), [*head]


@pytest.mark.parametrize("new", NEW, ids=lambda new: next(iter(new)))
def test_what_is_recalled_beside_new_files_is_what_is_found_anew(new: Mapping[str, Facts], ordered: Base) -> None:
    head = in_order({**FACTS, **new})
    recalled = recalling(head, engine().knowledge, ordered)
    assert isinstance(recalled.memory, Recalling)
    assert found(recalled) == found(Project(head, engine().knowledge))


def test_nothing_is_recalled_where_files_have_changed_places(base: Base) -> None:
    head = dict(reversed(FACTS.items()))
    recalled = recalling(head, engine().knowledge, base)
    assert not isinstance(recalled.memory, Recalling)
    assert found(recalled) == found(Project(head, engine().knowledge))


# Whatever is read for an answer is noted

Slot = tuple[str, str, Hashable]


class Watched(Mapping[Any, Any]):
    """A mapping that tells which of its keys are asked for."""

    def __init__(self, rows: Mapping[Any, Any], read: Callable[[Any], None]) -> None:
        self.rows = rows
        self.read = read

    def __getitem__(self, key: Any) -> Any:
        self.read(key)
        return self.rows[key]

    def __iter__(self) -> Iterator[Any]:
        for key in self.rows:
            self.read(key)
            yield key

    def __len__(self) -> int:
        return len(self.rows)


class WatchedNames(Watched):
    """An index that tells as well of which names it is asked whether any file uses them."""

    def __init__(self, use: str, rows: Mapping[str, list[str]], memory: Memory) -> None:
        super().__init__(rows, lambda name: memory.read((use, name)))
        self.memory, self.use = memory, use

    def __contains__(self, name: object) -> bool:
        self.memory.read((ANY, (self.use, name)))
        return name in self.rows


class WatchedAnswers(dict[Any, Any]):
    """A dict of answers, of which one is watched while it is worked out."""

    def __init__(self, kind: str, memory: "Watching") -> None:
        super().__init__()
        self.kind, self.memory = kind, memory

    def __setitem__(self, key: Any, value: Any) -> None:
        if (self.kind, "", key) == self.memory.wanted:
            self.memory.is_worked_out = key not in self
        super().__setitem__(key, value)


class WatchedTogether(Together[Any, Any]):
    """Answers that are worked out several at once, of which one is watched."""

    def __init__(self, kind: str, memory: "Watching") -> None:
        self.kind, self.memory = kind, memory

    @contextmanager
    def within(self, key: Any) -> Iterator[None]:
        before = self.memory.is_worked_out
        self.memory.is_worked_out = before or (self.kind, "", key) == self.memory.wanted
        yield
        self.memory.is_worked_out = before


class Watching(Memory):
    """Gives all that is kept but one answer, which is worked out anew, and tells what is read for it."""

    def __init__(self, kept: Kept, wanted: Slot) -> None:
        self.kept, self.wanted = kept, wanted
        self.read_for_it: set[Read] = set()
        self.is_worked_out = False
        self.project: Project | None = None

    def watch(self, kind: str, by: Callable[[Any], Hashable], rows: Mapping[Any, Any]) -> Mapping[Any, Any]:
        return Watched(rows, lambda key: self.read((kind, by(key))))

    def read(self, what: Read) -> None:
        if self.is_worked_out:
            self.read_for_it.add(what)

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], Any]) -> Any:
        if (kind, path, key) == self.wanted and not self.is_worked_out:
            self.is_worked_out = True
            value = work()
            self.is_worked_out = False
            return value
        values = self.kept.answers.get(kind, {}).get(path, {})
        return work() if self.is_worked_out or key not in values else values[key][0]

    def answers(self, kind: str = "") -> dict[Any, Any]:
        return WatchedAnswers(kind, self)

    def together(self, kind: str) -> Together[Any, Any]:
        return WatchedTogether(kind, self)

    def table(
        self, kind: str, build: Callable[[], Mapping[Any, Any]], by: Callable[[Any], Hashable] = itself
    ) -> Mapping[Any, Any]:
        del build
        return self.watch(kind, by, self.kept.tables[kind])


class WatchedProject(Noted):
    """A project whose files and indexes are watched; it remembers nothing of what was read for other answers."""

    def __init__(self, plain: Project, memory: Watching) -> None:
        super().__init__(plain, memory)
        self.plain, self.watching = plain, memory
        self.facts = Touched(self.facts, memory)

    def by_name(self, use: str) -> Mapping[str, list[str]]:
        return WatchedNames(use, self.plain.by_name(use), self.watching)


class Touched(Files):
    """The facts of all files, each of which is noted as soon as it is touched, whatever is read of it."""

    def __init__(self, facts: Mapping[str, Facts], memory: Memory) -> None:
        super().__init__(facts)
        self.memory = memory

    def __getitem__(self, path: str) -> Facts:
        self.memory.read((TOUCHED, path))
        return self._facts[path]


ASKING: Mapping[str, Callable[[Contexts, str, Any], object]] = {
    "found": lambda contexts, *_: engine()._found(contexts, Options()),
    "calls": lambda contexts, path, index: contexts._calls_of(ProjectFunction(path, index)),
    "ways on": lambda contexts, path, key: contexts._further(ProjectFunction(path, key[0]), key[1]),
    "blocking": lambda contexts, path, index: contexts.own_sinks(ProjectFunction(path, index)),
    "asynchronous": lambda contexts, path, index: contexts._is_asynchronous(ProjectFunction(path, index)),
    "tasks": lambda contexts, path, index: contexts._tasks_of(ProjectFunction(path, index)),
    **dict.fromkeys(("registered", "validators", "serializers"), lambda contexts, *_: contexts._roots._all),
    **dict.fromkeys(("asked for", "listed"), lambda contexts, *_: contexts._roots._routes_of_dependencies()),
    "routers": lambda contexts, *_: contexts._roots._routers_of_all(),
    "related": lambda contexts, *_: contexts._found_live_attributes(),
    "applications": lambda contexts, *_: dict(_applications(contexts)),
    "handlers": lambda contexts, *_: list(event_handlers(contexts)),
    **dict.fromkeys(("eager", "relations"), lambda contexts, *_: _relations(contexts)),
    "streamed": lambda contexts, *_: _streamed(contexts),
    "longest": lambda contexts, path, index: _longest(ProjectFunction(path, index), contexts),
    "own waits": lambda contexts, path, index: _own_waits(ProjectFunction(path, index), contexts),
    "misusing": lambda contexts, path, index: _is_anything_in(ProjectFunction(path, index), contexts),
    "made": lambda contexts, _, key: contexts.project.makes(key),
    "made often": lambda contexts, _, key: contexts.once.is_made_for_requests(Object(key)),
    "asked": lambda contexts, _, key: contexts.arguments._asked_of(key),
    "unseen": lambda contexts, _, key: contexts.arguments._is_called_unseen(key),
    "targets": lambda contexts, _, key: contexts.targets(ProjectFunction(*key[:2]), key[2]),
    "sinks": lambda contexts, _, key: contexts.sink(key),
    "coming": lambda contexts, _, key: contexts._comes_in(*key),
    "models": lambda contexts, _, key: contexts._roots._read_by(key),
    **dict.fromkeys(("meaning", "meaning at a line"), lambda contexts, _, key: mean(contexts.project, key)),
}
"""How each kind of answer comes to be asked for."""


def mean(project: Project, key: Any) -> object:
    """Ask what something means of which that is kept."""
    match key:
        case ("result", of):
            return project._function_result(of)
        case (".state", name):
            return project._state(name)
        case (".app", name):
            return project._of_application(name)
        case (".set", owner, name, where):
            return project._set_here(Name(owner), name, where)
        case (ProjectClass() as of, name, is_class):
            return project._class_member(of, name, None if is_class else Object(of))
        case (str(name), Where() as scope):
            return project.name(name, scope)
        case (str(path), str(name)):
            return project._module_member(Module(path.removesuffix(".py").removesuffix("/__init__")), name)
    raise AssertionError(key)


def read_for(slot: Slot, base: Base, plain: Project) -> set[Read]:
    """What is read for one answer, in a project that remembers no other."""
    memory = Watching(base.kept, slot)
    kind, path, key = slot
    ASKING[kind](Contexts(WatchedProject(plain, memory)), path, key)
    assert memory.read_for_it or kind in base.kept.in_dicts, slot
    return memory.read_for_it


def noted_for(slot: Slot, kept: Kept, resting: Mapping[int, AbstractSet[int]]) -> set[Read]:
    kind, path, key = slot
    _, number, kinds = kept.answers[kind][path][key] if path else kept.in_dicts[kind][key]
    noted = {
        (kind, name)
        for kind, places in kept.places.items()
        for name, place in places.items()
        if number in resting[place]
    }
    assert {kind for kind, bit in kept.kinds.items() if kinds & bit} >= {kind for kind, _ in noted}
    of_files = {name if isinstance(name, str) else name[0] for kind, name in noted if kind in OF_FILES}
    return noted | {(TOUCHED, path) for path in of_files}


def test_all_that_is_read_for_an_answer_is_noted(base: Base) -> None:
    plain = Project(FACTS, engine().knowledge)
    slots = [
        (kind, path, key)
        for kind, of_kind in base.kept.answers.items()
        for path, values in of_kind.items()
        for key in values
    ]
    slots += [(kind, "", key) for kind, values in base.kept.in_dicts.items() for key in values]
    read = {slot: read_for(slot, base, plain) for slot in slots}
    places = [place for of_kind in base.kept.places.values() for place in of_kind.values()]
    resting = {place: {*base.kept.resting_on([place])} for place in places}
    unnoted = {slot: reads - noted_for(slot, base.kept, resting) for slot, reads in read.items()}
    assert not {slot: reads for slot, reads in unnoted.items() if reads}
    kinds = {kind for reads in read.values() for kind, _ in reads}
    names = {ANY, FEW, IMPORTERS, "state", "method"}
    assert kinds == {TOUCHED, MODULES, *names, *OF_FILES, *base.kept.tables}, "or it would show nothing of some of them"


FACTS_ASKED: Mapping[str, Callable[[Facts], object]] = {
    "body": lambda facts: facts.body,
    "packed": lambda facts: facts.packed,
    "weight": lambda facts: facts.weight,
    "forget": Facts.forget,
    "functions": lambda facts: facts.functions[-1],
    "classes": lambda facts: facts.classes[0],
    "outline": lambda facts: facts.outline.stars,
    "bound": lambda facts: facts.bound("app"),
    "calls": lambda facts: facts.calls("app"),
    "problem": lambda facts: facts.problem,
}
WAYS_ASKED: Mapping[str, Callable[[Facts], object]] = {
    **FACTS_ASKED,
    "all functions": lambda facts: list(facts.functions),
    "a slice": lambda facts: facts.functions[1:],
    "how many": lambda facts: len(facts.classes),
    "another": lambda facts: facts == FACTS["app/main.py"],
    "mentions": lambda facts: "app" in facts.outline.mentions,
    "all mentions": lambda facts: dict(facts.outline.mentions),
    "imported": lambda facts: facts.outline.imported,
}


def test_nothing_is_read_of_a_file_unnoted() -> None:
    asked = {name for name in vars(Facts) if not name.startswith("_")} - {"of", "passing"}
    assert FACTS_ASKED.keys() == asked, "of each thing that facts can be asked"
    for name, ask in WAYS_ASKED.items():
        memory = Watching(Noting().kept(), ("", "", ""))
        memory.is_worked_out = True
        with suppress(AttributeError):  # nobody asks it
            ask(NotedFiles(FACTS, memory)["app/main.py"])
            assert memory.read_for_it, name


def test_what_comes_of_an_answer_while_it_is_worked_out_rests_on_the_same() -> None:
    memory = Noting()
    said: dict[str, int | None] = memory.answers()
    said["outer"] = None
    memory.answer("inner", "app.py", "", lambda: said["outer"])
    memory.read(("table", "row"))
    said["outer"] = 1
    kept = memory.kept()
    _, number, kinds = kept.answers["inner"]["app.py"][""]
    assert number in kept.resting_on([kept.places["table"]["row"]])
    assert kinds & kept.kinds["table"]


# Whatever is another than in the base is in doubt


class Building(Memory):
    """Keeps the tables that were built."""

    def __init__(self) -> None:
        self.built: dict[str, Mapping[Any, Any]] = {}
        self.told_by: dict[str, Callable[[Any], Hashable]] = {}

    def table(
        self, kind: str, build: Callable[[], Mapping[Any, Any]], by: Callable[[Any], Hashable] = itself
    ) -> Mapping[Any, Any]:
        self.built[kind], self.told_by[kind] = build(), by
        return self.built[kind]


def differing(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> set[Any]:
    return {key for key in (*old, *new) if old.get(key) != new.get(key)}


def said_of(project: Project, kind: str, path: str, key: Any) -> object:
    facts = project.facts.get(path)
    if facts is None:
        return None
    asked: dict[str, Callable[[], object]] = {
        "imports": lambda: project.imports_of(path),
        "places called": lambda: [
            (index, place)
            for index, function in enumerate(facts.functions)
            for place, site in enumerate(function.sites)
            if last_name(site.call.callee) == key
        ],
        "classes derived": lambda: [
            index for index, class_ in enumerate(facts.classes) if key in map(class_name, class_.bases)
        ],
        "function": lambda: facts.functions[key:][:1],
        "top": lambda: [getattr(function, key) for function in facts.functions[:1]],
        "class": lambda: facts.classes[key:][:1],
        "global": lambda: [one for function in facts.functions[:1] for one in function.bindings.get(key, ())],
        "called": lambda: {key} & facts.outline.called,
        "mention": lambda: facts.outline.mentions.get(key),
        "outline": lambda: getattr(facts.outline, key),
    }
    return asked[kind]()


LINES = frozenset({"line", "end_line", "first_line", "last_line"})


def without_lines(value: Any) -> object:
    """The same, wherever it stands in its file."""
    match value:
        case Struct():
            names = (name for name in value.__struct_fields__ if name not in LINES)
            return type(value), [without_lines(getattr(value, name)) for name in names]
        case dict():
            return [(key, without_lines(one)) for key, one in value.items()]
        case list() | tuple():
            return [*map(without_lines, value)]
        case _:
            return value


def changed_reads(head: Mapping[str, Facts], base: Base, knowledge: Knowledge) -> Iterator[tuple[Read, bool]]:
    """All that is another than in the base, of what could have been read there, and whether it says another thing."""
    building = Building()
    building.tables = base.kept.tables.keys()
    project = Project(head, knowledge, None, building)
    found(project)
    yield from (((FILE, path), True) for path in differing(base.facts, head))
    before = Project(base.facts, knowledge)
    for kind in OF_FILES - {FILE}:
        for path, key in base.kept.places.get(kind, ()):
            old, new = said_of(before, kind, path, key), said_of(project, kind, path, key)
            if old != new:
                yield (kind, (path, key)), without_lines(old) != without_lines(new)
    for use in USES:
        yield from (((use, name), True) for name in differing(before.by_name(use), project.by_name(use)))
    for use, name in base.kept.places.get(ANY, ()):
        if (name in before.by_name(use)) != (name in project.by_name(use)):
            yield (ANY, (use, name)), True
    for name, (use, *given) in base.kept.places.get(FEW, ()):
        if before.few(use, name, *given) != project.few(use, name, *given):
            yield (FEW, (name, (use, *given))), True
    for module, (use, name) in base.kept.places.get(IMPORTERS, ()):
        old, new = (one.importers_using(f"{module}.py", use, name) for one in (before, project))
        if old != new:
            yield (IMPORTERS, (module, (use, name))), True
    for name, (question, given) in base.kept.places.get(MODULES, ()):
        if getattr(before.modules, question)(*given) != getattr(project.modules, question)(*given):
            yield (MODULES, (name, (question, given))), True
    if [*base.facts] != [*head]:
        yield (FILES, ""), True
    for kind, built in building.built.items():
        by = building.told_by[kind]
        yield from (((kind, by(key)), True) for key in differing(base.kept.tables.get(kind, {}), built))


def doubted(head: Mapping[str, Facts], base: Base) -> set[Read]:
    """What is another than in the base. Raises AssertionError where not all of it is in doubt."""
    places, differs = base.kept.places, set()
    project = recalling(head, engine().knowledge, base)
    found(project)
    assert isinstance(project.memory, Recalling)
    for (kind, name), says_another_thing in changed_reads(head, base, engine().knowledge):
        if name not in places.get(kind, ()):
            continue
        differs.add((kind, name))
        is_known = project.memory.is_doubtful(kind, name) or (
            not says_another_thing and places[kind][name] in project.memory._doubtful_lines
        )
        assert is_known, (kind, name)
    return differs


@pytest.mark.parametrize("path", SOURCES)
def test_all_that_is_another_than_in_the_base_is_in_doubt(path: str, base: Base) -> None:
    for source in edits_of(path):
        doubted({**FACTS, path: read_facts(source)}, base)


def test_all_that_is_another_where_files_came_or_went_is_in_doubt(ordered: Base) -> None:
    each = [head for path in SOURCES for head in other_files(path)] + [{**FACTS, **new} for new in NEW]
    kinds = {kind for head in each for kind, _ in doubted(in_order(head), ordered)}
    assert {FILE, MODULES, ANY, FEW, IMPORTERS, "call"} <= kinds, "or it would show nothing of some of them"


def test_of_much_code_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "MOST_REMEMBERED", 1)
    base = read_base(FACTS)
    assert not base.kept.answers
    head = {**FACTS, "app/helpers.py": read_facts(b"")}
    assert found(recalling(head, engine().knowledge, base)) == found(Project(head, engine().knowledge))


FIRST = frozenset({"app/__init__.py", "app/early.py", "app/orders.py"})
"""Files of which is worked out anew what rests on something that a check alone asks of all files."""


class Counting(Recalling):
    """Tells of which files answers are worked out anew."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept)
        self.anew: set[str] = set()

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], Any]) -> Any:
        def anew() -> Any:
            self.anew.add(path)
            return work()

        return super().answer(kind, path, key, anew)


@pytest.mark.parametrize("path", ["app/jobs.py", "app/helpers.py", "app/clients.py", "app/database.py"])
def test_most_is_recalled(path: str, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or these tests would show nothing. Who takes a function of a file rests on no other one."""
    monkeypatch.setattr(noting, "Recalling", Counting)
    head = {**FACTS, path: read_facts(SOURCES[path] + b"\n\ndef more(): ...\n")}
    project = recalling(head, engine().knowledge, base)
    found(project)
    assert isinstance(project.memory, Counting)
    assert project.memory.anew - FIRST <= {path}


@pytest.mark.parametrize("new", [["app/more.py"], ["app/none.py", "app/inner/jobs.py"]], ids=len)
def test_most_is_recalled_beside_new_files(new: list[str], ordered: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "Recalling", Counting)
    head = in_order(FACTS | {path: read_facts(b"import time\n\ndef more(): time.sleep(1)\n") for path in new})
    project = recalling(head, engine().knowledge, ordered)
    found(project)
    assert isinstance(project.memory, Counting)
    assert project.memory.anew - FIRST == {*new}


NAMED = {
    "app/__init__.py": "",
    "app/main.py": """
        from fastapi import FastAPI
        from sqlalchemy.orm import Session

        from app.other import Files
        from app.stores import Store, load

        app = FastAPI()

        @app.get("/")
        async def all(found: Store, session: Session):
            load(session)
            return found.all(), Files().read("all")
        """,
    "app/other.py": """
        from sqlalchemy.ext.asyncio import AsyncSession

        from app.stores import Store

        class Files(Store):
            def all(self):
                return open("all").read()

            def read(self, name=None):
                if name:
                    return open(name).read()

            def none(self):
                return []
        """,
    "app/stores.py": """
        from abc import ABC

        class Store(ABC):
            def all(self):
                raise NotImplementedError

        def load(session):
            return session.execute("SELECT 1")
        """,
}
"""An abstract class, what derives from it, and a function that is given a session."""
USED_ELSEWHERE = {
    "a module is imported": ("app/z.py", "from app.stores import load\n\ndef more(): save(1)\n"),
    "a class is imported": ("app/z.py", "from sqlalchemy.ext.asyncio import AsyncSession\n"),
    "a test reads an attribute of the name of a method": (
        "tests/z.py",
        "from app.other import Files\n\nread = Files.read\n",
    ),
    "a derived class has changed": ("app/other.py", dedent(NAMED["app/other.py"]).replace("[]", "open('none')")),
}


@pytest.mark.parametrize(("path", "text"), USED_ELSEWHERE.values(), ids=USED_ELSEWHERE.keys())
def test_who_asks_something_of_a_name_rests_on_that_alone(
    path: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "Recalling", Counting)
    facts = {name: read_facts(dedent(one).encode()) for name, one in NAMED.items()}
    head = in_order(facts | {path: read_facts(text.encode())})
    project = recalling(head, engine().knowledge, read_base(facts))
    assert found(project)
    assert isinstance(project.memory, Counting)
    assert project.memory.anew - FIRST <= {path}
