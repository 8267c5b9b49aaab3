"""LangChain, LangGraph and LlamaIndex on the event loop."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "clients/langchain"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
MODEL = """
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

model = ChatOpenAI()
prompt = ChatPromptTemplate.from_template("x")
chain = prompt | model | StrOutputParser()
"""


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (MODEL, "model.invoke('x')"),
        (MODEL, "model.batch(['x'])"),
        (MODEL, "model.with_structured_output(dict).invoke('x')"),
        (MODEL, "model.bind_tools([]).invoke('x')"),
        (MODEL, "for part in model.stream('x'):\n        print(part)"),
        (MODEL, "chain.invoke({})"),
        (MODEL, "(model | StrOutputParser()).invoke('x')"),
        ("from langchain_anthropic import ChatAnthropic", "ChatAnthropic().invoke('x')"),
        ("from langchain_community.chat_models import ChatOllama", "ChatOllama().invoke('x')"),
        ("from langchain.chat_models import init_chat_model", "init_chat_model('x').invoke('y')"),
        ("from langchain_core.language_models import BaseChatModel", "m: BaseChatModel = make()\n    m.invoke('x')"),
        ("from langgraph.graph import StateGraph", "StateGraph(dict).compile().invoke({})"),
        ("from langgraph.prebuilt import create_react_agent", "create_react_agent('x', []).invoke({})"),
        ("from langchain_chroma import Chroma", "Chroma('x').similarity_search('y')"),
        ("from langchain_community.vectorstores import FAISS", "FAISS.from_texts([], None)"),
        (
            "from langchain_community.vectorstores import FAISS",
            "FAISS.load_local('x', None).as_retriever().invoke('y')",
        ),
        ("from langchain.vectorstores import FAISS", "FAISS.load_local('x', None).similarity_search('y')"),
        ("from langchain_openai import OpenAIEmbeddings", "OpenAIEmbeddings().embed_query('x')"),
        (
            "from llama_index.core import VectorStoreIndex",
            "VectorStoreIndex.from_vector_store(1).as_query_engine().query('x')",
        ),
        ("from llama_index.llms.openai import OpenAI", "OpenAI().complete('x')"),
    ],
)
def test_each_class(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


def test_a_chain_of_another_file() -> None:
    before = with_app("", f"from app.chains import answer\n\n\n{ENDPOINT}return answer('x')\n")
    files = {
        "app/__init__.py": "",
        "app/chains.py": """
            from langchain_openai import ChatOpenAI


            def model() -> ChatOpenAI:
                return ChatOpenAI()


            def answer(question):
                return model().invoke(question).text
        """,
    }
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files, way=Way.REVERSE)


@pytest.mark.parametrize(
    "body",
    [
        "return await model.ainvoke('x')",
        "return [part async for part in model.astream('x')]",
        "return await chain.ainvoke({})",
        "return await store.asimilarity_search('x')",
        "return prompt.invoke({})",
        "return prompt.format(x=1)",
        "return StrOutputParser().invoke('x')",
        "return model.bind_tools([])",
        "return model.stream('x')",
        "return store.as_retriever()",
        "await run_in_threadpool(chain.invoke, {})",
        "return unknown.invoke('x')",
        "model = unknown\n    return model.invoke('x')",
        "return click.Context.invoke('x')",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import click
from fastapi.concurrency import run_in_threadpool
from langchain_chroma import Chroma

from elsewhere import unknown
{MODEL}
store = Chroma("x")
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(MODEL, f"{ENDPOINT}model.invoke('x')\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_a_stream_is_not_handed_over() -> None:
    body = f"{ENDPOINT}await x.read()\n    for part in model.stream('x'):\n        print(part)\n"
    assert_unfixed(RULE, with_app(MODEL, body), way=Way.OFFLOAD)


@pytest.mark.parametrize(
    ("imports", "store", "call"),
    [
        ("from langchain_postgres import PGVector", "store = PGVector('x')", "store.similarity_search('y')"),
        ("from langchain_postgres import PGVector", "store = PGVector('x')", "store.as_retriever().invoke('y')"),
        ("from langchain_weaviate import WeaviateVectorStore", "store = WeaviateVectorStore('x')", "store.delete('y')"),
        ("from langchain_core.vectorstores import VectorStore", "store: VectorStore = make()", "store.search('y')"),
    ],
)
def test_a_store_whose_awaited_methods_may_raise_is_asked_in_a_thread(imports: str, store: str, call: str) -> None:
    before = with_app(f"import anyio\n{imports}", f"{store}\n\n\n{ENDPOINT}await anyio.sleep(1)\n    return {call}\n")
    function, _, argument = call.rpartition("(")
    after = before.replace(call, f"await run_in_threadpool({function}, {argument}")
    concurrency = "from fastapi.concurrency import run_in_threadpool\n"
    after = after.replace("import FastAPI\n", f"import FastAPI\n{concurrency}")
    assert_fixes(RULE, before, after, way=Way.OFFLOAD)


def test_a_store_that_can_be_awaited() -> None:
    before = with_app(
        "import anyio\nfrom langchain_chroma import Chroma",
        f"store = Chroma('x')\n\n\n{ENDPOINT}await anyio.sleep(1)\n    return store.similarity_search('y')\n",
    )
    assert_fixes(RULE, before, before.replace("store.similarity", "await store.asimilarity"), way=Way.TWIN)
