"""Projects' own tests, before and after all of our fixes.

python -m benchmarks.suites [DIRECTORY [NAME...]]

For each project of `suites.toml` (or those named): make an environment for its tests with uv (https://docs.astral.sh/uv/), run
them, make all safe fixes in a copy and run them, make the unsafe ones as well in another copy and run them. What passed has to
pass, and nothing may stop the event loop at a place where it was not stopped before. The directory keeps repositories and
environments for the next run; a repository that stands there as NAME/source is taken as it is.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from benchmarks.figures import say, say_load
from benchmarks.watched import NEEDED, Run, compared, fixed, tested
from tests.conftest import fresh_database, postgres_server

LIST = Path(__file__).with_name("suites.toml")
CAUGHT = {".git", "__pycache__", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Suite:
    """A project's tests: see `suites.toml`."""

    name: str
    repository: str
    commit: str
    python: str
    packages: Sequence[str]
    tests: Sequence[str]
    directory: str = "."
    start: Sequence[Sequence[str]] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def wants_postgres(self) -> bool:
        return any("{" in value for value in self.variables.values())


def main(arguments: list[str]) -> None:
    """Run the suites. Exits with 1 where one of them is worse after the fixes."""
    say_load()
    with nullcontext(arguments[0]) if arguments else TemporaryDirectory() as directory:
        wanted = [one for one in suites() if one.name in (arguments[1:] or one.name)]
        worse = [line for suite in wanted for line in _tried(suite, Path(directory).resolve() / suite.name)]
    print("\n".join(worse) or "nothing is worse")
    sys.exit(bool(worse))


def suites() -> Iterator[Suite]:
    """What `suites.toml` holds."""
    for name, row in tomllib.loads(LIST.read_text()).items():
        yield Suite(name, **row)


def _tried(suite: Suite, directory: Path) -> Iterator[str]:
    source, python = _source(suite, directory), _environment(suite, directory)
    print(f"{suite.name} at {suite.commit[:12]}, Python {suite.python}")
    before = _run(suite, python, _copied(source, directory), directory / "before")
    for name, options in {"safe": (), "unsafe": ("--unsafe-fixes",)}.items():
        tree = _copied(source, directory)
        for what, count in (fixes := fixed(tree, *options)).most_common():
            say(f"{name} fixes: {what}", str(count))
        say(f"all {name} fixes", str(fixes.total()))
        after = _run(suite, python, tree, directory / name)
        yield from (f"{suite.name}, {name} fixes: {line}" for line in compared(before, after))


def _source(suite: Suite, directory: Path) -> Path:
    """The repository as it is before the fixes."""
    source = directory / "source"
    if not source.exists():
        subprocess.run(["git", "init", "--quiet", source], check=True)
        subprocess.run(
            ["git", "-C", source, "fetch", "--quiet", "--depth=1", suite.repository, suite.commit], check=True
        )
        subprocess.run(["git", "-C", source, "checkout", "--quiet", "FETCH_HEAD"], check=True)
    return source


def _environment(suite: Suite, directory: Path) -> Path:
    """The Python in which the tests run."""
    python = directory / "environment/bin/python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", suite.python, python.parent.parent], check=True)
        packages = [*suite.packages, *NEEDED]
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python


def _copied(source: Path, directory: Path) -> Path:
    """A fresh copy of the repository, always at the same place."""
    tree = directory / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(source, tree, ignore=lambda _, names: CAUGHT.intersection(names))
    return tree


def _run(suite: Suite, python: Path, tree: Path, notes: Path) -> Run:
    with _postgres(suite) as address:
        variables = {name: value.format(**address) for name, value in suite.variables.items()}
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        for command in suite.start:
            subprocess.run(
                command, cwd=tree / suite.directory, env={**os.environ, **variables, "PATH": path}, check=True
            )
        return tested(
            python, suite.tests, tree, notes, directory=suite.directory, variables={**variables, "PATH": path}
        )


@contextmanager
def _postgres(suite: Suite) -> Iterator[Mapping[str, object]]:
    """The parts of the address of an empty database, where the tests want one."""
    if not suite.wants_postgres:
        yield {}
        return
    with postgres_server() as server, fresh_database(server.address) as address:
        url = sa.make_url(address)
        yield {"username": url.username, "database": url.database, **url.query}


if __name__ == "__main__":
    main(sys.argv[1:])
