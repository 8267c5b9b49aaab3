"""MongoDB: PyMongo, GridFS and MongoEngine. A cursor asks the server when it is run through.

https://pymongo.readthedocs.io/en/stable/api/pymongo/ and https://docs.mongoengine.org/
"""

from rules.core.library import Blocking, Library

_RULE = "databases/mongo"
_CLIENT, _DATABASE = "pymongo.MongoClient", "pymongo.database.Database"
_COLLECTION, _CURSOR = "pymongo.collection.Collection", "pymongo.cursor.Cursor"
_COMMAND_CURSOR, _SESSION = "pymongo.command_cursor.CommandCursor", "pymongo.client_session.ClientSession"
_DOCUMENT, _OBJECTS, _QUERY = "mongoengine.Document", "mongoengine.Document.objects", "mongoengine.QuerySet"
_GRIDFS, _BUCKET = "gridfs.GridFS", "gridfs.GridFSBucket"

_ON_CLIENT = ("server_info", "list_databases", "list_database_names", "drop_database", "watch", "bulk_write")
_ON_DATABASE = (
    *("command", "create_collection", "list_collections", "list_collection_names", "drop_collection"),
    *("validate_collection", "aggregate", "watch"),
)
_ON_COLLECTION = (
    *("find_one", "find_one_and_update", "find_one_and_replace", "find_one_and_delete", "insert_one", "insert_many"),
    *("update_one", "update_many", "replace_one", "delete_one", "delete_many", "bulk_write", "count_documents"),
    *("estimated_document_count", "distinct", "aggregate", "aggregate_raw_batches", "create_index", "create_indexes"),
    *("drop_index", "drop_indexes", "list_indexes", "index_information", "options", "drop", "rename", "watch"),
)
_LAZY = (
    *("sort", "limit", "skip", "batch_size", "hint", "max_time_ms", "collation", "comment", "allow_disk_use"),
    *("where", "min", "max", "clone", "rewind", "add_option", "remove_option"),
)
_QUERY_ENDS = (
    *("get", "first", "count", "create", "insert", "update", "update_one", "delete", "distinct", "sum", "average"),
    *("item_frequencies", "in_bulk", "modify", "aggregate", "explain", "__iter__"),
)
_QUERY_BUILDERS = (
    *("filter", "order_by", "only", "exclude", "limit", "skip", "all", "hint", "no_cache", "all_fields", "using"),
    *("select_related", "as_pymongo", "clone", "timeout", "batch_size", "read_preference", "none"),
)

library = Library(
    "MongoDB",
    blocking=(
        Blocking(_RULE, tuple(f"{_CLIENT}.{name}" for name in _ON_CLIENT)),
        Blocking(_RULE, tuple(f"{_DATABASE}.{name}" for name in _ON_DATABASE)),
        Blocking(_RULE, tuple(f"{_COLLECTION}.{name}" for name in _ON_COLLECTION)),
        Blocking(_RULE, tuple(f"{_CURSOR}.{name}" for name in ("next", "to_list", "distinct", "explain", "__iter__"))),
        Blocking(_RULE, tuple(f"{_COMMAND_CURSOR}.{name}" for name in ("next", "to_list", "__iter__"))),
        Blocking(
            _RULE,
            tuple(f"{_SESSION}.{name}" for name in ("commit_transaction", "abort_transaction", "with_transaction")),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_GRIDFS}.{name}"
                for name in ("put", "get", "find_one", "delete", "exists", "list", "get_version", "get_last_version")
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_BUCKET}.{name}"
                for name in (
                    *("upload_from_stream", "upload_from_stream_with_id", "download_to_stream", "rename", "delete"),
                    *("download_to_stream_by_name", "open_download_stream", "open_download_stream_by_name"),
                )
            ),
        ),
        Blocking(_RULE, ("gridfs.GridOut.read", "gridfs.GridOut.readline")),
        Blocking(_RULE, tuple(f"{_OBJECTS}.{name}" for name in _QUERY_ENDS)),
        Blocking(_RULE, tuple(f"{_QUERY}.{name}" for name in _QUERY_ENDS)),
        Blocking(
            _RULE,
            tuple(
                f"{_DOCUMENT}.{name}"
                for name in ("save", "delete", "reload", "update", "modify", "drop_collection", "ensure_indexes")
            ),
        ),
    ),
    aliases={
        "pymongo.mongo_client.MongoClient": _CLIENT,
        "pymongo.synchronous.mongo_client.MongoClient": _CLIENT,
        "pymongo.synchronous.database.Database": _DATABASE,
        "pymongo.synchronous.collection.Collection": _COLLECTION,
        "pymongo.synchronous.cursor.Cursor": _CURSOR,
        "pymongo.synchronous.command_cursor.CommandCursor": _COMMAND_CURSOR,
        "pymongo.synchronous.client_session.ClientSession": _SESSION,
        "gridfs.synchronous.grid_file.GridFS": _GRIDFS,
        "gridfs.grid_file.GridOut": "gridfs.GridOut",
        "mongoengine.document.Document": _DOCUMENT,
        "mongoengine.queryset.QuerySet": _QUERY,
        "mongoengine.queryset.queryset.QuerySet": _QUERY,
    },
    bases={"mongoengine.DynamicDocument": (_DOCUMENT,)},
    attributes={f"{_CLIENT}.admin": _DATABASE},
    results={
        **{f"{_CLIENT}.{name}": _DATABASE for name in ("get_database", "get_default_database")},
        **{f"{_CLIENT}.{name}": _DATABASE for name in ("__getitem__", "__getattr__")},
        f"{_CLIENT}.start_session": _SESSION,
        f"{_CLIENT}.__enter__": _CLIENT,
        **{f"{_DATABASE}.{name}": _COLLECTION for name in ("get_collection", "create_collection", "with_options")},
        **{f"{_DATABASE}.{name}": _COLLECTION for name in ("__getitem__", "__getattr__")},
        f"{_DATABASE}.with_options": _DATABASE,
        **{f"{_COLLECTION}.{name}": _COLLECTION for name in ("with_options", "__getitem__", "__getattr__")},
        **{f"{_COLLECTION}.{name}": _CURSOR for name in ("find", "find_raw_batches")},
        **{f"{_COLLECTION}.{name}": _COMMAND_CURSOR for name in ("aggregate", "list_indexes")},
        f"{_DATABASE}.aggregate": _COMMAND_CURSOR,
        f"{_DATABASE}.list_collections": _COMMAND_CURSOR,
        **{f"{_CURSOR}.{name}": "self" for name in _LAZY},
        f"{_GRIDFS}.get": "gridfs.GridOut",
        f"{_GRIDFS}.get_last_version": "gridfs.GridOut",
        f"{_BUCKET}.open_download_stream": "gridfs.GridOut",
        _OBJECTS: _QUERY,
        **{f"{_OBJECTS}.{name}": _QUERY for name in _QUERY_BUILDERS},
        **{f"{_QUERY}.{name}": _QUERY for name in _QUERY_BUILDERS},
    },
)
