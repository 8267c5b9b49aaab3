"""What a call gives for a parameter, and which conditions that rules out."""

import pytest

from tests.rules.checking import found, with_app

_HELPER = """
class Config: ...


class Sized:
    def __len__(self) -> int: ...


class Named(str): ...


def made() -> Config: ...


def perhaps() -> Config | None: ...


async def loaded() -> Config: ...


{asynchronous}def build(config=None):
    if {condition}:
        config = time.sleep(1)
    return config


@app.get("/")
async def home(body: Config, sent: str, left: str = None, got: Config = Depends(perhaps)):
    here = Config()
    both = Config()
    if sent:
        both = None
    chosen = os.path.join(sent, "a")
    mixed = Config()
    if sent:
        chosen, mixed = "b", unknown()
    filled = []
    filled.append(1)
    return {awaited}build({given})
"""

_RULED_OUT = [
    ("config is None", "Config()"),
    ("config is None", "Sized()"),
    ("config is None", "Path('a')"),
    ("config is None", "here"),
    ("config is None", "config=body"),
    ("config is None", "sent"),
    ("config is None", "got"),
    ("config is None", "made()"),
    ("config is None", "await loaded()"),
    ("config is None", "{}"),
    ("config is None", "[each for each in sent]"),
    ("config is None", "''"),
    ("config is None", "0"),
    ("config is None", "f'{sent}'"),
    ("config is None", "lambda: None"),
    ("config is None and sent", "here"),
    ("not config", "Config()"),
    ("not config", "(1, 2)"),
    ("not config", "'a'"),
    ("config", ""),
    ("config", "{}"),
    ("config", "False"),
    ("config is not None", ""),
    ("config is not None", "None"),
    ("config == 'x'", "'a'"),
    ("config == 'nothing'", ""),
    ("config != 'x'", "'x'"),
    ("config is None", "os.path.join(sent, 'a')"),
    ("config is None", "chosen"),
    ("config.startswith('http://')", "'ssh://a'"),
    ("config.startswith(('http:', 'https:'))", "'ssh://a'"),
    ("not config.startswith(('http:', 'https:'))", "'http://a=b'"),
    ("config.endswith('.txt')", "'a.csv'"),
    ("config.endswith('.txt') and sent", "'a.csv'"),
]
_LEFT_OPEN = [
    ("config is None", ""),
    ("config is None", "None"),
    ("config is None", "both"),
    ("config is None", "left"),
    ("config is None", "unknown()"),
    ("config is None", "perhaps()"),
    ("config is None", "body.config"),
    ("config is None", "*sent"),
    ("config is None", "**sent"),
    ("config is None", "sent or None"),
    ("config is None or sent", "here"),
    ("not config", "Sized()"),
    ("not config", "Named()"),
    ("not config", "Path('a')"),
    ("not config", "body"),
    ("not config", "{}"),
    ("not config", "''"),
    ("not config", "[each for each in sent]"),
    ("not config", "[*sent]"),
    ("config", "Config()"),
    ("config", "'a'"),
    ("config", "filled"),
    ("config is not None", "False"),
    ("config is not None", "[]"),
    ("config == 'x'", "'x'"),
    ("config == 'x'", "body"),
    ("config != 'x'", "'a'"),
    ("config is None", "os.path.abspath(sent)"),
    ("config is None", "mixed"),
    ("config.startswith('http://')", "'http://a'"),
    ("config.startswith('http://')", "sent"),
    ("not config.startswith(('http:', 'https:'))", "'ssh://a'"),
    ("config.endswith('.txt')", "'a.txt'"),
    ("config.lower().endswith('.txt')", "'a.TXT'"),
]
_IMPORTS = (
    "import os\nimport time\nfrom pathlib import Path\n\nfrom elsewhere import unknown\nfrom fastapi import Depends"
)


