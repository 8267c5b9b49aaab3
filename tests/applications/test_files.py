"""Applications that read and write files, and take uploads."""

from tests.applications.playing import Stage, get, post


def test_reading_beside_an_await(stage: Stage) -> None:
    """A file that is not there is answered as before."""
    stage.same(
        {
            "main.py": """
                import asyncio
                from pathlib import Path

                from fastapi import FastAPI, HTTPException

                app = FastAPI()


                @app.get("/notes/{name}")
                async def note(name: str) -> dict[str, str]:
                    await asyncio.sleep(0)
                    try:
                        return {"text": Path(name).read_text()}
                    except FileNotFoundError:
                        raise HTTPException(404, "no such note") from None
                """,
            "one.md": "first\n",
        },
        get("/notes/one.md"),
        get("/notes/two.md"),
        fixes=1,
    )


def test_writing_where_nothing_is_awaited(stage: Stage) -> None:
    """An endpoint with `with open(...)` loses its `async`."""
    stage.same(
        """
        from fastapi import Body, FastAPI

        app = FastAPI()


        @app.post("/notes/{name}", status_code=201)
        async def write(name: str, text: str = Body()) -> int:
            with open(f"{name}.md", "a", encoding="utf-8") as file:
                for line in text.splitlines():
                    file.write(line + "!")
            return len(text)
        """,
        post("/notes/one", json="a\nb"),
        post("/notes/one", json="c"),
        fixes=1,
    )


def test_copying_a_tree(stage: Stage) -> None:
    """`shutil` in an endpoint that awaits."""
    stage.same(
        {
            "main.py": """
                import asyncio
                import shutil

                from fastapi import FastAPI

                app = FastAPI()


                @app.post("/copy")
                async def copy(to: str) -> str:
                    await asyncio.sleep(0)
                    return shutil.copytree("data", to)


                @app.post("/remove")
                async def remove(path: str) -> None:
                    await asyncio.sleep(0)
                    shutil.rmtree(path)
                """,
            "data/a.md": "a",
            "data/deep/b.md": "b",
        },
        post("/copy?to=other"),
        post("/copy?to=third"),
        post("/remove?path=third"),
        post("/remove?path=fourth"),
        fixes=2,
        unsafe=True,
    )


def test_an_upload_that_is_copied(stage: Stage) -> None:
    """`shutil.copyfileobj` from an upload to a file that others may name the same."""
    stage.same(
        """
        import shutil
        from pathlib import Path

        from fastapi import FastAPI, UploadFile

        app = FastAPI()


        @app.post("/upload")
        async def upload(file: UploadFile) -> dict[str, int]:
            target = Path(file.filename or "unnamed")
            with target.open("wb") as out:
                shutil.copyfileobj(file.file, out)
            return {"size": target.stat().st_size}
        """,
        post("/upload", files={"file": ("one.bin", b"x" * 3000)}),
        post("/upload", files={"other": ("one.bin", b"x")}),
        fixes=1,
        unsafe=True,
    )


def test_an_upload_that_is_read_by_hand(stage: Stage) -> None:
    """`file.file.read()` where the upload itself can be awaited."""
    stage.same(
        """
        from fastapi import FastAPI, UploadFile

        app = FastAPI()


        @app.post("/upload")
        async def upload(file: UploadFile, other: UploadFile) -> list[int]:
            first = await other.read()
            second = file.file.read()
            return [len(first), len(second)]
        """,
        post("/upload", files={"file": ("one.bin", b"x" * 2_000_000), "other": ("two.bin", b"xy")}),
        fixes=1,
    )


