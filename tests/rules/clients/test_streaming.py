"""Answers of Requests that are read bit by bit: entered and read by an asynchronous client, or begun in a worker thread."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import assert_fixes, assert_unfixed, found, with_app

RULE = "clients/requests"
ENDPOINT = '@app.get("/")\nasync def home(url: str):\n    '
AT_HAND = {"app/__init__.py": "", "app/http.py": "import httpx\n\nhttp = httpx.AsyncClient(timeout=9)\n"}
REQUESTS = "import json\n\nimport requests\n\nfrom app.http import http"
HTTPX = "import json\n\nfrom app.http import http"
OPENED = 'async with http.stream("GET", url, timeout=None, follow_redirects=True) as r:'


def _text(imports: str, body: str) -> str:
    return with_app(imports, f"{ENDPOINT}{body}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "with requests.get(url, stream=True) as r:\n        for chunk in r.iter_content(chunk_size=9):\n            save(chunk)",
            f"{OPENED}\n        async for chunk in r.aiter_bytes(9):\n            save(chunk)",
        ),
        (
            "with requests.get(url, stream=True) as r:\n        for chunk in r.iter_content():\n            save(chunk)",
            f"{OPENED}\n        async for chunk in r.aiter_bytes(1):\n            save(chunk)",
        ),
        (
            "with requests.get(url, stream=True) as r:\n        for chunk in r.iter_content(None):\n            save(chunk)",
            f"{OPENED}\n        async for chunk in r.aiter_bytes():\n            save(chunk)",
        ),
        (
            (
                "with requests.get(url, stream=True) as r:\n        r.raise_for_status()\n        if not r.ok:\n"
                "            return r.status_code, r.reason, r.content\n        return [r.headers]"
            ),
            (
                f"{OPENED}\n        r.raise_for_status()\n        if r.is_error:\n"
                "            return r.status_code, r.reason_phrase, await r.aread()\n        return [r.headers]"
            ),
        ),
        (
            (
                'with requests.post("https://a.b", json={}, stream=True, timeout=3) as r:\n'
                "        for line in r.iter_lines(decode_unicode=True):\n            save(line)"
            ),
            (
                'async with http.stream("POST", "https://a.b", json={}, timeout=3, follow_redirects=True) as r:\n'
                "        async for line in r.aiter_lines():\n            save(line)"
            ),
        ),
        (
            (
                "with requests.get(\n        url,\n        timeout=3,\n        stream=True,\n    ) as r:\n"
                "        print(r.status_code)"
            ),
            (
                'async with http.stream(\n        "GET", url,\n        timeout=3, follow_redirects=True,\n    ) as r:\n'
                "        print(r.status_code)"
            ),
        ),
        (
            "with requests.request('PUT', url, stream=True, allow_redirects=False, timeout=3) as r:\n        print(r.status_code)",
            "async with http.stream('PUT', url, follow_redirects=False, timeout=3) as r:\n        print(r.status_code)",
        ),
        (
            (
                "r = requests.get(url, stream=True)\n    seen = 0\n\n    # in full\n    for chunk in r.iter_content(9):\n"
                "        seen += len(chunk)\n    r.close()\n    return seen"
            ),
            (
                f"{OPENED}\n        seen = 0\n\n        # in full\n        async for chunk in r.aiter_bytes(9):\n"
                "            seen += len(chunk)\n        await r.aclose()\n    return seen"
            ),
        ),
    ],
)
def test_an_answer_is_entered_and_read_by_the_client_at_hand(before: str, after: str) -> None:
    (finding,) = assert_fixes(RULE, _text(REQUESTS, before), _text(HTTPX, after), files=AT_HAND, way=Way.TWIN)
    (fix,) = (one for one in (finding.fix, *finding.alternatives) if one is not None and one.way is Way.TWIN)
    assert fix.applicability is Applicability.UNSAFE
    assert fix.title == "Enter `http.stream` by `async with`"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(json.loads(line))", "print(json.loads(line))"),
        ("print(line.decode())", "print(line)"),
        ('print(line.decode("utf-8").split())', "print(line.split())"),
        ("if not line:\n                continue", "if not line:\n                continue"),
        ("print(1 if line and line != b'' else 2)", "print(1 if line and line != '' else 2)"),
        ("if b'x' in line:\n                break", "if 'x' in line:\n                break"),
        (
            'if line.startswith((b"a:", b"b:")):\n                print(line.removeprefix(b"a:").strip().decode())',
            'if line.startswith(("a:", "b:")):\n                print(line.removeprefix("a:").strip())',
        ),
        (
            (
                'if line.startswith(b"data: "):\n                data = line[6:]\n                if data == b"[DONE]":\n'
                "                    break\n                print(json.loads(data))"
            ),
            (
                'if line.startswith("data: "):\n                data = line[6:]\n                if data == "[DONE]":\n'
                "                    break\n                print(json.loads(data))"
            ),
        ),
        (
            'if line:\n                line = line.decode("utf-8")\n                print(line, [line])',
            "if line:\n                print(line, [line])",
        ),
    ],
)
@pytest.mark.parametrize("entered", [True, False])
def test_lines_that_were_bytes_are_text(before: str, after: str, entered: bool) -> None:
    """Every use of a line means the same of the text, whether the answer was entered or only had a name."""
    step = "    " if entered else ""
    opened = "with requests.get(url, stream=True) as r:" if entered else "r = requests.get(url, stream=True)"
    indented = before.replace("\n    ", f"\n{step}") if not entered else before
    old = f"{opened}\n    {step}for line in r.iter_lines():\n        {step}{indented}"
    new = f"{OPENED}\n        async for line in r.aiter_lines():\n            {after}"
    (finding,) = assert_fixes(RULE, _text(REQUESTS, old), _text(HTTPX, new), files=AT_HAND, way=Way.TWIN)
    notes = [note for one in (finding.fix, *finding.alternatives) if one and one.way is Way.TWIN for note in one.notes]
    assert any("Lines are text" in note for note in notes)


@pytest.mark.parametrize(
    "body",
    [
        "requests.get(url, stream=True)",
        "r = requests.get(url, stream=True)",
        "r = requests.get(url, stream=True)\n    return r",
        "requests.get(url, stream=True).content",
        "r = requests.get(url, stream=True)\n    return r.json()",
        "r = requests.get(url, stream=True)\n    raise ValueError(r.text)",
        "r = requests.get(url, stream=True)\n    copy(r.raw)",
        "r = requests.get(url, stream=True)\n    return b''.join(r.iter_content(9))",
        "r = requests.get(url, stream=True)\n    return [x for x in r.iter_content(9)]",
        "r = requests.get(url, stream=True)\n    for x in r:\n        save(x)",
        "r = requests.get(url, stream=True)\n    for x in r.iter_content(9, True):\n        save(x)",
        "r = requests.get(url, stream=True)\n    for x in r.iter_content(9, decode_unicode=True):\n        save(x)",
        "r = requests.get(url, stream=True)\n    for a, b in r.iter_content(2):\n        save(a)",
        "r = requests.get(url, stream=url)\n    for x in r.iter_content(9):\n        save(x)",
        "r = requests.get(url, stream=True, verify=False)\n    for x in r.iter_content(9):\n        save(x)",
        "r = requests.get(url, stream=True)\n    r = 1\n    for x in r.iter_content(9):\n        save(x)",
        "if url:\n        r = requests.get(url, stream=True)\n    for x in r.iter_content(9):\n        save(x)",
        "with requests.get(url, stream=True) as r, open(url) as f:\n        for x in r.iter_content(9):\n            f.write(x)",
        "with requests.get(url, stream=True) as r:\n        pass\n    print(r.status_code)",
        "with requests.get(url, stream=True) as r:\n        print(lambda: r.iter_content(9))",
        (
            "with requests.get(url, stream=True) as r:\n        try:\n            for x in r.iter_content(9):\n"
            "                save(x)\n        except requests.ConnectionError:\n            pass"
        ),
        (
            "with requests.get(url, stream=True) as r:\n        try:\n            for x in r.iter_content(9):\n"
            "                save(x)\n        except OSError:\n            pass"
        ),
        *(
            f"try:\n        with requests.get(url, stream=True) as r:\n            for x in r.iter_content(9):\n"
            f"                save(x)\n    except requests.{error}:\n        pass"
            for error in ("ConnectionError", "Timeout", "ReadTimeout", "exceptions.ChunkedEncodingError")
        ),
        "with requests.get(url, stream=True) as r:\n        for x in r.iter_lines(delimiter=b','):\n            save(x)",
        "with requests.get(url, stream=True) as r:\n        for x in r.iter_lines(decode_unicode=url):\n            save(x)",
        *(
            f"with requests.get(url, stream=True) as r:\n        for x in r.iter_lines():\n            {use}"
            for use in (
                "save(x)",
                "x + b'a'",
                "print(x.decode('latin-1'))",
                "print(x.decode(errors='ignore'))",
                "print(x.hex())",
                "print(x[6:].decode())",
                "print(x[0])",
                "y = x\n            save(y)",
                "x = x.decode()",
                "x = other(x)\n            print(x)",
                "x == other",
                f"print(x{'.strip()' * 12})",
                "a = x\n            b = a\n            "
                + "\n            ".join(f"b{i} = b{i - 1 or ''}" for i in range(1, 12)),
                "x.startswith(b'\\xff')",
                "x.startswith(other)",
            )
        ),
        "with requests.get(url, stream=True) as r:\n        for x in r.iter_lines():\n            if x: print(x.decode())\n        print(x)",
    ],
)
def test_what_is_not_known_to_mean_the_same_is_left_alone(body: str) -> None:
    assert_unfixed(RULE, _text(REQUESTS, f"await pause()\n    {body}"), AT_HAND)


SENDING = """
from fastapi.responses import StreamingResponse


