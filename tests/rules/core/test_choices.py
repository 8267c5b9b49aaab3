"""Methods that are chosen among several: an abstract class, of which the configuration tells who stands for it."""

import pytest

from rules import Finding, Options, Severity, Way
from tests.rules.checking import DEFAULT, EVERYTHING, analysed, encoded

HEAD = """
import abc
import os
import sqlite3
import time

import requests
from fastapi import FastAPI

app = FastAPI()


class Store(abc.ABC):
    @abc.abstractmethod
    def save(self, name: str, text: str) -> None: ...


"""
ROUTE = """
@app.post("/notes")
async def save(name: str, text: str) -> None:
    chosen().save(name, text)
"""
KINDS = {
    "Http": 'requests.put("https://a.b", data=text)',
    "Slow": "time.sleep(1)",
    "File": 'with open("notes.txt", "w") as file:\n            file.write(text)',
    "Disk": 'with open("more.txt", "w") as file:\n            file.write(text)',
    "Memory": "print(name, text)",
    "Bound": "self.db.execute(text)\n        time.sleep(1)",
}


def _text(*kinds: str, route: str = ROUTE) -> str:
    classes = [f"class {kind}(Store):\n    def save(self, name, text):\n        {KINDS[kind]}\n\n\n" for kind in kinds]
    made = "\n        def __init__(self):\n            self.db = sqlite3.connect('a.db')\n"
    branches = [f"    if os.environ['STORE'] == '{kind}':\n        return {kind}()\n" for kind in kinds]
    text = "".join(classes).replace(
        "class Bound(Store):\n", f"class Bound(Store):{made.replace('        ', '    ', 2)}\n"
    )
    return f"{HEAD}{text}def chosen() -> Store:\n{''.join(branches)}    raise ValueError\n\n{route}"


def _found(source: str, options: Options = DEFAULT) -> list[Finding]:
    findings = analysed({"app/main.py": encoded(source)}, options=options).findings
    return [one for one in findings if "the event loop" in one.message]


def _said(source: str) -> list[str]:
    return [one.message for one in _found(source)]


@pytest.mark.parametrize("kinds", [("Http", "Slow"), ("Http", "File"), ("Http", "Slow", "File"), ("File", "Http")])
def test_each_of_them_blocks(kinds: tuple[str, ...]) -> None:
    """Some wait, the others use local files: wherever the choice falls, the loop does something else meanwhile."""
    (said,) = _said(_text(*kinds))
    assert "leads to" in said


@pytest.mark.parametrize(
    "kinds",
    [
        ("Http", "Memory"),
        ("Http", "File", "Memory"),
        ("Http", "File", "Disk"),
        ("File", "Disk"),
        ("Memory",),
        ("File",),
    ],
)
def test_one_may_be_meant_that_is_quick(kinds: tuple[str, ...]) -> None:
    """One does nothing of the kind, or most of them use small files only."""
    assert _said(_text(*kinds)) == []


def test_a_way_that_is_certain_is_told_first() -> None:
    """Also where it is longer than the one that depends on a choice."""
    helpers = """
def work(name: str) -> None:
    chosen().save(name, "")
    rest()


def rest() -> None:
    more()


def more() -> None:
    time.sleep(1)


@app.post("/notes")
async def save(name: str) -> None:
    work(name)
"""
    (said,) = _said(_text("Http", "File", route=helpers))
    assert "`time.sleep`" in said


@pytest.mark.parametrize(
    ("kinds", "ways"), [(("Http", "File"), {Way.OFFLOAD, Way.REVERSE}), (("Http", "Bound"), set())]
)
def test_all_that_may_be_meant_must_be_able_to_run_in_a_thread(kinds: tuple[str, ...], ways: set[Way]) -> None:
    """A connection that belongs to its thread is no less bound behind an abstract method."""
    route = ROUTE.replace("    chosen()", "    store = chosen()\n    store")
    text = _text(*kinds, route=route).replace('"notes.txt"', "name")  # of one name for all, no thread may write it
    findings = analysed({"app/main.py": encoded(text)}).findings
    (finding,) = (one for one in findings if "leads to" in one.message)
    assert {fix.way for fix in (finding.fix, *finding.alternatives) if fix is not None} == ways


