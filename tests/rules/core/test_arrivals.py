"""Whether a call under a condition is reached, over several helpers that are awaited."""

import pytest

from rules import analyze, read_facts
from tests.rules.checking import Files, found, with_app

_SLEEP = "import time"


def _sleeps(source: str, files: Files | None = None) -> bool:
    return bool(found("blocking/sleep", with_app(_SLEEP, source), files))


_CHAIN = """
async def screenshot():
    time.sleep(1)


async def crawl(url, shot=False):
    if shot:
        await screenshot()


async def fetch(url, *, shot=False, kind="page"):
    if kind == "page":
        return await crawl(url, shot)
    return await crawl(url, True)


@app.get("/")
async def home(url: str, wanted: bool):
    return await fetch({given})
"""


@pytest.mark.parametrize("given", ["url", "url, shot=False", "url, shot=None, kind='page'"])
def test_a_branch_that_no_caller_asks_for_is_left_alone(given: str) -> None:
    assert not _sleeps(_CHAIN.format(given=given))


@pytest.mark.parametrize("given", ["url, shot=True", "url, shot=wanted", "url, kind='file'", "url, kind=url", "**url"])
def test_a_branch_that_a_caller_asks_for_is_found(given: str) -> None:
    assert _sleeps(_CHAIN.format(given=given))


_TWO = """
async def inner(client=None):
    if client is None:
        time.sleep(1)


async def outer(client=None):
    await inner(client)


@app.get("/given")
async def given():
    await outer(object())


@app.get("/other")
async def other(x):
    {other}
"""


def test_the_route_is_told_that_comes_there() -> None:
    (finding,) = found("blocking/sleep", with_app(_SLEEP, _TWO.format(other="await outer()")))
    assert finding.route == "GET /other"
    assert [step.name for step in finding.chain] == ["other", "outer", "inner"]


def test_several_ways_none_of_which_comes_there() -> None:
    assert not _sleeps(_TWO.format(other="await inner([])"))


@pytest.mark.parametrize(
    "other",
    ["await x.outer()", "run(outer)", "[f() for f in (inner,)]", "f = outer\n    await f()", "await partial(outer)()"],
)
def test_who_may_call_it_unseen_leaves_all_open(other: str) -> None:
    assert _sleeps(_TWO.format(other=other))


_METHODS = """
class Base:
    async def send(self, text, pause=0):
        ...


class Mail(Base):
    async def send(self, text, pause=0):
        if pause:
            time.sleep(pause)


@app.get("/")
async def home(text: str):
    await Mail().send(text)


{other}
"""


@pytest.mark.parametrize(
    "other",
    [
        "async def other(mail):\n    await mail.send('', 1)",
        "async def other(base: Base):\n    await base.send('', 1)",
        "async def other(mail: Mail):\n    return mail.send",
        "app.post('/')(Mail().send)",
    ],
)
def test_a_method_that_others_may_mean_leaves_all_open(other: str) -> None:
    assert _sleeps(_METHODS.format(other=other))


@pytest.mark.parametrize(
    "other",
    [
        "",
        "async def other(mail: Mail):\n    await mail.send('', 0)",
        "class Other:\n    async def send(self, text, pause=1): ...\n\n\nasync def other():\n    await Other().send('', 1)",
    ],
)
def test_a_method_that_nobody_else_means(other: str) -> None:
    assert not _sleeps(_METHODS.format(other=other))


def test_a_test_does_not_leave_it_open() -> None:
    test = "async def test(mail):\n    await mail.send('', 1)\n    assert mail.send\n"
    assert not _sleeps(_METHODS.format(other=""), {"tests/test_mail.py": test})


def test_a_root_that_is_called_as_well_is_given_anything() -> None:
    assert _sleeps("""
    @app.get("/")
    async def home(pause: bool = False):
        if pause:
            time.sleep(1)


    @app.get("/other")
    async def other():
        await home(pause=False)
    """)


def test_recursion_and_many_ways_end() -> None:
    calls = "\n".join(f"    await walk({n!r}, {n})" for n in "abcdefghij" for n in (n, f'"{n}"'))
    source = f"""
async def walk(name, of=None):
    await walk(of, name)
    if name == "z":
        time.sleep(1)


@app.get("/")
async def home(a, b, c, d, e, f, g, h, i, j):
{calls}
"""
    assert _sleeps(source)


def test_a_client_that_is_given_is_not_made() -> None:
    source = """
    async def ask(url, client=None):
        if not url.startswith("http"):
            return None
        if client is not None:
            return await client.get(url)
        async with httpx.AsyncClient() as made:
            return await made.get(url)


    @app.get("/")
    async def home(url: str):
        return await ask(url, {given})
    """
    for given, is_made in (("object()", False), ("None", True)):
        text = with_app("import httpx", source.replace("{given}", given))
        assert bool(found("concurrency/clients", text)) is is_made


@pytest.mark.parametrize(
    ("call", "is_reached"),
    [("work()", False), ("await work()", True), ("task = work()", True), ("[work() for _ in x]", True)],
)
def test_a_coroutine_that_is_dropped_never_runs(call: str, is_reached: bool) -> None:
    source = f"""
async def work():
    time.sleep(1)


@app.get("/")
async def home(x):
    {call}
"""
    assert _sleeps(source) is is_reached


def test_a_very_long_chain_of_coroutines_is_told() -> None:
    steps = "\n\n\n".join(f"async def step{n}(x=None):\n    return await step{n + 1}(x)" for n in range(1500))
    source = f'{steps}\n\n\nasync def step1500(x=None):\n    time.sleep(1)\n\n\n@app.get("/")\nasync def home():\n    await step0()\n'
    files = {"app/main.py": read_facts(with_app(_SLEEP, source).encode())}
    (finding,) = [one for one in analyze(files, {}).findings if one.rule == "blocking/sleep"]
    assert len(finding.chain) == 1502
