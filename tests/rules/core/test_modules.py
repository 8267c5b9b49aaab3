"""Which file an import means."""

import pytest

from rules.core.modules import Modules

BACKEND = (
    "backend/app/__init__.py",
    "backend/app/main.py",
    "backend/app/db/__init__.py",
    "backend/app/db/session.py",
    "backend/app/api/items.py",
    "backend/tests/test_items.py",
    "scripts/run.py",
    "scripts/tools.py",
    "redis/config.py",
)


@pytest.mark.parametrize(
    ("importer", "level", "module", "place"),
    [
        ("backend/app/main.py", 0, "app.db.session", "backend/app/db/session"),
        ("backend/app/main.py", 0, "app.db", "backend/app/db"),
        ("backend/app/main.py", 0, "app", "backend/app"),
        ("backend/app/main.py", 1, "db", "backend/app/db"),
        ("backend/app/main.py", 1, "db.session", "backend/app/db/session"),
        ("backend/app/main.py", 1, "", "backend/app"),
        ("backend/app/api/items.py", 2, "db.session", "backend/app/db/session"),
        ("backend/app/api/items.py", 2, "", "backend/app"),
        ("backend/app/api/items.py", 0, "app.main", "backend/app/main"),
        ("backend/app/db/__init__.py", 1, "session", "backend/app/db/session"),
        ("backend/app/db/__init__.py", 2, "main", "backend/app/main"),
        ("backend/app/main.py", 0, "backend.app.db", "backend/app/db"),
        ("backend/tests/test_items.py", 0, "app.main", "backend/app/main"),
        ("scripts/run.py", 0, "tools", "scripts/tools"),
        ("scripts/run.py", 0, "app.main", "backend/app/main"),
        ("backend/app/main.py", 0, "tools", None),
        ("backend/app/main.py", 0, "redis", None),
        ("backend/app/main.py", 0, "redis.asyncio", None),
        ("backend/app/main.py", 0, "nothing", None),
        ("backend/app/main.py", 0, "app.nothing", None),
        ("backend/app/main.py", 1, "nothing", None),
    ],
)
def test_an_import_is_found_from_its_file(importer: str, level: int, module: str, place: str | None) -> None:
    assert Modules(BACKEND, {"redis"}).find(importer, level, module) == place


def test_too_many_dots_lead_nowhere() -> None:
    assert Modules(BACKEND).find("backend/app/main.py", 9, "app.main") is None


def test_two_roots_with_the_same_package_are_told_apart_by_nearness() -> None:
    modules = Modules(["a/app/__init__.py", "a/app/x.py", "b/app/__init__.py", "b/app/x.py", "c/run.py"])
    assert modules.find("a/app/x.py", 0, "app.x") == "a/app/x"
    assert modules.find("b/app/x.py", 0, "app.x") == "b/app/x"
    assert modules.find("c/run.py", 0, "app.x") is None


def test_a_source_folder() -> None:
    modules = Modules(["src/shop/__init__.py", "src/shop/db.py", "tests/test_db.py"])
    assert modules.find("tests/test_db.py", 0, "shop.db") == "src/shop/db"


def test_a_package_comes_before_a_module_of_its_name() -> None:
    """As in Python: https://docs.python.org/3/reference/import.html#regular-packages."""
    modules = Modules(["app/db.py", "app/db/__init__.py"])
    assert modules.path("app/db") == "app/db/__init__.py"


def test_a_folder_without_init_is_a_package_too() -> None:
    modules = Modules(["app/main.py", "app/db/session.py"])
    assert modules.find("app/main.py", 0, "app.db.session") == "app/db/session"
    assert modules.is_folder("app/db")
    assert modules.path("app/db") is None


def test_the_standard_library_is_not_taken_for_a_folder() -> None:
    assert Modules(["app/main.py", "app/json/x.py"], {"json"}).find("app/main.py", 0, "json") is None


def test_a_module_beside_a_file_of_a_package_is_not_absolute() -> None:
    modules = Modules(["app/__init__.py", "app/api/main.py", "app/api/time.py"], {"time"})
    assert modules.find("app/api/main.py", 0, "time") is None


def test_no_files_at_all() -> None:
    assert Modules([]).find("a.py", 0, "b") is None


def test_a_module_named_like_a_library_imports_the_library() -> None:
    """What it imports itself it cannot hide; for its neighbours it may."""
    modules = Modules(["app/cache/redis.py", "app/cache/keys.py"], {"redis"})
    assert modules.find("app/cache/redis.py", 0, "redis") is None
    assert modules.find("app/cache/redis.py", 0, "redis.asyncio") is None
    assert modules.find("app/cache/keys.py", 0, "redis") == "app/cache/redis"


FILES = ["main.py", "app/__init__.py", "app/main.py", "app/db.py", "lib/tools/text.py", "backend/shop/items.py"]
QUESTIONS = [
    (importer, level, module)
    for importer in ("main.py", "app/main.py", "app/time.py", "lib/tools/text.py", "backend/shop/orders.py")
    for level, module in (
        (0, "app"),
        (0, "app.db"),
        (0, "db"),
        (0, "tools.text"),
        (0, "shop.items"),
        (0, "time"),
        (1, "db"),
    )
]


@pytest.mark.parametrize(
    ("gone", "come"),
    [
        ([], ["db.py"]),
        ([], ["other/shop/items.py"]),
        ([], ["app/time.py", "time/__init__.py"]),
        ([], ["backend/__init__.py"]),
        ([], ["lib/app/db.py", "app/main/db.py"]),
        (["app/__init__.py"], []),
        (["backend/shop/items.py"], ["shop/items/more.py"]),
        (["lib/tools/text.py"], ["lib/tools/text/__init__.py"]),
    ],
)
def test_what_was_found_before_files_came_or_went_is_found_only_where_it_is_so_still(
    gone: list[str], come: list[str]
) -> None:
    before = Modules(FILES, {"time"})
    for question in QUESTIONS:
        before.find(*question)
    paths = [*(path for path in FILES if path not in gone), *come]
    after, anew = Modules(paths, {"time"}, before=before), Modules(paths, {"time"})
    assert [after.find(*one) for one in QUESTIONS] == [anew.find(*one) for one in QUESTIONS]
    assert all(after.is_renewed(one[-1]) for one in QUESTIONS if before.find(*one) != anew.find(*one))
    places = [place for path in (*paths, *FILES) for place in (path.removesuffix(".py"), path.rpartition("/")[0])]
    assert [*map(after.path, places)] == [*map(anew.path, places)]
    assert [*map(after.is_folder, places)] == [*map(anew.is_folder, places)]
    assert all(
        after.renewed is None or one.rpartition("/")[2] in after.renewed
        for one in places
        if before.path(one) != anew.path(one)
    )


def test_a_module_that_came_is_meant_by_no_import_of_others() -> None:
    before = Modules(FILES)
    after = Modules([*FILES, "lib/tools/words.py"], before=before)
    assert [name for name in ("tools.words", "words", "words.of") if not after.is_renewed(name)] == []
    assert [name for name in ("tools.text", "app.db", "time") if after.is_renewed(name)] == []
