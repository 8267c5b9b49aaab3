"""Where a fix puts the import that it needs, and which imports it takes away."""

import pytest

from rules import Way
from tests.rules.checking import Files, assert_fixes, assert_unfixed, assert_whole_file_fixed

SLEEP = "blocking/sleep"
REQUESTS = "clients/requests"

SLEEPS = """
app = FastAPI()


@app.get("/")
async def home():
    {sleep}(1)
"""

FETCHES = """
app = FastAPI()


@app.post("/")
async def home(request: Request):
    await request.json()
    {call}
"""

BEFORE = FETCHES.format(call='requests.get("https://example.org")')


def fetches(name: str = "run_in_threadpool") -> str:
    return FETCHES.format(call=f'await {name}(requests.get, "https://example.org")')


def assert_sleep(before: str, after: str, path: str = "app/main.py") -> None:
    files: Files = {"app/__init__.py": ""}
    assert_fixes(
        SLEEP,
        before.lstrip("\n") + SLEEPS.format(sleep="time.sleep"),
        after.lstrip("\n") + SLEEPS.format(sleep="await asyncio.sleep"),
        files=files,
        path=path,
    )


def assert_fetch(before: str, after: str, name: str = "run_in_threadpool") -> None:
    assert_fixes(REQUESTS, before.lstrip("\n") + BEFORE, after.lstrip("\n") + fetches(name), way=Way.OFFLOAD)


# What is there already


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("from fastapi.concurrency import run_in_threadpool", "run_in_threadpool"),
        ("from fastapi.concurrency import run_in_threadpool as in_thread", "in_thread"),
        ("from starlette.concurrency import run_in_threadpool", "run_in_threadpool"),
        ("from fastapi import concurrency", "concurrency.run_in_threadpool"),
        ("from fastapi import concurrency as c", "c.run_in_threadpool"),
        ("import fastapi.concurrency", "fastapi.concurrency.run_in_threadpool"),
        ("import fastapi.concurrency as fc", "fc.run_in_threadpool"),
    ],
)
def test_an_import_that_is_there_is_used(imports: str, name: str) -> None:
    above = f"import requests\nfrom fastapi import FastAPI, Request\n{imports}\n"
    assert_fetch(above, above, name)


@pytest.mark.parametrize("package", ["import fastapi\n", "import fastapi as f\n", "import fastapi.routing\n"])
def test_a_package_that_is_imported_need_not_know_its_modules(package: str) -> None:
    above = f"{package}import requests\nfrom fastapi import FastAPI, Request\n"
    assert_fetch(above, f"{above}from fastapi.concurrency import run_in_threadpool\n")


def test_an_import_from_the_same_module_is_extended() -> None:
    assert_fetch(
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import iterate_in_threadpool
""",
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
""",
    )


def test_an_import_from_the_same_module_in_parentheses_is_extended() -> None:
    assert_fetch(
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import (
    iterate_in_threadpool,
)
""",
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import (
    iterate_in_threadpool,
    run_in_threadpool,
)
""",
    )


