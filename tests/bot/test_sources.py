"""Which files of a repository are read."""

import pytest

from bot.sources import is_source


@pytest.mark.parametrize("path", ["main.py", "app/main.py", "venv.py", "app/site_packages/one.py", "app/.venv.py"])
def test_python_is_read(path: str) -> None:
    assert is_source(path)


@pytest.mark.parametrize(
    "path",
    ["notes.md", "main.pyi", ".venv/lib/one.py", "api/.venv/one.py", "env/lib/python3.13/site-packages/one/two.py"],
)
def test_what_is_no_python_or_was_installed_is_not(path: str) -> None:
    assert not is_source(path)
