"""Globs mean what Git takes them for."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.globs import Globs

PATHS = [
    "a",
    "ab",
    "a.py",
    "a/b",
    "a/b/c.py",
    "lib/a/b/x.py",
    "b/lib/a.py",
    "a*b",
    "x.py",
    "a/a/a/b",
    "#",
    "!a",
    "a ",
    "a b",
]
NAMES = [
    "a",
    "b",
    "lib",
    "*",
    "**",
    "***",
    "?",
    "a*",
    "?b",
    "[ab]",
    "[!a]",
    "[^b]",
    "a\\*b",
    "\\!a",
    "#",
    "a b",
    "*.py",
]
LINES = st.tuples(
    st.sampled_from(["", "!", "/", "!/"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join),
    st.sampled_from(["", "/", " "]),
).map("".join)


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        (["a"], ["a", "a/b", "a/b/c.py", "lib/a/b/x.py", "a/a/a/b"]),
        (["/a"], ["a", "a/b", "a/b/c.py", "a/a/a/b"]),
        (["a/"], ["a/b", "a/b/c.py", "lib/a/b/x.py", "a/a/a/b"]),
        (["*.py"], ["a.py", "a/b/c.py", "lib/a/b/x.py", "b/lib/a.py", "x.py"]),
        (["*.py", "!x.py"], ["a.py", "a/b/c.py", "b/lib/a.py"]),
        (["lib/", "!x.py"], ["lib/a/b/x.py", "b/lib/a.py"]),
        (["a/**/b"], ["a/b", "a/b/c.py", "a/a/a/b"]),
        (["a/**", "!a/b"], ["a/b/c.py", "a/a/a/b"]),
        (["", "# a", "\\#"], ["#"]),
        (["\\!a", "a\\*b", "a\\ "], ["a*b", "!a", "a "]),
    ],
)
def test_what_is_meant(lines: list[str], meant: list[str]) -> None:
    """As https://git-scm.com/docs/gitignore#_pattern_format says."""
    globs = Globs(lines)
    assert [path for path in PATHS if globs.match(path)] == meant


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("globs")
    subprocess.run(["git", "init", "--quiet", directory], check=True)
    return directory


@given(lines=st.lists(LINES, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_means_the_same(repository: Path, lines: list[str]) -> None:
    """Git ignores the same files, but for `a**`, which it takes for a `**` after `a` although it says otherwise."""
    (repository / ".gitignore").write_text("".join(f"{line}\n" for line in lines))
    told = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=repository,
        input="\0".join(PATHS).encode(),
        capture_output=True,
        check=False,
    )
    assert told.stderr == b""
    globs = Globs(lines)
    assert [path for path in PATHS if globs.match(path)] == told.stdout.decode().split("\0")[:-1]


def test_globs_that_are_made_to_be_slow() -> None:
    """No path takes long, whoever thought of it."""
    globs = Globs(["*a" * 40 + "*b", "/".join(["**", "a"] * 40) + "/b", "[" * 200, "?" * 200])
    started = time.process_time()
    assert not globs.match("a" * 255)
    assert not globs.match("a/" * 2_000 + "c.py")
    assert time.process_time() - started < 0.5
