"""What the methods of an object change that was made for one call only, and of one that others have as well."""

import pytest

from rules import Way
from rules.core.fixes.sharing.hazards import INTERLEAVING
from tests.rules.checking import found, with_app

IMPORTS = "import requests\nfrom fastapi import Depends"
SOURCE = """
SHARED = {{}}
KEPT = []


class Base:
    def put(self, key):
        self.key = key


class Verify(Base):
    seen = []

    def __init__(self, token, rows=None):
        self.token = token
        self.rows = {{}}
        self.given = rows
        self.all = SHARED

    async def run(self):
        {before}
        self.key = requests.get(self.token)
        {after}

    async def check(self):
        return await self.run()

    @classmethod
    async def begin(cls):
        cls.key = 1


{module}


@app.get("/{{token}}")
async def home(token: str, body: dict):
    await body["x"]
    {called}
"""
OWN = ["print(self.key)", "self.rows['a'] = 1", "self.rows.update(a=1)", "self.key = 1"]
SEEN = [
    "self.given['a'] = 1",
    "self.given.update(a=1)",
    "self.all['a'] = 1",
    "self.seen.append(1)",
]


def told(called: str, before: str, after: str = "print(self.key)", module: str = "") -> set[bool]:
    source = with_app(IMPORTS, SOURCE.format(called=called, before=before, after=after, module=module))
    fixes = [fix for one in found("clients/requests", source) for fix in (one.fix, *one.alternatives) if fix]
    assert any(fix.way is Way.OFFLOAD for fix in fixes)
    return {INTERLEAVING in fix.notes for fix in fixes if fix.way is Way.OFFLOAD}


@pytest.mark.parametrize("before", OWN)
@pytest.mark.parametrize(
    "called",
    [
        "await Verify(token).run()",
        "await Verify(token).check()",
        "one = Verify(token)\n    return await one.run()",
        "one = Verify(token)\n    print(await one.check())\n    return one.key",
    ],
)
def test_what_an_object_of_one_call_holds_no_other_request_sees(called: str, before: str) -> None:
    assert told(called, before, before) == {False}


@pytest.mark.parametrize("before", SEEN)
def test_what_such_an_object_was_given_or_its_class_holds_others_see(before: str) -> None:
    assert told("await Verify(token).run()", before, before) == {True}


@pytest.mark.parametrize(
    ("called", "module"),
    [
        ("await one.run()", "one = Verify('a')"),
        ("await given(token).run()", "kept = Verify('a')\n\n\ndef given(token):\n    return kept"),
        ("one = Verify(token)\n    KEPT.append(one)\n    await one.run()", ""),
        ("one = Verify(token)\n    KEPT[0] = one\n    await one.run()", ""),
        ("await Verify(token).run()\n    await body['x'].run()", ""),
        ("await later(Verify(token))", "async def later(one):\n    await one.run()"),
        ("await later(Verify(token))", "async def later(one: Verify):\n    await one.run()"),
    ],
)
def test_what_may_be_kept_others_may_see(called: str, module: str) -> None:
    assert told(called, "print(self.key)", module=module) == {True}
