"""Objects of libraries that write what they are asked into a memory."""

import pytest

from rules import Applicability
from tests.rules.checking import found, with_app

IMPORTS = """
from langchain.chains import ConversationalRetrievalChain, ConversationChain, LLMChain
from langchain.memory import ConversationBufferMemory
from langchain_openai import ChatOpenAI
from llama_index.core import VectorStoreIndex
"""
KEPT = """
memory = ConversationBufferMemory()
memories = {}


class Bot:
    def __init__(self) -> None:
        self.chain = LLMChain(llm=ChatOpenAI(), memory=ConversationBufferMemory())
        self.plain = LLMChain(llm=ChatOpenAI())

    async def said(self, text: str) -> str:
        return self.chain.predict(text=text)

    async def plainly_said(self, text: str) -> str:
        return self.plain.predict(text=text)


bot = Bot()
talk = ConversationChain(llm=ChatOpenAI())
asked = ConversationalRetrievalChain.from_llm(ChatOpenAI(), None, memory=memory)
engine = VectorStoreIndex.from_vector_store(1).as_chat_engine()
plain = LLMChain(llm=ChatOpenAI())
"""


def is_safe(body: str) -> set[bool]:
    """Whether the fixes are safe of what an endpoint asks, or a method that it awaits."""
    asking = f"Bot.{body[len('return await bot.') : body.index('(')]}" if "bot." in body else "home"
    home = f"@app.get('/')\nasync def home(user: str, text: str) -> str:\n    {body}\n"
    findings = found("clients/langchain", with_app(IMPORTS, f"{KEPT}\n\n{home}"))
    fixes = [fix for one in findings if one.function == asking for fix in (one.fix, *one.alternatives) if fix]
    assert fixes
    return {fix.applicability is Applicability.SAFE for fix in fixes}


@pytest.mark.parametrize(
    "body",
    [
        "return talk.predict(input=text)",
        "return asked.invoke(text)",
        "return engine.chat(text)",
        "return await bot.said(text)",
        "return ConversationChain(llm=ChatOpenAI(), memory=memory).invoke(text)",
        "chain = LLMChain(llm=ChatOpenAI(), memory=memory)\n    return chain.invoke(text)",
        "chain = LLMChain(llm=ChatOpenAI(), memory=memories[user])\n    return chain.invoke(text)",
        "kept = memories.setdefault(user, ConversationBufferMemory())\n    chain = LLMChain(llm=ChatOpenAI(), memory=kept)\n    return chain.invoke(text)",
    ],
)
def test_what_a_chain_keeps_for_all_is_no_safe_work_for_two_at_once(body: str) -> None:
    assert is_safe(body) == {False}


@pytest.mark.parametrize(
    "body",
    [
        "return plain.predict(input=text)",
        "return await bot.plainly_said(text)",
        "return ConversationChain(llm=ChatOpenAI()).invoke(text)",
        "chain = LLMChain(llm=ChatOpenAI(), memory=ConversationBufferMemory())\n    return chain.invoke(text)",
        "return VectorStoreIndex.from_vector_store(1).as_chat_engine().chat(text)",
    ],
)
def test_what_a_chain_keeps_for_one_request_nobody_else_sees(body: str) -> None:
    assert is_safe(body) == {True}