def _sleeps(condition: str, given: str, *, asynchronous: bool) -> bool:
    word, awaited = ("async ", "await ") if asynchronous else ("", "")
    source = _HELPER.format(condition=condition, given=given, asynchronous=word, awaited=awaited)
    return bool(found("blocking/sleep", with_app(_IMPORTS, source)))


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize(("condition", "given"), _RULED_OUT)
def test_what_the_only_caller_rules_out_is_left_alone(condition: str, given: str, asynchronous: bool) -> None:
    assert not _sleeps(condition, given, asynchronous=asynchronous)


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize(("condition", "given"), _LEFT_OPEN)
def test_what_the_only_caller_leaves_open_is_found(condition: str, given: str, asynchronous: bool) -> None:
    assert _sleeps(condition, given, asynchronous=asynchronous)


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize(
    ("inside", "given", "is_found"),
    [
        ("self.key = options.get('key')\n        if self.key:", "pause=1", False),
        ("self.key = options.get('key', None)\n        if self.key is not None:", "", False),
        ("key = options.pop('key', None)\n        if key:", "pause=1", False),
        ("self.key = options.get('key')\n        if self.key:", "key=text", True),
        ("self.key = options.get('key', 'a')\n        if self.key:", "pause=1", True),
        ("self.key = options.get('key')\n        if self.key:", "**text", True),
        ("self.key = options.get('key')\n        if not self.key:", "pause=1", True),
        ("self.key = options.get('key')\n        if self.key or text:", "pause=1", True),
        ("self.key = text.get('key')\n        if self.key:", "pause=1", True),
        ("options = text\n        self.key = options.get('key')\n        if self.key:", "pause=1", True),
    ],
)
def test_what_is_taken_of_all_that_is_given_by_name(
    inside: str, given: str, is_found: bool, asynchronous: bool
) -> None:
    word, awaited = ("async ", "await ") if asynchronous else ("", "")
    source = f"""
class Model:
    {word}def start(self, text, **options):
        {inside}
            time.sleep(1)


@app.get("/")
async def home(text: dict):
    {awaited}Model().start(text, {given})
"""
    assert bool(found("blocking/sleep", with_app("import time", source))) is is_found


@pytest.mark.parametrize(
    ("condition", "given", "is_found"),
    [
        ("is_address(text)", "text", False),
        ("not is_name(text)", "text", True),
        ("is_name(text)", "text", True),
        ("is_address(other)", "text", True),
        ("is_address(text)", "other", True),
        ("is_address(text) or other", "text", True),
        ("text is None", "text", False),
        ("text == 'a'", "text", False),
        ("text.startswith('a')", "text", False),
        ("text.startswith('b')", "text", True),
        ("text", "text", True),
    ],
)
def test_the_opposite_of_what_held_above(condition: str, given: str, is_found: bool) -> None:
    source = f"""
def look_up(host):
    if is_address(host) or host is None or host == "a" or host.startswith("a") or not host:
        return host
    return time.sleep(1)


@app.get("/")
async def home(text: str | None, other: str):
    if {condition}:
        return look_up({given})
    return ""
"""
    assert (
        bool(found("blocking/sleep", with_app("import time\n\nfrom elsewhere import is_address, is_name", source)))
        is is_found
    )


_METHODS = """
class Service:
    @staticmethod
    async def send(text, pause=None):
        if pause:
            time.sleep(1)

    @classmethod
    async def post(cls, text, pause=None):
        if pause:
            time.sleep(1)

    async def put(self, *texts, pause=None):
        if texts and pause:
            time.sleep(1)


@app.get("/")
async def home(text: str):
    await {call}
"""


@pytest.mark.parametrize("call", ["Service.send(text)", "Service().post(text)", "Service().put(text, text)"])
def test_a_method_without_its_argument(call: str) -> None:
    assert not found("blocking/sleep", with_app("import time", _METHODS.format(call=call)))


@pytest.mark.parametrize(
    "call",
    [
        "Service.send(text, 1)",
        "Service().post(text, 1)",
        "Service().put(None, pause=1)",
        "Service.put(Service(), text, pause=1)",
    ],
)
def test_a_method_with_its_argument(call: str) -> None:
    assert found("blocking/sleep", with_app("import time", _METHODS.format(call=call)))


_REBOUND = """
async def build(config=None):
    {above}
    if config is None:
        {inside}
    {below}


@app.get("/")
async def home(text: str):
    await build(text)
"""


@pytest.mark.parametrize(("inside", "below"), [("config = time.sleep(1)", "pass"), ("time.sleep(1)", "config = None")])
def test_a_parameter_that_is_bound_again_below_tells(inside: str, below: str) -> None:
    source = _REBOUND.format(above="pass", inside=inside, below=below)
    assert not found("blocking/sleep", with_app("import time", source))


