"""Object-relational mappers other than SQLAlchemy: peewee, Django, PynamoDB. A query asks the database at its end only.

https://docs.peewee-orm.com/en/latest/peewee/querying.html and https://docs.djangoproject.com/en/stable/ref/models/querysets/
"""

from rules.core.library import Blocking, Library, Rows

_RULE = "databases/orm"
_PEEWEE, _SELECT, _WRITE = "peewee.Model", "peewee.ModelSelect", "peewee.ModelUpdate"
_DATABASE = "peewee.Database"
_TRANSACTION = "peewee.Transaction"
_DJANGO, _OBJECTS = "django.db.models.Model", "django.db.models.Model.objects"
_MANAGER, _QUERYSET = "django.db.models.Manager", "django.db.models.QuerySet"

_PEEWEE_CLASS = (
    *("get", "get_or_none", "get_by_id", "set_by_id", "delete_by_id", "get_or_create", "create", "bulk_create"),
    *("bulk_update", "create_table", "drop_table", "table_exists", "truncate_table"),
)
_PEEWEE_INSTANCE = ("save", "delete_instance")
_PEEWEE_ENDS = (
    "get",
    "get_or_none",
    "first",
    "last",
    "peek",
    "count",
    "exists",
    "scalar",
    "scalars",
    "execute",
    "__iter__",
)
_DATABASES = (
    *("SqliteDatabase", "PostgresqlDatabase", "MySQLDatabase", "PooledPostgresqlDatabase", "PooledMySQLDatabase"),
    *("PooledSqliteDatabase", "SqliteExtDatabase", "PostgresqlExtDatabase"),
)
_DJANGO_ENDS = (
    *("get", "create", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "count", "first", "last"),
    *("earliest", "latest", "exists", "aggregate", "in_bulk", "explain", "contains"),
)
_DJANGO_BUILDERS = frozenset(
    {
        *("all", "filter", "exclude", "annotate", "alias", "order_by", "reverse", "distinct", "values", "values_list"),
        *(
            "select_related",
            "prefetch_related",
            "defer",
            "only",
            "using",
            "none",
            "union",
            "intersection",
            "difference",
        ),
        *("extra", "select_for_update", "dates", "datetimes", "raw", "get_queryset"),
    }
)
_DJANGO_PARTS = {"values", "values_list", "dates", "datetimes"}  # of rows
_PEEWEE_BUILDERS = (
    *("where", "orwhere", "order_by", "limit", "offset", "paginate", "join", "left_outer_join", "switch", "group_by"),
    *("having", "distinct", "iterator", "objects", "execute", "clone", "for_update"),
)
_DJANGO_GIVING = ("get", "create", "first", "last", "earliest", "latest")
_PYNAMODB = "pynamodb.models.Model"
_ON_PYNAMODB = (
    *("get", "count", "exists", "save", "delete", "update", "refresh", "create_table", "delete_table"),
    "describe_table",
)
# https://docs.djangoproject.com/en/stable/topics/async/#async-safety
_REFUSED = (
    "Django raises `SynchronousOnlyOperation` there, and where `DJANGO_ALLOW_ASYNC_UNSAFE` is set this worker serves no other "
    "request"
)

