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
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()


@app.get("/answers")
async def answer(question: str) -> str:
    response = await client.responses.create(model="gpt-5", input=question)
    return response.output_text
```

```python
from anthropic import AsyncAnthropic
from fastapi import FastAPI, Request

app = FastAPI()
client = AsyncAnthropic()


@app.post("/summaries")
async def summary(request: Request) -> str:
    messages = await request.json()
    message = await client.messages.create(model="claude-opus-4-5", max_tokens=500, messages=messages)
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
Safe: the asynchronous client of the same package sends the same requests, with the same timeouts, retries and exceptions. It
takes the place of the other one only where every use of that is seen and can be awaited. It is unsafe where the project has
tests that start the application, since a client belongs to the event loop that first used it. Elsewhere the call is made in
a worker thread.

## References
- [OpenAI: Async usage](https://github.com/openai/openai-python#async-usage)
- [Anthropic: Python SDK](https://platform.claude.com/docs/en/api/sdks/python)
- [LiteLLM: Asynchronous completion](https://docs.litellm.ai/docs/completion/stream#async-completion)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
