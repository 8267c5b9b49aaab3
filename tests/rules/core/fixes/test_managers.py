"""Clients whose managers are entered: streams of language models, streamed answers, pipelines."""

import pytest

from rules import Way
from tests.rules.checking import EVERYTHING, assert_fixes, assert_unfixed, with_app

ANTHROPIC = "from anthropic import Anthropic\n\nclient = Anthropic()"
ASYNC_ANTHROPIC = ANTHROPIC.replace("Anthropic", "AsyncAnthropic").replace(
    "anthropic import Async", "anthropic import Async"
)
HTTPX = "import httpx\n\nclient = httpx.Client()"
REDIS = "import redis.asyncio\n\nclient = redis.Redis()"
ENDPOINT = '@app.post("/")\nasync def home(body: dict) -> list:\n    await body\n    '


@pytest.mark.parametrize(
    ("rule", "imports", "instead", "before", "after"),
    [
        (
            "clients/models",
            ANTHROPIC,
            ASYNC_ANTHROPIC,
            (
                "with client.messages.stream(model='m', messages=[body]) as stream:\n        for text in stream.text_stream:\n"
                "            print(text)\n        print(stream.request_id, stream.get_final_message().content)"
            ),
            (
                "async with client.messages.stream(model='m', messages=[body]) as stream:\n"
                "        async for text in stream.text_stream:\n            print(text)\n"
                "        print(stream.request_id, (await stream.get_final_message()).content)"
            ),
        ),
        (
            "clients/models",
            ANTHROPIC,
            ASYNC_ANTHROPIC,
            "with client.messages.stream(model='m') as events:\n        for event in events:\n            print(event)",
            "async with client.messages.stream(model='m') as events:\n        async for event in events:\n            print(event)",
        ),
        (
            "clients/httpx",
            HTTPX,
            HTTPX.replace("Client", "AsyncClient"),
            (
                "with client.stream('GET', body['url']) as answer:\n        answer.raise_for_status()\n"
                "        for line in answer.iter_lines():\n            print(line)"
            ),
            (
                "async with client.stream('GET', body['url']) as answer:\n        answer.raise_for_status()\n"
                "        async for line in answer.aiter_lines():\n            print(line)"
            ),
        ),
        (
            "clients/httpx",
            HTTPX,
            HTTPX.replace("Client", "AsyncClient"),
            "with client.stream('GET', body['url']) as answer:\n        return [answer.status_code, answer.read()]",
            "async with client.stream('GET', body['url']) as answer:\n        return [answer.status_code, await answer.aread()]",
        ),
        (
            "databases/redis",
            REDIS,
            REDIS.replace("redis.Redis", "redis.asyncio.Redis"),
            "with client.pipeline() as pipe:\n        pipe.incr('a')\n        pipe.get('b')\n        return pipe.execute()",
            "async with client.pipeline() as pipe:\n        pipe.incr('a')\n        pipe.get('b')\n        return await pipe.execute()",
        ),
    ],
)
def test_what_a_manager_gives_is_awaited_as_well(
    rule: str, imports: str, instead: str, before: str, after: str
) -> None:
    assert_fixes(
        rule, with_app(imports, f"{ENDPOINT}{before}\n"), with_app(instead, f"{ENDPOINT}{after}\n"), way=Way.TWIN
    )


STREAM = "with client.messages.stream(model='m') as stream:\n        "


@pytest.mark.parametrize(
    ("rule", "imports", "body"),
    [
        ("clients/models", ANTHROPIC, f"{STREAM}return list(stream.text_stream)"),
        ("clients/models", ANTHROPIC, f"{STREAM}return [text for text in stream.text_stream]"),
        ("clients/models", ANTHROPIC, f"{STREAM}print(stream)"),
        ("clients/models", ANTHROPIC, f"{STREAM}print(stream.unknown)"),
        ("clients/models", ANTHROPIC, f"{STREAM}return (lambda: stream.get_final_text())"),
        ("clients/models", ANTHROPIC, f"{STREAM}stream = None"),
        ("databases/redis", REDIS, "with client.pipeline() as pipe:\n        return pipe.get('a').execute()"),
        (
            "databases/redis",
            REDIS,
            "with client.pipeline() as pipe:\n        pipe.watch('a')\n        return pipe.execute()",
        ),
        ("clients/httpx", HTTPX, "with client.stream('GET', 'u') as answer:\n        return answer.json()['a']"),
    ],
)
def test_what_cannot_be_followed(rule: str, imports: str, body: str) -> None:
    source = with_app(imports, f"{ENDPOINT}{body}\n")
    assert_unfixed(rule, source, way=Way.TWIN)


def test_a_generator_that_streams_turns_as_a_whole() -> None:
    body = (
        "def pieces(question: str):\n    with client.messages.stream(model='m', messages=[question]) as stream:\n"
        "        for text in stream.text_stream:\n            yield text\n\n\n"
        '@app.get("/")\ndef home(question: str):\n    return StreamingResponse(pieces(question))\n'
    )
    turned = body.replace("def pieces", "async def pieces").replace("    with client", "    async with client")
    turned = turned.replace("        for text", "        async for text")
    response = "\n\nfrom fastapi.responses import StreamingResponse"
    before, after = with_app(ANTHROPIC + response, body), with_app(ASYNC_ANTHROPIC + response, turned)
    assert_fixes("endpoints/upstream", before, after, options=EVERYTHING)
