"""Small repositories, one file a family in `patterns/`: what is found in them, on which line, and that nothing else is.

A heading begins a repository; a path in backticks names the file that follows it, else it is `app/main.py`. A comment at
the end of a line says what the rules make of it:

    cache.get("x")  # found: databases/redis
    await run_in_threadpool(cache.get, "x")  # fine: handed to a thread
    cache.get("x")  # missed: databases/redis, it is given by a framework that nobody knows

What is missed is a test that has to fail, until the day that it is found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from rules import Analysis, Edit, Fix, all_rules, apply_edits
from rules.core.edits import EditConflictError
from tests.rules.checking import PATH, analysed, not_yet

FOLDER = Path(__file__).parent / "patterns"
_FILE = re.compile(r"(?:`(?P<path>[\w/.]+)`\n+)?```python\n(?P<text>.*?)```", re.DOTALL)
_MARK = re.compile(r"#\s(found|fine|missed):\s(.+)$")
Place = tuple[str, int]
ROUNDS = 3  # fixes that cross another one wait for the next round


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line says of itself: the rules that find something there, or why none does."""

    name: str
    repository: str
    kind: str
    place: Place
    text: str

    @property
    def rules(self) -> frozenset[str]:
        named = self.text.split(", ") if self.kind == "found" else self.text.split(", ")[:1]
        return frozenset(named) if self.kind != "fine" else frozenset()


def _repositories() -> Iterator[tuple[str, str]]:
    for file in sorted(FOLDER.glob("*.md")):
        for part in file.read_text().split("\n## ")[1:]:
            title, _, text = part.partition("\n")
            yield f"{file.stem}: {title}", text


REPOSITORIES = dict(_repositories())


@cache
def files(repository: str) -> dict[str, bytes]:
    """The files of a repository by path."""
    return {found["path"] or PATH: found["text"].encode() for found in _FILE.finditer(REPOSITORIES[repository])}


@cache
def analysis(repository: str) -> Analysis:
    return analysed(files(repository))


def findings(repository: str) -> set[tuple[Place, str]]:
    """The place and the rule of all that is found in a repository."""
    return {((f.path, f.span.line), f.rule) for f in analysis(repository).findings}


def _marks(repository: str) -> Iterator[Mark]:
    for path, text in files(repository).items():
        for number, line in enumerate(text.decode().split("\n"), start=1):
            if mark := _MARK.search(line):
                code = line[: mark.start()].strip()
                yield Mark(f"{repository}, {path}:{number}: {code}", repository, mark[1], (path, number), mark[2])


MARKS = [mark for repository in REPOSITORIES for mark in _marks(repository)]


def _of(kind: str) -> list[Mark]:
    return [mark for mark in MARKS if mark.kind == kind]


BLOCKING = [pytest.param(m, id=m.name) for m in _of("found")] + [
    pytest.param(m, id=m.name, marks=not_yet(m.text)) for m in _of("missed")
]


@pytest.mark.parametrize("mark", BLOCKING)
def test_it_is_found(mark: Mark) -> None:
    """Exactly the rules that the line names speak of it."""
    assert mark.rules
    assert {rule for place, rule in findings(mark.repository) if place == mark.place} == mark.rules


@pytest.mark.parametrize("mark", [pytest.param(m, id=m.name) for m in _of("fine")])
def test_it_is_left_alone(mark: Mark) -> None:
    assert {rule for place, rule in findings(mark.repository) if place == mark.place} == set()


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_nothing_else_is_found(repository: str) -> None:
    marked = {m.place for m in MARKS if m.repository == repository}
    assert {found for found in findings(repository) if found[0] not in marked} == set()


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_what_is_offered_holds(repository: str) -> None:
    """All fixes that go together, made at once, leave what compiles; after a few rounds nothing is left to mend."""
    sources, found = files(repository), analysis(repository).findings
    unmended = sum(1 for finding in found if not finding.fix)
    for _ in range(ROUNDS):
        sources = _mended(sources, [finding.fix for finding in found if finding.fix])
        found = analysed(sources).findings
    assert [finding.message for finding in found if finding.fix] == []
    assert len(found) <= unmended


def _mended(sources: dict[str, bytes], fixes: list[Fix]) -> dict[str, bytes]:
    """The texts with each fix that does not cross one before it."""
    taken: list[Edit] = []
    for fix in fixes:
        trial = _edited(sources, [*taken, *fix.edits])
        taken += fix.edits if trial is not None else ()
    edited = _edited(sources, taken)
    assert edited is not None
    return edited


def _edited(sources: dict[str, bytes], edits: list[Edit]) -> dict[str, bytes] | None:
    try:
        edited = {
            path: apply_edits(text, [edit for edit in edits if edit.path == path]) for path, text in sources.items()
        }
        for path, text in edited.items():
            compile(text, path, "exec", dont_inherit=True)
    except (EditConflictError, SyntaxError):
        return None
    return edited


def test_each_rule_of_blocking_calls_has_patterns() -> None:
    """And so many of them that a family which breaks cannot hide."""
    told = {rule for mark in _of("found") for rule in mark.rules}
    assert {name for name, rule in all_rules().items() if not rule.checks} - told == {"blocking/declared"}
    assert len(_of("found")) >= 200
    assert len(_of("fine")) >= 200
