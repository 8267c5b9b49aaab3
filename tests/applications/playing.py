"""An application is started before and after it was converted, and nobody who asks it anything can tell.

A test gives the files of a small FastAPI application and what it is asked. `Stage.same` has the real command convert it,
starts it before and after, each time in a process and a directory of its own, and compares: the OpenAPI document, every
answer with its status and headers, and the files that are left behind. Afterwards nothing may block the event loop,
no SQL may run on it, and no coroutine may be forgotten; before, something did block it, or the test would prove nothing.
"""

import gc
import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

from click.testing import CliRunner
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.cli import asyncify
from bot.fixing import Project, fix_all, in_way
from rules import read_facts
from tests.applications.watching import Stop, watching

PATIENCE = 30
"""Seconds that an application may take."""
QUIET = frozenset({".py", ".pyc", ".db", ".tar", ".txt"})
"""Files that are no answer: the application itself, and what holds the time at which it was made."""


class Request(Protocol):
    """Something that an application is asked."""

    def put_to(self, client: TestClient) -> str:
        """What comes back."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One request over HTTP."""

    method: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def put_to(self, client: TestClient) -> str:
        answer = client.request(self.method, self.path, **self.options)
        headers = sorted(f"{name}: {value}" for name, value in answer.headers.items())
        return "\n".join((f"{self.method} {self.path} {answer.status_code}", *headers, "", answer.text))


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said over a websocket; each word is answered by one."""

    path: str
    words: tuple[str, ...]

    def put_to(self, client: TestClient) -> str:
        heard = []
        try:
            with client.websocket_connect(self.path) as socket:
                for word in self.words:
                    socket.send_text(word)
                    heard.append(socket.receive_text())
        except WebSocketDisconnect as closed:
            heard.append(f"closed with {closed.code}")
        except TypeError as error:  # the client hears of what the application raises
            heard.append(str(error))
        return "\n".join((f"WEBSOCKET {self.path}", *heard))


def get(path: str, **options: Any) -> Ask:
    """`GET path`, with the options of httpx."""
    return Ask("GET", path, options)


def post(path: str, **options: Any) -> Ask:
    """`POST path`, with the options of httpx."""
    return Ask("POST", path, options)


@dataclass(frozen=True, slots=True)
class Played:
    """What an application did: its OpenAPI document, its answers, the files it left and what it logged; and what stopped
    the event loop, and which coroutines were forgotten.
    """

    contract: str
    answers: tuple[str, ...]
    left: Mapping[str, bytes]
    logged: tuple[str, ...]
    blocked: tuple[Stop, ...]
    forgotten: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where applications are converted and started: an empty directory, processes, what every one finds in its
    environment, and how its surroundings are made as new.
    """

    directory: Path
    processes: Executor
    environment: dict[str, str] = field(default_factory=dict)
    renewals: list[Callable[[], object]] = field(default_factory=list)

    def same(
        self,
        files: str | Mapping[str, str],
        *requests: Request,
        fixes: int,
        unsafe: bool = False,
        seen: bool = True,
        process: bool = False,
        holds: tuple[str, ...] = (),
        way: str = "",
    ) -> None:
        """The application is converted by as many fixes as said, and does the same.

        With `way`, the fixes that go this way are made, as `/asyncify fix --as` makes them.

        `unsafe` also makes fixes whose behaviour differs in named ways, `process` starts the command as a process of its
        own, and `holds` is text that the converted files must hold. `seen` is false where nothing blocked before that an
        oracle could see.
        """
        before, after = self._written("before", files), self._written("after", files)
        made = _fixed(after, way) if way else _converted(after, unsafe=unsafe, process=process)
        assert made == fixes, f"{made} fixes were made\n{_text(after)}"
        assert _converted(after, unsafe=unsafe, process=process) == 0, "a second run changes something"
        for text in holds:
            assert text in _text(after)
        first, last = self._played(before, requests), self._played(after, requests)
        assert bool(first.blocked) == seen, first.blocked
        assert last.blocked == (), f"{last.blocked}\n{_text(after)}"
        assert (last.contract, last.answers) == (first.contract, first.answers), _text(after)
        assert last.left == first.left
        assert last.forgotten == ()
        assert set(last.logged) <= set(first.logged)
        assert first.answers

    def mended(
        self, files: str | Mapping[str, str], *asked: tuple[Request, str], fixes: int, unsafe: bool = True
    ) -> None:
        """The application, which did something wrong, is mended by as many fixes as said and answers as it should."""
        before, after = self._written("before", files), self._written("after", files)
        made = _converted(after, unsafe=unsafe, process=False)
        assert made == fixes, f"{made} fixes were made\n{_text(after)}"
        assert _converted(after, unsafe=unsafe, process=False) == 0, "a second run changes something"
        requests = tuple(request for request, _ in asked)
        first, last = self._played(before, requests), self._played(after, requests)
        assert last.blocked == (), f"{last.blocked}\n{_text(after)}"
        assert last.forgotten == ()
        assert last.contract == first.contract
        assert tuple(map(_gist, last.answers)) == tuple(wanted for _, wanted in asked), _text(after)
        assert last != first, "it was right before"

    def alone(self, files: str | Mapping[str, str], *requests: Request, unsafe: bool = True) -> None:
        """The application, which works, is not changed at all, not even by unsafe fixes."""
        before, after = self._written("before", files), self._written("after", files)
        assert _converted(after, unsafe=unsafe, process=False) == 0, _text(after)
        assert _text(after) == _text(before)
        played = self._played(before, requests)
        assert played.answers
        assert not [one for one in played.answers if " 500\n" in one]

    def _written(self, name: str, files: str | Mapping[str, str]) -> Path:
        directory = self.directory / name
        for path, text in ({"main.py": files} if isinstance(files, str) else files).items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text).lstrip("\n"))
            os.utime(file, (1, 1))  # FileResponse tells when
        (directory / "requirements.txt").write_text("fastapi\n")
        return directory

    def _played(self, directory: Path, requests: tuple[Request, ...]) -> Played:
        for renew in self.renewals:
            renew()
        copy = self.directory / "played"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("__pycache__"))
        return self.processes.submit(play, copy, requests, self.environment).result(PATIENCE)


