"""Archives that are packed and unpacked on the event loop."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, with_app

RULE = "blocking/archives"

ENDPOINT = '@app.post("/{name}")\nasync def pack(name: str):\n    '
AWAITING = '@app.post("/{name}")\nasync def pack(name: str, request: Request):\n    body = await request.body()\n    '
IMPORTS = """
import asyncio
import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile as z
from gzip import open as gopen
from pathlib import Path
from tarfile import TarFile
from zipfile import ZipFile

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "body",
    [
        'ZipFile("a.zip").extractall("b")',
        'with ZipFile("a.zip") as a:\n        a.extractall("b")',
        'with z.ZipFile(io.BytesIO(b"")) as a:\n        a.extractall("b")',
        'with ZipFile(name) as a:\n        a.extract("b")',
        'with ZipFile(f"{name}.zip", "w") as a:\n        a.write(name)',
        'with ZipFile(Path("a") / name) as a:\n        return a.read("b")',
        'with ZipFile(f"{name}.zip") as a:\n        return a.read("b")',
        'with ZipFile(os.path.join("a", name)) as a:\n        return a.testzip()',
        'path = Path(name)\n    with ZipFile(path, "w") as a:\n        a.writestr("b", b"")',
        'a = ZipFile(file=name, mode="w")\n    a.writestr("b", b"")',
        'with tarfile.open(name) as a:\n        a.extractall("b")',
        'with TarFile.open(name) as a:\n        a.extract("b")',
        'with tarfile.open(f"{name}.tar", "w") as a:\n        a.add(name)',
        'with tarfile.open(fileobj=io.BytesIO(), mode="w") as a:\n        a.add(name)',
        "with gzip.open(name) as f:\n        return f.read()",
        'with gopen(f"{name}.gz", "rt") as f:\n        return [line for line in f]',
        "with bz2.open(Path(name)) as f:\n        return f.read()",
        "with lzma.LZMAFile(filename=name) as f:\n        return f.read()",
        "return gzip.open(name).read()",
        "f = bz2.BZ2File(name)\n    return f.readlines()",
        'f = gzip.GzipFile(name, "w")\n    f.write(b"")',
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (
            'with ZipFile(name) as a:\n        a.extractall("b")',
            'with ZipFile(name) as a:\n        await run_in_threadpool(a.extractall, "b")',
        ),
        (
            'with ZipFile(name) as a:\n        return a.read("b")[1:]',
            'with ZipFile(name) as a:\n        return (await run_in_threadpool(a.read, "b"))[1:]',
        ),
        (
            "f = gzip.open(name)\n    return f.read()",
            "f = gzip.open(name)\n    return await run_in_threadpool(f.read)",
        ),
    ],
)
def test_the_work_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    assert_fixes(RULE, with_app(IMPORTS, f"{AWAITING}{body}\n"), with_app(IMPORTS, f"{AWAITING}{after}\n"))


def test_only_to_open_in_a_thread_is_not_offered() -> None:
    (finding,) = assert_unfixed(
        RULE, with_app(IMPORTS, f"{AWAITING}with gzip.open(name) as f:\n        return f.read()\n")
    )
    assert str(finding.severity) == "warning"


@pytest.mark.parametrize("annotation", ["ZipFile", "z.ZipFile", "'ZipFile'", "ZipFile | None"])
def test_an_archive_by_its_type_is_unpacked(annotation: str) -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            f"""
            def unpack(archive: {annotation}, target):
                archive.extractall(target)

            @app.post("/")
            async def up(request: Request):
                unpack(unknown(), await request.json())
            """,
        )
    )


def test_an_archive_on_self() -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            """
            class Import:
                def __init__(self, path):
                    self.archive = ZipFile(path)

                def unpack(self):
                    self.archive.extractall("b")


            @app.post("/")
            async def up(request: Request):
                Import(await request.json()).unpack()
            """,
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        'with ZipFile(io.BytesIO(b""), "w") as a:\n        a.writestr("b", b"")',
        'buffer = io.BytesIO()\n    with ZipFile(buffer, "w") as a:\n        a.writestr("b", b"")',
        'with ZipFile(unknown) as a:\n        return a.read("b")',
        'with ZipFile(unknown.file) as a:\n        return a.read("b")',
        "with ZipFile(name) as a:\n        return a.namelist()",
        "with ZipFile(name) as a:\n        return a.getinfo('b')",
        "with tarfile.open(name) as a:\n        return a.getnames()",
        'with tarfile.open(fileobj=io.BytesIO(), mode="w") as a:\n        a.addfile(tarfile.TarInfo("b"), io.BytesIO())',
        "with gzip.open(io.BytesIO(name)) as f:\n        return f.read()",
        'with gzip.GzipFile(fileobj=io.BytesIO()) as f:\n        f.write(b"")',
        'with gzip.open("words.gz") as f:\n        return f.read()',
        'return gzip.compress(b"")',
        'return gzip.decompress(b"")',
        'return await asyncio.to_thread(ZipFile(name).extractall, "b")',
        "return await run_in_threadpool(lambda: ZipFile(name).extractall())",
        "return unknown.extractall(name)",
        "return unknown.read(name)",
        'ZipFile = unknown\n    ZipFile(name).extractall("b")',
        "return z.is_zipfile(name)",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    ZipFile("a").extractall()\n',
        'ZipFile("a").extractall()\n',
        (
            'def pack(buffer):\n    with ZipFile(buffer, "w") as a:\n        a.writestr("b", b"")\n\n\n'
            '@app.get("/")\nasync def home():\n    pack(io.BytesIO())\n'
        ),
    ],
)
def test_what_is_not_on_the_loop_or_in_memory_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))


def test_handing_over_is_no_reversal() -> None:
    assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}ZipFile(name).extractall(body)\n"), way=Way.REVERSE)
