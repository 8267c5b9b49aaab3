"""Names of files that were free when they were looked for: another request may take one while something is awaited."""

from textwrap import dedent

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.rewriting import LOOKED
from tests.rules.checking import found, with_app

NAMED = """
        STORE = Path("rows")


        def free(path: Path) -> Path:
            while path.exists():
                path = path.with_name("other")
            return path


        @app.post("/")
        async def upload(file: UploadFile) -> None:
            path = {path}
            with open(path, "wb") as kept:
                shutil.copyfileobj(file.file, kept)
"""


@pytest.mark.parametrize(
    ("path", "way", "applicability"),
    [
        ("free(STORE / file.filename)", Way.OFFLOAD, Applicability.SAFE),
        ("STORE / str(uuid4())", Way.REVERSE, Applicability.SAFE),
    ],
)
def test_a_name_that_was_free_is_still_free_when_the_file_is_opened(
    path: str, way: Way, applicability: Applicability
) -> None:
    """Nothing comes between the look for a free name and the opening, as long as both are done on the event loop."""
    source = dedent(NAMED.format(path=path))
    imports = "import shutil\nfrom pathlib import Path\nfrom uuid import uuid4\n\nfrom fastapi import UploadFile"
    (finding,) = found("blocking/files", with_app(imports, source))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (way, applicability)


STORING = """
        STORE = Path("rows")


        def free(path: Path) -> Path:
            while path.exists():
                path = path.with_name("other")
            return path


        def kept(name: str, data: bytes) -> None:
            (STORE / name).write_bytes(data)


        def stored(name: str, data: bytes) -> None:
            path = free(STORE / name)
            path.write_bytes(data)


        def stored_beside(name: str, data: bytes) -> None:
            path = STORE / name
            while path.exists():
                path = STORE / f"{{name}}-1"
            path.write_bytes(data)


        def stored_once(name: str, data: bytes) -> None:
            path = STORE / name
            if not path.exists():
                path.write_bytes(data)


        def stored_first(name: str, data: bytes) -> None:
            path = STORE / "first"
            for number in range(9):
                path = STORE / f"{{name}}-{{number}}"
                if not path.exists():
                    break
            path.write_bytes(data)


        def stored_and_named_anew(names: list[str], data: bytes) -> None:
            for name in names:
                if name:
                    path = STORE / name
                    if not path.exists():
                        path.write_bytes(data)
                        path = STORE / "shown" / name
                else:
                    path = STORE / "none"
                print(path)


        def stored_new(name: str, data: bytes) -> None:
            path = STORE / name
            if path.exists():
                raise FileExistsError(name)
            path.write_bytes(data)


        def stored_unless_in_conflict(name: str, data: bytes) -> None:
            path = STORE / name
            if path.exists():
                raise HTTPException(409)
            path.write_bytes(data)


        def stored_again(name: str, data: bytes) -> None:
            path = STORE / name
            if not path.exists():
                raise HTTPException(404)
            path.write_bytes(data)


        def stored_unless_there(name: str, data: bytes) -> None:
            path = STORE / name
            if path.exists():
                raise HTTPException(400)
            path.write_bytes(data)


        def copied_unless_there(name: str, data: bytes) -> None:
            path = STORE / name
            if path.exists():
                raise HTTPException(409)
            shutil.copyfile(STORE / "first", path)


        def copied_again(name: str, data: bytes) -> None:
            path = STORE / name
            if not path.exists():
                raise HTTPException(404)
            shutil.copyfile(STORE / "first", path)


        def moved_unless_named_alike(name: str, data: bytes) -> None:
            path = STORE / name
            for one in STORE.rglob("*"):
                if one.stem == path.stem:
                    raise HTTPException(400)
            (STORE / "first").rename(path)
            print((STORE / "first").read_bytes())


        def stored_by_itself(name: str, data: bytes) -> None:
            for one in STORE.rglob("*"):
                print(one.stem)
            if not name:
                raise HTTPException(400)
            (STORE / name).write_bytes(data)


        def stored_if_all_are_short(name: str, data: bytes) -> None:
            for one in STORE.rglob("*"):
                if one.stat().st_size > 9:
                    raise HTTPException(400)
            (STORE / name).write_bytes(data)


        def stored_in_each(name: str, data: bytes) -> None:
            for path in (STORE / name, STORE / "all"):
                if path.exists():
                    path.write_bytes(data)
            for path in (STORE / name, STORE / "more"):
                if path.exists():
                    path.write_bytes(data)


        @app.post("/")
        async def upload(file: UploadFile) -> None:
            data = await file.read()
            name = file.filename
            {body}
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("stored(name, data)", True),
        ("stored_in_each(name, data)", False),
        ("stored_and_named_anew([name], data)", False),
        ("stored_first(name, data)", True),
        ("stored_new(name, data)", True),
        ("stored_unless_in_conflict(name, data)", True),
        ("stored_again(name, data)", False),
        ("stored_unless_there(name, data)", True),
        ("copied_unless_there(name, data)", True),
        ("copied_again(name, data)", False),
        ("moved_unless_named_alike(name, data)", True),
        ("stored_by_itself(name, data)", False),
        ("stored_if_all_are_short(name, data)", False),
        ("stored_beside(name, data)", True),
        ("path = free(STORE / name)\n            path.write_bytes(data)", True),
        ("path = free(STORE / name)\n            print((STORE / name).read_bytes())", False),
        ("kept(name, data)", False),
        ("stored_once(name, data)", False),
    ],
)
def test_a_name_that_was_free_may_be_taken_while_something_is_awaited(body: str, *, is_told: bool) -> None:
    source = with_app(
        "import shutil\nfrom pathlib import Path\n\nfrom fastapi import HTTPException, UploadFile",
        dedent(STORING.format(body=body)),
    )
    fixes = [one.fix for one in found("blocking/files", source) if one.fix]
    assert fixes
    assert {LOOKED in fix.notes for fix in fixes} == {is_told}
    assert Applicability.SAFE not in {fix.applicability for fix in fixes} or not is_told


def test_a_helper_that_looks_for_a_free_name_runs_beside_no_other_request() -> None:
    source = dedent(STORING.format(body="stored(name, data)")).replace("await file.read()", 'b"x"')
    findings = found("blocking/files", with_app("from pathlib import Path\n\nfrom fastapi import UploadFile", source))
    assert not [fix for one in findings if one.fix for fix in (one.fix, *one.alternatives) if fix.way is Way.REVERSE]
