"""FastAPI's own documentation: convert all of its examples, and run FastAPI's own tests on them before and after.

python -m benchmarks.documentation [DIRECTORY]

Takes the source distribution of the installed FastAPI from the package index and makes an environment for its tests, in the
directory given, where the next run finds both again, or in a temporary one. Every test that passed has to pass; and since a
green suite proves nothing about blocking, nothing may stop the event loop in a test that did not do so before.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import say, say_load

FASTAPI = version("fastapi")
HERE = Path(__file__).parent
NEEDED = (
    *(
        f"fastapi[all]=={FASTAPI}",
        "anyio[trio]",
        "dirty-equals",
        "flask<4",
        "inline-snapshot",
        "pwdlib[argon2]",
        "pyjwt",
    ),
    *(
        "pytest>=9",
        "pyyaml",
        "sqlmodel",
        "strawberry-graphql<1",
        "typer",
        "a2wsgi",
        "pytest-xdist[psutil]",
        "blockbuster",
    ),
    *("pytest-timeout", "httpx<1", "httpx2", "ruff", "coverage[toml]", "pytest-codspeed"),
)
TESTS = "tests/test_tutorial"


@dataclass(frozen=True, slots=True)
class Run:
    """What the tests said: the outcome of each, and for each what stopped the event loop: function and place."""

    outcomes: dict[str, str]
    stops: Counter[tuple[str, str, str, str]]

    @property
    def passed(self) -> set[str]:
        return {test for test, outcome in self.outcomes.items() if outcome == "passed"}

    @property
    def sql(self) -> int:
        return sum(count for (_, name, _, _), count in self.stops.items() if name == "SQL")


def main(arguments: list[str]) -> None:
    """Convert, run and compare. Exits with 1 where something was broken."""
    say_load()
    if arguments:
        sys.exit(_compare(Path(arguments[0]).resolve()))
    with TemporaryDirectory() as directory:
        sys.exit(_compare(Path(directory)))


def _compare(directory: Path) -> bool:
    python, source = _environment(directory), _source(directory)
    before = _tested(python, source, directory / "before")
    files = {path: path.read_bytes() for path in (source / "docs_src").rglob("*.py")}
    fixed = _convert(source / "docs_src")
    after = _tested(python, source, directory / "after")
    changed = [path for path, text in files.items() if path.read_bytes() != text]
    broken = before.passed - after.passed
    there = {stop[1:] for stop in before.stops}  # which test comes first to a place depends on the workers
    came = {stop: count for stop, count in after.stops.items() if stop[0] in after.passed and stop[1:] not in there}
    print(f"FastAPI {FASTAPI}: docs_src, {len(files)} files")
    for what, count in fixed.most_common():
        say(f"fixes: {what}", str(count))
    say("all fixes, and files changed", f"{fixed.total()}, {len(changed)}")
    say("tests passed before and after", f"{len(before.passed)}, {len(after.passed)}", "none lost", held=not broken)
    say("stops of the loop in them, before and after", f"{before.stops.total()}, {after.stops.total()}")
    say("stops that were not there before", str(len(came)), "none", held=not came)
    say("SQL on the loop, before and after", f"{before.sql}, {after.sql}", "none comes", held=after.sql <= before.sql)
    for test in sorted(broken):
        print(f"BROKEN {test}")
    for (test, name, path, line), _ in sorted(came.items()):
        print(f"STOPS {name} in {test}: {path}: {line}")
    return bool(broken or came)


def _environment(directory: Path) -> Path:
    """The Python in which FastAPI's tests run."""
    python = directory / "environment/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDED], check=True)
    return python


def _source(directory: Path) -> Path:
    """FastAPI's examples and tests, as they are published, without FastAPI itself."""
    archive = directory / f"fastapi-{FASTAPI}.tar.gz"
    if not archive.exists():
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(directory), f"fastapi=={FASTAPI}"]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
    source = directory / f"fastapi-{FASTAPI}"
    shutil.rmtree(source, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    shutil.rmtree(source / "fastapi")  # the installed one is meant
    return source


def _tested(python: Path, source: Path, notes: Path) -> Run:
    """Run FastAPI's tests, watched."""
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    for plugin in (HERE / "stops.py", HERE.parent / "tests/applications/watching.py"):
        shutil.copy(plugin, notes)
    environment = os.environ | {"PYTHONPATH": str(notes), "STOPS": str(notes), "STOPS_IN": f"{source}/docs_src"}
    command = [
        str(python),
        "-m",
        "pytest",
        TESTS,
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "stops",
        "-n",
        "2",
    ]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    (notes / "printed").write_text(done.stdout + done.stderr)
    return _read(notes, source)


def _read(notes: Path, source: Path) -> Run:
    outcomes: dict[str, str] = {}
    stops: Counter[tuple[str, str, str, str]] = Counter()
    for file in notes.glob("*.jsonl"):
        for kind, test, *rest in map(json.loads, file.read_text().splitlines()):
            if kind == "test":
                outcomes[test] = rest[0]
            else:
                name, path, line, _ = rest
                stops[test, name, path.removeprefix(f"{source}/"), line] += 1
    if not outcomes:
        raise SystemExit(f"No test ran: see {notes / 'printed'}.")
    return Run(outcomes, stops)


def _convert(examples: Path) -> Counter[str]:
    """How many fixes of which kind `asyncify check` makes."""
    command = [sys.executable, "-m", "bot", "check", str(examples), "--all", "--fix", "--unsafe-fixes"]
    command += [
        "--ignore",
        "endpoints/lifespan",
    ]  # the tests of those examples want the warning that the fix takes away
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr)
    fixes = (line.split("  ", 1)[1] for line in done.stdout.splitlines() if line.startswith("Fixed "))
    print(done.stdout.splitlines()[-1])
    return Counter(fixes)


if __name__ == "__main__":
    main(sys.argv[1:])
