"""A language model is waited for on the event loop.

## What it does
Finds requests of the synchronous clients of OpenAI, Anthropic, Groq, Cohere, Mistral, Gemini, Ollama, LiteLLM, Replicate and
Tavily where they run on the event loop. `AsyncOpenAI`, `AsyncAnthropic` and the like are left alone.

## Why is this bad?
A model takes seconds to answer. For all of them this worker serves no other request: no health check, no other user.

## Example
```python
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.get("/answers")
async def answer(question: str) -> str:
    response = client.responses.create(model="gpt-5", input=question)
    return response.output_text
```

```python
from anthropic import Anthropic
from fastapi import FastAPI, Request

app = FastAPI()
client = Anthropic()


@app.post("/summaries")
async def summary(request: Request) -> str:
    messages = await request.json()
    message = client.messages.create(model="claude-opus-4-5", max_tokens=500, messages=messages)
    return message.content[0].text
```

```python
import litellm

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/embeddings")
async def embedding(request: Request):
    texts = await request.json()
    return litellm.embedding(model="text-embedding-3-small", input=texts)
```

## Use instead
```python
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.get("/answers")
def answer(question: str) -> str:
    response = client.responses.create(model="gpt-5", input=question)
    return response.output_text
```

```python
from anthropic import Anthropic
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
client = Anthropic()


@app.post("/summaries")
async def summary(request: Request) -> str:
    messages = await request.json()
    message = await run_in_threadpool(client.messages.create, model="claude-opus-4-5", max_tokens=500, messages=messages)
    return message.content[0].text
```

```python
import litellm

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/embeddings")
async def embedding(request: Request):
    texts = await request.json()
    return await litellm.aembedding(model="text-embedding-3-small", input=texts)
```

## Fix safety
Safe: the same client sends the same request, in a worker thread. Forty such calls at a time fit into FastAPI's thread pool;
where there may be more, the asynchronous client is the better home (`AsyncOpenAI` has the same methods, each awaited), but
every use of the client has to move to it at once, so that is not done unasked. A stream is found and has no fix, since its
parts arrive later.

## References
- [OpenAI: Async usage](https://github.com/openai/openai-python#async-usage)
- [Anthropic: Python SDK](https://platform.claude.com/docs/en/api/sdks/python)
- [LiteLLM: Asynchronous completion](https://docs.litellm.ai/docs/completion/stream#async-completion)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
