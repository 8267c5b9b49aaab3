"""What is kept, so that requests seldom wait for it."""

import pytest

from tests.rules.checking import assert_clean, found, with_app

IMPORTS = """
import functools
import time
from pathlib import Path

import requests
"""
ENDPOINT = '\n\n@app.get("/{name}")\nasync def home(name: str):\n    return load(name)\n'

FILE = "Path(name).read_text()"
KEPT_BY_NAME = [
    (
        "_kept = {}\n\n\ndef load(name):\n"
        "    kept = _kept.get(name)\n    if kept is not None:\n        return kept\n    _kept[name] = {}\n    return _kept[name]\n"
    ),
    (
        "_kept = {}\n\n\ndef load(name):\n"
        "    stamp = Path(name).stat().st_mtime\n    kept = _kept.get(name)\n    if kept is not None and kept[0] == stamp:\n"
        "        return kept[1]\n    text = {}\n    _kept[name] = (stamp, text)\n    return text\n"
    ),
    "_kept = {}\n\n\ndef load(name):\n    if name in _kept:\n        return _kept[name]\n    _kept[name] = {}\n    return _kept[name]\n",
    "_kept = {}\n\n\ndef load(name):\n    if name not in _kept:\n        _kept[name] = {}\n    return _kept[name]\n",
    (
        "class Texts:\n    def __init__(self):\n        self._kept = {{}}\n\n    def load(self, name):\n"
        "        if name not in self._kept:\n            self._kept[name] = {}\n        return self._kept[name]\n\n\n"
        "texts = Texts()\n\n\ndef load(name):\n    return texts.load(name)\n"
    ),
]
CACHED = "@functools.lru_cache(maxsize=9)\ndef load(name):\n    return {}\n"


def _filled(kept: str, loaded: str) -> str:
    return with_app(
        IMPORTS, kept.replace("{}", loaded, kept.count("{}")).replace(f"_kept = {loaded}", "_kept = {}") + ENDPOINT
    )


@pytest.mark.parametrize("kept", [*KEPT_BY_NAME, CACHED])
def test_a_file_that_is_read_once_is_left_alone(kept: str) -> None:
    assert_clean("blocking/files", _filled(kept.replace("{{}}", "dict()"), FILE))


@pytest.mark.parametrize("kept", [*KEPT_BY_NAME, CACHED])
def test_what_is_asked_of_a_network_for_each_name_is_found(kept: str) -> None:
    assert found("clients/requests", _filled(kept.replace("{{}}", "dict()"), "requests.get(name).text"))


@pytest.mark.parametrize(
    "load",
    [
        "def load(name):\n    kept = {}\n    if name not in kept:\n        kept[name] = Path(name).read_text()\n    return kept\n",
        "_kept = {}\n\n\ndef load(name):\n    if name in _kept:\n        _kept[name] = Path(name).read_text()\n    return _kept\n",
        "_kept = {}\n\n\ndef load(name):\n    if name not in _kept:\n        return Path(name).read_text()\n    return _kept[name]\n",
        (
            "_kept = {}\n\n\ndef load(name):\n    kept = _kept.get(name)\n    if kept is None or kept[0] < time.time():\n"
            "        kept = _kept[name] = (time.time() + 9, Path(name).read_text())\n    return kept[1]\n"
        ),
        (
            "class Texts:\n    def __init__(self):\n        self._kept = dict()\n\n    def load(self, name):\n"
            "        if name not in self._kept:\n            self._kept[name] = Path(name).read_text()\n        return self._kept[name]\n\n\n"
            "def load(name):\n    return Texts().load(name)\n"
        ),
    ],
)
def test_a_file_that_is_read_again_is_found(load: str) -> None:
    assert found("blocking/files", with_app(IMPORTS, load + ENDPOINT))


SETTINGS = """
_kept = {}


def key():
    return id(_kept)


def load(name):
    %s
    kept = _kept.get(at)
    if kept is not None:
        return kept
    kept = requests.get("https://example.org").json()
    _kept[at] = kept
    return kept
"""


@pytest.mark.parametrize("at", ["at = key()", 'at = "settings"', "at = id(_kept)"])
def test_what_is_kept_for_all_requests_is_left_alone(at: str) -> None:
    assert_clean("clients/requests", with_app(IMPORTS, SETTINGS % at + ENDPOINT))


@pytest.mark.parametrize("at", ["at = name", "at = key(), name", "at = name.lower()", "at = at_first"])
def test_what_is_kept_for_some_requests_is_found(at: str) -> None:
    before = (SETTINGS % at).replace("def load(name):", "def load(name, at_first=None):")
    assert found("clients/requests", with_app(IMPORTS, before + ENDPOINT))


