"""What a function does to shared state before and after a new `await`: told where others can come between."""

from textwrap import indent

import pytest

from rules import Way
from rules.core.fixes.sharing.hazards import INTERLEAVING
from tests.rules.checking import found, with_app

IMPORTS = "import asyncio\nimport os\nfrom contextlib import suppress\nfrom os import environ\n\nimport requests\nfrom fastapi import Depends, Request"
SOURCE = """
CACHE = {{}}
COUNTS = {{}}
DATABASE = connected()
SESSION = requests.Session()
LAST = None


class State:
    def __init__(self):
        self.rows = {{}}
        self.last = None

    def add(self, name):
        self.rows[name] = name

    def fetched(self, name):
        self.rows[name] = requests.get(name)

    def has(self, name):
        return name in self.rows


STATE = State()


def given():
    return STATE


def known(name):
    return name in CACHE


def rows_of(name):
    return STATE.rows.get(name)


async def waiting():
    return CACHE


def kept_for(name):
    if name not in STATE.rows:
        STATE.rows[name] = []
    return STATE.rows[name]


def made_for(name):
    return [name]


def unrelated(name):
    return name


def ask(url):
    return requests.get(url)


def ask_all(url):
    return requests.get(url, params=CACHE)


@app.get("/{{name}}")
async def home(name: str, request: Request) -> dict:
    await request.body()
{body}
"""
W = "answer = requests.get(name)"
APART = [
    f"store = given()\n{W}\nstore.add(name)",
    "store = given()\nstore.fetched(name)",
    f"store = given()\nstore.add(name)\n{W}",
    f"{W}\nCACHE[name] = answer",
    f"{W}\nCACHE.clear()",
    f"{W}\nglobal LAST\nLAST = answer",
    f"{W}\nSTATE.last = answer",
    f"{W}\nSTATE.rows[name] = answer",
    f"{W}\nCACHE.setdefault(name, []).append(answer)",
    "CACHE[name] = requests.get(name)",
    "CACHE.update(requests.get(name))",
    "CACHE.update(a=requests.get(name).json())",
    f"CACHE[name] = 1\n{W}",
    f"STATE.last = name\n{W}\nprint(answer)",
    f"COUNTS['asked'] = 1\n{W}\nCOUNTS['answered'] = 1",
    f"print(COUNTS)\n{W}\nCACHE[name] = answer",
    f"print(STATE.rows)\n{W}\nSTATE.last = answer",
    f"if unrelated(name):\n    pass\n{W}\nCACHE[name] = answer",
    f"if name:\n    {W}\n    return answer\nif name not in CACHE:\n    CACHE[name] = 1\nreturn CACHE[name]",
    f"if name:\n    {W}\nelse:\n    print(CACHE)\n    CACHE[name] = 1",
    f"if name in CACHE:\n    CACHE.pop(name)\n    return {{}}\n{W}",
    f"if name in CACHE:\n    return CACHE[name]\nelif name:\n    {W}\nelse:\n    CACHE[name] = 1",
    f"for one in name:\n    {W}\n    return answer\nCACHE[name] = CACHE.get('a')",
    f"try:\n    {W}\nexcept ValueError:\n    CACHE[name] = 1",
    f"{W}\nfor one in name:\n    if one not in CACHE:\n        CACHE[one] = answer",
    f"{W}\nCACHE[name] = answer\nreturn CACHE[name]",
    f"CACHE[name] = State()\nfound = CACHE[name]\n{W}\nreturn found.last",
]
PAUSE = "await asyncio.sleep(1)"
PARTED = [
    f"while name:\n    {PAUSE}\n    if name == 'a':\n        print(CACHE)\n        continue\n    {W}\n    CACHE[name] = 1",
    f"CACHE[name] = 1\n{PAUSE}\n{W}\nCACHE[name] = 2",
    f"if name in CACHE:\n    print(1)\n{W}\n{PAUSE}\nCACHE[name] = answer",
    f"CACHE[name] = 1\nwhile name:\n    {PAUSE}\n    {W}\nCACHE.pop(name)",
    f"for one in name:\n    {PAUSE}\n    {W}\n    CACHE[one] = answer",
    f"while name:\n    {PAUSE}\n    if name:\n        {W}\n    CACHE[name] = 1",
    f"try:\n    CACHE[name] = 1\n    {PAUSE}\n    {W}\nfinally:\n    CACHE[name] = 2",
    f"while name:\n    {PAUSE}\n    CACHE.update(requests.get(name).json())",
    f"for one in name:\n    {PAUSE}\n    for other in one:\n        print(other)\n    {W}\n    CACHE[one] = answer",
]
STILL = [
    f"while name:\n    {PAUSE}\n    if name == 'a':\n        print(CACHE)\n    {W}\n    CACHE[name] = 1",
    f"for one in name:\n    if one == 'a':\n        print(CACHE)\n        continue\n    {W}\n    CACHE[name] = 1",
    f"while name:\n    {PAUSE}\n    if name not in CACHE:\n        CACHE.update(requests.get(name).json())",
    f"CACHE[name] = 1\ntry:\n    {W}\n    {PAUSE}\nexcept ValueError:\n    CACHE.pop(name)",
    f"for one in name:\n    CACHE[one] = 1\n    {W}\n    if answer:\n        break\n    {PAUSE}\nCACHE.pop(name)",
    f"for one in name:\n    CACHE[one] = 1\n    {W}\n    if answer:\n        continue\n    {PAUSE}",
    f"CACHE[name] = 1\nwith suppress(ValueError):\n    {PAUSE}\n{W}\nCACHE[name] = 2",
    f"CACHE[name] = 1\nif name:\n    {PAUSE}\n{W}\nCACHE[name] = 2",
    f"{PAUSE}\nCACHE[name] = 1\n{W}\nCACHE[name] = 2\n{PAUSE}",
    f"{PAUSE}\nfor one in name:\n    {W}\n    CACHE[one] = answer",
    f"while name:\n    {PAUSE}\n    for one in name:\n        {W}\n        CACHE[one] = answer",
    f"while name:\n    {PAUSE}\n    print(CACHE)\n    {W}\n    CACHE[name] = 1",
    f"CACHE[name] = 1\nawait waiting()\n{W}\nCACHE[name] = 2",
    f"CACHE[name] = 1\nname and await asyncio.sleep(1)\n{W}\nCACHE[name] = 2",
]
BETWEEN = [
    "if name not in CACHE:\n    CACHE.update(requests.get(name).json())",
    "if name not in CACHE:\n    CACHE[\n        name\n    ] = requests.get(name)",
    "kept = CACHE.get(name)\nCACHE.setdefault(name, []).append(requests.get(name))",
    f"store = given()\nif store.has(name):\n    print(name)\n{W}\nstore.add(name)",
    "store = given()\nif not store.has(name):\n    store.fetched(name)",
    f"store = given()\nstore.add(name)\n{W}\nreturn store.has(name)",
    f"if name not in CACHE:\n    {W}\n    CACHE[name] = answer",
    f"kept = CACHE.get(name)\n{W}\nCACHE[name] = answer",
    f"count = len(CACHE)\n{W}\nCACHE[name] = count",
    f"CACHE[name] = 'asked'\n{W}\nCACHE[name] = 'answered'",
    f"CACHE[name] = 'asked'\n{W}\nreturn CACHE",
    f"COUNTS['asked'] = 1\n{W}\nCOUNTS['asked'] = 2",
    f"COUNTS['asked'] = 1\n{W}\nCOUNTS[name] = 2",
    f"global LAST\nLAST = name\n{W}\nreturn LAST",
    f"STATE.last = name\n{W}\nreturn STATE.last",
    f"STATE.last = name\n{W}\nprint(STATE)",
    f"rows = STATE.rows\nif name in rows:\n    print(1)\n{W}\nrows[name] = answer",
    f"row = CACHE[name]\nrow['asked'] = 1\n{W}\nCACHE[name]['answered'] = 2",
    f"for one in name:\n    {W}\n    CACHE[one] = answer",
    f"while name:\n    CACHE[name] = 1\n    {W}",
    f"for one in name:\n    print(CACHE)\n    {W}\nCACHE[name] = 1",
    "CACHE[name] += requests.get(name).json()",
    "CACHE[name] = CACHE[name] + requests.get(name).json()",
    "CACHE[name] = requests.get(name, params=CACHE)",
    "CACHE[name] = 1\nrequests.get(name, params=CACHE)",
    f"CACHE.pop(name)\n{W}",
    f"del CACHE[name]\n{W}",
    f"try:\n    CACHE[name] = 1\n    {W}\nfinally:\n    CACHE.pop(name)",
    f"CACHE[name] = 1\ntry:\n    {W}\n    return answer\nexcept ValueError:\n    CACHE.pop(name)",
    f"if known(name):\n    print(1)\n{W}\nCACHE[name] = answer",
    f"print(rows_of(name))\n{W}\nSTATE.rows[name] = answer",
    f"CACHE[name] = 1\n{W}\nreturn known(name)",
    f"rows = CACHE.setdefault(name, [])\nrows.append(1)\n{W}\nrows.append(answer)",
    f"rows = kept_for(name)\nrows.append(1)\n{W}\nrows.append(answer)",
    f"rows = CACHE[name]\nrows.add_row(1)\n{W}\nrows.add_row(answer)",
    f"rows = kept_for(name)\nrows.remove_row(1)\n{W}\nrows.add_row(answer)",
    f"os.environ['KEY'] = name\n{W}",
    f"environ['KEY'] = name\n{W}",
    f"os.environ.update(KEY=name)\n{W}",
    "SESSION.auth = (name, 'a')\nSESSION.get(name)",
    "CACHE[name] = 1\nask_all(name)",
    "CACHE[name] = ask_all(name)",
    f"if name:\n    CACHE[name] = 1\n{W}\nif name:\n    CACHE[name] = 2",
    f"globals()['LAST'] = 1\n{W}",
    f"request.app.state.rows = 1\n{W}\nrequest.app.state.rows = 2",
    f"def keep():\n    return CACHE\n{W}\nCACHE[name] = keep()",
]

