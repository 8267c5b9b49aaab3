"""The exception that is handled just now, which no other thread has."""

from textwrap import dedent

import pytest

from rules import Finding, Way
from tests.rules.checking import assert_unfixed, found, with_app

IMPORTS = (
    "import logging\nimport sys\nimport traceback\n\nimport requests\nimport sentry_sdk\n\nlogger = logging.getLogger()"
)
REPORT = """
    def report(error=None) -> None:
        requests.post("https://a.example")
        {asking}


"""
CAUGHT = """
    @app.post("/")
    async def home(body: dict) -> None:
        try:
            await body["x"]
        except ValueError as error:
            report(error)
"""


def only(helper: str, use: str) -> Finding:
    (finding,) = found("clients/requests", with_app(IMPORTS, dedent(helper) + dedent(use).lstrip("\n")))
    return finding


@pytest.mark.parametrize(
    ("asking", "is_offered"),
    [
        ("print(traceback.format_exc())", False),
        ("print(sys.exc_info())", False),
        ("logger.exception('x')", False),
        ("logger.exception('x', extra={})", False),
        ("logger.error('x', exc_info=True)", False),
        ("logger.opt(exception=True).error('x')", False),
        ("sentry_sdk.capture_exception()", False),
        ("raise", False),
        ("if error is None:\n            raise", False),
        ("try:\n            print(error)\n        finally:\n            raise", False),
        ("logger.error('x')", True),
        ("logger.error('x', exc_info=error)", True),
        ("logger.exception('x', exc_info=error)", True),
        ("logger.error('x', exc_info=False)", True),
        ("sentry_sdk.capture_exception(error)", True),
        ("raise error", True),
        ("try:\n            print(error)\n        except OSError:\n            raise", True),
        ("try:\n            print(error)\n        except OSError:\n            logger.exception('x')", True),
        ("print(error.task.exception())", True),
    ],
)
def test_the_exception_that_is_handled_is_not_there_in_another_thread(asking: str, is_offered: bool) -> None:
    """`sys.exc_info` tells of the thread that asks, and a bare `raise` looks there as well."""
    assert (only(REPORT.format(asking=asking), CAUGHT).fix is not None) is is_offered


@pytest.mark.parametrize(
    "helper",
    [
        "def inner() -> None:\n    raise\n\n\ndef report(_) -> None:\n    requests.post('https://a.example')\n    inner()\n\n\n",
        "def report(_) -> None:\n    def inner():\n        raise\n\n    requests.post('https://a.example')\n    inner()\n\n\n",
    ],
)
def test_it_may_be_raised_anew_further_inside(helper: str) -> None:
    assert only(helper, CAUGHT).fix is None


def test_a_helper_that_handles_its_own_takes_it_along() -> None:
    helper = """
    def again() -> None:
        raise


    def report(_) -> None:
        try:
            requests.post("https://a.example")
        except OSError:
            again()


    """
    assert only(helper, CAUGHT).fix is not None


AROUND = """
    async def clean() -> None:
        await logger.ready
        report()


    async def clean_all() -> None:
        await clean()


    class Work:
        async def __aenter__(self) -> None:
            await logger.ready

        async def __aexit__(self, *_: object) -> None:
            await logger.ready
            {leaving}


    @app.exception_handler(ValueError)
    async def handler(_, error: ValueError) -> None:
        await logger.ready
        {handling}


    @app.post("/")
    async def home(body: dict) -> None:
        try:
            async with Work():
                await body["x"]
        except OSError:
            {catching}
"""


@pytest.mark.parametrize(
    "use",
    [
        AROUND.format(leaving="pass", handling="pass", catching="await clean_all()"),
        AROUND.format(leaving="report()", handling="pass", catching="pass"),
        AROUND.format(leaving="pass", handling="report()", catching="pass"),
    ],
    ids=["in a coroutine that is awaited there", "as a context ends", "in a handler of the framework"],
)
def test_whoever_is_called_meanwhile_handles_it_as_well(use: str) -> None:
    for finding in found("clients/requests", with_app(IMPORTS, dedent(REPORT.format(asking="raise") + use))):
        assert finding.fix is None


def test_nothing_is_handled_where_the_helper_is_called_besides() -> None:
    use = """
    @app.post("/")
    async def home(body: dict) -> None:
        await body["x"]
        report()
    """
    assert only(REPORT.format(asking="logger.exception('x')"), use).fix is not None


HANDLER = """
    @app.exception_handler(ValueError)
    async def handler(_, error: ValueError) -> None:
        requests.post("https://a.example")
        {asking}
"""
HANDLER_BY_HELPER = """
    @app.exception_handler(ValueError)
    async def handler(_, error: ValueError) -> None:
        report()
"""


@pytest.mark.parametrize("asking", ["logger.exception('x')", "print(traceback.format_exc())", "raise"])
def test_a_handler_of_the_framework_that_asks_keeps_its_async(asking: str) -> None:
    """As `def` it would run in a thread, for which nothing is handled."""
    source = with_app(IMPORTS, HANDLER.format(asking=asking))
    ways = {fix.way for one in found("clients/requests", source) for fix in (one.fix, *one.alternatives) if fix}
    assert ways == {Way.OFFLOAD}
    assert_unfixed("clients/requests", with_app(IMPORTS, dedent(REPORT.format(asking=asking) + HANDLER_BY_HELPER)))


def test_a_handler_that_tells_what_it_is_given_loses_its_async() -> None:
    source = with_app(IMPORTS, HANDLER.format(asking="logger.error('x', exc_info=error)"))
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    assert finding.fix.way is Way.REVERSE


STOPPING = """
    def header(path: str) -> str:
        with open(path) as lines:
            return next(lines)


    @app.get("/")
    async def home(path: str) -> str:
        await logger.ready
        try:
            return header(path)
        except {handled}:
            return ""
"""


@pytest.mark.parametrize(
    ("handled", "is_offered"),
    [
        ("StopIteration", False),
        ("(OSError, StopIteration)", False),
        ("builtins.StopIteration", False),
        ("OSError", True),
        ("StopAsyncIteration", True),
    ],
)
def test_no_thread_passes_on_the_end_of_an_iterator(handled: str, *, is_offered: bool) -> None:
    """`asyncio.to_thread` waits for ever then, and AnyIO gives a `RuntimeError`."""
    source = with_app(f"import builtins\n{IMPORTS}", STOPPING.format(handled=handled))
    (finding,) = found("blocking/files", source)
    assert (finding.fix is not None) is is_offered