def test_an_import_with_a_comment_is_extended() -> None:
    assert_fetch(
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import iterate_in_threadpool as i  # streams
""",
        """
import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import iterate_in_threadpool as i, run_in_threadpool  # streams
""",
    )


# A new import


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import os\nimport time\n\nfrom fastapi import FastAPI\n",
            "import asyncio\nimport os\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "import abc\nimport time\nimport uuid\n\nfrom fastapi import FastAPI\n",
            "import abc\nimport asyncio\nimport uuid\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "import abc\nimport time\n\nfrom fastapi import FastAPI\n",
            "import abc\nimport asyncio\n\nfrom fastapi import FastAPI\n",
        ),
        (
            '"""A page."""\n\nimport time\n\nfrom fastapi import FastAPI\n',
            '"""A page."""\n\nimport asyncio\n\nfrom fastapi import FastAPI\n',
        ),
        (
            '"""A page."""\n\nfrom __future__ import annotations\n\nimport time\n\nfrom fastapi import FastAPI\n',
            '"""A page."""\n\nfrom __future__ import annotations\n\nimport asyncio\n\nfrom fastapi import FastAPI\n',
        ),
        (
            "# A comment.\nimport time\n\nfrom fastapi import FastAPI\n",
            "# A comment.\nimport asyncio\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "#!/usr/bin/env python\nimport time\n\nfrom fastapi import FastAPI\n",
            "#!/usr/bin/env python\nimport asyncio\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "import time\n\nfrom fastapi import FastAPI\n\nfrom .a import b\n",
            "import asyncio\n\nfrom fastapi import FastAPI\n\nfrom .a import b\n",
        ),
        (
            "import time\nfrom collections import abc\n\nfrom fastapi import FastAPI\n",
            "import asyncio\nfrom collections import abc\n\nfrom fastapi import FastAPI\n",
        ),
    ],
)
def test_a_module_of_the_standard_library_is_imported_in_its_group(before: str, after: str) -> None:
    assert_sleep(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import time\nfrom base64 import b64encode\n\nfrom fastapi import FastAPI\n",
            "import asyncio\nfrom base64 import b64encode\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "from base64 import b64encode\nimport time\n\nfrom fastapi import FastAPI\n",
            "import asyncio\nfrom base64 import b64encode\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "from abc import ABC\nimport time\nfrom zlib import crc32\n\nfrom fastapi import FastAPI\n",
            "from abc import ABC\nimport asyncio\nfrom zlib import crc32\n\nfrom fastapi import FastAPI\n",
        ),
        (
            "import time\n\nfrom fastapi import FastAPI\nimport httpx\nfrom .a import b\n",
            "import asyncio\n\nfrom fastapi import FastAPI\nimport httpx\nfrom .a import b\n",
        ),
    ],
)
def test_modules_come_before_what_is_taken_from_them_unless_the_file_mixes_them(before: str, after: str) -> None:
    """As ruff's I001 has it, with and without `force-sort-within-sections`."""
    assert_sleep(before, after)


@pytest.mark.parametrize(
    "before",
    [
        "import time; import os\nfrom fastapi import FastAPI\nprint(os.name)\n",
        "import time\nfrom fastapi import FastAPI\n\nif True:\n    import os\n",
        "try:\n    import time\nexcept ImportError:\n    time = None\nfrom fastapi import FastAPI\n",
        "import \\\n    time\nfrom fastapi import FastAPI\n",
        "from fastapi import FastAPI\nimport time  # noqa: E402\n",
        "from fastapi import FastAPI\n\nimport time\n",
        "from fastapi import FastAPI; import time\n",
    ],
)
def test_imports_in_odd_places_stay_whole(before: str) -> None:
    """Whatever is offered holds all that must hold of a fix; nothing is said of its look."""
    source = before + SLEEPS.format(sleep="time.sleep")
    assert_whole_file_fixed(source)


def test_a_new_group_stands_apart() -> None:
    assert_fixes(
        SLEEP,
        """
        from fastapi import FastAPI

        from .slow import time

        app = FastAPI()


        @app.get("/")
        async def home():
            time.sleep(1)
        """,
        """
        import asyncio

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/")
        async def home():
            await asyncio.sleep(1)
        """,
        files={"app/slow.py": "import time\n"},
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import requests\nfrom fastapi import FastAPI, Request\n",
            "import requests\nfrom fastapi import FastAPI, Request\nfrom fastapi.concurrency import run_in_threadpool\n",
        ),
        (
            "import requests\nfrom fastapi import FastAPI, Request\nfrom zope import interface\n",
            (
                "import requests\nfrom fastapi import FastAPI, Request\nfrom fastapi.concurrency import run_in_threadpool\n"
                "from zope import interface\n"
            ),
        ),
        (
            "import requests\nfrom fastapi import FastAPI, Request\n\nfrom .a import b\nfrom ..c import d\n",
            (
                "import requests\nfrom fastapi import FastAPI, Request\nfrom fastapi.concurrency import run_in_threadpool\n"
                "\nfrom .a import b\nfrom ..c import d\n"
            ),
        ),
        (
            "import os\n\nimport requests\nfrom fastapi import (\n    FastAPI,\n    Request,\n)\n",
            (
                "import os\n\nimport requests\nfrom fastapi import (\n    FastAPI,\n    Request,\n)\n"
                "from fastapi.concurrency import run_in_threadpool\n"
            ),
        ),
        (
            "import requests\nfrom fastapi import FastAPI, Request\n\nif True:\n    from zope import a\n",
            (
                "import requests\nfrom fastapi import FastAPI, Request\nfrom fastapi.concurrency import run_in_threadpool\n"
                "\nif True:\n    from zope import a\n"
            ),
        ),
    ],
)
def test_a_package_is_imported_in_its_group(before: str, after: str) -> None:
    assert_fetch(before, after)