@pytest.mark.parametrize("first", ["work", "rest"])
def test_what_is_certain_does_not_hang_on_what_was_asked_first(first: str) -> None:
    """A helper that another route comes to as well leads to what is certain, also where what depends on a choice is known by then."""
    helpers = f"""
def work(name: str) -> None:
    chosen().save(name, "")


def rest(name: str) -> None:
    work(name)
    more()


def more() -> None:
    much()


def much() -> None:
    time.sleep(1)


@app.post("/earlier")
async def earlier(name: str) -> None:
    {first}(name)


@app.post("/notes")
async def save(name: str) -> None:
    rest(name)
"""
    assert "`time.sleep`" in _said(_text("Http", "File", route=helpers))[1]


@pytest.mark.parametrize(
    ("kinds", "counted"),
    [
        (("Http", "Memory"), "1 of its 2"),
        (("Memory", "Http", "Slow"), "2 of its 3"),
        (("File", "Disk", "Slow"), "1 of its 3"),
    ],
)
def test_some_of_them_block_where_everything_is_asked_for(kinds: tuple[str, ...], counted: str) -> None:
    """How many is told, as is one of them; no way to mend it is offered, and it weighs least."""
    source = _text(*kinds)
    (finding,) = _found(source, EVERYTHING)
    assert f"leads to `Store.save`, and at least {counted} implementations" in finding.message
    assert finding.severity is Severity.INFO
    assert finding.fix is None
    assert [step.name for step in finding.chain][:2] == ["save", "Store.save"]
    assert _said(source) == []


@pytest.mark.parametrize("kinds", [("Memory", "File"), ("File", "Disk"), ("Http",), ("Http", "Slow"), ("Http", "File")])
def test_what_is_told_anyway_or_never_is_not_told_so(kinds: tuple[str, ...]) -> None:
    """None of them waits, there is but one, or each is told of as what blocks."""
    source = _text(*kinds)
    assert [one.message for one in _found(source, EVERYTHING)] == _said(source)


BEHIND_HELPERS = """
def keep(name: str, text: str) -> None:
    tell(chosen(), name, text)


def tell(store: Store, name: str, text: str) -> None:
    store.save(name, text)


@app.post("/notes")
async def save(name: str, text: str) -> None:
    keep(name, text)
"""


def test_some_of_them_block_behind_helpers() -> None:
    (finding,) = _found(_text("Memory", "Slow", route=BEHIND_HELPERS), EVERYTHING)
    assert finding.message.startswith(
        "`keep` leads to `Store.save`, and at least 1 of its 2 implementations blocks the event loop in `POST /notes`, as"
    )
    assert [step.name for step in finding.chain] == ["save", "keep", "tell", "Store.save", "Slow.save", "time.sleep"]


def test_some_of_them_block_behind_a_helper_in_a_file_without_classes() -> None:
    helper = "from app.main import Store\n\n\ndef tell(store: Store, name, text):\n    store.save(name, text)\n"
    route = "from app.helpers import tell\n\n\n" + BEHIND_HELPERS.replace(
        "\ndef tell(store: Store, name: str, text: str) -> None:\n    store.save(name, text)\n\n", ""
    )
    sources = {"app/main.py": encoded(_text("Memory", "Slow", route=route)), "app/helpers.py": helper.encode()}
    findings = analysed(sources, options=EVERYTHING).findings
    (finding,) = (one for one in findings if "the event loop" in one.message)
    assert [step.name for step in finding.chain] == ["save", "keep", "tell", "Store.save", "Slow.save", "time.sleep"]


