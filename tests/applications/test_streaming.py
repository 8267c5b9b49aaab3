"""Applications that read what another server sends bit by bit, and those that send it on."""

from tests.applications.playing import Stage, get

ASKING = """
    import json
    import os
    import shutil

    import httpx
    import requests
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    http = httpx.AsyncClient()
    UPSTREAM = os.environ["UPSTREAM"]


    async def pause() -> None:
        pass


    @app.get("/lines")
    async def lines(status: int = 200) -> dict:
        await pause()
        with requests.get(UPSTREAM + ("/lines" if status == 200 else f"/status/{status}"), stream=True) as answer:
            found = []
            for line in answer.iter_lines():
                if line.startswith(b"t"):
                    found.append(line.decode("utf-8"))
            return {"found": found, "status": answer.status_code, "ok": [answer.ok], "reason": answer.reason}


    @app.get("/chunks")
    async def chunks(path: str) -> list[str]:
        await pause()
        answer = requests.get(UPSTREAM + path, timeout=5, stream=True)
        found = []
        # as many bytes as wanted
        for chunk in answer.iter_content(chunk_size=5):
            found.append(chunk.decode())
        return found


    @app.get("/copied")
    async def copied() -> bool:
        await pause()
        with requests.get(UPSTREAM + "/packed", stream=True) as answer:
            with open("copied.bin", "wb") as file:
                shutil.copyfileobj(answer.raw, file)
        return True


    @app.get("/sent")
    async def sent() -> StreamingResponse:
        await pause()

        async def words():
            with requests.get(UPSTREAM + "/packed", stream=True) as answer:
                for chunk in answer.iter_content(2):
                    yield chunk

        return StreamingResponse(words(), media_type="text/plain")
"""


def test_an_answer_that_is_read_by_an_asynchronous_client(stage: Stage, upstream: str) -> None:
    """The same lines and chunks, also of what comes packed or is moved; and the same of an answer that is an error."""
    stage.same(
        ASKING,
        get("/lines"),
        get("/lines?status=404"),
        get("/chunks?path=/lines"),
        get("/chunks?path=/moved"),
        get("/chunks?path=/packed"),
        get("/sent"),
        get("/copied"),
        fixes=4,
        way="twin",
        holds=("async for line in answer.aiter_lines()", "answer.aiter_bytes(5)", "answer.aiter_bytes()"),
    )


def test_what_a_response_sends_is_read_in_threads(stage: Stage, upstream: str) -> None:
    """A generator that nothing but a response runs through loses its `async`; an answer that it reads is begun in a thread."""
    stage.same(
        """
        import os

        import requests
        from fastapi import FastAPI, HTTPException
        from fastapi.responses import StreamingResponse

        app = FastAPI()
        UPSTREAM = os.environ["UPSTREAM"]


        async def pause() -> None:
            pass


        async def packed():
            with requests.get(UPSTREAM + "/packed", stream=True, timeout=5) as answer:
                for line in answer.iter_lines():
                    yield line + b"!"


        @app.get("/packed")
        async def sent() -> StreamingResponse:
            return StreamingResponse(packed(), media_type="text/plain")


        @app.get("/passed/{path:path}")
        async def passed(path: str) -> StreamingResponse:
            await pause()
            answer = requests.get(f"{UPSTREAM}/{path}", stream=True, timeout=5)
            if not answer.ok:
                raise HTTPException(answer.status_code)

            def chunks():
                for chunk in answer.iter_content(3):
                    yield chunk

            return StreamingResponse(chunks(), media_type=answer.headers["content-type"])
        """,
        get("/packed"),
        get("/passed/lines"),
        get("/passed/status/404"),
        fixes=2,
        holds=("\ndef packed", "await run_in_threadpool(requests.get, "),
    )
