"""Models of peewee and Django on the event loop: a query waits at its end."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "databases/orm"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
PEEWEE = """
import peewee

database = peewee.SqliteDatabase("x.db")


class Base(peewee.Model):
    class Meta:
        database = database


class User(Base):
    name = peewee.CharField()
    data = peewee.TextField()
"""
DJANGO = """
from django.db import models


class Account(models.Model):
    name = models.CharField()


class Users(models.Manager): ...


class Member(models.Model):
    objects = Users()
"""
FILES = {"app/__init__.py": "", "app/users.py": PEEWEE, "app/accounts.py": DJANGO}
IMPORTS = "from app.accounts import Account, Member\nfrom app.users import User, database"


@pytest.mark.parametrize(
    "call",
    [
        "User.get(User.name == x)",
        "User.get_or_none(User.name == x)",
        "User.create(name=x)",
        "User.select().where(User.name == x).first()",
        "User.select().count()",
        "for user in User.select().order_by(User.name):\n        print(user)",
        "list(User.select())",
        "[user.name for user in User.select()]",
        "User.update(name=x).where(User.name == 'y').execute()",
        "User.insert(name=x).execute()",
        "User(name=x).save()",
        "user = User(name=x)\n    user.delete_instance()",
        "database.execute_sql('SELECT 1')",
        "Account.objects.get(name=x)",
        "Account.objects.filter(name=x).first()",
        "Account.objects.exclude(name=x).order_by('name').count()",
        "Account.objects.create(name=x)",
        "Account(name=x).save()",
        "for account in Account.objects.filter(name=x):\n        print(account)",
        "Member.objects.get(name=x)",
        "Member.objects.filter(name=x).exists()",
    ],
)
def test_each_end_of_a_query(call: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=FILES)


def test_a_query_behind_a_helper() -> None:
    before = with_app("", f"from app.queries import names\n\n\n{ENDPOINT}return names()\n")
    queries = "from .users import User\n\n\ndef names():\n    return [user.name for user in User.select()]\n"
    assert_fixes(RULE, before, before.replace("async def", "def"), files={**FILES, "app/queries.py": queries})


@pytest.mark.parametrize(
    "body",
    [
        "return User.select().where(User.name == x)",
        "return User.update(name=x)",
        "return User(name=x)",
        "return User.name == x",
        "return User.data.get('x')",
        "return Account.objects.filter(name=x).exclude(name='y')",
        "return await Account.objects.aget(name=x)",
        "return [account async for account in Account.objects.filter(name=x)]",
        "return await Account.objects.filter(name=x).afirst()",
        "await run_in_threadpool(User.get_by_id, x)",
        "return Other.get(x)",
        "return Other.select().first()",
        "return Pydantic(name=x).save()",
        "User = unknown\n    return User.get(x)",
        "return database.close()",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from elsewhere import Other, unknown
{IMPORTS}


class Pydantic(BaseModel):
    name: str
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"), files=FILES)


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(IMPORTS, f"{ENDPOINT}User.get_by_id(x)\n")
    assert_clean(RULE, source.replace("async def", "def"), files=FILES)
    assert_clean(RULE, source, files=FILES, path="tests/test_app.py")


def test_a_call_in_a_transaction_is_not_handed_over() -> None:
    """Each thread has a connection of its own, and with it another transaction or none."""
    body = f"{ENDPOINT}await x.read()\n    with database.atomic():\n        User.create(name='x')\n"
    assert_unfixed(RULE, with_app(IMPORTS, body), files=FILES)


def test_names_of_a_star_import() -> None:
    files = {"app/__init__.py": "", "app/users.py": "from peewee import *\n\n\nclass User(Model): ...\n"}
    before = with_app("", f"from app.users import User\n\n\n{ENDPOINT}return User.get_by_id(x)\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    ("call", "refuses"),
    [("Account.objects.first()", True), ("Account(name=x).save()", True), ("User.get(User.name == x)", False)],
)
def test_what_django_refuses_is_told(call: str, *, refuses: bool) -> None:
    (finding,) = found(RULE, with_app(IMPORTS, f'@app.get("/")\nasync def home(x: str):\n    {call}\n'), FILES)
    assert ("Django raises `SynchronousOnlyOperation` there" in finding.message) is refuses
    assert finding.message.endswith("this worker serves no other request.")