def test_the_packages_of_the_project_are_a_group_of_their_own() -> None:
    above = "import requests\nfrom fastapi import FastAPI, Request\n"
    own = "\nfrom app.a import b\n"
    assert_fetch(above + own, f"{above}from fastapi.concurrency import run_in_threadpool\n{own}")


def test_imports_with_comments_are_a_group_like_any_other() -> None:
    above = "import requests\nfrom fastapi import FastAPI, Request  # pyright: ignore[reportMissingImports]\n"
    own = "\nfrom app.a import b\n"
    assert_fetch(above + own, f"{above}from fastapi.concurrency import run_in_threadpool\n{own}")


def test_packages_beside_those_around_the_file_are_the_projects_own_as_well() -> None:
    before = "from shop.tasks import wait\nfrom stock.items import Item\n"
    after = "from fastapi.concurrency import run_in_threadpool\n\n" + before
    body = "\nasync def ask(item: Item):\n    await wait()\n    {}\n"
    call = 'requests.get("https://example.org")'
    files: Files = {
        "src/main.py": "from fastapi import FastAPI\nfrom shop.asking import ask\n\napp = FastAPI()\n\napp.get('/')(ask)\n",
        "src/shop/tasks.py": "async def wait(): ...\n",
        "src/stock/items.py": "class Item: ...\n",
    }
    assert_fixes(
        REQUESTS,
        f"import requests\n\n{before}{body.format(call)}",
        f"import requests\n{after}{body.format(f'await run_in_threadpool({call.replace(chr(40), chr(44) + chr(32))}')}",
        way=Way.OFFLOAD,
        files=files,
        path="src/shop/asking.py",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import json\n\nfrom app.own import app\nfrom zope import a\n",
            "import json\n\nfrom app.own import app\nfrom fastapi.concurrency import run_in_threadpool\nfrom zope import a\n",
        ),
        (
            "import json\n\nfrom app.own import app\n",
            "import json\n\nfrom fastapi.concurrency import run_in_threadpool\n\nfrom app.own import app\n",
        ),
        (
            "import json\nfrom app.own import app\n",
            "import json\nfrom fastapi.concurrency import run_in_threadpool\nfrom app.own import app\n",
        ),
        (
            "from app.own import app\n",
            "from fastapi.concurrency import run_in_threadpool\n\nfrom app.own import app\n",
        ),
    ],
)
def test_a_package_comes_before_those_of_the_project(before: str, after: str) -> None:
    body = "\n\n@app.post('/')\nasync def home():\n    await app.wait()\n    {}\n"
    assert_fixes(
        "blocking/subprocess",
        before + "import subprocess\n" + body.format("subprocess.run(['a'])"),
        after + "import subprocess\n" + body.format("await run_in_threadpool(subprocess.run, ['a'])"),
        files={"app/__init__.py": "", "app/own.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"},
        path="app/main.py",
        way=Way.OFFLOAD,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from PIL import Image\nfrom zope import a\n",
            "from fastapi.concurrency import run_in_threadpool\nfrom PIL import Image\nfrom zope import a\n",
        ),
        (
            "from bs4 import a\nfrom PIL import Image\n",
            "from bs4 import a\nfrom fastapi.concurrency import run_in_threadpool\nfrom PIL import Image\n",
        ),
        (
            "from PIL import Image\nfrom bs4 import a\n",
            "from PIL import Image\nfrom bs4 import a\nfrom fastapi.concurrency import run_in_threadpool\n",
        ),
    ],
)
def test_capitals_count_only_where_the_file_has_them_count(before: str, after: str) -> None:
    body = "\nfrom app.own import app\n\n\n@app.post('/')\nasync def home():\n    await app.wait()\n    {}\n"
    assert_fixes(
        "blocking/subprocess",
        "import subprocess\n\n" + before + body.format("subprocess.run(['a'])"),
        "import subprocess\n\n" + after + body.format("await run_in_threadpool(subprocess.run, ['a'])"),
        files={"app/__init__.py": "", "app/own.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"},
        path="app/main.py",
        way=Way.OFFLOAD,
    )