library = Library(
    "peewee, Django and PynamoDB",
    blocking=(
        Blocking(_RULE, tuple(f"{_PEEWEE}.{name}" for name in (*_PEEWEE_CLASS, *_PEEWEE_INSTANCE))),
        Blocking(_RULE, tuple(f"{_SELECT}.{name}" for name in _PEEWEE_ENDS)),
        Blocking(_RULE, (f"{_WRITE}.execute",)),
        Blocking(
            _RULE,
            tuple(f"{_DATABASE}.{name}" for name in ("connect", "execute_sql", "commit", "rollback", "create_tables")),
        ),
        Blocking(
            _RULE,
            (
                *(f"{_OBJECTS}.{name}" for name in (*_DJANGO_ENDS, "__iter__")),
                *(f"{_MANAGER}.{name}" for name in _DJANGO_ENDS),
                *(f"{_QUERYSET}.{name}" for name in (*_DJANGO_ENDS, "update", "delete", "__iter__")),
                *(f"{_DJANGO}.{name}" for name in ("save", "delete", "refresh_from_db")),
            ),
            cost=_REFUSED,
        ),
        Blocking(_RULE, tuple(f"{_PYNAMODB}.{name}" for name in _ON_PYNAMODB)),
        Blocking(_RULE, tuple(f"{_PYNAMODB}.{name}" for name in ("query", "scan", "batch_get")), lazy=True),
        Blocking(
            _RULE,
            tuple(f"fastapi_pagination.ext.{name}.paginate" for name in ("peewee", "django", "pony")),
            either=True,
        ),
        Blocking(_RULE, ("pony.orm.commit", "pony.orm.flush", "pony.orm.rollback")),
    ),
    aliases={
        "playhouse.signals.Model": _PEEWEE,
        **{
            f"playhouse.{module}.{name}": f"peewee.{name}" for name in _DATABASES for module in ("pool", "postgres_ext")
        },
        "playhouse.sqlite_ext.SqliteExtDatabase": "peewee.SqliteExtDatabase",
        "django.db.models.base.Model": _DJANGO,
        "django.db.models.manager.Manager": _MANAGER,
        "django.db.models.query.QuerySet": _QUERYSET,
        "django.contrib.auth.models.BaseUserManager": _MANAGER,
    },
    bases={
        **{f"peewee.{name}": (_DATABASE,) for name in _DATABASES},
        "django.contrib.auth.models.AbstractBaseUser": (_DJANGO,),
        "django.contrib.auth.models.AbstractUser": (_DJANGO,),
        "django.contrib.auth.models.User": (_DJANGO,),
    },
    results={
        **{
            f"{_DATABASE}.{name}": _TRANSACTION
            for name in ("atomic", "transaction", "savepoint", "connection_context", "bind_ctx", "manual_commit")
        },
        "django.db.transaction.atomic": "django.db.transaction.Atomic",
        f"{_PEEWEE}.select": _SELECT,
        f"{_SELECT}.*": "self",
        **{f"{_SELECT}.{name}": "peewee.Loaded" for name in _PEEWEE_ENDS},
        **{f"{_PEEWEE}.{name}": _WRITE for name in ("insert", "insert_many", "replace", "update", "delete")},
        **{f"{_PEEWEE}.{name}": _WRITE for name in ("insert_from", "replace_many", "raw")},
        f"{_WRITE}.*": "self",
        f"{_WRITE}.execute": "peewee.Loaded",
        **{f"{owner}.{name}": _QUERYSET for owner in (_OBJECTS, _MANAGER, _QUERYSET) for name in _DJANGO_BUILDERS},
    },
    attributes={_OBJECTS: _MANAGER},
    rows={
        f"{_PEEWEE}.select": Rows.OF_OWNER,
        **{f"{_PEEWEE}.{name}": Rows.ONE_OF_OWNER for name in ("get", "get_or_none", "get_by_id", "create")},
        **{f"{_SELECT}.{name}": Rows.KEPT for name in _PEEWEE_BUILDERS},
        **{f"{_SELECT}.{name}": Rows.ONE for name in ("get", "get_or_none", "first", "last", "peek")},
        **{
            f"{owner}.{name}": Rows.OF_OWNER
            for owner in (_OBJECTS, _MANAGER)
            for name in _DJANGO_BUILDERS - _DJANGO_PARTS
        },
        **{f"{owner}.{name}": Rows.ONE_OF_OWNER for owner in (_OBJECTS, _MANAGER) for name in _DJANGO_GIVING},
        **{f"{_QUERYSET}.{name}": Rows.KEPT for name in _DJANGO_BUILDERS - _DJANGO_PARTS},
        **{f"{_QUERYSET}.{name}": Rows.ONE for name in _DJANGO_GIVING},
    },
    per_thread=frozenset({_DATABASE, "pony.orm.commit", "pony.orm.flush", "pony.orm.rollback"}),
    thread_bound=frozenset({_TRANSACTION, "django.db.transaction.Atomic", "pony.orm.db_session"}),
)