@app.get("/")
{kind}def home(url: str):
    {inner}def sent():
        {read}

    return StreamingResponse(sent())
"""


def test_a_client_is_opened_for_a_generator_that_a_response_sends() -> None:
    """The chunks are sent on as they come; the endpoint around the generator is given the client."""
    read = "with requests.get(url, stream=True) as r:\n            for chunk in r.iter_content(9):\n                yield chunk"
    source = with_app("import requests", SENDING.format(kind="async ", inner="async ", read=read))
    (finding,) = found(RULE, source, AT_HAND)
    assert finding.fix is not None
    (fix,) = (one for one in finding.alternatives if one.way is Way.TWIN)
    texts = [edit.replacement for edit in fix.edits]
    assert ".aiter_bytes()" in texts
    assert any("http_client: httpx.AsyncClient = Depends(get_http_client)" in text for text in texts)
    assert any("sent on as they come" in note for note in fix.notes)


@pytest.mark.parametrize("rest", ["return StreamingResponse(sent())", "return StreamingResponse(content=sent())"])
def test_a_generator_that_a_response_sends_may_lose_its_async(rest: str) -> None:
    """Starlette runs through a plain generator in threads."""
    read = (
        "with requests.get(url, stream=True) as r:\n            for line in r.iter_lines():\n                yield line"
    )
    before = SENDING.format(kind="async ", inner="async ", read=read).replace("return StreamingResponse(sent())", rest)
    after = before.replace("    async def sent", "    def sent")
    (finding,) = assert_fixes(RULE, with_app("import requests", before), with_app("import requests", after))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("yield line", "await pause()\n                yield line"),
        ("    return Stream", "    async for line in sent():\n        print(line)\n    return Stream"),
        ("sent())", "wrapped(sent()))"),
        ("sent():", "sent() -> AsyncIterator[bytes]:"),
        ("yield line", "local.line = line\n                yield local.get()"),
        ("yield line", "seen.append(line)\n                yield line"),
    ],
)
def test_a_generator_that_keeps_its_async(old: str, new: str) -> None:
    """It awaits, somebody else runs through it, it is said to be one, or its steps may not have threads of their own."""
    read = (
        "with requests.get(url, stream=True) as r:\n            for line in r.iter_lines():\n                yield line"
    )
    source = SENDING.format(kind="async ", inner="async ", read=read).replace(old, new)
    imports = "import threading\nfrom collections.abc import AsyncIterator\n\nimport requests\n\nseen = []\nlocal = threading.local()"
    assert_unfixed(RULE, with_app(imports, source))


LATER = """
from fastapi.responses import StreamingResponse


