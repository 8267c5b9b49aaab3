"""After an edit only those calls are asked anew that it may have changed."""

import pytest

from rules import Edit, Span, apply_edits, read_facts
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.facts import show
from rules.core.fixes.differing import differing
from rules.core.project import Project
from rules.core.values import ProjectFunction

PATH = "app/main.py"
SOURCE = """\
import time
from fastapi import FastAPI
from app.reports import report, send, store

app = FastAPI()


def helper():
    return time.time()


@app.get("/")
async def home(user):
    first(user)
    made = report(user)
    sent = send(made)
    if user.is_new:
        helper()
    last(user, made)
    return store(sent)


async def other():
    helper()
"""


def asked(*replaced: tuple[str, str]) -> list[str]:
    """The calls of `home` that are asked anew where texts, each of which stands there once, are replaced."""
    edits = [_edit(*one) for one in replaced]
    texts = {False: SOURCE.encode(), True: apply_edits(SOURCE.encode(), edits)}
    sides = {side: Contexts(Project({PATH: read_facts(text)}, engine().knowledge)) for side, text in texts.items()}
    [was], [place] = (
        [ProjectFunction(PATH, at) for at, one in enumerate(side.project.facts[PATH].functions) if one.name == "home"]
        for side in sides.values()
    )
    _, places = differing(was, place, edits, sides[False], sides[True])
    sites = sides[True].project.function(place).sites
    return [show(sites[at].call.callee) for at in places]


def _edit(before: str, after: str) -> Edit:
    assert SOURCE.count(before) == 1
    start, end = SOURCE.index(before), SOURCE.index(before) + len(before)
    return Edit(PATH, Span(*_place(start), *_place(end)), after)


def _place(offset: int) -> tuple[int, int]:
    return SOURCE.count("\n", 0, offset) + 1, offset - SOURCE.rfind("\n", 0, offset)


EVERY = ["first", "report", "send", "helper", "last", "store"]
IMPORT = ("import time\n", "import asyncio\nimport time\n")


@pytest.mark.parametrize(
    ("replaced", "anew"),
    [
        ([("first(user)", "await asyncio.to_thread(first, user)"), IMPORT], ["asyncio.to_thread"]),
        ([("first(user)", "await asyncio.to_thread(\n        first,\n        user,\n    )")], ["asyncio.to_thread"]),
        ([("    first(user)\n", "")], []),
        ([("    first(user)\n", "    first(user)\n    second(user)\n")], ["second"]),
        ([("first(user)", "first(user, second())")], ["second", "first"]),
        ([("    if user.is_new:\n        helper()\n", "    helper()\n")], ["helper"]),
        ([("sent = send(made)", "sent = await send(made)")], ["send", "store"]),
        ([("made = report(user)", "made = await report(user)")], ["report", "send", "last", "store"]),
        ([("import time\n", "import time\nfrom app.others import first\n")], ["first"]),
        ([("report, send", "send")], ["report", "send", "last", "store"]),
    ],
)
def test_a_call_is_asked_anew_where_it_says_something_else_or_uses_what_does(
    replaced: list[tuple[str, str]], anew: list[str]
) -> None:
    assert asked(*replaced) == anew


@pytest.mark.parametrize(
    "replaced",
    [
        ("async def home(user)", "async def home(user, log)"),
        ("async def home(user)", "def home(user)"),
        ("    return time.time()", "    return time.sleep(1)"),
        ("def helper()", "async def helper()"),
        ("async def other():\n    helper()", "async def other():\n    pass"),
        ("\n\ndef helper", "\n\nclass More: ...\n\n\ndef helper"),
        ("    first(user)", "    app.made = first(user)"),
        ("    first(user)", "    global app\n    app = first(user)"),
        ("    made = report(user)\n    sent = send(made)", "    made = report(user); sent = send(made)"),
    ],
)
def test_every_call_is_asked_anew_where_more_than_the_body_or_its_order_changes(replaced: tuple[str, str]) -> None:
    assert asked(replaced) == EVERY


def test_a_call_of_which_others_tell_whether_it_blocks_is_always_asked_anew() -> None:
    text = SOURCE.replace("    if user.is_new:\n        helper()\n", "    time.sleep(user)\n")
    edit = Edit(PATH, Span(14, 5, 14, 16), "second(user)")
    before, after = (
        Contexts(Project({PATH: read_facts(one)}, engine().knowledge))
        for one in (text.encode(), apply_edits(text.encode(), [edit]))
    )
    home = ProjectFunction(PATH, 2)
    _, places = differing(home, home, [edit], before, after)
    sites = after.project.function(home).sites
    assert [show(sites[at].call.callee) for at in places] == ["second", "time.sleep"]