@pytest.mark.parametrize(
    "body",
    [
        "await run_in_threadpool(chosen().save, name, text)",
        "await run_in_threadpool(keep, name, text)",
        "save = chosen().save",
    ],
)
def test_some_of_them_block_in_a_thread(body: str) -> None:
    source = _text("Memory", "Slow", route=BEHIND_HELPERS.replace("    keep(name, text)\n", f"    {body}\n"))
    source = source.replace("import requests\n", "import requests\nfrom fastapi.concurrency import run_in_threadpool\n")
    assert _found(source, EVERYTHING) == []


OVERRIDDEN = """
import time

from fastapi import FastAPI

app = FastAPI()


class Provider:
    def check(self) -> dict:
        return {}

    def look(self) -> dict:
        return self.check()


class Quick(Provider):
    def check(self) -> dict:
        return {"ok": True}


class Slow(Provider):
    def check(self) -> dict:
        time.sleep(1)
        return {"ok": True}


def made(kind: str) -> Provider:
    return {"slow": Slow, "quick": Quick}[kind]()


def check(provider: Provider) -> dict:
    return provider.check()


@app.get("/check")
async def read(kind: str) -> dict:
    return check(made(kind))
"""


def test_methods_that_stand_for_one_which_does_nothing() -> None:
    """An object of which only the class is declared that others derive from may be one of theirs."""
    (finding,) = _found(OVERRIDDEN, EVERYTHING)
    assert "leads to `Provider.check`, and at least 1 of its 2 implementations blocks" in finding.message
    assert _said(OVERRIDDEN) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    return provider.check()", "    provider = Quick()\n    return provider.check()"),
        (
            "    return provider.check()",
            "    if isinstance(provider, Quick):\n        return provider.check()\n    return {}",
        ),
        ("    return check(made(kind))", "    return Provider().check()"),
        ("    return check(made(kind))", "    return Quick().look()"),
        ("        time.sleep(1)\n", ""),
        ("class Quick(Provider):", "class Quick:"),
    ],
)
def test_methods_that_are_not_meant(before: str, after: str) -> None:
    """The class is certain, or nothing waits, or only one derives from it."""
    assert before in OVERRIDDEN
    assert _found(OVERRIDDEN.replace(before, after), EVERYTHING) == []


def test_methods_of_very_many_files() -> None:
    """Of more than nobody could tell which is meant; how many of them wait can be told."""
    others = {
        f"app/kinds/{name}.py": f"import time\nfrom app.main import Store\n\nclass {name}(Store):\n    def save(self, name, text):\n"
        f"        {'time.sleep(1)' if place % 2 else 'print(name)'}\n"
        for place, name in enumerate("ABCDEFGHIJKL")
    }
    sources = {"app/main.py": encoded(_text("Memory", "File"))} | {path: text.encode() for path, text in others.items()}
    assert [one for one in analysed(sources).findings if "event loop" in one.message] == []
    (finding,) = (one for one in analysed(sources, options=EVERYTHING).findings if "event loop" in one.message)
    assert (
        "at least 6 of its 14 implementations block the event loop in `POST /notes`, as `B.save` does in `time.sleep`"
        in finding.message
    )


@pytest.mark.parametrize("kind", ["Memory", "Slow"])
def test_a_review_recalls_how_many_of_them_block(kind: str) -> None:
    """A change of one of them changes what is said of all who may mean it, and of the others nothing."""
    body = KINDS[kind].replace("\n    ", "\n")
    other = "import time\nfrom app.main import Store\n\n\nclass Other(Store):\n    def save(self, name, text):\n        {}\n"
    before = {
        "app/main.py": encoded(_text("Memory", "File", "Slow", route=BEHIND_HELPERS)),
        "app/other.py": other.format("pass").encode(),
    }
    after = before | {"app/other.py": other.format(body).encode()}
    recalled = analysed(after, base=before, options=EVERYTHING).findings
    assert [one.message for one in recalled] == [one.message for one in analysed(after, options=EVERYTHING).findings]
    assert any(f"at least {1 + (kind == 'Slow')} of its 4 implementations" in one.message for one in recalled)