HOLDING = [
    "CACHE[name] = 1\nrow = {'kept': CACHE}\nask(row)",
    "CACHE[name] = 1\nrow: dict = {'kept': CACHE}\nrequests.post(name, json=row)",
    "CACHE.update(a=name)\nif row := [CACHE]:\n    ask(row)",
    f"CACHE[name] = 1\nrow = {{'a': 1, 'kept': CACHE}}\n{W}\nreturn row['kept']",
    f"CACHE[name] = 1\nrow = {{'a': 1, 'kept': CACHE}}\n{W}\nreturn row",
    "rows = []\nrows.append(CACHE)\nCACHE.update(a=name)\nask(rows)",
    "row = {}\nrow['kept'] = CACHE\nCACHE[name] = 1\nask(row)",
    "row = dict()\nrow[name] = [CACHE]\nCACHE[name] = 1\nask(row)",
    "row = Row()\nrow.kept = CACHE\nCACHE[name] = 1\nask(row)",
    "CACHE[name] = 1\nrow = {'kept': CACHE}\ntable = Table()\ntable.loc[len(table)] = row\nask(table)",
    "CACHE[name] = 1\ntable = Table()\ntable.loc[0] = [1, CACHE]\nask(table)",
    "STATE.rows[name] = 1\nrows = [{'rows': STATE.rows}]\nask(rows)",
    "STATE.rows[name] = 1\nrow = {'state': STATE}\nask(row)",
    "kept = CACHE\nrow = (kept, 1)\nkept.update(a=name)\nask(row)",
]
COPYING = [
    f"{W}\nos.environ['KEY'] = name",
    f"os.environ['KEY'] = 'a'\n{W}",
    f"rows = DATABASE['rows']\nrows.insert_one(1)\n{W}\nrows.insert_one(answer)",
    f"rows = made_for(name)\nrows.append(1)\n{W}\nrows.append(answer)",
    f"rows = made_for(name)\nrows.add_row(1)\n{W}\nrows.add_row(answer)",
    "CACHE[name] = 1\nrow = {'kept': dict(CACHE)}\nask(row)",
    "CACHE[name] = 1\nrow = {**CACHE}\nask(row)",
    "CACHE[name] = 1\nrow = [*CACHE]\nask(row)",
    "CACHE[name] = 1\nrow = {'kept': CACHE.copy(), 'count': len(CACHE)}\nask(row)",
    f"CACHE[name] = 1\nrow = {{'a': 1, 'kept': CACHE}}\n{W}\nreturn row['a']",
    "CACHE[name] = 1\nrow = {'kept': COUNTS}\nask(row)",
    "global LAST\nLAST = name\nrow = {'last': LAST}\nask(row)",
    "STATE.last = name\nrow = {'last': STATE.last}\nask(row)",
    "CACHE[name] = 1\nrow = {'kept': CACHE[name]}\nask(row)",
    "CACHE[name] = 1\ntable = Table()\ntable['kept'] = CACHE\nask(table)",
    "CACHE[name] = 1\ntable = Table()\ntable.loc[0] = CACHE\nask(table)",
]


