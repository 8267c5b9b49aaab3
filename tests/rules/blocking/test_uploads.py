"""The file behind an upload."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, found, with_app

RULE = "blocking/uploads"

ENDPOINT = '@app.post("/")\nasync def up(file: UploadFile):\n    '
AWAITING = '@app.post("/")\nasync def up(file: UploadFile, request: Request):\n    body = await request.body()\n    '
IMPORTS = """
import asyncio
import io
import shutil
import tempfile

from fastapi import File, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "body",
    [
        "return file.file.read()",
        "return file.file.read(-1)",
        "return file.file.read(10_000_000)",
        "return file.file.read(size=10_000_000)",
        "return file.file.readlines()",
        "inner = file.file\n    return inner.read()",
        "with file.file as inner:\n        return inner.read()",
        "while chunk := file.file.read(1024):\n        print(chunk)",
        "data = [f.file.read() for f in (file, file)]",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return file.file.read()", "return await run_in_threadpool(file.file.read)"),
        ("return file.file.read().decode()", "return (await run_in_threadpool(file.file.read)).decode()"),
        ("lines = file.file.readlines()", "lines = await run_in_threadpool(file.file.readlines)"),
    ],
)
def test_the_read_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    assert_fixes(
        RULE, with_app(IMPORTS, f"{AWAITING}{body}\n"), with_app(IMPORTS, f"{AWAITING}{after}\n"), way=Way.OFFLOAD
    )


@pytest.mark.parametrize(
    "annotation",
    [
        "UploadFile",
        "UploadFile | None",
        "'UploadFile'",
        "Annotated[UploadFile, File()]",
        "fastapi.UploadFile",
        "Upload",
        "starlette.datastructures.UploadFile",
    ],
)
def test_each_way_to_say_that_it_is_an_upload(annotation: str) -> None:
    imports = """
        from typing import Annotated

        import fastapi
        import starlette.datastructures
        from fastapi import File, UploadFile, UploadFile as Upload
    """
    body = f'@app.post("/")\nasync def up(file: {annotation}):\n    return file.file.read()\n'
    assert found(RULE, with_app(imports, body))


def test_one_of_many() -> None:
    body = '@app.post("/")\nasync def up(files: list[UploadFile]):\n    return [file.file.read() for file in files]\n'
    assert_whole_file_fixed(with_app(IMPORTS, body))


def test_a_helper_in_another_file() -> None:
    (finding,) = assert_fixes(
        RULE,
        with_app(IMPORTS, f"from app.photos import size\n\n\n{AWAITING}return size(file)\n"),
        with_app(IMPORTS, f"from app.photos import size\n\n\n{AWAITING}return await run_in_threadpool(size, file)\n"),
        files={"app/__init__.py": "", "app/photos.py": "def size(upload):\n    return len(upload.file.read())\n"},
    )
    assert [step.name for step in finding.chain] == ["up", "size", "UploadFile.file.read"]


def test_a_dependency() -> None:
    body = """
        def content(file: UploadFile):
            return file

        async def read(file: UploadFile = Depends(content)):
            return file.file.read()

        @app.post("/")
        async def up(data: bytes = Depends(read)):
            return len(data)
    """
    assert_whole_file_fixed(with_app("from fastapi import Depends, UploadFile", body))


def test_it_warns() -> None:
    (finding,) = assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}return file.file.read()\n"), way=Way.REVERSE)
    assert str(finding.severity) == "warning"
    assert finding.message.startswith("`UploadFile.file.read` blocks the event loop in `POST /`")


@pytest.mark.parametrize(
    "body",
    [
        "return await file.read()",
        "head = file.file.read(512)",
        "head = file.file.read(size=16)",
        "head = file.file.read(0)",
        "file.file.seek(0)",
        "file.file.seek(0, 2)\n    return file.file.tell()",
        "file.file.close()",
        "return file.file.name",
        "return file.filename",
        "return io.BytesIO(b'').read()",
        "return tempfile.SpooledTemporaryFile().read()",
        "return await asyncio.to_thread(file.file.read)",
        "return await run_in_threadpool(file.file.read)",
        "return await run_in_threadpool(lambda: file.file.read())",
        "file = unknown()\n    return file.file.read()",
        "return other.file.read()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


def test_an_upload_class_of_the_project_is_left_alone() -> None:
    assert_clean(
        RULE,
        with_app("", f"from app.uploads import UploadFile\n\n\n{ENDPOINT}return file.file.read()\n"),
        files={"app/__init__.py": "", "app/uploads.py": "class UploadFile: ...\n"},
    )


def test_an_endpoint_in_a_thread_is_left_alone() -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}return file.file.read()\n".replace("async def", "def")))


def test_a_test_is_left_alone() -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}return file.file.read()\n"), path="tests/test_app.py")
