"""What was found around edited files is what would be found anew, whatever those come to say."""

from collections.abc import Mapping

import pytest

from rules import Facts, read_facts
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.project import Project
from rules.core.repository import USES
from rules.core.roots import Roots
from rules.core.surroundings import OutOfReachError, Surroundings, _Around, _Reachable, _ReachableRoots
from rules.core.values import ProjectFunction

EDITED = "app/main.py"
AROUND = "app/help.py"

MAIN = """
import time

import requests
from fastapi import FastAPI, Request

from app import help
from app.help import Asker, Greeter, ask, give, greet, read, run

app = FastAPI()
app.state.client = requests.Session()


class Loud(Greeter):
    def greet(self):
        time.sleep(1)


def wait():
    time.sleep(1)


@app.get("/")
async def home(request: Request):
    ask()
    greet(Loud())
    give(requests.Session())
    read(request)
    return run()
"""
HELP = """
import abc
import time

import httpx
import requests


class Greeter(abc.ABC):
    @abc.abstractmethod
    def greet(self): ...


class Asker:
    def ask(self):
        return requests.get("https://example.org")


def ask():
    return Asker().ask()


def greet(greeter: Greeter):
    greeter.greet()


def give(client):
    return client.get("https://example.org")


def read(request):
    return request.app.state.client.get("https://example.org")


def run():
    from app.main import wait

    wait()


def named(thing: Asker):
    return thing.answer


def alone():
    time.sleep(1)
"""
EDITS = (
    ("ask()\n", "Asker().ask()\n"),
    ("    time.sleep(1)\n\n\n@app", "    return 1\n\n\n@app"),
    ("def greet(self):\n        time.sleep(1)", "def greet(self):\n        pass"),
    ("class Loud(Greeter)", "class Loud"),
    ("give(requests.Session())", "give(httpx.AsyncClient())"),
    ("give(requests.Session())", "give(give)"),
    ("app.state.client = requests.Session()", "app.state.client = {}"),
    ("ask()\n", "ask()\n    help.named(Asker())\n"),
    ("def wait():", "@property\ndef answer(self): ...\n\n\ndef wait():"),
    ("def wait():", "class Quiet(Asker):\n    @property\n    def answer(self): time.sleep(1)\n\n\ndef wait():"),
    ("app = FastAPI()", "app = FastAPI()\napp.dependency_overrides[ask] = greet"),
    ("from app.help import Asker", "from app.help import alone as Asker"),
)


def facts_of(main: str) -> dict[str, Facts]:
    texts = {EDITED: main, AROUND: HELP, "app/__init__.py": "", "app/more.py": "from app.help import give\ngive(1)\n"}
    return {path: read_facts(text.encode()) for path, text in texts.items()}


def told(contexts: Contexts) -> Mapping[ProjectFunction, object]:
    facts = contexts.project.facts
    every = [ProjectFunction(path, index) for path in sorted(facts) for index in range(len(facts[path].functions))]
    return {one: ([*contexts.steps(one)], contexts.own_sinks(one), contexts.sink(one)) for one in every}


def edited(before: str, after: str) -> dict[str, Facts]:
    assert MAIN.count(before) == 1
    return {EDITED: read_facts(MAIN.replace(before, after).encode())}


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    return Contexts(Project(facts_of(MAIN), engine().knowledge))


@pytest.mark.parametrize("last", EDITS)
def test_one_edit_after_another(contexts: Contexts, last: tuple[str, str]) -> None:
    surroundings = Surroundings(contexts)
    for before, after in (*EDITS, last):
        one = edited(before, after)
        assert told(surroundings.after(one)) == told(Contexts(contexts.project.with_facts(one)))


def test_each_edit_alone(contexts: Contexts) -> None:
    for before, after in EDITS:
        one = edited(before, after)
        assert told(Surroundings(contexts).after(one)) == told(Contexts(contexts.project.with_facts(one)))


def test_each_edit_that_leaves_the_api_as_it_was(contexts: Contexts) -> None:
    surroundings = Surroundings(contexts)
    for before, after in EDITS:
        one = edited(before, after)
        project = contexts.project.with_facts(one)
        anew = Contexts(project, roots=Roots(project, (contexts.project, contexts.roots)))
        assert told(surroundings.after(one, has_same_api=True)) == told(anew)


def test_some_is_within_reach_and_some_is_not(contexts: Contexts) -> None:
    """Or these tests would show nothing."""
    around = _Around(contexts, frozenset({EDITED}))
    assert around.fits(edited(*EDITS[0]))
    functions = contexts.project.facts[AROUND].functions
    known = {one.qualname: around.steps(ProjectFunction(AROUND, index)) for index, one in enumerate(functions)}
    assert known["ask"]
    assert known["alone"] == ()
    assert known["run"] is None
    assert known["greet"] is None
    assert around.steps(ProjectFunction(EDITED, 0)) is None


def test_what_was_found_before_something_was_out_of_reach_is_kept(contexts: Contexts) -> None:
    """But for what was being worked out, of which nobody knows what it would have been."""
    around = _Around(contexts, frozenset({EDITED}))
    assert around.fits(edited(*EDITS[0]))
    every = contexts.project.facts[AROUND].functions
    functions = {one.qualname: ProjectFunction(AROUND, index) for index, one in enumerate(every)}
    assert around.sink(functions["run"]) is None
    assert around.steps(functions["run"]) is None
    for name in ("ask", "alone", "Asker.ask"):
        assert around.sink(functions[name]) == (contexts.sink(functions[name]),)
        assert around.sink(functions[name]) != (None,)
    assert around.sink(functions["Greeter.greet"]) == (None,)


def test_what_the_framework_calls_elsewhere_is_within_reach_where_the_api_is_the_same(contexts: Contexts) -> None:
    roots = _ReachableRoots(contexts.project, contexts, frozenset({EDITED}))
    elsewhere = _ReachableRoots(contexts.project, contexts, frozenset({AROUND}))
    (root,) = contexts.roots
    assert roots.by_function.get(ProjectFunction(AROUND, 1)) is None
    assert elsewhere.by_function[root.function] == root
    for ask in (lambda: roots.by_function.get(root.function), lambda: list(roots.by_function)):
        with pytest.raises(OutOfReachError):
            ask()


def test_nothing_that_the_edited_file_says_is_within_reach(contexts: Contexts) -> None:
    gained = dict.fromkeys(USES, frozenset({"dependency_overrides", "main.wait"}))
    project = _Reachable(contexts.project, frozenset({EDITED}), set(), gained)
    assert project.facts[AROUND] is contexts.project.facts[AROUND]
    assert EDITED in project.facts
    for ask in (
        lambda: project.facts[EDITED],
        lambda: project.facts.get(EDITED),
        lambda: list(project.facts.values()),
        lambda: dict(project.facts),
        lambda: "main.wait" in project.told,
        lambda: list(project.told),
        lambda: project.stating.get("client"),
        lambda: project.calling.get("greet"),
        lambda: list(project.calling),
        lambda: project.overriding,
    ):
        with pytest.raises(OutOfReachError):
            ask()
