"""Search engines, vector stores, graphs and series: Elasticsearch, OpenSearch, Qdrant, Pinecone, Neo4j and their kin.

https://elasticsearch-py.readthedocs.io/, https://opensearch-project.github.io/opensearch-py/,
https://python-client.qdrant.tech/, https://neo4j.com/docs/api/python-driver/current/ and the pages of each other one.
"""

from rules.core.library import Blocking, Library

_RULE = "databases/search"
_ELASTIC, _OPENSEARCH = "elasticsearch.Elasticsearch", "opensearchpy.OpenSearch"
_WEAVIATE, _WEAVIATE_COLLECTION = "weaviate.WeaviateClient", "weaviate.collections.Collection"
_CHROMA, _CHROMA_COLLECTION = "chromadb.HttpClient", "chromadb.Collection"
_NEO4J, _NEO4J_SESSION = "neo4j.Driver", "neo4j.Session"
_GRAPH = "langchain_neo4j.Neo4jGraph"
_INFLUX, _MEILI, _MEILI_INDEX = "influxdb_client.InfluxDBClient", "meilisearch.Client", "meilisearch.index.Index"
_CASSANDRA, _PENDING = "cassandra.cluster.Session", "cassandra.cluster.ResponseFuture"

_TYPESENSE = "typesense.Client.collections"

_REQUESTS = (
    *("search", "index", "create", "get", "get_source", "mget", "msearch", "update", "update_by_query", "delete"),
    *("delete_by_query", "bulk", "count", "exists", "exists_source", "scroll", "clear_scroll", "reindex", "explain"),
    *("info", "ping", "field_caps", "termvectors", "search_template", "open_point_in_time", "close_point_in_time"),
)
_NAMESPACES = ("indices", "cluster", "cat", "ingest", "nodes", "snapshot", "tasks", "security")
_CONNECT_TO = tuple(f"weaviate.connect_to_{name}" for name in ("local", "weaviate_cloud", "wcs", "embedded", "custom"))
_NEO4J_RUNS = ("run", "execute_read", "execute_write", "read_transaction", "write_transaction", "begin_transaction")
_ON_TYPESENSE = (
    *("search", "create", "create_many", "upsert", "update", "import_", "import_jsonl", "export", "retrieve"),
    "delete",
)
_COLLECTIONS = ("get_collection", "create_collection", "get_or_create_collection")