def test_an_import_that_ends_the_file_without_a_newline() -> None:
    """The import goes in whole lines, wherever the file ends."""
    source = "from fastapi import FastAPI; import time; app = FastAPI()\n@app.get('/')\nasync def home(): time.sleep(1)"
    assert_whole_file_fixed(source)


# Names that are taken


@pytest.mark.parametrize(
    "taken",
    [
        "def run_in_threadpool(): ...\n",
        "run_in_threadpool = 1\n",
        "from elsewhere import run_in_threadpool\n",
        "from elsewhere import pool as run_in_threadpool\n",
        "import elsewhere as run_in_threadpool\n",
        "class run_in_threadpool: ...\n",
        "def f(run_in_threadpool): ...\n",
        "for run_in_threadpool in (): ...\n",
        "with open('x') as run_in_threadpool: ...\n",
        "try: ...\nexcept ValueError as run_in_threadpool: ...\n",
        "match 1:\n    case run_in_threadpool: ...\n",
    ],
)
def test_a_name_that_is_taken_is_not_imported(taken: str) -> None:
    source = f"import requests\nfrom fastapi import FastAPI, Request\n{taken}{BEFORE}"
    assert_unfixed(REQUESTS, source, way=Way.OFFLOAD)


@pytest.mark.parametrize(
    "taken",
    [
        "def asyncio(): ...\n",
        "asyncio = 1\n",
        "from elsewhere import asyncio\n",
        "def f(asyncio): ...\n",
        "import uvloop as asyncio\n",
    ],
)
def test_a_module_whose_name_is_taken_is_not_imported(taken: str) -> None:
    source = f"import time\nfrom fastapi import FastAPI\n{taken}{SLEEPS.format(sleep='time.sleep')}"
    assert_unfixed(SLEEP, source, way=Way.TWIN)


def test_an_imported_name_that_is_bound_again_is_not_used() -> None:
    source = "import asyncio\nimport time\nfrom fastapi import FastAPI\n\n\ndef other(asyncio): ...\n" + SLEEPS.format(
        sleep="time.sleep"
    )
    assert_unfixed(SLEEP, source, way=Way.TWIN)


def test_an_import_below_its_use_is_not_used_too_early() -> None:
    """What a function reads when it is called may be imported anywhere at the top level."""
    assert_sleep(
        "import time\n\nfrom fastapi import FastAPI\n\nimport asyncio\n",
        "from fastapi import FastAPI\n\nimport asyncio\n",
    )


@pytest.mark.parametrize("block", ["if TYPE_CHECKING:\n    import asyncio\n", "def f():\n    import asyncio\n"])
def test_an_import_that_may_not_have_run_is_not_used(block: str) -> None:
    source = f"import time\nfrom typing import TYPE_CHECKING\nfrom fastapi import FastAPI\n{block}" + SLEEPS.format(
        sleep="time.sleep"
    )
    assert_unfixed(SLEEP, source, way=Way.TWIN)


