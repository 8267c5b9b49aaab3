"""Files that are written, and that a library then works on: another request may write one of the same name in between."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.rewriting import REUSED
from tests.rules.checking import found, with_app

IMPORTS = """
import shutil
from pathlib import Path
from uuid import uuid4

import whisper
from fastapi import UploadFile
from langchain_community.document_loaders import PyPDFLoader
from sqlalchemy.orm import Session
"""
PROGRAM = """
FOLDER = Path("kept")


def load(path: str) -> list:
    loader = PyPDFLoader(path)
    return loader.load()


def load_more(source: Path, more: bool = True) -> list:
    return load(str(source))


def load_all(paths: list) -> list:
    return [load(path) for path in paths]


def save(file: UploadFile, name: str) -> Path:
    target = FOLDER / name
    with open(target, "wb") as there:
        shutil.copyfileobj(file.file, there)
    return target


def save_to(file: UploadFile, target: Path) -> None:
    with open(target, "wb") as there:
        shutil.copyfileobj(file.file, there)


def note(path: str) -> None:
    print(path)


@app.post("/")
async def home(file: UploadFile, files: list[UploadFile], name: str) -> None:
    await file.seek(0)
    {body}
"""
LOADED = [
    "path = FOLDER / name\nwith open(path, 'wb') as there:\n    there.write(b'x')\nload(str(path))",
    "path = FOLDER / name\npath.write_bytes(b'x')\nload_more(path)",
    "path = FOLDER / name\npath.write_bytes(b'x')\nload_more(source=path)",
    "path = FOLDER / name\npath.write_bytes(b'x')\nloader = PyPDFLoader(str(path))\nloader.load()",
    "path = FOLDER / name\npath.write_bytes(b'x')\nPyPDFLoader(path).load()",
    "path = save(file, name)\nload(path)",
    "load(save(file, file.filename))",
    "path = FOLDER / name\nsave_to(file, path)\nload(path)",
    "paths = []\nfor one in files:\n    path = FOLDER / one.filename\n    path.write_bytes(b'x')\n    paths.append(path)\nload_all(paths)",
    "path = FOLDER / name\npath.write_bytes(b'x')\nload_all([path])",
]
LEFT = [
    "path = FOLDER / str(uuid4())\npath.write_bytes(b'x')\nload(path)",
    "path = save(file, f'{uuid4()}-{name}')\nload(path)",
    "path = FOLDER / str(uuid4())\nsave_to(file, path)\nload(path)",
    "path = FOLDER / name\nload(path)\npath.write_bytes(b'x')",
    "path = FOLDER / name\npath.write_bytes(b'x')\nload(FOLDER / 'other')",
    "path = FOLDER / name\nif name == 'a':\n    path.write_bytes(b'x')\nelse:\n    load(path)",
    "path = FOLDER / name\npath.write_bytes(b'x')\nnote(path)\nload('a.pdf')",
]


def told(body: str, rule: str) -> set[tuple[Applicability, bool]]:
    source = with_app(IMPORTS, PROGRAM.format(body=body.replace("\n", "\n    ")))
    given = [fix for one in found(rule, source) for fix in (one.fix, *one.alternatives) if fix]
    return {(fix.applicability, REUSED in fix.notes) for fix in given if fix.way is Way.OFFLOAD}


@pytest.mark.parametrize("body", LOADED)
def test_what_was_written_may_be_another_file_when_it_is_loaded(body: str) -> None:
    assert told(body, "clients/langchain") == {(Applicability.UNSAFE, True)}


@pytest.mark.parametrize("body", LEFT)
def test_what_nobody_else_wrote_is_loaded_in_any_thread(body: str) -> None:
    assert told(body, "clients/langchain") == {(Applicability.SAFE, False)}


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("path = FOLDER / name\nsave_to(file, path)\nload(path)", True),
        ("path = FOLDER / name\nload(path)\nsave_to(file, path)", False),
        ("path = FOLDER / name\nsave_to(file, path)\nnote(path)", False),
    ],
)
def test_what_is_written_in_a_thread_is_loaded_below(body: str, *, is_told: bool) -> None:
    """Two threads may write it at once in any case."""
    assert told(body, "blocking/files") == {(Applicability.UNSAFE, is_told)}
