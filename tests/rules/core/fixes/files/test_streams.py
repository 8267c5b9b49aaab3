"""Files that ffmpeg reads and writes when a stream is run: two requests that name them alike come into each other's way."""

import pytest

from rules.core.fixes.files.colliding import COLLIDING
from rules.core.fixes.files.rewriting import REUSED
from rules.core.fixes.files.same import WRITTEN_AT_ONCE
from tests.rules.checking import found, with_app

IMPORTS = """
import os
import subprocess
from pathlib import Path
from uuid import uuid4

import ffmpeg
from fastapi import UploadFile
"""
PROGRAM = """
FOLDER = Path("kept")


@app.post("/")
async def home(file: UploadFile, name: str) -> None:
    raw = {raw}
    with open(raw, "wb") as there:
        there.write(await file.read())
    {body}


@app.post("/other")
async def other(file: UploadFile, name: str) -> None:
    await file.seek(0)
    {body}
"""
NAMED = "file.filename"
OWN = "f'{uuid4()}.mp4'"


def notes(body: str, raw: str, place: int) -> set[str]:
    """What the fix says of the endpoint at that place, the first or the second."""
    source = with_app(IMPORTS, PROGRAM.format(raw=raw, body=body.replace("\n", "\n    ")))
    fixes = [one.fix for one in found("blocking/subprocess", source)][place::2]
    assert fixes
    return {note for fix in fixes if fix is not None for note in fix.notes}


READING = [
    "ffmpeg.input(raw).output('pipe:').run()",
    "ffmpeg.input(raw, ss=0).filter('scale', 1, 2).output(f'{uuid4()}.jpg').run(quiet=True)",
    "ffmpeg.input(filename=raw).output('-', format='null').run()",
    "stream = ffmpeg.input(raw)\nstream = ffmpeg.output(stream, f'{uuid4()}.jpg')\nffmpeg.run(stream)",
    "subprocess.run(['ffmpeg', '-y', '-i', raw, f'{uuid4()}.mp4'], check=True)",
    "command = ['ffmpeg', '-i', raw, '-']\nsubprocess.check_output(command)",
    "subprocess.check_call(args=['ffmpeg', '-i', 'sound.mp3', '-i', raw, f'{uuid4()}.mp4'])",
    "sound = ffmpeg.input('sound.mp3')\nffmpeg.output(ffmpeg.input(raw), sound, f'{uuid4()}.mp4').run()",
]


@pytest.mark.parametrize("body", READING)
def test_what_a_stream_reads_another_request_may_have_written_in_between(body: str) -> None:
    assert notes(body, NAMED, 0) == {REUSED}
    assert notes(body, OWN, 0) == set()


@pytest.mark.parametrize("made", ["f'{name}.jpg'", "FOLDER / name", "str(FOLDER / name)", "filename=f'{name}.jpg'"])
def test_two_streams_may_write_at_once_what_two_requests_name_the_same(made: str) -> None:
    assert notes(f"ffmpeg.input('a.mp4').output({made}).run()", OWN, 1) == {COLLIDING}
    assert notes(f"stream = ffmpeg.input('a.mp4')\nffmpeg.run(ffmpeg.output(stream, {made}))", OWN, 1) == {COLLIDING}


@pytest.mark.parametrize("made", ["f'{name}.jpg'", "FOLDER / name", "str(FOLDER / name)"])
def test_two_commands_may_write_at_once_what_two_requests_name_the_same(made: str) -> None:
    assert notes(f"subprocess.run(['ffmpeg', '-i', 'a.mp4', {made}])", OWN, 1) == {COLLIDING}


def test_a_stream_that_is_read_below_another_request_may_have_written_anew() -> None:
    body = "ffmpeg.input('a.mp4').output(f'{name}.jpg').run()\nwith open(f'{name}.jpg', 'rb') as made:\n    print(made)"
    assert notes(body, OWN, 1) == {REUSED}


def test_a_stream_of_one_name_is_written_by_all() -> None:
    assert notes("ffmpeg.input(name).output('kept/a.jpg').run()", OWN, 1) == {WRITTEN_AT_ONCE}


@pytest.mark.parametrize(
    "body",
    [
        "ffmpeg.input(name).output('pipe:').run(capture_stdout=True)",
        "ffmpeg.input(name).output('rtmp://a.example/live').run()",
        "ffmpeg.input(name).output('null', f='null').run()",
        "ffmpeg.input(name).output(os.devnull).run()",
        "ffmpeg.input(name).output(f'{uuid4()}.jpg').run()",
        "ffmpeg.input(name).output(str(FOLDER / uuid4().hex / name)).run()",
        "subprocess.run(['ffmpeg', '-i', name, f'{uuid4()}.jpg'])",
        "subprocess.check_output(['ffmpeg', '-i', name, '-'])",
        "subprocess.check_output(['ffmpeg'])",
        "subprocess.run(['cat', f'{name}.jpg'])",
    ],
)
def test_what_is_written_nowhere_else_or_by_one_alone_any_thread_may_run(body: str) -> None:
    assert notes(body, OWN, 1) == set()


def test_what_other_libraries_run_is_no_stream() -> None:
    body = "job.input(raw).output(f'{name}.jpg').run()\nffmpeg.probe('a.mp4')"
    assert notes(body, NAMED, 0) == set()