# Orphans


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os, time\n", "import asyncio\nimport os\n"),
        ("import time, os\n", "import asyncio\nimport os\n"),
        ("import os, time, uuid\n", "import asyncio\nimport os, uuid\n"),
        ("import os, time as t\n", "import asyncio\nimport os\n"),
        ("import time\nimport uuid\n", "import asyncio\nimport uuid\n"),
        ('import time\n\nprint(end="time")\n', 'import asyncio\n\nprint(end="time")\n'),
        ('import time\n\nprint("told the time")\n', 'import asyncio\n\nprint("told the time")\n'),
        ('import time\n\nprint({"time": 1})\n', 'import asyncio\n\nprint({"time": 1})\n'),
        ('import time\n\nprint(f"time {1}")\n', 'import asyncio\n\nprint(f"time {1}")\n'),
        ('import time\n\nPROMPT = """Tell\nthe time."""\n', 'import asyncio\n\nPROMPT = """Tell\nthe time."""\n'),
    ],
)
def test_an_import_without_a_use_is_dropped(before: str, after: str) -> None:
    name = "t.sleep" if " as t" in before else "time.sleep"
    assert_fixes(
        SLEEP,
        f"{before}\nfrom fastapi import FastAPI\n{SLEEPS.format(sleep=name)}",
        f"{after}\nfrom fastapi import FastAPI\n{SLEEPS.format(sleep='await asyncio.sleep')}",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from time import sleep, time\n\nprint(time())", "from time import time\n\nprint(time())"),
        ("from time import time, sleep\n\nprint(time())", "from time import time\n\nprint(time())"),
        ("from time import time, sleep as s\n\nprint(time())", "from time import time\n\nprint(time())"),
    ],
)
def test_one_name_of_an_import_is_dropped(before: str, after: str) -> None:
    name = "s" if " as s" in before else "sleep"
    assert_fixes(
        SLEEP,
        f"import asyncio\n{before}\nfrom fastapi import FastAPI\n{SLEEPS.format(sleep=name)}",
        f"import asyncio\n{after}\nfrom fastapi import FastAPI\n{SLEEPS.format(sleep='await asyncio.sleep')}",
    )


@pytest.mark.parametrize("around", ["if home:", "for _ in range(2):", "with open(__file__):", "else:"])
def test_an_import_in_a_block_is_dropped_as_well(around: str) -> None:
    head = "import asyncio\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\nasync def home():\n"
    block = f"    {'if not home:' if around == 'else:' else 'print()'}\n        print()\n    {around}\n"
    block = block if around == "else:" else block.replace("        print()\n", "")
    before, after = "        import time\n        time.sleep(1)\n", "        await asyncio.sleep(1)\n"
    assert_fixes(SLEEP, head + block + before, head + block + after)


@pytest.mark.parametrize(
    ("below", "is_dropped"),
    [("    if home:\n        import time\n\n        print(time)\n", True), ("    print(time)\n", False), ("", True)],
)
def test_an_import_that_blocks_have_for_themselves_is_dropped_there(below: str, is_dropped: bool) -> None:
    head = "import asyncio\nimport time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\nprint(time)\n\n\n"
    head += "@app.get('/')\nasync def home():\n    if home:\n"
    before, after = "        import time\n        time.sleep(1)\n", "        await asyncio.sleep(1)\n"
    kept = "" if is_dropped else "        import time\n"
    assert_fixes(SLEEP, head + before + below, head + kept + after + below)


@pytest.mark.parametrize(
    ("imports", "rest"),
    [
        ("import time\n", "print(time.time())\n"),
        ("import time\n", '__all__ = ["time", "app"]\n'),
        ("import time  # noqa: F401\n", ""),
        ("import time  # used by plugins\n", ""),
        ("import time\n", 'def f(x: "time.struct_time"): ...\n'),
        ("import time\n", 'print(bound="time.struct_time")\n'),
        ("import time\n", "def f():\n    return time\n"),
        ("import time\n", "class A:\n    time = time\n"),
        ("import time\nimport time\n", ""),
        ("try:\n    import time\nexcept ImportError: ...\n", ""),
    ],
)
def test_an_import_that_may_be_used_stays(imports: str, rest: str) -> None:
    body = f"from fastapi import FastAPI\n{rest}{SLEEPS}"
    assert_fixes(
        SLEEP,
        f"import asyncio\n{imports}{body.format(sleep='time.sleep')}",
        f"import asyncio\n{imports}{body.format(sleep='await asyncio.sleep')}",
    )


def test_the_imports_of_a_package_file_stay() -> None:
    """Other files may take them from there."""
    body = "import asyncio\nimport time\nfrom fastapi import FastAPI\n" + SLEEPS
    assert_fixes(
        SLEEP,
        body.format(sleep="time.sleep"),
        body.format(sleep="await asyncio.sleep"),
        path="app/__init__.py",
    )


def test_an_import_that_another_file_takes_from_here_stays() -> None:
    body = "import asyncio\nimport time\nfrom fastapi import FastAPI\n" + SLEEPS
    assert_fixes(
        SLEEP,
        body.format(sleep="time.sleep"),
        body.format(sleep="await asyncio.sleep"),
        files={"app/__init__.py": "", "app/other.py": "from app.main import time\n\nprint(time.time())\n"},
    )


