"""MongoDB on the event loop, however the collection is reached."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "databases/mongo"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
CLIENT = "from pymongo import MongoClient\n\nclient = MongoClient()"
BOOKS = f"{CLIENT}\nbooks = client.get_database('app').get_collection('books')"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (BOOKS, "books.find_one({})"),
        (BOOKS, "books.insert_one({}).inserted_id"),
        (BOOKS, "books.with_options().update_many({}, {})"),
        (BOOKS, "for book in books.find({}):\n        print(book)"),
        (BOOKS, "for book in books.find({}).sort('x').limit(3):\n        print(book)"),
        (BOOKS, "list(books.find({}))"),
        (BOOKS, "[book for book in books.find({})]"),
        (BOOKS, "books.find({}).to_list()"),
        (BOOKS, "books.aggregate([])"),
        (CLIENT, "client.server_info()"),
        (CLIENT, "client.admin.command('ping')"),
        (CLIENT, "client.get_default_database().list_collection_names()"),
        (CLIENT, "with client.start_session() as s:\n        s.commit_transaction()"),
        ("import pymongo", "pymongo.MongoClient().list_database_names()"),
        ("from pymongo.mongo_client import MongoClient as M", "M().drop_database('x')"),
        ("from pymongo.collection import Collection", "books: Collection = make()\n    books.count_documents({})"),
        ("from pymongo.collection import Collection", "books: Collection[dict] = make()\n    books.distinct('x')"),
        (f"import gridfs\n{CLIENT}\nfs = gridfs.GridFS(client)", "fs.get('x').read()"),
        (f"from gridfs import GridFSBucket\n{CLIENT}", "GridFSBucket(client).upload_from_stream('x', b'')"),
        (
            "import mongoengine\n\n\nclass Book(mongoengine.Document):\n    title = mongoengine.StringField()",
            "Book.objects(title='x').first()",
        ),
        ("from mongoengine import Document\n\n\nclass Book(Document): ...", "Book.objects.get(id=1)"),
        ("from mongoengine import Document\n\n\nclass Book(Document): ...", "Book().save()"),
        (CLIENT, "client['app']['books'].find_one({})"),
        (CLIENT, "client.app.books.find_one({})"),
        (CLIENT, "client.app['books'].find_one({})"),
        (f"{CLIENT}\ndb = client['app']", "db.books.insert_one({})"),
        (f"{CLIENT}\ndb = client.app", "for b in db.books.find({}):\n        print(b)"),
    ],
)
def test_each_spelling(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_repository_with_a_collection() -> None:
    before = with_app(
        "",
        """
        from fastapi import Depends

        from app.books import Books, get_books


        @app.get("/")
        async def home(books: Books = Depends(get_books)):
            return books.all()
        """,
    )
    files = {
        "app/__init__.py": "",
        "app/books.py": """
            from pymongo.database import Database


            class Books:
                def __init__(self, database: Database):
                    self.collection = database.get_collection("books")

                def all(self):
                    return list(self.collection.find())


            def get_books(): ...
        """,
    }
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    "body",
    [
        "return await abooks.find_one({})",
        "return await abooks.find({}).to_list()",
        "return [book async for book in abooks.find({})]",
        "return await motor.get_database('x').get_collection('y').find_one({})",
        "return books.find({})",
        "return books.find({}).sort('x')",
        "return books.name",
        "return client.get_database('x')",
        "client.close()",
        "await run_in_threadpool(books.find_one, {})",
        "return unknown.find_one({})",
        "books = unknown\n    return books.find_one({})",
        "return {'x': 1}.get('x')",
        "return client.start_session()",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
from fastapi.concurrency import run_in_threadpool
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from elsewhere import unknown
{BOOKS}
abooks = AsyncMongoClient().get_database('app').get_collection('books')
motor = AsyncIOMotorClient()
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(BOOKS, f"{ENDPOINT}books.find_one({{}})\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_a_cursor_is_not_handed_over() -> None:
    body = f"{ENDPOINT}await x.read()\n    for book in books.find({{}}):\n        print(book)\n"
    assert_unfixed(RULE, with_app(BOOKS, body))
