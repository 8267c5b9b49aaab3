"""FastAPI's own documentation: convert all of its examples, and run FastAPI's own tests on them before and after.

python -m benchmarks.documentation [DIRECTORY]

Takes the source distribution of the installed FastAPI from the package index and makes an environment for its tests, in the
directory given, where the next run finds both again, or in a temporary one. Every test that passed has to pass; and since a
green suite proves nothing about blocking, nothing may stop the event loop at a place that did not do so before.

Three tests want the warning about `on_event` that the fix of `endpoints/lifespan` takes away with it. They run without that
wish, before and after: all else that they say of the examples has to hold.
"""

import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import say, say_load
from benchmarks.watched import NEEDED as WATCHED
from benchmarks.watched import Run, compared, fixed, tested

FASTAPI = version("fastapi")
NEEDED = (
    f"fastapi[all]=={FASTAPI}",
    *("anyio[trio]", "dirty-equals", "flask<4", "httpx<1", "httpx2", "inline-snapshot", "pwdlib[argon2]", "pyjwt"),
    *("pyyaml", "sqlmodel", "strawberry-graphql<1", "typer", "a2wsgi", "ruff", "coverage[toml]"),
    *("pytest>=9", "pytest-xdist[psutil]", "pytest-timeout", "pytest-codspeed", *WATCHED),
)
TESTS = "tests/test_tutorial"
WARNED = ("test_events/test_tutorial001.py", "test_events/test_tutorial002.py", "test_testing/test_tutorial003.py")
WISH, NO_WISH = "pytest.warns(DeprecationWarning)", '__import__("warnings").catch_warnings(action="ignore")'


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
    fixes = fixed(source / "docs_src", "--unsafe-fixes")
    after = _tested(python, source, directory / "after")
    changed = [path for path, text in files.items() if path.read_bytes() != text]
    print(f"FastAPI {FASTAPI}: docs_src, {len(files)} files")
    for what, count in fixes.most_common():
        say(f"fixes: {what}", str(count))
    say("all fixes, and files changed", f"{fixes.total()}, {len(changed)}")
    worse = list(compared(before, after))
    print("\n".join(worse))
    return bool(worse)


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
    for test in WARNED:
        path = source / TESTS / test
        path.write_text(path.read_text().replace(WISH, NO_WISH))
    return source


def _tested(python: Path, source: Path, notes: Path) -> Run:
    return tested(python, (TESTS, "-n", "2"), source, notes, directory=".", variables={})


if __name__ == "__main__":
    main(sys.argv[1:])