def test_a_mock_that_names_the_import_keeps_it() -> None:
    """`patch("app.main.time.sleep")` in a test of the same file's text would fail without the import."""
    body = 'import asyncio\nimport time\nfrom fastapi import FastAPI\nPATCHED = "app.main.time.sleep"\n' + SLEEPS
    assert_fixes(SLEEP, body.format(sleep="time.sleep"), body.format(sleep="await asyncio.sleep"))


def test_a_mock_in_a_test_that_names_the_import_keeps_it() -> None:
    body = "import asyncio\nimport time\nfrom fastapi import FastAPI\n" + SLEEPS
    assert_fixes(
        SLEEP,
        body.format(sleep="time.sleep"),
        body.format(sleep="await asyncio.sleep"),
        files={"tests/test_main.py": 'from unittest import mock\n\nmock.patch("app.main.time.sleep")\n'},
    )


# Bytes


REDIS = """from fastapi import FastAPI
{above}
app = FastAPI()


@app.get("/")
async def home(url: str):
{inside}    return redis.Redis.from_url(url).get("a")
"""


@pytest.mark.parametrize(
    ("above", "inside"),
    [
        ("\ntry:\n    import redis\nexcept ImportError:\n    redis = None\n", ""),
        ("\nif FastAPI:\n    import redis\n", ""),
        ("", "    import redis\n\n"),
    ],
)
def test_a_package_that_the_file_may_do_without_is_not_imported_at_the_top(above: str, inside: str) -> None:
    """It may be absent where nobody asks for what it does."""
    assert_unfixed("databases/redis", REDIS.format(above=above, inside=inside), way=Way.TWIN)


def test_where_fastapi_is_imported_later_the_thread_is_that_of_the_standard_library() -> None:
    before = "import shutil\n\n\ndef create(routes):\n    from fastapi import FastAPI\n\n    app = FastAPI()\n{route}\n    return app\n"
    route = "\n    @app.get('/')\n    async def home():\n        await routes()\n        {call}\n"
    assert_fixes(
        "blocking/files",
        before.format(route=route.format(call="shutil.rmtree('a')")),
        before.replace("import shutil", "import asyncio\nimport shutil").format(
            route=route.format(call="await asyncio.to_thread(shutil.rmtree, 'a')")
        ),
    )


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_are_those_of_the_file(end: str) -> None:
    before = "import requests\nfrom fastapi import FastAPI, Request\n" + BEFORE
    after = "import requests\nfrom fastapi import FastAPI, Request\nfrom fastapi.concurrency import run_in_threadpool\n"
    assert_fixes(
        REQUESTS,
        before.replace("\n", end).encode(),
        (after + fetches()).replace("\n", end).encode(),
        way=Way.OFFLOAD,
    )


def test_a_byte_order_mark_stays_in_front() -> None:
    mark = b"\xef\xbb\xbf"
    before = "import time\nfrom fastapi import FastAPI\n" + SLEEPS.format(sleep="time.sleep")
    after = "import asyncio\nfrom fastapi import FastAPI\n" + SLEEPS.format(sleep="await asyncio.sleep")
    assert_fixes(SLEEP, mark + before.encode(), mark + after.encode())


def test_a_coding_cookie_is_obeyed() -> None:
    cookie = "# -*- coding: latin-1 -*-\n"
    before = f"{cookie}import time\nfrom fastapi import FastAPI\nNAME = 'größe'\n{SLEEPS.format(sleep='time.sleep')}"
    after = before.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")
    assert_fixes(SLEEP, before.encode("latin-1"), after.encode("latin-1"))


def test_a_form_feed_and_tabs_stay() -> None:
    before = "import time\n\x0c\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\x0c\n@app.get('/')\nasync def home():\n\ttime.sleep(1)\n"
    after = before.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")
    assert_fixes(SLEEP, before.encode(), after.encode())


def test_a_file_without_a_last_newline_stays_so() -> None:
    before = "import time\nfrom fastapi import FastAPI\n" + SLEEPS.format(sleep="time.sleep").rstrip()
    after = "import asyncio\nfrom fastapi import FastAPI\n" + SLEEPS.format(sleep="await asyncio.sleep").rstrip()
    assert_fixes(SLEEP, before.encode(), after.encode())
