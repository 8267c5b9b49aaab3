"""Which files of a repository are read: Python, and nothing that was installed or generated beside it."""

SKIPPED = frozenset({".git", ".venv", "__pycache__", "node_modules", "site-packages"})
"""The folders that are left out, wherever they lie."""


def is_source(path: str) -> bool:
    """Whether a file is read, by its path in the repository."""
    return path.endswith(".py") and SKIPPED.isdisjoint(path.split("/"))