def notes(body: str) -> list[bool]:
    """For each fix with an `await`, whether it says that others come between."""
    findings = found("clients/requests", with_app(IMPORTS, SOURCE.format(body=indent(body, "    "))))
    fixes = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix and fix.way is not Way.REVERSE]
    assert fixes
    return [INTERLEAVING in fix.notes for fix in fixes]


@pytest.mark.parametrize("body", APART)
def test_what_stands_on_one_side_of_the_await_is_found_by_others_as_ever(body: str) -> None:
    assert not any(notes(body))


@pytest.mark.parametrize("body", PARTED)
def test_what_others_come_between_already_is_no_news(body: str) -> None:
    assert not any(notes(body))


@pytest.mark.parametrize("body", [*BETWEEN, *STILL])
def test_others_come_between_what_stands_on_both_sides_of_the_await(body: str) -> None:
    assert all(notes(body))


@pytest.mark.parametrize("body", HOLDING)
def test_a_thread_is_given_what_others_change_within_something_of_its_own(body: str) -> None:
    assert all(notes(body))


@pytest.mark.parametrize("body", COPYING)
def test_what_is_copied_into_something_of_its_own_nobody_else_changes(body: str) -> None:
    assert not any(notes(body))


AGENT = """
class Tutor(Base):
    def __init__(self):
        self.agent = None
        self.name = "tutor"

    def shown(self, answer):
        return {{self.name: answer}}

    def asked(self):
        return self.agent

    async def answer(self, name):
        await self.wait()
        if self.agent is None:
            self.agent = Agent()
        answer = requests.get(name)
        return {after}


tutor = Tutor()


@app.get("/{{name}}")
async def home(name: str):
    return await tutor.answer(name)
"""


@pytest.mark.parametrize(
    ("after", "is_told"),
    [
        ("self.shown(answer)", False),
        ("self.name", False),
        ("self.asked()", True),
        ("self.agent", True),
        ("self.unknown(answer)", True),
        ("unknown(self)", True),
    ],
)
def test_a_method_tells_itself_what_it_asks_of_its_object(after: str, *, is_told: bool) -> None:
    (finding,) = found("clients/requests", with_app(IMPORTS, AGENT.format(after=after)))
    assert finding.fix is not None
    assert (INTERLEAVING in finding.fix.notes) is is_told
