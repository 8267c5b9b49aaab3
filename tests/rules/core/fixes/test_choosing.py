"""Of the fixes of all findings those are chosen that can be made together."""

from collections.abc import Mapping

from bot.fixing import Project, fix_all
from rules import Way, read_facts
from tests.rules.checking import EVERYTHING, analysed, assert_settles, assert_whole_file_fixed, project, with_app

CLIENT = "from openai import OpenAI\n\nclient = OpenAI()\n"
HELPER = """
import time

from app.ai import client


def ask(question: str) -> str:
    time.sleep(1)
    return client.responses.create(model="m", input=question).output_text
"""
MAIN = """
from fastapi import FastAPI, Request

from app.ai import client
from app.helper import ask

app = FastAPI()


@app.post("/first")
async def first(request: Request) -> str:
    question = (await request.json())["question"]
    return ask(question) + client.responses.create(model="m", input=question).output_text


@app.get("/second")
async def second(question: str) -> str:
    return ask(question)
"""


def fixed(main: str, files: Mapping[str, str], *, unsafe: bool = True) -> dict[str, str]:
    """The files after all fixes."""
    sources = project(main, files)
    facts = {path: read_facts(text) for path, text in sources.items()}
    started = Project(sources, facts, None, EVERYTHING)
    done = fix_all(started, started.analyze(), wanted=lambda _: True, unsafe=unsafe)
    return {path: text.decode() for path, text in done.project.sources.items()}


def test_a_client_that_is_exchanged_beside_helpers_that_are_handed_over() -> None:
    """The fix that makes the helper asynchronous mends every call of it; none is handed to a thread as well."""
    after = fixed(MAIN, {"app/ai.py": CLIENT, "app/helper.py": HELPER})
    assert "await await" not in after["app/main.py"]
    assert 'return await ask(question) + (await client.responses.create(model="m"' in after["app/main.py"]
    assert "return await ask(question)\n" in after["app/main.py"]
    assert "await asyncio.sleep(1)" in after["app/helper.py"]
    assert "AsyncOpenAI()" in after["app/ai.py"]


def test_each_finding_that_one_fix_mends_names_it() -> None:
    """So that a comment at any of them says the same."""
    findings = analysed(project(MAIN, {"app/ai.py": CLIENT, "app/helper.py": HELPER})).findings
    assert len(findings) == 3
    assert len({finding.fix for finding in findings}) == 1
    assert {finding.fix.way for finding in findings if finding.fix} == {Way.TWIN}


def test_a_helper_that_somebody_else_needs_as_it_is() -> None:
    """It stays, and is handed over at each call; so is the client."""
    files = {"app/ai.py": CLIENT, "app/helper.py": HELPER, "scripts/run.py": "from app.helper import ask\n\nask('x')\n"}
    after = fixed(MAIN, files)
    assert "await run_in_threadpool(ask, question) + (await run_in_threadpool(client.resp" in after["app/main.py"]
    assert after["app/helper.py"] == HELPER.lstrip("\n")
    assert after["app/ai.py"] == CLIENT


def test_calls_that_stand_in_each_other() -> None:
    """What is made of the outer one and of the inner one is made at once."""
    after = assert_whole_file_fixed(
        with_app(
            "import time\n\nimport requests\nfrom google.cloud import bigquery",
            """
            warehouse = bigquery.Client()


            @app.post("/")
            async def home(url: str, body: dict) -> list:
                if time.sleep(1):
                    await body
                rows = warehouse.query(requests.get(url).text).result()
                return [rows, warehouse.query("select 1").result().total_rows]
            """,
        )
    )
    assert b"await await" not in after


def test_a_chain_in_a_chain_settles() -> None:
    assert_settles(
        with_app(
            "import subprocess\n\nimport requests",
            """
            @app.post("/")
            async def home(url: str, body: dict) -> dict:
                await body
                return requests.get(subprocess.run([url], check=True).stdout.decode()).json()
            """,
        )
    )


def test_a_helper_within_a_chain() -> None:
    """What a thread does as a whole has no `await` in it."""
    after = assert_whole_file_fixed(
        with_app(
            "import time\n\nfrom google.cloud import bigquery",
            """
            warehouse = bigquery.Client()


            def statement(name: str) -> str:
                time.sleep(1)
                return f"select * from {name}"


            @app.post("/")
            async def home(name: str, body: dict) -> int:
                await body
                return warehouse.query(statement(name)).result().total_rows
            """,
        )
    )
    assert b"(await run_in_threadpool(lambda: warehouse.query(statement(name)).result())).total_rows" in after