LOADED = """
_texts = {{}}


def _load_all():
    {glob}for path in Path("locales").rglob("*.json"):
        _texts[path.stem] = path.read_text()


def load(name):
    if {condition}:
        _load_all()
    return _texts
"""


def test_what_the_called_function_fills_is_filled_once() -> None:
    source = LOADED.format(glob="global _texts\n    ", condition="not _texts")
    assert_clean("blocking/files", with_app(IMPORTS, source + ENDPOINT))
    assert_clean("blocking/files", with_app(IMPORTS, source.replace("global _texts\n    ", "") + ENDPOINT))


@pytest.mark.parametrize("condition", ["not name", "_texts"])
def test_what_the_called_function_fills_again_and_again_is_found(condition: str) -> None:
    assert found("blocking/files", with_app(IMPORTS, LOADED.format(glob="", condition=condition) + ENDPOINT))


TRANSLATOR = """
class Translator:
    def __init__(self):
        self._loaded = set()
        self._texts = []

    def load(self, name):
        if name in self._loaded:
            return
        for path in Path(name).rglob("*.json"):
            self._texts.append(path.read_text())
        {kept}


translator = Translator()


def load(name):
    translator.load(name)
    return translator._texts
"""


def test_what_a_set_remembers_is_read_once() -> None:
    assert_clean("blocking/files", with_app(IMPORTS, TRANSLATOR.format(kept="self._loaded.add(name)") + ENDPOINT))


def test_what_nobody_remembers_is_read_again() -> None:
    assert found("blocking/files", with_app(IMPORTS, TRANSLATOR.format(kept="self._loaded.discard(name)") + ENDPOINT))


AGED = """
_kept = None


def is_stale():
    return False


def is_ready():
    return True


def load(name):
    global _kept
    {condition}:
        _load(name)
    return _kept


def _load(name):
    requests.get(name)
"""


@pytest.mark.parametrize("condition", ["if is_stale()", "if name and is_stale()"])
def test_what_is_too_old_is_seldom_made_anew(condition: str) -> None:
    assert_clean("clients/requests", with_app(IMPORTS, AGED.format(condition=condition) + ENDPOINT))


@pytest.mark.parametrize("condition", ["if not is_stale()", "if is_ready()", "if is_stale() or name"])
def test_what_is_young_enough_is_asked_again_and_again(condition: str) -> None:
    assert found("clients/requests", with_app(IMPORTS, AGED.format(condition=condition) + ENDPOINT))


_MISSING = """
ROOT = Path("data")


def load(name):
    target = ROOT / "settings.json"
    {body}


@app.get("/{{name}}")
async def home(name: str):
    return load(name)
"""


@pytest.mark.parametrize(
    "body",
    [
        "if not target.exists():\n        shutil.copy2(ROOT / 'a.json', target)",
        "if not os.path.exists(target):\n        target.write_text('{}')",
        "if target.is_file():\n        return\n    shutil.copytree(ROOT / 'a', target)",
        "for one in ROOT.iterdir():\n        if not (ROOT / one.name).exists():\n            shutil.copy(one, ROOT / one.name)",
    ],
)
def test_a_file_that_is_made_where_it_is_missing_is_left_alone(body: str) -> None:
    assert_clean("blocking/files", with_app(f"import os\nimport shutil\n{IMPORTS}", _MISSING.format(body=body)))


@pytest.mark.parametrize(
    "body",
    [
        "if target.exists():\n        shutil.copy2(name, target)",
        "if not target.exists():\n        shutil.copy2(ROOT / name, target)",
        "if target.exists():\n        return\n    return Path(name).read_text()",
        "if not target.exists():\n        ROOT.mkdir()\n    shutil.copy(name, target)",
        "if not os.path.exists(ROOT / name):\n        shutil.copytree(ROOT, ROOT / name)",
        "if not target.exists() or name:\n        shutil.copytree(ROOT, target)",
    ],
)
def test_a_file_that_is_made_again_and_again_is_found(body: str) -> None:
    assert found("blocking/files", with_app(f"import os\nimport shutil\n{IMPORTS}", _MISSING.format(body=body)))


AGEING = """
from cachetools import TTLCache, cached
from cachetools.func import ttl_cache


{0}def keys():
    return requests.get("https://a.example/keys").json()


class Keys:
{0}    def all(self):
        return requests.get("https://a.example/keys").json()

{0}    def one(self, name):
        return requests.get("https://a.example/keys/" + name).json()


kept = Keys()


@app.get("/")
async def home(name: str):
    return {1}
"""