# --- the command


def _converted(directory: Path, *, unsafe: bool, process: bool) -> int:
    """How many fixes `asyncify check --all --fix` made in the directory."""
    arguments = ["check", str(directory), "--all", "--fix", *(["--unsafe-fixes"] if unsafe else [])]
    if process:
        done = subprocess.run([sys.executable, "-m", "bot", *arguments], capture_output=True, text=True, check=False)
        status, printed = done.returncode, done.stdout + done.stderr
    else:
        result = CliRunner().invoke(asyncify, arguments, catch_exceptions=False)
        status, printed = result.exit_code, result.output
    assert status in {0, 1}, printed
    return sum(line.startswith("Fixed ") for line in printed.splitlines())


def _fixed(directory: Path, way: str) -> int:
    """How many fixes of this way were made in the directory."""
    sources = {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*.py")}
    project = Project(sources, {path: read_facts(text) for path, text in sources.items()})
    done = fix_all(project, project.analyze(), wanted=lambda _: True, unsafe=True, candidates=in_way(way))
    for path, text in done.project.sources.items():
        (directory / path).write_bytes(text)
    return len(done.done)


def _gist(answer: str) -> str:
    """The status and the body of an answer."""
    head, _, body = answer.partition("\n\n")
    return f"{head.partition(chr(10))[0].rpartition(' ')[2]} {body}" if body else answer.partition("\n")[2]


def _text(directory: Path) -> str:
    """All Python files below a directory, one after the other."""
    return "\n".join(f"# {path.relative_to(directory)}\n{path.read_text()}" for path in sorted(directory.rglob("*.py")))


# --- in a process of its own


def play(directory: Path, requests: tuple[Request, ...], environment: Mapping[str, str]) -> Played:
    """Start the application in the directory and put the requests to it."""
    gc.freeze()  # what was there before need not be looked at again
    os.chdir(directory)
    os.environ.update(environment)
    sys.path.insert(0, str(directory))
    blocked: list[Stop] = []
    with warnings.catch_warnings(record=True) as warned, _logging() as logged, watching(blocked.append, str(directory)):
        warnings.simplefilter("always")
        app = importlib.import_module("main").app
        with TestClient(app, raise_server_exceptions=False) as client:
            answers = tuple(request.put_to(client) for request in requests)
        gc.collect()
    return Played(
        contract=json.dumps(app.openapi(), sort_keys=True),
        answers=answers,
        left={str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if _is_left(p)},
        logged=tuple(logged),
        blocked=tuple(blocked),
        forgotten=tuple(str(one.message) for one in warned if "never awaited" in str(one.message)),
    )


def _is_left(path: Path) -> bool:
    return path.is_file() and path.suffix not in QUIET


@contextmanager
def _logging() -> Iterator[list[str]]:
    """What asyncio has to complain of: exceptions that nobody retrieved, tasks that were destroyed."""
    logged: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("asyncio").addHandler(handler)
    yield logged
    logging.getLogger("asyncio").removeHandler(handler)
