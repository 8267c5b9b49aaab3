"""A search engine, a vector store or a graph database is waited for on the event loop.

## What it does
Finds requests of the synchronous clients of Elasticsearch, OpenSearch, Qdrant, Weaviate, Pinecone, Chroma, Neo4j, InfluxDB,
Milvus, Meilisearch and Cassandra where they run on the event loop. Their asynchronous clients are left alone.

## Why is this bad?
A search over much data takes its time, and while it does this worker serves no other request.

## Example
```python
from elasticsearch import Elasticsearch
from fastapi import FastAPI

app = FastAPI()
engine = Elasticsearch("http://search:9200")


@app.get("/search")
async def search(q: str) -> list:
    found = engine.search(index="books", query={"match": {"title": q}})
    return found["hits"]["hits"]
```

```python
from fastapi import FastAPI, Request
from qdrant_client import QdrantClient

app = FastAPI()
store = QdrantClient(url="http://vectors:6333")


@app.post("/nearest")
async def nearest(request: Request) -> list:
    vector = await request.json()
    return store.query_points("books", query=vector, limit=10).points
```

## Use instead
```python
from elasticsearch import Elasticsearch
from fastapi import FastAPI

app = FastAPI()
engine = Elasticsearch("http://search:9200")


@app.get("/search")
def search(q: str) -> list:
    found = engine.search(index="books", query={"match": {"title": q}})
    return found["hits"]["hits"]
```

```python
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from qdrant_client import QdrantClient

app = FastAPI()
store = QdrantClient(url="http://vectors:6333")


@app.post("/nearest")
async def nearest(request: Request) -> list:
    vector = await request.json()
    return (await run_in_threadpool(store.query_points, "books", query=vector, limit=10)).points
```

## Fix safety
Safe: the same client sends the same request, in a worker thread. Most of these packages have an asynchronous client with the
same methods (`AsyncElasticsearch`, `AsyncQdrantClient`, `AsyncGraphDatabase`); every use of the client has to move to it at
once, so that is not done unasked.

## References
- [Elasticsearch: Using asyncio](https://elasticsearch-py.readthedocs.io/en/latest/async.html)
- [Neo4j: Asynchronous driver](https://neo4j.com/docs/api/python-driver/current/async_api.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