library = Library(
    "Search engines",
    blocking=(
        *(
            Blocking(
                _RULE,
                (
                    *(f"{client}.{name}" for name in _REQUESTS),
                    *(f"{client}.{namespace}.*" for namespace in _NAMESPACES),
                    *(f"{package}.helpers.{name}" for name in ("bulk", "reindex")),
                ),
            )
            for package, client in (("elasticsearch", _ELASTIC), ("opensearchpy", _OPENSEARCH))
        ),
        Blocking(
            _RULE,
            tuple(
                f"{package}.helpers.{name}"
                for package in ("elasticsearch", "opensearchpy")
                for name in ("scan", "streaming_bulk", "parallel_bulk")
            ),
            lazy=True,
        ),
        Blocking(_RULE, tuple(f"elasticsearch_dsl.Search.{name}" for name in ("execute", "count", "delete"))),
        Blocking(
            _RULE,
            tuple(
                f"qdrant_client.QdrantClient.{name}"
                for name in (
                    *("query_points", "query_batch_points", "query_points_groups", "search", "search_batch", "query"),
                    *("recommend", "discover", "scroll", "retrieve", "count", "facet", "upsert", "upload_points"),
                    *("upload_collection", "delete", "set_payload", "overwrite_payload", "delete_payload", "add"),
                    *("get_collection", "get_collections", "create_collection", "recreate_collection"),
                    *("update_collection", "delete_collection", "collection_exists", "create_payload_index"),
                )
            ),
        ),
        Blocking(_RULE, _CONNECT_TO),
        Blocking(
            _RULE,
            (
                *(f"{_WEAVIATE}.{name}" for name in ("connect", "is_ready", "is_live", "get_meta")),
                *(f"{_WEAVIATE}.collections.{name}" for name in ("create", "delete", "exists", "list_all")),
                *(f"{_WEAVIATE_COLLECTION}.{part}.*" for part in ("query", "generate", "aggregate", "data")),
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"pinecone.Index.{name}"
                for name in (
                    *("upsert", "query", "fetch", "delete", "update", "describe_index_stats", "search"),
                    *("search_records", "upsert_records", "query_namespaces", "upsert_from_dataframe"),
                )
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"pinecone.Pinecone.{name}"
                for name in ("create_index", "list_indexes", "describe_index", "delete_index", "has_index")
            ),
        ),
        Blocking(
            _RULE,
            (
                *(f"{_CHROMA}.{name}" for name in (*_COLLECTIONS, "delete_collection", "list_collections")),
                *(f"{_CHROMA}.{name}" for name in ("heartbeat", "count_collections", "reset", "get_version")),
                *(
                    f"{_CHROMA_COLLECTION}.{name}"
                    for name in ("query", "add", "upsert", "get", "update", "delete", "count", "peek", "modify")
                ),
            ),
        ),
        Blocking(
            _RULE,
            (
                *(f"{_NEO4J}.{name}" for name in ("execute_query", "verify_connectivity", "get_server_info")),
                *(f"{_NEO4J_SESSION}.{name}" for name in _NEO4J_RUNS),
                *(f"neo4j.Transaction.{name}" for name in ("run", "commit", "rollback")),
                *(f"{_GRAPH}.{name}" for name in ("query", "refresh_schema", "add_graph_documents")),
                *(
                    f"neo4j.Result.{name}"
                    for name in ("data", "single", "values", "fetch", "consume", "to_df", "graph", "__iter__")
                ),
            ),
        ),
        Blocking(
            _RULE,
            (
                *(f"{_INFLUX}.{name}" for name in ("ping", "health", "ready")),
                *(
                    f"influxdb_client.QueryApi.{name}"
                    for name in ("query", "query_data_frame", "query_raw", "query_csv")
                ),
                "influxdb_client.DeleteApi.delete",
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"pymilvus.MilvusClient.{name}"
                for name in (
                    *("search", "hybrid_search", "query", "get", "insert", "upsert", "delete", "flush"),
                    *("create_collection", "drop_collection", "has_collection", "list_collections", "load_collection"),
                    *("describe_collection", "release_collection", "get_collection_stats", "create_index"),
                )
            ),
        ),
        Blocking(
            _RULE,
            (
                *(
                    f"pymilvus.Collection.{name}"
                    for name in (
                        *("search", "hybrid_search", "query", "insert", "upsert", "delete", "flush", "load", "drop"),
                        *("release", "create_index", "compact"),
                    )
                ),
                "pymilvus.connections.connect",
                "pymilvus.utility.has_collection",
                "pymilvus.utility.drop_collection",
            ),
        ),
        Blocking(
            _RULE,
            (
                *(
                    f"{_MEILI}.{name}"
                    for name in (
                        *("get_index", "get_indexes", "create_index", "delete_index", "multi_search", "get_task"),
                        *("wait_for_task", "health", "is_healthy", "get_keys"),
                    )
                ),
                *(
                    f"{_MEILI_INDEX}.{name}"
                    for name in (
                        *("search", "get_document", "get_documents", "add_documents", "update_documents"),
                        *(
                            "delete_document",
                            "delete_documents",
                            "delete_all_documents",
                            "update_settings",
                            "get_stats",
                        ),
                        "wait_for_task",
                    )
                ),
            ),
        ),
        Blocking(
            _RULE,
            (
                *(f"{_TYPESENSE}.documents.{name}" for name in _ON_TYPESENSE),
                *(f"{_TYPESENSE}.{name}" for name in ("create", "retrieve", "update", "delete")),
                "typesense.Client.multi_search.perform",
            ),
        ),
        Blocking(
            _RULE,
            (
                "cassandra.cluster.Cluster.connect",
                f"{_CASSANDRA}.execute",
                f"{_CASSANDRA}.prepare",
                f"{_PENDING}.result",
            ),
        ),
    ),
    aliases={
        "elasticsearch.client.Elasticsearch": _ELASTIC,
        "elasticsearch._sync.client.Elasticsearch": _ELASTIC,
        "opensearchpy.client.OpenSearch": _OPENSEARCH,
        "elasticsearch_dsl.search.Search": "elasticsearch_dsl.Search",
        "elasticsearch.dsl.Search": "elasticsearch_dsl.Search",
        "qdrant_client.qdrant_client.QdrantClient": "qdrant_client.QdrantClient",
        "weaviate.client.WeaviateClient": _WEAVIATE,
        "weaviate.collections.collection.Collection": _WEAVIATE_COLLECTION,
        "chromadb.api.models.Collection.Collection": _CHROMA_COLLECTION,
        "neo4j._sync.driver.Driver": _NEO4J,
        "neo4j._sync.work.session.Session": _NEO4J_SESSION,
        **{
            f"{module}.Neo4jGraph": _GRAPH
            for module in (
                *("langchain_neo4j.graphs.neo4j_graph", "langchain_community.graphs"),
                *("langchain_community.graphs.neo4j_graph", "langchain.graphs"),
            )
        },
        "pymilvus.milvus_client.MilvusClient": "pymilvus.MilvusClient",
        "pymilvus.orm.collection.Collection": "pymilvus.Collection",
        "meilisearch.client.Client": _MEILI,
        "influxdb_client.client.influxdb_client.InfluxDBClient": _INFLUX,
    },
    results={
        f"{_ELASTIC}.options": _ELASTIC,
        "elasticsearch_dsl.Search.*": "self",
        "elasticsearch_dsl.Search.execute": "elasticsearch_dsl.response.Response",
        "elasticsearch_dsl.Search.count": "builtins.int",
        "elasticsearch_dsl.Search.delete": "elasticsearch_dsl.response.Response",
        **dict.fromkeys(_CONNECT_TO, _WEAVIATE),
        **{f"{_WEAVIATE}.collections.{name}": _WEAVIATE_COLLECTION for name in ("get", "use", "create")},
        f"{_WEAVIATE_COLLECTION}.with_tenant": _WEAVIATE_COLLECTION,
        "pinecone.Pinecone.Index": "pinecone.Index",
        **{
            f"chromadb.{client}.{name}": _CHROMA_COLLECTION
            for client in ("HttpClient", "PersistentClient", "EphemeralClient", "Client", "ClientAPI", "CloudClient")
            for name in _COLLECTIONS
        },
        "neo4j.GraphDatabase.driver": _NEO4J,
        f"{_NEO4J}.session": _NEO4J_SESSION,
        f"{_NEO4J_SESSION}.run": "neo4j.Result",
        "neo4j.Transaction.run": "neo4j.Result",
        f"{_NEO4J_SESSION}.begin_transaction": "neo4j.Transaction",
        f"{_INFLUX}.query_api": "influxdb_client.QueryApi",
        f"{_INFLUX}.delete_api": "influxdb_client.DeleteApi",
        **{f"{_MEILI}.{name}": _MEILI_INDEX for name in ("index", "get_index")},
        "cassandra.cluster.Cluster.connect": _CASSANDRA,
        f"{_CASSANDRA}.execute_async": _PENDING,
    },
)
