"""A chain, a graph or an index is waited for on the event loop.

## What it does
Finds `invoke`, `batch` and `stream` of LangChain's models and of LangGraph's graphs, searches of vector stores and
retrievers, embeddings, and the engines of LlamaIndex, where they run on the event loop and the class is certain.

## Why is this bad?
Behind each of them stands a model or a store on the network, often several in a row. While they answer, for seconds, this
worker serves no other request.

## Example
```python
from fastapi import FastAPI
from langchain_openai import ChatOpenAI

app = FastAPI()
model = ChatOpenAI(model="gpt-5")


@app.get("/answers")
async def answer(question: str) -> str:
    return model.invoke(question).text
```

```python
from fastapi import FastAPI, Request
from langchain_core.vectorstores import VectorStore

from .stores import get_store

app = FastAPI()
store: VectorStore = get_store()


@app.post("/nearest")
async def nearest(request: Request) -> list:
    question = await request.json()
    return store.similarity_search(question, k=4)
```

## Use instead
```python
from fastapi import FastAPI
from langchain_openai import ChatOpenAI

app = FastAPI()
model = ChatOpenAI(model="gpt-5")


@app.get("/answers")
async def answer(question: str) -> str:
    return (await model.ainvoke(question)).text
```

```python
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from langchain_core.vectorstores import VectorStore

from .stores import get_store

app = FastAPI()
store: VectorStore = get_store()


@app.post("/nearest")
async def nearest(request: Request) -> list:
    question = await request.json()
    return await run_in_threadpool(store.similarity_search, question, k=4)
```

## Fix safety
Safe: `ainvoke` and its kin do the same with the model's asynchronous client; what has none LangChain itself puts into a thread.
Graphs are handed to a worker thread as they are, since their checkpointer may have no asynchronous form, and so are stores that
are not known to have one.

## References
- [LangChain: Runnable](https://reference.langchain.com/python/langchain_core/runnables/)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
