"""Imports that go with their last use, where several fixes took it."""

from collections.abc import Mapping

import pytest

from rules import read_facts, without_leftovers
from tests.rules.checking import encoded

USED = "from a import One, Two\n\nx: One = Two()\n"
UNUSED = "from a import One, Two\n\nx = 1\n"


def _tidied(before: str, after: str, more: Mapping[str, str] | None = None) -> str:
    files = {"app/main.py": encoded(after), "app/__init__.py": b""}
    files |= {path: encoded(text) for path, text in (more or {}).items()}
    facts = {path: read_facts(text) for path, text in files.items()}
    tidy = without_leftovers(facts, {**files, "app/main.py": encoded(before)}, files)
    return tidy.get("app/main.py", files["app/main.py"]).decode()


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (USED, UNUSED, "\nx = 1\n"),
        (USED, UNUSED.replace("1", "One"), "from a import One\n\nx = One\n"),
        ("import a.b\n\na.b.c()\n", "import a.b\n\nx = 1\n", "x = 1\n"),
        ("import a as b\nimport c\n\nb(c)\n", "import a as b\nimport c\n\nc()\n", "import c\n\nc()\n"),
        (
            "from a import (\n    One,\n    Two,\n)\n\nOne(Two)\n",
            "from a import (\n    One,\n    Two,\n)\n\nOne()\n",
            "from a import (\n    One,\n)\n\nOne()\n",
        ),
        (
            "def f():\n    from a import One\n\n    return One()\n",
            "def f():\n    from a import One\n\n    return 1\n",
            "def f():\n    return 1\n",
        ),
    ],
)
def test_an_import_goes_that_had_a_use(before: str, after: str, wanted: str) -> None:
    assert _tidied(before, after).lstrip("\n") == wanted.lstrip("\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from a import One\n\nx = 1\n", "from a import One\n\nx = 2\n"),
        ("import a\n\na()\n", "import a  # noqa: F401\n\nx = 1\n"),
        ("from a import One\n\nOne()\n", 'from a import One\n\n__all__ = ["One"]\n'),
        ("from a import One\n\nOne()\n", 'from a import One\n\nx: "One" = 1\n'),
        ("try:\n    import a\nexcept ImportError:\n    a = None\n\na()\n",) * 2,
        (
            "try:\n    import a\nexcept ImportError:\n    raise\n\na()\n",
            "try:\n    import a\nexcept ImportError:\n    raise\n\nx = 1\n",
        ),
        ("from a import One, \\\n    Two\n\nOne(Two)\n", "from a import One, \\\n    Two\n\nOne()\n"),
        ("from a import (One,\n    Two)\n\nOne(Two)\n", "from a import (One,\n    Two)\n\nOne()\n"),
        ("x = 1\n", "from a import One\n\nx = 1\n"),
    ],
)
def test_an_import_stays_that_may_be_wanted(before: str, after: str) -> None:
    assert _tidied(before, after) == after


@pytest.mark.parametrize(
    "other",
    [
        "from app.main import One\n",
        "from app.main import *\n\nOne()\n",
        "from app import main\n\nmain.One()\n",
        "import app.main\n\napp.main.One()\n",
        "from .main import One as Other\n",
        "NAME = 'app.main.One'\n",
    ],
)
def test_an_import_stays_that_another_file_takes(other: str) -> None:
    before, after = "from a import One\n\nOne()\n", "from a import One\n\nx = 1\n"
    assert _tidied(before, after, {"app/other.py": other}) == after
    assert _tidied(before, after, {"app/other.py": "from a import One\n\nOne()\n"}) == "x = 1\n"


def test_a_file_that_did_not_change_is_not_looked_at() -> None:
    assert _tidied(UNUSED, UNUSED) == UNUSED
