"""Those that await a function which never gave way to others: what they rest on from one step to the next."""

from textwrap import dedent, indent

import pytest

from rules import Applicability
from tests.rules.checking import assert_unfixed, found, with_app

IMPORTS = (
    "import threading\n\nimport requests\nfrom fastapi import Request\nfrom sqlalchemy.orm import Session, sessionmaker"
)
SOURCE = """
lock = threading.Lock()
factory = sessionmaker()
kept = factory()
stock = {{"apple": 1}}


async def fetch() -> dict:
{before}    return requests.get("https://a.example").json()


async def ask() -> dict:
    return await fetch()


def save(row) -> None:
    kept.add(row)


@app.post("/")
async def home(request: Request, name: str) -> dict:
{body}
"""
REFUSED = [
    "with lock:\n    return await ask()",
    "with lock:\n    found = await fetch()\nreturn found",
]
TOLD = [
    "if stock[name] < 1:\n    return {}\nfound = await ask()\nstock[name] -= 1\nreturn found",
    "for one in stock:\n    await ask()\nreturn stock.pop(name)",
    "save(name)\nfound = await ask()\nkept.commit()\nreturn found",
]
HARMLESS = [
    "found = await ask()\nreturn found",
    "own = {}\nown[name] = 1\nfound = await ask()\nown[name] = 2\nreturn found",
    "with factory() as session:\n    session.add(name)\n    session.commit()\nreturn await ask()",
]


def source(body: str, *, giving_way: bool = False) -> str:
    before = "    await asyncio.sleep(1)\n" if giving_way else ""
    written = SOURCE.format(body=indent(dedent(body), "    "), before=before)
    return with_app(f"import asyncio\n{IMPORTS}", written)


@pytest.mark.parametrize("body", REFUSED)
@pytest.mark.parametrize("giving_way", [True, False])
def test_nothing_is_awaited_under_a_lock_of_a_caller(body: str, giving_way: bool) -> None:
    """The next request would wait for the lock on the event loop, and the first could never give it back."""
    assert_unfixed("clients/requests", source(body, giving_way=giving_way))


@pytest.mark.parametrize("body", TOLD)
def test_what_a_caller_does_around_it_is_told(body: str) -> None:
    (finding,) = found("clients/requests", source(body))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert all(note.startswith("`home`, which awaits this function, ") for note in finding.fix.notes)


@pytest.mark.parametrize("body", TOLD)
def test_one_that_gave_way_before_is_nothing_new_to_its_callers(body: str) -> None:
    (finding,) = found("clients/requests", source(body, giving_way=True))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("body", HARMLESS)
def test_a_caller_that_rests_on_nothing_is_left_out(body: str) -> None:
    (finding,) = found("clients/requests", source(body))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_an_awaitable_method_makes_a_caller_give_way_as_well() -> None:
    body = dedent(
        """
        client = OpenAI()
        stock = {"apple": 1}


        async def answer(text: str) -> str:
            return client.chat.completions.create(model="a", messages=[])


        @app.post("/")
        async def buy(name: str) -> str:
            if stock[name] < 1:
                return ""
            text = await answer(name)
            stock[name] -= 1
            return text
        """
    )
    (finding,) = found("clients/models", with_app("from openai import OpenAI", body))
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert {fix.applicability for fix in fixes} == {Applicability.UNSAFE}


STORE = """
client = OpenAI()


class Store:
    def __init__(self):
        self.kept = {{}}
        self.made = None

    def add(self, name, text):
        self.kept.setdefault(name, []).append(text)

    def put(self, name, text):
        self.kept[name] = text

    def all(self, name):
        return self.kept.get(name)

    def client(self):
        if self.made is None:
            self.made = object()
        return self.made


{keeper}


@app.post("/")
async def home(name: str) -> str:
    {own}{before}
    text = client.chat.completions.create(model="a", messages=[])
    {after}
    return text
"""
KEPT, OWN = ("store = Store()", ""), ("", "store = Store()\n    ")


@pytest.mark.parametrize(
    ("kept", "before", "after", "is_told"),
    [
        (KEPT, "store.add(name, 1)", "store.add(name, 2)", True),
        (KEPT, "store.put(name, 1)", "print(store.all(name))", True),
        (KEPT, "if store.all(name):\n        return ''", "store.put(name, 2)", True),
        (KEPT, "", "store.put(name, 2)", False),
        (KEPT, "print(store.all(name))", "print(store.all(name))", False),
        (KEPT, "print(store.client())", "print(store.client())", False),
        (OWN, "store.add(name, 1)", "store.add(name, 2)", False),
    ],
)
def test_a_store_that_all_requests_use_is_changed_by_its_methods(
    kept: tuple[str, str], before: str, after: str, *, is_told: bool
) -> None:
    keeper, own = kept
    body = STORE.format(keeper=keeper, own=own, before=before, after=after)
    (finding,) = found("clients/models", with_app("from openai import OpenAI", body))
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix]
    assert {fix.applicability for fix in fixes} == {Applicability.UNSAFE if is_told else Applicability.SAFE}