def test_a_large_json_file_in_a_helper(stage: Stage) -> None:
    """A helper of another file that loads JSON line by line."""
    stage.same(
        {
            "main.py": """
                from fastapi import Depends, FastAPI, Request

                import store

                app = FastAPI()


                async def body_of(request: Request) -> bytes:
                    return await request.body()


                @app.post("/rows")
                async def rows(name: str, body: bytes = Depends(body_of)) -> list[dict[str, int]]:
                    store.append(name, body)
                    return store.load(name)
                """,
            "store.py": """
                import json
                from pathlib import Path


                def append(name: str, row: bytes) -> None:
                    with Path(name).open("ab") as file:
                        file.write(row + b"\\n")


                def load(name: str) -> list[dict[str, int]]:
                    with open(name) as file:
                        return [json.loads(line) for line in file]
                """,
        },
        post("/rows?name=rows.jsonl", content=b'{"a": 1}'),
        post("/rows?name=rows.jsonl", content=b'{"b": 2}'),
        fixes=1,
    )


def test_a_zip_file(stage: Stage) -> None:
    """An archive under the name that is asked for, which another may ask for as well."""
    stage.same(
        {
            "main.py": """
                import asyncio
                import shutil

                from fastapi import FastAPI

                app = FastAPI()


                @app.post("/pack")
                async def pack(name: str) -> str:
                    await asyncio.sleep(0)
                    return shutil.make_archive(name, "tar", "data").rpartition("/")[2]
                """,
            "data/a.md": "a",
        },
        post("/pack?name=packed"),
        fixes=1,
        unsafe=True,
    )


def test_a_small_check_of_metadata_is_left_alone(stage: Stage) -> None:
    """Whether a file exists is asked in microseconds."""
    stage.alone(
        """
        import asyncio
        import os
        from pathlib import Path

        from fastapi import FastAPI

        app = FastAPI()


        @app.get("/")
        async def index(name: str) -> list[bool]:
            await asyncio.sleep(0)
            return [os.path.exists(name), Path(name).is_dir()]
        """,
        get("/?name=main.py"),
    )


def test_bytes_in_memory_are_left_alone(stage: Stage) -> None:
    """`BytesIO` is no file."""
    stage.alone(
        """
        import io
        import zipfile

        from fastapi import FastAPI, Request

        app = FastAPI()


        @app.post("/names")
        async def names(request: Request) -> list[str]:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("one", await request.body())
            buffer.seek(0)
            return [str(len(buffer.read()) > 0), *zipfile.ZipFile(buffer).namelist()]
        """,
        post("/names", content=b"x"),
    )


def test_a_file_as_the_answer(stage: Stage) -> None:
    """A file that is handed on to the answer is read by the framework, in threads."""
    stage.same(
        {
            "main.py": """
                from fastapi import FastAPI
                from fastapi.responses import FileResponse

                app = FastAPI()


                @app.get("/file")
                def file() -> FileResponse:
                    return FileResponse("one.md")
                """,
            "one.md": "first\n",
        },
        get("/file"),
        fixes=1,
        seen=False,
    )


def test_streaming_a_file_by_a_plain_generator(stage: Stage) -> None:
    """What a plain generator yields is taken from it in a thread: it is right as it is."""
    stage.alone(
        {
            "main.py": """
                from collections.abc import Iterator

                from fastapi import FastAPI
                from fastapi.responses import StreamingResponse

                app = FastAPI()


                def lines(name: str) -> Iterator[str]:
                    with open(name) as file:
                        yield from file


                @app.get("/lines")
                async def stream(name: str) -> StreamingResponse:
                    return StreamingResponse(lines(name), media_type="text/plain")
                """,
            "one.md": "first\nsecond\n",
        },
        get("/lines?name=one.md"),
    )


def test_streaming_by_an_asynchronous_generator(stage: Stage) -> None:
    """An asynchronous generator that sleeps between two chunks."""
    stage.same(
        """
        import time
        from collections.abc import AsyncIterator

        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse

        app = FastAPI()


        async def ticks(count: int) -> AsyncIterator[str]:
            for number in range(count):
                time.sleep(0.001)
                yield f"{number}\\n"


        @app.get("/ticks")
        async def stream(count: int = 3) -> StreamingResponse:
            return StreamingResponse(ticks(count), media_type="text/plain")
        """,
        get("/ticks"),
        get("/ticks?count=0"),
        fixes=1,
    )