@app.get("/")
async def home(url: str):
    await pause()
    r = {call}
    {rest}
"""
STREAMED = "requests.get(url, stream=True)"
GENERATOR = (
    "\n    def sent():\n        for chunk in r.iter_content(9):\n            yield chunk\n"
    '\n    return StreamingResponse(sent(), r.status_code, media_type=r.headers["content-type"])'
)


@pytest.mark.parametrize(
    "rest",
    [
        "r.raise_for_status()\n    return StreamingResponse(r.iter_content(9))",
        "return StreamingResponse(content=sent(), status_code=200)" + GENERATOR,
        f"if not r.ok:\n        return r.reason\n{GENERATOR}",
    ],
)
def test_an_answer_that_a_response_reads_is_begun_in_a_thread(rest: str) -> None:
    handed = f"await run_in_threadpool({STREAMED.replace('(', ', ')}"
    before, after = LATER.format(call=STREAMED, rest=rest), LATER.format(call=handed, rest=rest)
    imported = "from fastapi.concurrency import run_in_threadpool\nfrom fastapi.responses import StreamingResponse\n"
    wanted = after.replace("from fastapi.responses import StreamingResponse\n", imported)
    before, wanted = with_app("import requests", before), with_app("import requests", wanted)
    assert_fixes(RULE, before, wanted, way=Way.OFFLOAD)


@pytest.mark.parametrize(
    "rest",
    [
        "return r.content",
        "for chunk in r.iter_content(9):\n        print(chunk)\n    return StreamingResponse(r.iter_content(9))",
        "return StreamingResponse(others(r))",
        "return StreamingResponse(r.raw)",
        "r = 1\n    return StreamingResponse(r.iter_content(9))",
        GENERATOR.replace("def sent", "async def sent"),
        GENERATOR.replace("StreamingResponse(sent()", "list(sent()"),
        "return [r.status_code]",
    ],
)
def test_an_answer_that_is_read_on_the_loop_is_not_begun_in_a_thread(rest: str) -> None:
    assert_unfixed(RULE, with_app("import requests", LATER.format(call=STREAMED, rest=rest)), way=Way.OFFLOAD)


COPIED = """with open("x", "wb") as f:
            shutil.copyfileobj(r.raw, f)"""
WRITTEN = """with open("x", "wb") as f:
            async for chunk in r.aiter_raw():
                await run_in_threadpool(f.write, chunk)"""


@pytest.mark.parametrize("entered", [True, False])
def test_what_is_copied_to_a_file_is_written_by_threads_as_it_comes(entered: bool) -> None:
    opened = (
        "with requests.get(url, stream=True) as r:\n        " if entered else "r = requests.get(url, stream=True)\n    "
    )
    copied = COPIED if entered else COPIED.replace("\n    ", "\n")
    before = _text(REQUESTS.replace("import json", "import shutil"), opened + copied)
    after = _text(HTTPX.replace("import json\n\n", ""), f"{OPENED}\n        {WRITTEN}")
    imported = "from fastapi import FastAPI\n"
    after = after.replace(imported, f"{imported}from fastapi.concurrency import run_in_threadpool\n")
    assert_fixes(RULE, before, after, files=AT_HAND, way=Way.TWIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("copyfileobj(r.raw, f)", "copyfileobj(r.raw, f, 9)"),
        ("copyfileobj(r.raw, f)", "copyfileobj(r.raw, open(url))"),
        ("copyfileobj(r.raw, f)", "copyfileobj(r.raw, fdst=f)"),
        ("copyfileobj(r.raw, f)", "copyfileobj(f, r.raw)"),
        ("shutil.copyfileobj(r.raw, f)", "done = shutil.copyfileobj(r.raw, f)"),
        ("shutil.copyfileobj(r.raw, f)", "shutil.copyfileobj(r.raw, f)  # all"),
        ("shutil.copyfileobj(r.raw, f)", "chunk = 1\n            shutil.copyfileobj(r.raw, f)"),
        ("shutil.copyfileobj(r.raw, f)", "r.raw.decode_content = True\n            shutil.copyfileobj(r.raw, f)"),
        ("shutil.copyfileobj(r.raw, f)", "f.write(r.raw.read())"),
    ],
)
def test_what_is_copied_otherwise_is_left_alone(old: str, new: str) -> None:
    body = f"with requests.get(url, stream=True) as r:\n        {COPIED}".replace(old, new)
    assert_unfixed(RULE, _text(REQUESTS.replace("import json", "import shutil"), body), AT_HAND, way=Way.TWIN)


def test_what_reading_raises_is_caught() -> None:
    body = (
        "try:\n        {opened}\n            r.raise_for_status()\n            {word}for x in r.{read}:\n"
        "                print(x)\n    except {error} as error:\n        print(error)"
    )
    before = body.format(
        opened="with requests.get(url, stream=True) as r:",
        word="",
        read="iter_content(9)",
        error="requests.RequestException",
    )
    after = body.format(
        opened=OPENED, word="async ", read="aiter_bytes(9)", error="(httpx.HTTPError, httpx.InvalidURL)"
    )
    wanted = _text(HTTPX.replace("import json\n\n", "import json\n\nimport httpx\n\n"), after)
    assert_fixes(RULE, _text(REQUESTS, before), wanted, files=AT_HAND, way=Way.TWIN)


def test_a_session_that_streams() -> None:
    """A session of the module is exchanged, and a helper that reads an answer of it goes with its endpoint."""
    body = 'with session.get(url, stream=True) as r:\n        for line in r.iter_lines():\n            print(line.decode("utf-8"))'
    told = 'async with session.stream("GET", url) as r:\n        async for line in r.aiter_lines():\n            print(line)'
    before = with_app("import requests\n\nsession = requests.Session()", f"{ENDPOINT}{body}\n")
    client = "httpx.AsyncClient(timeout=None, follow_redirects=True)"
    after = with_app(f"import httpx\n\nsession = {client}", f"{ENDPOINT}{told}\n")
    assert_fixes(RULE, before, after, files=AT_HAND, way=Way.TWIN)
