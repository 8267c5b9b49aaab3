"""Search engines and vector stores on the event loop."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "databases/search"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
ELASTIC = "from elasticsearch import Elasticsearch, helpers\n\nengine = Elasticsearch()"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (ELASTIC, "engine.search(index='x')"),
        (ELASTIC, "engine.options(request_timeout=3).index(index='x')"),
        (ELASTIC, "engine.indices.create(index='x')"),
        (ELASTIC, "helpers.bulk(engine, [])"),
        (ELASTIC, "for hit in helpers.scan(engine):\n        print(hit)"),
        ("from opensearchpy import OpenSearch", "OpenSearch().search(index='x')"),
        ("from qdrant_client import QdrantClient", "QdrantClient(url='x').upsert('x', [])"),
        ("import weaviate", "weaviate.connect_to_local().collections.get('x').query.near_text('y')"),
        ("from pinecone import Pinecone", "Pinecone().Index('x').query(vector=[])"),
        ("import chromadb", "chromadb.HttpClient().get_or_create_collection('x').query(query_texts=[])"),
        (
            "from neo4j import GraphDatabase",
            "with GraphDatabase.driver('x').session() as s:\n        s.run('MATCH').data()",
        ),
        ("from neo4j import GraphDatabase", "GraphDatabase.driver('x').execute_query('MATCH')"),
        ("from influxdb_client import InfluxDBClient", "InfluxDBClient().query_api().query('x')"),
        ("from pymilvus import MilvusClient", "MilvusClient().search('x', data=[])"),
        ("import meilisearch", "meilisearch.Client('x').index('y').search('z')"),
        ("from cassandra.cluster import Cluster", "Cluster().connect('x').execute('SELECT')"),
    ],
)
def test_each_engine(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_service_of_another_file() -> None:
    before = with_app("", f"from app.search import Search\n\n\n{ENDPOINT}return Search().find('x')\n")
    files = {
        "app/__init__.py": "",
        "app/search.py": """
            from elasticsearch import Elasticsearch


            class Search:
                def __init__(self):
                    self.engine = Elasticsearch()

                def find(self, q):
                    return self.engine.search(q=q)
        """,
    }
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    "body",
    [
        "return await AsyncElasticsearch().search(index='x')",
        "return await AsyncQdrantClient(url='x').query_points('x')",
        "async with AsyncGraphDatabase.driver('x').session() as s:\n        await s.run('x')",
        "return [hit async for hit in helpers.async_scan(aengine)]",
        "return helpers.scan(engine)",
        "return engine.options(request_timeout=3)",
        "engine.close()",
        "return QdrantClient(url='x')",
        "return Cluster().connect",
        "await run_in_threadpool(engine.search, index='x')",
        "return unknown.search('x')",
        "engine = unknown\n    return engine.search('x')",
        "return re.search('a', 'b')",
        "return meilisearch.Client('x').index('y')",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import re

import meilisearch
from cassandra.cluster import Cluster
from elasticsearch import AsyncElasticsearch
from fastapi.concurrency import run_in_threadpool
from neo4j import AsyncGraphDatabase
from qdrant_client import AsyncQdrantClient, QdrantClient

from elsewhere import aengine, unknown
{ELASTIC}
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(ELASTIC, f"{ENDPOINT}engine.search(index='x')\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_a_scan_is_not_handed_over() -> None:
    body = f"{ENDPOINT}await x.read()\n    for hit in helpers.scan(engine):\n        print(hit)\n"
    assert_unfixed(RULE, with_app(ELASTIC, body))
