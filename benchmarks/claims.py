"""What each program says of a repository, in one form: calls by path and line, and what reading them showed."""

import json
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from pathlib import Path

VERDICTS = Path(__file__).with_name("verdicts.toml")

Mark = tuple[str, int | str]
"""A path and a line in it, or a path and the name of what is called there."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a program says of one call.

    `places` are the path and line of each call that leads to it, itself the last; `hops` the path of a function on
    the way and the name of the one that it calls, for those who do not tell the line of that call.
    """

    call: str
    places: tuple[tuple[str, int], ...]
    hops: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        return self.places[-1][0]

    @property
    def line(self) -> int:
        return self.places[-1][1]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """By which it is told whether others say the same."""
        return *self.places, *self.hops


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, its arguments (it is started in the repository's directory), and how its output is read."""

    name: str
    arguments: Callable[[Path, Path], Sequence[str]]
    claims: Callable[[str], Iterator[Claim]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading showed of claims that only a peer makes. All but `true` and `reason` are globs, and have to match."""

    true: bool
    reason: str
    repository: str = "*"
    paths: Sequence[str] = ("*",)
    calls: Sequence[str] = ("*",)
    code: str = "*"
    """The line where the blocking call begins, without its indentation."""


@cache
def _verdicts() -> list[Verdict]:
    return [Verdict(**one) for one in tomllib.loads(VERDICTS.read_text())["verdict"]]


def verdict_of(claim: Claim, repository: str, code: str) -> Verdict | None:
    """The first verdict of `verdicts.toml` that matches the claim; none where nobody has read it."""
    return next((one for one in _verdicts() if _matches(one, claim, repository, code)), None)


def _matches(verdict: Verdict, claim: Claim, repository: str, code: str) -> bool:
    asked = (
        (claim.call, verdict.calls),
        (claim.path, verdict.paths),
        (repository, [verdict.repository]),
        (code, [verdict.code]),
    )
    return all(any(fnmatchcase(text, pattern) for pattern in patterns) for text, patterns in asked)


def _from_ruff(output: str) -> Iterator[Claim]:
    for one in json.loads(output):
        yield Claim(one["code"] or one["name"], ((_relative(one["filename"]), one["location"]["row"]),))


def _from_flake8(output: str) -> Iterator[Claim]:
    for line in output.splitlines():
        path, row, _, message = line.split(":", 3)
        yield Claim(message.split()[0], ((_relative(path), int(row)),))


def _from_hydroid(output: str) -> Iterator[Claim]:
    for one in json.loads(output)["diagnostics"]:
        reached = one["reached_from"] or {"entry": "an async def", "frames": []}
        steps = [step["location"] for step in (*reached["frames"], *one["chain"])]
        entry = reached["entry"].split(":")[0]
        yield Claim(f"{one['sink']['qualname']} in {entry}", tuple((step["path"], step["line"]) for step in steps))


def _from_blockpath(output: str) -> Iterator[Claim]:
    for one in json.loads(output)["findings"]:
        yield Claim(one["callee"], tuple((step["path"], step["line"]) for step in one["witness"]))


def _from_evloop(output: str) -> Iterator[Claim]:
    for one in json.loads(output):
        calls = [step for step in one["chain"] if step["label"] != "async entry"]
        places = [(_relative(step["path"]), step["line"]) for step in calls or [one]]
        yield Claim(one["blocker"] or one["code"], tuple(places), tuple(_hops(one["chain"], "qualname")))


def _from_us(output: str) -> Iterator[Claim]:
    """The lines of the finding, those of the functions that lead to the blocking call, and at last its own."""
    for one in json.loads(output):
        lines = [(one["path"], line) for line in range(one["line"], one["end_line"] + 1)]
        steps = [(step["path"], step["line"]) for step in one["chain"]]
        yield Claim(one["rule"], (*lines, *steps), tuple(_hops(one["chain"], "name")))


def _hops(chain: Sequence[dict[str, str]], name: str) -> Iterator[tuple[str, str]]:
    for caller, called in pairwise(chain[:-1]):
        yield _relative(caller["path"]), called[name].rpartition(".")[2]


def _relative(path: str) -> str:
    return os.path.relpath(path) if Path(path).is_absolute() else os.path.normpath(path)


def _ruff(*_: Path) -> Sequence[str]:
    return "check", "--isolated", "--no-cache", "--select=ASYNC", "--preview", "--output-format=json", "."


def _flake8(_: Path, directory: Path) -> Sequence[str]:
    """Its rules of blocking calls and of lost tasks, for the files where it can find some, as it is slow."""
    files = [path for path in sorted(directory.rglob("*.py")) if b"async " in path.read_bytes()]
    return "--enable=ASYNC2,ASYNC300", *(str(path.relative_to(directory)) for path in files)


def _hydroid(programs: Path, _: Path) -> Sequence[str]:
    return "--no-cache", "--cpu", "--format=json", f"--python={programs.parent}", "."


def _blockpath(*_: Path) -> Sequence[str]:
    return "check", "--no-config", "--tier=error", "--tier=warning", "--json", "."


def _evloop(*_: Path) -> Sequence[str]:
    return "--isolated", "--format=json", "."


def _all(*_: Path) -> Sequence[str]:
    return "check", "--all", "--format=json", "."


US = Peer("asyncify", _all, _from_us)
PEERS = (
    Peer("ruff", _ruff, _from_ruff),
    Peer("flake8-async", _flake8, _from_flake8),
    Peer("hydroid", _hydroid, _from_hydroid),
    Peer("blockpath", _blockpath, _from_blockpath),
    Peer("evloop-lint", _evloop, _from_evloop),
)
