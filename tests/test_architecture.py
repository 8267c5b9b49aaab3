"""Which way the imports point, as a test rather than a wish.

rules.core <- rules.libraries, packs <- rules <- bot (pure) <- bot (edges) <- bot.app <- bot.cli
"""

import ast
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PURE = frozenset(
    f"bot.{name}"
    for name in (
        "commands",
        "comments",
        "config",
        "diff",
        "errors",
        "events",
        "fixing",
        "globs",
        "markdown",
        "markers",
        "models",
        "planning",
        "replies",
        "shares",
        "sources",
        "suggestions",
        "targets",
        "threads",
        "words",
    )
)
# What reads, writes, waits, looks at a clock or starts something.
EDGES = (
    frozenset({"aiohttp", "gidgethub", "http", "httpx", "requests", "select", "socket", "ssl", "yarl"})
    | frozenset({"dbos", "psycopg", "sqlalchemy", "sqlite3", "cachetools", "weakref"})
    | frozenset({"fcntl", "os", "pathlib", "shutil", "tarfile", "tempfile", "zipfile"})
    | frozenset(
        {"anyio", "asyncio", "concurrent", "ctypes", "multiprocessing", "resource", "signal", "subprocess", "threading"}
    )
    | frozenset({"datetime", "random", "secrets", "time", "uuid", "jwt"})
    | frozenset({"click", "logging", "prometheus_client", "rich", "structlog", "sys"})
)
SYNTAX = frozenset({"ast", "dis", "libcst", "symtable", "token", "tokenize"})
# `sys` tells which modules are of the standard library, and interns strings.
ALLOWED_IN_RULES = frozenset({"sys"})


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for half in ("bot", "rules") for path in sorted((ROOT / half).rglob("*.py"))}
BOT = [name for name in MODULES if name.startswith("bot")]
RULES = [name for name in MODULES if name.startswith("rules")]
PACKS = [name for name in RULES if name.count(".") and not name.startswith("rules.core")]


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules that a module imports anywhere, also within functions; `from bot import queue` is `bot.queue`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            module = node.module or ""
            inner = [f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}" in MODULES]
            yield from inner or [module]


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def imports_of(name: str) -> frozenset[str]:
    return frozenset(imported(ast.parse(MODULES[name].read_bytes())))


def imports_when_loaded(name: str) -> set[str]:
    """What is imported when the module is: neither within functions nor for types."""
    body = ast.parse(MODULES[name].read_bytes()).body
    statements = [
        node for node in body if not is_for_types(node) and not isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]
    return set(imported(ast.Module(statements, [])))


def roots(names: AbstractSet[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def ours(names: AbstractSet[str], half: str) -> set[str]:
    return {name for name in names if name == half or name.startswith(f"{half}.")}


@pytest.mark.parametrize("name", sorted(PURE & MODULES.keys()))
def test_pure_modules_import_no_edge(name: str) -> None:
    """What decides and what speaks can be run anywhere, and a thousand times in a test."""
    assert not roots(imports_of(name)) & EDGES
    assert ours(imports_of(name), "bot") <= PURE


@pytest.mark.parametrize("name", RULES)
def test_rules_know_neither_bot_nor_edges(name: str) -> None:
    """Text in, findings out."""
    assert not roots(imports_of(name)) & (EDGES - ALLOWED_IN_RULES | {"bot"})


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith("rules.core")])
def test_the_engine_knows_no_rule_and_no_library(name: str) -> None:
    """The catalog discovers them by looking into folders."""
    assert all(module.startswith("rules.core") for module in ours(imports_of(name), "rules"))


@pytest.mark.parametrize("name", PACKS)
def test_rules_and_libraries_use_the_engine_only(name: str) -> None:
    """A rule can be read, and deleted, by itself."""
    assert all(module.startswith("rules.core") for module in ours(imports_of(name), "rules"))


@pytest.mark.parametrize("name", BOT)
def test_the_bot_uses_the_door_of_the_rules_and_no_syntax(name: str) -> None:
    """It knows no Python syntax, and nothing of what lies behind `rules`."""
    assert ours(imports_of(name), "rules") <= {"rules"}
    assert not roots(imports_of(name)) & SYNTAX


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("dbos", {"bot.history", "bot.queue", "bot.takeover", "bot.worker"}),
        ("bot.app", {"bot.cli"}),
        ("bot.cli", {"bot.__main__"}),
        ("bot.intake", {"bot.app"}),
        ("bot.web", {"bot.app"}),
        ("bot.queue", {"bot.app", "bot.cli", "bot.history", "bot.worker"}),
        ("bot.history", {"bot.worker"}),
        ("bot.worker", {"bot.app"}),
    ],
)
def test_parts_are_wired_in_one_place(module: str, users: set[str]) -> None:
    """The engine can be exchanged in three files, and nobody reaches around the wiring."""
    found = {name for name in MODULES for one in imports_of(name) if one == module or one.startswith(f"{module}.")}

    assert found - {module} <= users


@pytest.mark.parametrize("half", [BOT, RULES], ids=["bot", "rules"])
def test_no_import_goes_round_in_circles(half: list[str]) -> None:
    """There is an order in which everything can be read."""
    order = TopologicalSorter({name: (imports_when_loaded(name) & set(half)) - {name} for name in half})

    assert set(order.static_order()) == set(half)


def test_every_import_is_seen() -> None:
    """Also one within a function, of a part of a module, or under another name."""
    text = (
        "import os.path\ndef f():\n    from bot import diff, words as w\n    from rules.core.edits import apply_edits\n"
    )

    assert set(imported(ast.parse(text))) == {"os.path", "bot.diff", "bot.words", "rules.core.edits"}
    assert EDGES & set(sys.stdlib_module_names) > {"asyncio", "os", "socket", "subprocess"}