@pytest.mark.parametrize(
    "cache", ["@cached(TTLCache(maxsize=1, ttl=3600))", "@ttl_cache(ttl=60)", "@functools.lru_cache"]
)
@pytest.mark.parametrize(
    ("call", "is_found"),
    [("keys()", False), ("kept.all()", False), ("kept.one(name)", True), ("Keys().all()", True)],
)
def test_what_is_kept_for_a_time(cache: str, call: str, is_found: bool) -> None:
    decorated = f"{cache}\n"
    source = AGEING.replace("{0}    def", f"    {decorated}    def").replace("{0}", decorated).replace("{1}", call)
    assert bool(found("clients/requests", with_app(IMPORTS, source))) is is_found


def test_what_nothing_keeps_is_found() -> None:
    source = AGEING.replace("{0}", "").replace("{1}", "keys()")
    assert found("clients/requests", with_app(IMPORTS, source))


SETTLED = """
from fastapi import Depends


class Settings: ...


{cache}def get_settings():
    return Settings()


@functools.lru_cache
def load(path):
    return requests.get(path).json()


def loaded(settings: Settings = Depends(get_settings)):
    return load(settings.path)


@app.get("/{{name}}")
async def home(name: str, settings: Settings = Depends(get_settings)):
    return {call}
"""


@pytest.mark.parametrize(
    ("cache", "call", "is_found"),
    [
        ("@functools.lru_cache\n", "loaded(settings)", False),
        ("@functools.lru_cache\n", "load(settings.path)", False),
        ("@functools.lru_cache\n", "load(name)", True),
        ("", "loaded(settings)", True),
    ],
)
def test_what_is_asked_for_by_settings_that_are_kept(cache: str, call: str, is_found: bool) -> None:
    source = with_app(IMPORTS, SETTLED.format(cache=cache, call=call))
    assert bool(found("clients/requests", source)) is is_found


UNDER_A_WORD = """
_kept = {}


@app.get("/posts")
async def posts():
    CONDITION
        _kept["posts"] = requests.get("http://posts").json()
    return _kept["posts"]
"""


@pytest.mark.parametrize(
    "condition",
    [
        'if "posts" not in _kept:',
        'if "posts" in _kept:\n        return _kept["posts"]\n    else:',
        'kept = _kept.get("posts")\n    if kept is None:',
    ],
)
@pytest.mark.parametrize(
    ("more", "is_found"),
    [
        ("", False),
        ('\n\n@app.post("/posts")\nasync def post():\n    _kept.pop("posts", None)\n', True),
        ("\n\n@app.post('/posts')\nasync def post():\n    _kept.clear()\n", True),
        ("\n\n@app.post('/posts')\nasync def post(others: dict):\n    others.clear()\n", False),
    ],
)
def test_what_is_kept_under_a_word(condition: str, more: str, *, is_found: bool) -> None:
    """The first request fills it for all others, unless one takes it out again."""
    source = with_app("import requests", UNDER_A_WORD.replace("CONDITION", condition) + more)
    assert bool(found("clients/requests", source)) is is_found


@pytest.mark.parametrize("condition", ['if "a b" not in _kept:', "if name not in _kept:", 'if "posts" not in given:'])
def test_what_is_kept_under_something_else_is_found(condition: str) -> None:
    body = UNDER_A_WORD.replace("CONDITION", condition).replace("posts():", "posts(name: str, given: dict):")
    assert found("clients/requests", with_app("import requests", body))


FETCHED = """
FONT = Path("font.ttf")


def fetch(name: str):
    CONDITION
        answer = requests.get("http://fonts/font.ttf")
        WRITTEN
    return FONT


@app.get("/{name}")
async def home(name: str):
    return fetch(name)
"""


@pytest.mark.parametrize(
    ("condition", "written", "is_found"),
    [
        ("if not FONT.exists():", "FONT.write_bytes(answer.content)", False),
        ("if not os.path.exists(FONT):", "FONT.write_bytes(answer.content)", False),
        ("if FONT.exists():", "FONT.write_bytes(answer.content)", True),
        ("if name:", "FONT.write_bytes(answer.content)", True),
        ("if not Path(name).exists():", "Path(name).write_bytes(answer.content)", True),
        ("if not FONT.exists():", "print(answer)", True),
    ],
)
def test_what_is_fetched_for_a_file_that_is_missing(condition: str, written: str, *, is_found: bool) -> None:
    """One request writes it for all others; a file of a name that requests tell is another each time."""
    source = with_app("import os\nfrom pathlib import Path\n\nimport requests", FETCHED.replace("CONDITION", condition))
    assert bool(found("clients/requests", source.replace("WRITTEN", written))) is is_found
