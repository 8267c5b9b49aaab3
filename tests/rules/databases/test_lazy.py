"""Collections that are loaded lazily, and read where nothing can be awaited."""

from textwrap import dedent, indent

import pytest

from rules import Severity
from tests.rules.checking import EVERYTHING, assert_clean, assert_unfixed, found

RULE = "databases/lazy"

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped["User"] = relationship(back_populates="orders")


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders: Mapped[list[Order]] = relationship(back_populates="user")
"""
IMPORTS = """
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import selectinload

from app.models import Order, User

app = FastAPI()
factory = async_sessionmaker()


class OrderRead(BaseModel):
    id: int


class UserRead(BaseModel):
    id: int
    orders: list[OrderRead] = []


class UserShort(BaseModel):
    id: int


async def get_session():
    async with factory() as session:
        yield session


"""
ONE = "user = await session.get(User, 1)\n"


def files(models: str = MODELS, more: str = "") -> dict[str, str]:
    return {"app/__init__.py": "", "app/models.py": models, "app/more.py": more}


def endpoint(body: str, decorator: str = '@app.get("/")', returns: str = "") -> str:
    parameter = "session: AsyncSession = Depends(get_session)"
    return f"{IMPORTS}{decorator}\nasync def read({parameter}){returns}:\n{indent(dedent(body), '    ')}\n"


@pytest.mark.parametrize(
    "body",
    [
        f"{ONE}return len(user.orders)",
        f"{ONE}for order in user.orders:\n    print(order)",
        f"{ONE}user.orders.append(Order())",
        f"{ONE}return [order.id for order in user.orders]",
        "user: User = await session.get(User, 1)\nreturn user.orders",
        "user = await session.get_one(User, 1)\nreturn user.orders",
        "user = await session.scalar(select(User).where(User.id == 1))\nreturn user.orders",
        "user = (await session.execute(select(User))).scalar_one_or_none()\nreturn user.orders",
        "statement = select(User)\nresult = await session.execute(statement)\nuser = result.scalars().first()\nreturn user.orders",
        "users = (await session.scalars(select(User).limit(3))).all()\nreturn [user.orders for user in users]",
        "result = await session.scalars(select(User))\nfor user in result.unique().all():\n    print(user.orders)",
        "for user in await session.scalars(select(User)):\n    print(user.orders)",
        "async with factory() as own:\n    user = await own.get(User, 1)\n    return user.orders",
    ],
)
def test_a_collection_that_is_read(body: str) -> None:
    (finding,) = assert_unfixed(RULE, endpoint(body), files())
    assert "`user.orders` is read" in finding.message
    assert "selectinload(User.orders)" in finding.advice


@pytest.mark.parametrize(
    "source",
    [
        endpoint(f"{ONE}return user", '@app.get("/", response_model=UserRead)'),
        endpoint(f"{ONE}return user", returns=" -> UserRead"),
        endpoint(f"{ONE}return user", returns=" -> UserRead | None"),
        endpoint("return await session.get(User, 1)", '@app.get("/", response_model=UserRead)'),
        endpoint("return (await session.scalars(select(User))).all()", '@app.get("/", response_model=list[UserRead])'),
        endpoint("return list(await session.scalars(select(User)))", returns=" -> list[UserRead]"),
    ],
)
def test_a_collection_that_the_response_reads(source: str) -> None:
    (finding,) = assert_unfixed(RULE, source, files())
    assert "the response of `GET /` has it" in finding.message


def test_the_session_of_sqlmodel() -> None:
    models = """
        from sqlmodel import Field, Relationship, SQLModel

        class Order(SQLModel, table=True):
            id: int = Field(primary_key=True)

        class User(SQLModel, table=True):
            id: int = Field(primary_key=True)
            orders: list["Order"] = Relationship()
        """
    source = endpoint("user = (await session.exec(select(User))).first()\nreturn user.orders")
    source = source.replace("from sqlalchemy import select", "from sqlmodel import select").replace(
        "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker",
        "from sqlmodel.ext.asyncio.session import AsyncSession\nfrom sqlalchemy.ext.asyncio import async_sessionmaker",
    )
    assert_unfixed(RULE, source, files(models))


def test_a_helper_is_read_as_well() -> None:
    helper = f"{IMPORTS}async def count(session: AsyncSession):\n    user = await session.get(User, 1)\n    return len(user.orders)\n"
    (finding,) = assert_unfixed(RULE, helper, files())
    assert finding.function == "count"


def test_the_finding_stands_at_the_query() -> None:
    (finding,) = assert_unfixed(RULE, endpoint(f"{ONE}return user.orders"), files())
    assert finding.span.line == endpoint(f"{ONE}return user.orders").lstrip("\n").count("\n") - 1


@pytest.mark.parametrize(
    "source",
    [
        endpoint(f"{ONE}return user.id"),
        endpoint("user = await session.get(User, 1, options=[selectinload(User.orders)])\nreturn user.orders"),
        endpoint("user = await session.scalar(select(User).options(selectinload(User.orders)))\nreturn user.orders"),
        endpoint("user = await session.scalar(select(User).options(*loaded))\nreturn user.orders"),
        endpoint("user = await session.scalar(statement)\nreturn user.orders"),
        endpoint("user = await session.scalar(select(User, Order))\nreturn user.orders"),
        endpoint("user = (await session.execute(select(User))).first()\nreturn user.orders"),
        endpoint(f"{ONE}return await user.awaitable_attrs.orders"),
        endpoint(f"{ONE}await session.refresh(user, ['orders'])\nreturn user.orders"),
        endpoint(f"{ONE}user.orders = []\nreturn user.orders"),
        endpoint(f"{ONE}return await session.run_sync(lambda _: user.orders)"),
        endpoint(f"{ONE}session.add(Order())\nreturn user.orders"),
        endpoint(f"{ONE}user = make()\nreturn user.orders"),
        endpoint(f"{ONE}if 'orders' in user.__dict__:\n    return user.orders"),
        endpoint(
            "statement = select(User)\nif many:\n    statement = more(statement)\nuser = await session.scalar(statement)\nreturn user.orders"
        ),
        endpoint("order = await session.get(Order, 1)\nreturn order.user"),
        endpoint("user = await session.get(Other, 1)\nreturn user.orders"),
        endpoint("user = await cache.get(User, 1)\nreturn user.orders"),
        endpoint(f"{ONE}return select(Order).join(User.orders)"),
        endpoint("user = User()\nreturn user.orders"),
        endpoint(f"{ONE}return user", '@app.get("/", response_model=UserShort)'),
        endpoint(f"{ONE}return user"),
        endpoint(f"{ONE}return user", '@app.get("/", response_model=UserRead, response_model_exclude={"orders"})'),
        endpoint(f"{ONE}return UserRead(id=user.id)", '@app.get("/", response_model=UserRead)'),
        endpoint(f"{ONE}return {{'id': user.id}}", '@app.get("/", response_model=UserRead)'),
        endpoint(f"{ONE}user.orders = []\nreturn user", '@app.get("/", response_model=UserRead)'),
        endpoint(f"{ONE}return user.orders")
        .replace("AsyncSession", "Session")
        .replace("async def read", "def read")
        .replace("await ", ""),
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, source, files())


@pytest.mark.parametrize(
    "models",
    [
        MODELS.replace('back_populates="user"', 'lazy="selectin"'),
        MODELS.replace('back_populates="user"', "lazy=how"),
        MODELS.replace('back_populates="user"', "uselist=False"),
        MODELS.replace('back_populates="user"', "**options"),
        MODELS.replace("Mapped[list[Order]]", "Mapped[Order]"),
        MODELS.replace("Mapped[list[Order]]", "DynamicMapped[Order]"),
        MODELS.replace("Mapped[list[Order]]", "WriteOnlyMapped[Order]"),
        MODELS.replace("orders: Mapped[list[Order]]", "orders"),
        MODELS.replace("import DeclarativeBase, Mapped, mapped_column, relationship", "import *").replace(
            "sqlalchemy.orm", "elsewhere"
        ),
    ],
)
def test_what_may_be_loaded_otherwise(models: str) -> None:
    assert_clean(RULE, endpoint(f"{ONE}return user.orders"), files(models))


@pytest.mark.parametrize(
    "more",
    [
        "def load(): return select(User).options(selectinload(User.orders))",
        "def load(): return select(User).options(joinedload(models.User.orders).selectinload(Order.user))",
        "def load(relation): return selectinload(relation)",
        "async def load(session, user): await session.refresh(user, ['orders'])",
        "from sqlalchemy.ext.asyncio import AsyncAttrs\n\nasync def load(user): await user.awaitable_attrs.orders",
    ],
)
def test_what_another_function_may_have_loaded(more: str) -> None:
    """A session gives the same object for the same row, with all that is loaded of it."""
    assert_clean(RULE, endpoint(f"{ONE}return user.orders"), files(more=more))


@pytest.mark.parametrize(
    ("default", "is_read"),
    [("Field(default_factory=list)", True), ("Field([], alias='bought')", False), ("computed()", False)],
)
def test_the_default_of_a_field(default: str, is_read: bool) -> None:
    source = endpoint(f"{ONE}return user", '@app.get("/", response_model=UserRead)').replace("= []", f"= {default}")
    if is_read:
        assert_unfixed(RULE, source, files())
    else:
        assert_clean(RULE, source, files())


def test_a_response_that_reads_another_object() -> None:
    source = endpoint(f"{ONE}return user", '@app.get("/", response_model=UserRead)').replace(
        "    orders: list[OrderRead] = []\n",
        "    orders: list[OrderRead] = []\n\n    @model_validator(mode='before')\n    def of(cls, value): return {'id': value.id}\n",
    )
    assert_clean(RULE, source, files())


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, endpoint(f"{ONE}return user.orders"), files(), path="tests/test_main.py")


SYNCHRONOUS = """
from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, relationship, sessionmaker{more}

