"""What says the same on other lines of its file, and whether all of it has kept its order."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from rules import Facts, read_facts
from rules.core.moves import Move, keep_order, moves

FILE = """
    import time

    limit = 3


    class Store:
        kept = {}

        def load(self, name):
            if isinstance(name, str):
                self.name = name
            return open(name).read()


    async def read():
        time.sleep(1)
        return limit
    """


def facts(text: str) -> Facts:
    return read_facts(dedent(text).lstrip("\n").encode())


BEFORE = facts(FILE)
PARTS: dict[str, Callable[[Facts], object]] = {
    "a function": lambda one: one.functions[2],
    "a method": lambda one: one.functions[1],
    "a class": lambda one: one.classes[0],
    "a global": lambda one: one.bound("limit"),
    "an import": lambda one: one.bound("time"),
    "all globals": lambda one: one.functions[0].bindings,
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_stands_further_down_says_the_same(part: Callable[[Facts], object]) -> None:
    after = facts("# one\n# two\n" + dedent(FILE))
    made = moves(part(BEFORE), part(after))
    assert made
    assert {by for *_, by in made} == {3}
    assert keep_order(made)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_stands_where_it_stood_has_not_moved(part: Callable[[Facts], object]) -> None:
    made = moves(part(BEFORE), part(facts(FILE)))
    assert made
    assert not any(by for *_, by in made)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("a function", "time.sleep(1)", "time.sleep(2)"),
        ("a function", "time.sleep(1)", "# shortly\n    time.sleep(1)"),
        ("a function", "time.sleep(1)", "time.sleep(1) if limit else ..."),
        ("a method", "open(name)", "open(str(name))"),
        ("a method", "            self.name", "\n            self.name"),
        ("a class", "kept = {}", "kept = 1"),
        ("a class", "class Store", "class Store(Base)"),
        ("a class", "def load", "def loaded"),
        ("a global", "limit = 3", "limit = 4"),
        ("a global", "limit = 3", "limit = 3\nlimit = 3"),
        ("an import", "import time", "import asyncio as time"),
        ("all globals", "limit = 3", "least = 3"),
    ],
)
def test_what_is_written_in_another_way_says_another_thing(part: str, old: str, new: str) -> None:
    assert old in FILE
    after = facts("\n" + dedent(FILE).replace(old, new))
    assert moves(PARTS[part](BEFORE), PARTS[part](after)) is None


def test_a_class_says_the_same_where_a_method_has_become_longer() -> None:
    after = facts(dedent(FILE).replace("        if isinstance", "        # names only\n        if isinstance"))
    made = moves(BEFORE.classes[0], after.classes[0])
    assert made is not None
    assert {by for *_, by in made} == {0, 1}
    assert moves(BEFORE.functions[1], after.functions[1]) is None


def test_what_is_looked_up_on_the_first_line_is_looked_up_elsewhere_on_another() -> None:
    """Where nothing stands above a line, its names are looked up on that line itself."""
    before, after = facts("size = int\n"), facts("# more\nsize = int\n")
    assert moves(before.bound("size"), after.bound("size")) is None
    assert moves(facts("import io\n").bound("io"), facts("# more\nimport io\n").bound("io"))


def test_a_function_does_not_become_a_class() -> None:
    assert moves(BEFORE.functions[2], BEFORE.classes[0]) is None
    assert moves(BEFORE.functions[2], None) is None


@pytest.mark.parametrize(
    "made",
    [
        [],
        [(3, 3, 0), (5, 9, 0)],
        [(3, 3, 1), (5, 9, 1)],
        [(3, 3, 0), (5, 9, 4)],
        [(3, 3, 4), (8, 9, 0), (12, 12, -2)],
        [(5, 9, 2), (5, 9, 2), (7, 7, 2)],
        [(5, 9, 2), (6, 8, 2), (7, 7, 2), (9, 9, 2), (12, 12, 0)],
    ],
)
def test_lines_keep_their_order(made: list[Move]) -> None:
    assert keep_order(made)


@pytest.mark.parametrize(
    "made",
    [
        [(3, 3, 2), (4, 4, 0)],
        [(3, 3, 1), (4, 4, 0)],
        [(3, 3, 0), (3, 3, 1)],
        [(3, 3, 2), (5, 9, 0)],
        [(5, 9, 5), (12, 14, 0)],
        [(5, 9, 0), (7, 7, 1)],
        [(5, 19, 3), (6, 18, 3), (7, 9, 2)],
    ],
)
def test_lines_change_their_order_or_may(made: list[Move]) -> None:
    assert not keep_order(made)