@pytest.mark.parametrize(
    ("above", "given", "is_found"),
    [
        ("if pair:\n        config, other = pair", "object()", False),
        ("if pair:\n        config, other = pair", "object(), pair=text", True),
        ("if pair and not text:\n        config = pair", "object(), text='a', pair=text", False),
        ("if pair and not text:\n        config = pair", "object(), text='', pair=text", True),
        ("if config is None:\n        config = text", "object()", False),
        ("if config is None:\n        config = text", "", True),
        ("if pair:\n        config = pair\n    config = text", "object()", True),
    ],
)
def test_a_parameter_that_is_bound_again_under_a_condition(above: str, given: str, is_found: bool) -> None:
    source = f"""
async def build(config=None, text=None, pair=None):
    {above}
    if config is None:
        time.sleep(1)


@app.get("/")
async def home(text: str):
    await build({given})
"""
    assert bool(found("blocking/sleep", with_app("import time", source))) is is_found


@pytest.mark.parametrize(
    ("body", "given", "is_found"),
    [
        ("if config or pair:\n        time.sleep(1)", "", False),
        ("if config or pair:\n        time.sleep(1)", "pair=text", True),
        ("if config is None and pair is None:\n        return\n    time.sleep(1)", "text='a'", False),
        ("if config is None and pair is None:\n        return\n    time.sleep(1)", "config='a'", True),
        ("if not (config and pair):\n        time.sleep(1)", "object(), pair='a'", True),
        ("if not (config and pair):\n        time.sleep(1)", "'b', pair='a'", False),
        ("config = config or pair and time.sleep(1)", "'b'", False),
        ("config = config or pair and time.sleep(1)", "pair=text", True),
        ("if config is None:\n        config = {}\n        time.sleep(1)", "text", False),
        ("if config is None:\n        config = {}\n        time.sleep(1)", "None", True),
        ("if config == 'a' or text == 'b':\n        time.sleep(1)", "'b', 'a'", False),
        ("if config == 'a' or text == 'b':\n        time.sleep(1)", "'b', 'b'", True),
        ("if config or text.strip():\n        time.sleep(1)", "", True),
        ("if pair and config == 'a':\n        return\n    if config == 'a':\n        time.sleep(1)", "text", True),
        ("if pair and config == 'a':\n        return\n    if config == 'a':\n        time.sleep(1)", "'b'", False),
    ],
)
def test_one_of_several_conditions(body: str, given: str, is_found: bool) -> None:
    source = f"""
async def build(config=None, text=None, pair=None):
    {body}


async def around(config=None, text=None, pair=None):
    return await build(config, text, pair)


@app.get("/")
async def home(text: str):
    await around({given})
"""
    assert bool(found("blocking/sleep", with_app("import time", source))) is is_found


def test_a_parameter_that_is_bound_again_above_or_in_a_loop_tells_nothing() -> None:
    above = _REBOUND.format(above="config = text()", inside="time.sleep(1)", below="pass")
    looped = """
    async def build(config=None):
        for each in config:
            if config is None:
                time.sleep(1)
            config = each


    @app.get("/")
    async def home(text: str):
        await build(text)
    """
    for source in (above, looped):
        assert found("blocking/sleep", with_app("import time", source))


_DECORATED = """
def calmly(function):
    @wraps(function)
    def around(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception:
            return None

    return around


def opened(function):
    def around(*args, **kwargs):
        return function(Config(), *args, **kwargs)

    return around


class Config: ...


@{decorator}
def build(text, config=None):
    if config is None:
        time.sleep(1)


@app.get("/")
async def home(text: str):
    return build({given})
"""


@pytest.mark.parametrize(
    ("decorator", "given", "is_found"),
    [
        ("calmly", "text, Config()", False),
        ("calmly", "text", True),
        ("opened", "text, config=Config()", False),
        ("opened", "text, Config()", True),
        ("unknown", "text, config=Config()", False),
        ("unknown", "text, Config()", True),
        ("unknown()", "text, config=None", True),
    ],
)
def test_what_a_decorator_gives_on(decorator: str, given: str, is_found: bool) -> None:
    """A decorator may give more than it was given, so that only names tell of it what they say."""
    imports = "import time\nfrom functools import wraps\n\nfrom elsewhere import unknown"
    source = _DECORATED.format(decorator=decorator, given=given)
    assert bool(found("blocking/sleep", with_app(imports, source))) is is_found


def test_what_a_manager_does_after_a_failure_is_not_told_first() -> None:
    source = """
    class Opened:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, traceback):
            if error is not None:
                time.sleep(1)
            requests.post("https://example.com")


    def work():
        with Opened():
            pass


    @app.get("/")
    async def home():
        work()
    """
    (finding,) = found("clients/requests", with_app("import time\n\nimport requests", source))
    assert finding.chain[-1].name == "requests.post"