app = FastAPI()
make_session = sessionmaker()


class Base(DeclarativeBase): ...


class Order(Base):
    user = relationship("User")


class User(Base):
    orders: Mapped[list[Order]] = relationship()


class UserRead(BaseModel):
    orders: list[int]


class OrderRead(BaseModel):
    user: int


class Short(BaseModel):
    id: int


def get_session():
    with make_session() as session:
        yield session


def me(session: Session = Depends(get_session)) -> User:
    return session.get(User, 1)


def everybody(session: Session) -> list[User]:
    return session.query(User).all()


def order(session: Session = Depends(get_session)) -> Order:
    return session.get(Order, 1)


{endpoint}
"""


EVERYBODY = "@app.get('/')\nasync def read(session: Session = Depends(get_session)) -> list[UserRead]:\n"


@pytest.mark.parametrize(
    ("endpoint", "collection"),
    [
        (
            "@app.get('/', response_model=UserRead)\nasync def read(user: User = Depends(me)):\n    return user",
            "User.orders",
        ),
        ("@app.get('/')\nasync def read(order: Order = Depends(order)) -> OrderRead:\n    return order", "Order.user"),
        (EVERYBODY + "    return await run_in_threadpool(everybody, session)", "User.orders"),
    ],
)
def test_a_response_of_an_async_endpoint_is_loaded_on_the_event_loop(endpoint: str, collection: str) -> None:
    (finding,) = found(RULE, SYNCHRONOUS.format(more="", endpoint=endpoint))
    assert f"The response of `GET /` has `{collection}`" in finding.message
    assert finding.fix is None


@pytest.mark.parametrize(
    ("more", "endpoint"),
    [
        ("", "@app.get('/', response_model=UserRead)\ndef read(user: User = Depends(me)):\n    return user"),
        ("", "@app.get('/', response_model=Short)\nasync def read(user: User = Depends(me)):\n    return user"),
        ("", "@app.get('/')\nasync def read(user: User = Depends(me)):\n    return user"),
        ("", "@app.get('/')\nasync def read(user: User = Depends(me)) -> UserRead:\n    return UserRead(orders=[])"),
        (
            "\nfrom sqlalchemy.orm import selectinload\n\nLOADED = selectinload(User.orders)",
            "@app.get('/', response_model=UserRead)\nasync def read(user: User = Depends(me)):\n    return user",
        ),
        (
            "\nfrom sqlalchemy.ext.asyncio import AsyncSession",
            "@app.get('/', response_model=UserRead)\nasync def read(user: User = Depends(me)):\n    return user",
        ),
        ("", EVERYBODY + "    return everybody(session)"),
    ],
)
def test_a_response_that_is_read_elsewhere_or_told_already_is_left_alone(more: str, endpoint: str) -> None:
    assert_clean(RULE, SYNCHRONOUS.format(more=more, endpoint=endpoint))


READ = "@app.get('/')\nasync def read(session: Session = Depends(get_session)):\n"


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("    one = order(session)\n    return dict(name=one.user.name)", "one.user"),
        ("    one = session.get(Order, 1)\n    print(one.user)", "one.user"),
        ("    one = me(session)\n    return dict(orders=len(one.orders))", "one.orders"),
    ],
)
def test_related_rows_that_are_read_on_the_event_loop(body: str, read: str) -> None:
    """They may be there already, so it is said only where everything is asked for, and weighs least."""
    source = SYNCHRONOUS.format(more="", endpoint=READ + body)
    (finding,) = found(RULE, source, options=EVERYTHING)
    assert finding.message.startswith(
        f"`{read}` is loaded when it is read, on the event loop in `GET /`, unless the session holds"
    )
    assert (finding.severity, finding.fix) == (Severity.INFO, None)
    assert_clean(RULE, source)


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("", "    one = order(session)\n    return dict(id=one.id)"),
        (
            "",
            "    one = await run_in_threadpool(order, session)\n    one.user = me(session)\n    return dict(name=one.user.name)",
        ),
        ("", "    one = order(session)\n    session.refresh(one, ['user'])\n    return dict(name=one.user.name)"),
        ("", "    one = Order()\n    return dict(name=one.user)"),
        ("", "    one = order(session)\n    one = Order()\n    return dict(name=one.user)"),
        (
            "\nfrom sqlalchemy.orm import joinedload\n\nLOADED = joinedload(Order.user)",
            "    one = order(session)\n    print(one.user)",
        ),
        ("\nfrom sqlalchemy.ext.asyncio import AsyncSession", "    one = order(session)\n    print(one.user)"),
    ],
)
def test_related_rows_that_are_there_or_not_to_be_told_of(more: str, body: str) -> None:
    assert_clean(RULE, SYNCHRONOUS.format(more=more, endpoint=READ + body), options=EVERYTHING)


def test_related_rows_that_a_thread_reads() -> None:
    source = SYNCHRONOUS.format(more="", endpoint=READ + "    one = order(session)\n    print(one.user)")
    assert_clean(RULE, source.replace("async def read", "def read"), options=EVERYTHING)
