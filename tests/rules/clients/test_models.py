"""Language models on the event loop; their asynchronous clients are awaited."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "clients/models"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
OPENAI = "from openai import OpenAI\n\nclient = OpenAI()"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (OPENAI, "client.chat.completions.create(model='x')"),
        (OPENAI, "client.responses.create(model='x').output_text"),
        (OPENAI, "client.with_options(timeout=3).embeddings.create(model='x')"),
        (OPENAI, "chat = client.chat\n    chat.completions.create(model='x')"),
        (OPENAI, "with client.responses.stream(model='x') as s:\n        print(s)"),
        (OPENAI, "for part in client.chat.completions.create(model='x', stream=True):\n        print(part)"),
        ("import openai", "openai.AzureOpenAI().images.generate(prompt='x')"),
        ("import openai", "openai.chat.completions.create(model='x')"),
        ("import openai", "openai.ChatCompletion.create(model='x')"),
        ("from langfuse.openai import OpenAI", "OpenAI().chat.completions.create(model='x')"),
        ("from openai import OpenAI", "client: OpenAI = make()\n    client.models.list()"),
        ("from anthropic import Anthropic", "Anthropic().messages.create(model='x')"),
        ("import anthropic", "anthropic.AnthropicBedrock().messages.create(model='x')"),
        ("import anthropic", "with anthropic.Anthropic().messages.stream(model='x') as s:\n        print(s)"),
        ("from groq import Groq", "Groq().chat.completions.create(model='x')"),
        ("import cohere", "cohere.ClientV2().chat(model='x')"),
        ("from mistralai import Mistral", "Mistral().chat.complete(model='x')"),
        ("from mistralai.client import Mistral", "Mistral().embeddings.create(model='x')"),
        ("from google import genai", "genai.Client().models.generate_content(model='x')"),
        ("from google import genai", "genai.Client().chats.create(model='x').send_message('y')"),
        ("import google.generativeai as genai", "genai.GenerativeModel('x').generate_content('y')"),
        ("import ollama", "ollama.chat(model='x')"),
        ("from ollama import Client", "Client(host='x').generate(model='y')"),
        ("import litellm", "litellm.completion(model='x')"),
        ("from litellm import completion as ask", "ask(model='x')"),
        ("import replicate", "replicate.run('x', input={})"),
        ("from tavily import TavilyClient", "TavilyClient('x').search('y')"),
    ],
)
def test_each_client(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


REACHED = {
    "global of another file": ("from app.ai import client", "client.responses.create()", "client = OpenAI()"),
    "self": (
        "from app.ai import Ai",
        "Ai().ask('x')",
        (
            "class Ai:\n    def __init__(self, client: OpenAI | None = None):\n        self.client = client or OpenAI()\n\n"
            "    def ask(self, text):\n        return self.client.responses.create(input=text)"
        ),
    ),
    "factory": (
        "from app.ai import make",
        "make().responses.create()",
        "import functools\n\n\n@functools.lru_cache\ndef make() -> OpenAI:\n    return OpenAI()",
    ),
    "helper": ("from app.ai import ask", "ask(1)", "def ask(client: OpenAI):\n    client.responses.create()"),
}


@pytest.mark.parametrize(("imports", "call", "ai"), REACHED.values(), ids=REACHED)
def test_each_way_of_reaching(imports: str, call: str, ai: str) -> None:
    files = {"app/__init__.py": "", "app/ai.py": f"from openai import OpenAI\n\n{ai}\n"}
    before = with_app("", f"{imports}\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files, way=Way.REVERSE)


@pytest.mark.parametrize(
    "body",
    [
        "return await aclient.chat.completions.create(model='x')",
        "async with aclient.responses.stream(model='x') as s:\n        return s",
        "return await AsyncAnthropic().messages.create(model='x')",
        "return await genai.Client().aio.models.generate_content(model='x')",
        "return await Mistral().chat.complete_async(model='x')",
        "return await litellm.acompletion(model='x')",
        "return await ollama.AsyncClient().chat(model='x')",
        "await run_in_threadpool(client.responses.create, model='x')",
        "return client.responses.stream(model='x')",
        "return client.with_options(timeout=3)",
        "return client.chat.completions",
        "return client.api_key",
        "return unknown.chat.completions.create(model='x')",
        "client = unknown\n    return client.responses.create(model='x')",
        "return Genai.Client().models.generate_content()",
        "client.close()",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import litellm
import ollama
from anthropic import AsyncAnthropic
from fastapi.concurrency import run_in_threadpool
from google import genai
from mistralai import Mistral
from openai import AsyncOpenAI

from elsewhere import Genai, unknown
{OPENAI}
aclient = AsyncOpenAI()
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(OPENAI, f"{ENDPOINT}client.responses.create()\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


@pytest.mark.parametrize(
    "call",
    [
        "s = client.chat.completions.create(model='x', stream=True)",
        "with client.responses.stream(model='x') as s:\n        print(s)",
    ],
)
def test_a_stream_is_not_handed_over(call: str) -> None:
    assert_unfixed(RULE, with_app(OPENAI, f"{ENDPOINT}await x.read()\n    {call}\n"), way=Way.OFFLOAD)


def test_litellm_with_a_coroutine_of_its_own() -> None:
    before = with_app("import litellm", f"{ENDPOINT}return litellm.embedding('x', input=['y']).data\n")
    after = before.replace("litellm.embedding('x', input=['y'])", "(await litellm.aembedding('x', input=['y']))")
    assert_fixes(RULE, before, after)


SERVICE = """
from openai import {name}


class Texts:
    '''{told}'''

    def __init__(self):
        self.client = {name}()

    async def ask(self, text: str):
        return {call}


texts = Texts()


@app.get("/")
async def home(text: str):
    return await texts.ask(text)
"""
CREATE = "self.client.responses.create(input=text)"


@pytest.mark.parametrize("told", ["Asks OpenAI.", "Asks.\n\n    By the API of OpenAI.\n    ", "Asks."])
def test_what_is_written_for_people_keeps_no_import(told: str) -> None:
    before = with_app("", SERVICE.format(name="OpenAI", call=CREATE, told=told))
    after = with_app("", SERVICE.format(name="AsyncOpenAI", call=f"await {CREATE}", told=told))
    assert_fixes(RULE, before, after, way=Way.TWIN)


def test_what_a_text_may_name_keeps_its_import() -> None:
    def service(imports: str, name: str, call: str) -> str:
        told = SERVICE.format(name=name, call=call, told="Asks.").replace(f"import {name}", f"import {imports}")
        return with_app("", f"{told}\n\n__all__ = ['OpenAI']\n")

    after = service("AsyncOpenAI, OpenAI", "AsyncOpenAI", f"await {CREATE}")
    assert_fixes(RULE, service("OpenAI", "OpenAI", CREATE), after, way=Way.TWIN)