_KINDS = """
class Frame: ...


class Wide(Frame): ...


class Other: ...


def told() -> str: ...


def save(data, name=None):
    if isinstance(data, {asked}):
        time.sleep(1)
    {otherwise}


@app.get("/")
async def home(text: str, frame: Frame, wide: Wide, rows: list[str], table: Dict[str, int], any):
    given = json.dumps(any)
    save({given})
"""


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("Frame", "given"),
        ("Frame", "text"),
        ("Frame", "told()"),
        ("Frame", "'a'"),
        ("Frame", "None"),
        ("Frame", "Other()"),
        ("(Frame, bytes)", "text"),
        ("Frame | int", "text"),
        ("Path", "text"),
        ("int", "1.5"),
        ("Wide", "Other()"),
        ("Frame", "rows"),
        ("(str, Path)", "table"),
        ("list", "table"),
    ],
)
def test_another_kind_than_is_asked_for_is_left_alone(asked: str, given: str) -> None:
    source = _KINDS.format(asked=asked, given=given, otherwise="pass")
    imports = "import json\nimport time\nfrom pathlib import Path\nfrom typing import Dict"
    assert not found("blocking/sleep", with_app(imports, source))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("Frame", "frame"),
        ("Frame", "wide"),
        ("Wide", "frame"),  # which may be one
        ("Frame", "any"),
        ("Frame", "unknown(text)"),
        ("str", "given"),
        ("(Frame, str)", "text"),
        ("(Frame, unknown)", "text"),
        ("int", "True"),
        ("Sized", "text"),
        ("object", "text"),
        ("Frame", "text or frame"),
        ("(list, bytes)", "rows"),
        ("dict", "table"),
        ("Mapping", "table"),
    ],
)
def test_what_may_be_of_the_kind_that_is_asked_for_is_found(asked: str, given: str) -> None:
    imports = "import json\nimport time\nfrom collections.abc import Mapping, Sized\nfrom typing import Dict\n\nfrom elsewhere import unknown"
    assert found("blocking/sleep", with_app(imports, _KINDS.format(asked=asked, given=given, otherwise="pass")))


@pytest.mark.parametrize(("given", "is_found"), [("text", False), ("given", False), ("frame", True)])
def test_the_other_branch_of_a_question_for_the_kind(given: str, is_found: bool) -> None:
    source = _KINDS.format(asked="str", given=given, otherwise="else:\n        requests.get(name)")
    assert bool(found("clients/requests", with_app("import json\nimport time\n\nimport requests", source))) is is_found


@pytest.mark.parametrize(
    ("declared", "is_found"),
    [
        ("def load(*names):", False),
        ("def load(name):", False),
        ("def load(name, item=None):", True),
        ("def load(name, **options):", True),
        ("@traced\ndef load(name):", True),
        ("class load:\n    def __init__(self, name):", False),
        ("class load:\n    def __init__(self, name, item):", True),
    ],
)
def test_a_call_that_gives_what_a_function_does_not_take_never_runs_it(declared: str, is_found: bool) -> None:
    deeper = "    " * (1 + declared.startswith("class"))
    source = f"""
{declared}
{deeper}time.sleep(1)


@app.get("/")
async def home(name: str):
    return load(name, item=name)
"""
    imports = "import time\n\nfrom elsewhere import traced"
    assert bool(found("blocking/sleep", with_app(imports, source))) is is_found


@pytest.mark.parametrize(
    ("annotation", "is_found"),
    [
        ("BackgroundTasks", False),
        ("fastapi.Request", False),
        ("BackgroundTasks | None = None", True),
        ("list", True),
        ("UploadFile", True),
    ],
)
def test_what_always_counts_as_true(annotation: str, is_found: bool) -> None:
    source = f"""
class Mailer:
    def send(self, text, tasks=None):
        if tasks:
            return tasks.add_task(self.deliver, text)
        return self.deliver(text)

    def deliver(self, text):
        time.sleep(1)


async def recover(text, tasks):
    Mailer().send(text, tasks=tasks)


@app.get("/")
async def home(text: str, tasks: {annotation}):
    await recover(text, tasks)
"""
    imports = "import time\n\nimport fastapi\nfrom fastapi import BackgroundTasks, UploadFile"
    assert bool(found("blocking/sleep", with_app(imports, source))) is is_found
