"""Other processes that the event loop waits for."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, with_app

RULE = "blocking/subprocess"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
IMPORTS = """
import asyncio
import os
import subprocess
from subprocess import PIPE, Popen, check_output as output

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "call",
    [
        'subprocess.run(["date"])',
        'subprocess.call("date", shell=True)',
        'subprocess.check_call(["date"])',
        'subprocess.check_call(["pip", "list"])',
        'output(["date"])',
        'subprocess.getoutput("date")',
        'subprocess.getstatusoutput("date")',
        'os.system("date")',
        "os.waitpid(1, 0)",
        'Popen("date").wait()',
        'subprocess.Popen("date", stdout=PIPE).communicate()',
        'p = Popen("date")\n    p.communicate(timeout=3)',
        'with Popen("date") as p:\n        p.wait()',
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(call: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ('subprocess.run(["date"])', 'await run_in_threadpool(subprocess.run, ["date"])'),
        (
            'subprocess.run(["date"], check=True).stdout',
            '(await run_in_threadpool(subprocess.run, ["date"], check=True)).stdout',
        ),
        (
            'subprocess.run(\n        ["date"],\n        check=True,\n    )',
            'await run_in_threadpool(\n        subprocess.run,\n        ["date"],\n        check=True,\n    )',
        ),
        ("output(command).decode()", "(await run_in_threadpool(output, command)).decode()"),
        ("process.wait()", "await run_in_threadpool(process.wait)"),
        ("out, error = process.communicate()", "out, error = await run_in_threadpool(process.communicate)"),
        ('os.system("größe")', 'await run_in_threadpool(os.system, "größe")'),
    ],
)
def test_a_call_is_handed_over_where_the_function_awaits(call: str, after: str) -> None:
    above = f"{ENDPOINT}command = await request.json()\n    process = Popen(command)\n    "
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{call}\n"), with_app(IMPORTS, f"{above}{after}\n"))


def test_it_is_an_error_with_a_route() -> None:
    (finding,) = assert_unfixed(
        RULE,
        with_app(
            IMPORTS, '@app.websocket("/ws")\nasync def ws(x):\n    with Popen(x) as p: p.wait\n    os.system(x)\n'
        ),
        way=Way.REVERSE,
    )
    assert str(finding.severity) == "error"
    assert finding.route == "WS /ws"


def test_a_process_kept_on_self() -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            """
            class Job:
                def __init__(self, command):
                    self.process = subprocess.Popen(command)

                def finish(self):
                    return self.process.wait()


            @app.get("/")
            async def home(request: Request):
                job = Job(await request.json())
                return job.finish()
            """,
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        'subprocess.Popen(["date"])',
        'p = Popen("date")\n    p.poll()',
        'p = Popen("date")\n    p.kill()',
        'p = await asyncio.create_subprocess_exec("date")\n    await p.wait()',
        'p = await asyncio.create_subprocess_shell("date")\n    await p.communicate()',
        'await anyio.run_process(["date"])',
        'await asyncio.to_thread(subprocess.run, ["date"])',
        'await run_in_threadpool(subprocess.run, ["date"], check=True)',
        'await asyncio.get_running_loop().run_in_executor(None, subprocess.run, ["date"])',
        'await asyncio.get_event_loop().run_in_executor(None, lambda: subprocess.run(["date"]))',
        "return subprocess.CompletedProcess",
        'subprocess = object()\n    subprocess.run(["date"])',
        "unknown.wait()",
        "unknown.communicate()",
        "unknown.run()",
        "return os.getpid()",
        'subprocess.check_call([sys.executable, "-m", "pip", "install", package])',  # once for each package
        'subprocess.run(args=["pip", "install", package])',
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    subprocess.run(["date"])\n',
        'subprocess.run(["date"])\n',
        'def main():\n    subprocess.run(["date"])\n\n\nif __name__ == "__main__":\n    main()\n',
        '@app.on_event("startup")\nasync def start():\n    subprocess.run(["date"])\n',
        "class Job:\n    async def run(self):\n        subprocess.run(['date'])\n",
    ],
)
def test_what_is_not_on_the_loop_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import ffmpeg", 'ffmpeg.input("pipe:").output("-", format="s16le").run(input=b"")'),
        ("import ffmpeg", 'ffmpeg.run(ffmpeg.output(ffmpeg.input("a"), "b"))'),
        ("import ffmpeg", 'ffmpeg.output(ffmpeg.input("a"), "b").overwrite_output().run()'),
        ("import ffmpeg", 'ffmpeg.probe("a")'),
        ("from pydub import AudioSegment", 'AudioSegment.from_file("a.mp3")'),
        ("import whisper", 'whisper.load_audio("a.mp3")'),
        ("from whisperx.audio import load_audio", 'load_audio("a.mp3")'),
    ],
)
def test_a_library_that_starts_ffmpeg(imports: str, call: str) -> None:
    before = with_app(imports, f'@app.get("/")\nasync def home():\n    return {call}\n')
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import ffmpeg", 'ffmpeg.input("a").output("b").compile()'),
        ("import ffmpeg", 'ffmpeg.input("a").output("b").run_async()'),
        ("from pydub import AudioSegment", "AudioSegment.silent(100)"),
    ],
)
def test_a_library_that_starts_nothing_yet_is_left_alone(imports: str, call: str) -> None:
    assert_clean(RULE, with_app(imports, f'@app.get("/")\nasync def home():\n    return {call}\n'))
