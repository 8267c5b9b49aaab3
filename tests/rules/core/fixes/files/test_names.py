"""What names a file: others have the name where the request, or the program, tells it; it stays the same from helper to helper."""

from textwrap import dedent

import pytest

from rules import Applicability
from rules.core.fixes.files.rewriting import REUSED, REWRITTEN
from tests.rules.checking import found, with_app

KEEPING = """
        STORE = Path("rows")


        class Store:
            def __init__(self, folder: str = "rows") -> None:
                self.folder = Path(folder)
                self.fresh = STORE / str(uuid4())

            async def keep(self, file: UploadFile) -> None:
                with open(self.folder / file.filename, "wb") as there:
                    shutil.copyfileobj(file.file, there)

            async def keep_fresh(self, file: UploadFile) -> None:
                with open(self.fresh / file.filename, "wb") as there:
                    shutil.copyfileobj(file.file, there)


        async def keep(file: UploadFile) -> None:
            with open(STORE / file.filename, "wb") as there:
                shutil.copyfileobj(file.file, there)


        async def keep_as(file: UploadFile, name: str, folder: str = "rows") -> None:
            path = Path(folder) / name
            with open(path, "wb") as there:
                shutil.copyfileobj(file.file, there)


        async def kept(file: UploadFile, name: str) -> None:
            await keep_as(file, name)


        store = Store()


        @app.post("/")
        async def upload(file: UploadFile) -> None:
            await file.seek(0)
            {body}


        def test_upload(file: UploadFile) -> None:
            keep_as(file, "test.txt")
"""


@pytest.mark.parametrize(
    ("body", "applicability"),
    [
        ("await keep(file)", Applicability.UNSAFE),
        ("await keep_as(file, file.filename)", Applicability.UNSAFE),
        ("await keep_as(file, file.filename, 'other')", Applicability.UNSAFE),
        ("await kept(file, name=f'{file.filename}.txt')", Applicability.UNSAFE),
        ("await store.keep(file)", Applicability.UNSAFE),
        ("await store.keep_fresh(file)", Applicability.SAFE),
        ("await keep_as(file, str(uuid4()))", Applicability.SAFE),
        ("await kept(file, f'{uuid4()}-{file.filename}')", Applicability.SAFE),
    ],
)
def test_a_helper_that_is_given_a_name_of_the_request_has_no_file_of_its_own(
    body: str, applicability: Applicability
) -> None:
    imports = "import shutil\nfrom pathlib import Path\nfrom uuid import uuid4\n\nfrom fastapi import UploadFile"
    source = with_app(imports, dedent(KEEPING.format(body=body)))
    fixes = [one.fix for one in found("blocking/files", source) if one.fix]
    assert {(one.applicability, REUSED in one.notes) for one in fixes} == {
        (applicability, applicability is Applicability.UNSAFE)
    }


LAYERS = """
        class Plain:
            def text(self, path) -> str:
                {rebound}
                with open(path) as file:
                    return file.read()

            def read(self, path) -> dict:
                return json.loads(self.text(path))

            def write(self, path, data: dict) -> None:
                with open(path, "w") as file:
                    json.dump(data, file)


        plain = Plain()


        class Rows:
            async def change(self, key: str, title: str) -> None:
                path = f"rows/{{key}}.json"
                data = plain.read(path)
                data["title"] = title
                self.write({written}, data)

            def write(self, target, data: dict) -> None:
                plain.write(target, data)


        rows = Rows()


        @app.post("/")
        async def home(key: str, title: str) -> None:
            await rows.change(key, title)
"""


@pytest.mark.parametrize(
    ("rebound", "written", "is_told"),
    [
        ("pass", "path", True),
        ("path = str(path)", "path", True),
        ("path = Path(path)", "Path(path)", True),
        ("if isinstance(path, str):\n                    path = Path(path)", "path", True),
        ("source = Path(path)\n                path = source", "path", True),
        ("pass", "f'rows/{key}.copy'", False),
        ("path = str(path)", "f'rows/{key}.copy'", False),
        ("path = str(path)", "f'rows/{uuid4()}.json'", False),
        ("path = path + '.old'", "path", False),
    ],
)
def test_a_path_is_the_same_one_however_many_helpers_it_goes_through(
    rebound: str, written: str, *, is_told: bool
) -> None:
    source = with_app(
        "import json\nfrom pathlib import Path\nfrom uuid import uuid4",
        dedent(LAYERS).format(rebound=rebound.replace("\n        ", "\n"), written=written),
    )
    fixes = [one.fix for one in found("blocking/files", source) if one.fix]
    assert {REWRITTEN in fix.notes for fix in fixes} == {is_told}
    assert Applicability.SAFE not in {fix.applicability for fix in fixes} or not is_told
