"""Applications that keep what they know in SQLite or PostgreSQL."""

from tests.applications.playing import Ask, Stage, get, post

MODELS = """
    import os

    from sqlalchemy import ForeignKey, create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker


    class Base(DeclarativeBase):
        pass


    class Author(Base):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(unique=True)
        books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.id")


    class Book(Base):
        __tablename__ = "book"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
        author: Mapped[Author] = relationship(back_populates="books")


    url = os.environ.get("DATABASE_URL", "sqlite:///shop.db").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    SessionLocal = sessionmaker(engine)
    Base.metadata.create_all(engine)


    def get_db():
        with SessionLocal() as db:
            yield db
    """


def test_a_session_in_endpoints_that_await_nothing(stage: Stage) -> None:
    """The most common mistake there is: `async def` over a synchronous Session. The lazy relationship stays right."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import Depends, FastAPI, HTTPException
                from pydantic import BaseModel, ConfigDict
                from sqlalchemy import select
                from sqlalchemy.exc import IntegrityError
                from sqlalchemy.orm import Session

                from models import Author, Book, get_db

                app = FastAPI()


                class BookOut(BaseModel):
                    model_config = ConfigDict(from_attributes=True)
                    id: int
                    title: str


                class AuthorOut(BaseModel):
                    model_config = ConfigDict(from_attributes=True)
                    name: str
                    books: list[BookOut]


                @app.post("/authors/{name}", status_code=201, response_model=AuthorOut)
                async def add(name: str, titles: list[str], db: Session = Depends(get_db)):
                    author = Author(name=name, books=[Book(title=title) for title in titles])
                    db.add(author)
                    try:
                        db.commit()
                    except IntegrityError:
                        db.rollback()
                        raise HTTPException(409, "known already") from None
                    db.refresh(author)
                    return author


                @app.get("/authors/{name}", response_model=AuthorOut)
                async def author(name: str, db: Session = Depends(get_db)):
                    found = db.scalar(select(Author).where(Author.name == name))
                    if found is None:
                        raise HTTPException(404)
                    return found


                @app.get("/books")
                async def books(db: Session = Depends(get_db), limit: int = 10) -> list[str]:
                    return [f"{b.title} by {b.author.name}" for b in db.query(Book).order_by(Book.id).limit(limit)]
                """,
        },
        post("/authors/ann", json=["one", "two"]),
        post("/authors/ann", json=[]),
        post("/authors/ben", json="x"),
        get("/authors/ann"),
        get("/authors/ben"),
        get("/books"),
        get("/books?limit=1"),
        fixes=5,
        holds=("\ndef add", "\ndef author", "\ndef books"),
    )


def test_a_session_on_postgresql(stage: Stage, database: None) -> None:
    """The same over PostgreSQL, with a repository in between and an annotated dependency."""
    stage.same(
        {
            "models.py": MODELS,
            "repository.py": """
                from sqlalchemy import func, select
                from sqlalchemy.orm import Session

                from models import Author


                class Authors:
                    def __init__(self, db: Session) -> None:
                        self.db = db

                    def count(self) -> int:
                        return self.db.scalar(select(func.count()).select_from(Author)) or 0

                    def add(self, name: str) -> Author:
                        author = Author(name=name)
                        self.db.add(author)
                        self.db.commit()
                        return author
                """,
            "main.py": """
                from typing import Annotated

                from fastapi import Depends, FastAPI
                from sqlalchemy.orm import Session

                from models import get_db
                from repository import Authors

                app = FastAPI()
                Db = Annotated[Session, Depends(get_db)]


                def get_authors(db: Db) -> Authors:
                    return Authors(db)


                @app.post("/authors/{name}")
                async def add(name: str, authors: Annotated[Authors, Depends(get_authors)]) -> dict[str, str | int]:
                    author = authors.add(name)
                    return {"id": author.id, "name": author.name}


                @app.get("/count")
                async def count(db: Db) -> int:
                    return Authors(db).count()
                """,
        },
        post("/authors/ann"),
        post("/authors/ann"),
        post("/authors/ben"),
        get("/count"),
        fixes=3,
    )


def test_a_session_beside_an_await(stage: Stage, database: None) -> None:
    """The endpoint must stay asynchronous: each call is handed over, one after the other."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import Depends, FastAPI, Request
                from sqlalchemy import select
                from sqlalchemy.orm import Session

                from models import Author, get_db

                app = FastAPI()


                @app.post("/authors")
                async def add(request: Request, db: Session = Depends(get_db)) -> list[str]:
                    name = (await request.body()).decode()
                    db.add(Author(name=name))
                    db.commit()
                    return list(db.scalars(select(Author.name).order_by(Author.name)))
                """,
        },
        post("/authors", content=b"ann"),
        post("/authors", content=b"ben"),
        fixes=2,
    )


def test_a_helper_with_a_session_beside_an_await(stage: Stage) -> None:
    """A helper that does all of the SQL is handed over as a whole."""
    stage.same(
        {
            "models.py": MODELS,
            "crud.py": """
                from sqlalchemy import select
                from sqlalchemy.orm import Session

                from models import Author


                def names(db: Session) -> list[str]:
                    return list(db.scalars(select(Author.name)))


                def create(db: Session, name: str) -> int:
                    author = Author(name=name)
                    db.add(author)
                    db.commit()
                    return author.id
                """,
            "main.py": """
                from fastapi import Depends, FastAPI, Request
                from sqlalchemy.orm import Session

                import crud
                from models import get_db

                app = FastAPI()


                @app.post("/authors")
                async def add(request: Request, db: Session = Depends(get_db)) -> dict[str, object]:
                    number = crud.create(db, name=(await request.body()).decode())
                    return {"id": number, "names": crud.names(db)}
                """,
        },
        post("/authors", content=b"ann"),
        post("/authors", content=b"ann"),
        post("/authors", content=b"ben"),
        fixes=2,
    )


def test_an_asynchronous_dependency_with_a_session(stage: Stage) -> None:
    """A dependency that looks up who asks runs on every request."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
                from typing import Annotated

                from fastapi import Depends, FastAPI, Header, HTTPException
                from sqlalchemy import select
                from sqlalchemy.orm import Session

                from models import Author, SessionLocal, get_db

                app = FastAPI()
                with SessionLocal() as first:
                    first.merge(Author(id=1, name="ann"))
                    first.commit()


                async def who(x_name: Annotated[str, Header()], db: Session = Depends(get_db)) -> Author:
                    author = db.execute(select(Author).filter_by(name=x_name)).scalar_one_or_none()
                    if author is None:
                        raise HTTPException(401)
                    return author


                @app.get("/me")
                async def me(author: Annotated[Author, Depends(who)]) -> str:
                    return author.name
                """,
        },
        get("/me", headers={"X-Name": "ann"}),
        get("/me", headers={"X-Name": "ben"}),
        get("/me"),
        fixes=1,
        holds=("\ndef who",),
    )


def test_sqlmodel(stage: Stage) -> None:
    """SQLModel's own session, with a table that is its own answer."""
    stage.same(
        """
        from typing import Annotated

        from fastapi import Depends, FastAPI, HTTPException, Query
        from sqlmodel import Field, Session, SQLModel, create_engine, select


        class Hero(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            name: str = Field(index=True)
            age: int | None = None


        engine = create_engine("sqlite:///heroes.db", connect_args={"check_same_thread": False})
        SQLModel.metadata.create_all(engine)
        app = FastAPI()


        def get_session():
            with Session(engine) as session:
                yield session


        SessionDep = Annotated[Session, Depends(get_session)]


        @app.post("/heroes")
        async def create(hero: Hero, session: SessionDep) -> Hero:
            session.add(hero)
            session.commit()
            session.refresh(hero)
            return hero


        @app.get("/heroes")
        async def heroes(session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 100) -> list[Hero]:
            return session.exec(select(Hero).offset(offset).limit(limit)).all()


        @app.get("/heroes/{number}")
        async def hero(number: int, session: SessionDep) -> Hero:
            found = session.get(Hero, number)
            if not found:
                raise HTTPException(status_code=404, detail="Hero not found")
            return found


        @app.delete("/heroes/{number}")
        async def delete(number: int, session: SessionDep) -> dict[str, bool]:
            session.delete(session.get_one(Hero, number))
            session.commit()
            return {"ok": True}
        """,
        post("/heroes", json={"name": "Deadpond", "age": 30}),
        post("/heroes", json={"name": "Rusty"}),
        get("/heroes"),
        get("/heroes?limit=1&offset=1"),
        get("/heroes?limit=1000"),
        get("/heroes/2"),
        get("/heroes/3"),
        Ask("DELETE", "/heroes/1"),
        Ask("DELETE", "/heroes/1"),
        fixes=5,
    )


def test_a_session_opened_in_the_endpoint(stage: Stage) -> None:
    """`with SessionLocal.begin()` in the function itself."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import FastAPI
                from sqlalchemy import select

                from models import Author, SessionLocal

                app = FastAPI()


                @app.put("/authors/{name}")
                async def put(name: str) -> list[int]:
                    with SessionLocal.begin() as db:
                        db.add(Author(name=name))
                        db.flush()
                        return list(db.scalars(select(Author.id)))
                """,
        },
        Ask("PUT", "/authors/ann"),
        Ask("PUT", "/authors/ben"),
        fixes=1,
    )


def test_sqlite3(stage: Stage) -> None:
    """A connection that is opened where it is used."""
    stage.same(
        """
        import sqlite3

        from fastapi import FastAPI, HTTPException

        app = FastAPI()
        with sqlite3.connect("shop.db") as first:
            first.execute("CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY, price INTEGER)")
            first.execute("INSERT OR IGNORE INTO item VALUES ('pen', 2)")


        def price_of(name: str) -> int | None:
            connection = sqlite3.connect("shop.db")
            try:
                row = connection.execute("SELECT price FROM item WHERE name = ?", (name,)).fetchone()
            finally:
                connection.close()
            return row[0] if row else None


        @app.get("/items/{name}")
        async def item(name: str) -> int:
            price = price_of(name)
            if price is None:
                raise HTTPException(404)
            return price


        @app.post("/items/{name}")
        async def add(name: str, price: int) -> int:
            with sqlite3.connect("shop.db") as connection:
                cursor = connection.execute("INSERT INTO item VALUES (?, ?)", (name, price))
                return cursor.rowcount
        """,
        get("/items/pen"),
        get("/items/ink"),
        post("/items/ink?price=3"),
        post("/items/ink?price=3"),
        get("/items/ink"),
        fixes=2,
    )


def test_psycopg(stage: Stage, database: None) -> None:
    """A connection of psycopg in a helper, from endpoints with and without an await."""
    stage.same(
        """
        import os

        import psycopg
        from fastapi import FastAPI, Request

        app = FastAPI()
        URL = os.environ["DATABASE_URL"]
        with psycopg.connect(URL) as first:
            first.execute("CREATE TABLE IF NOT EXISTS word (id serial PRIMARY KEY, word text UNIQUE)")


        def words() -> list[str]:
            with psycopg.connect(URL) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT word FROM word ORDER BY id")
                return [row[0] for row in cursor.fetchall()]


        def add(word: str) -> None:
            with psycopg.connect(URL) as connection:
                connection.execute("INSERT INTO word (word) VALUES (%s)", (word,))


        @app.get("/words")
        async def index() -> list[str]:
            return words()


        @app.post("/words")
        async def put(request: Request) -> list[str]:
            add((await request.body()).decode())
            return words()
        """,
        get("/words"),
        post("/words", content=b"one"),
        post("/words", content=b"two"),
        post("/words", content=b"two"),
        get("/words"),
        fixes=3,
    )


def test_an_asynchronous_session_is_left_alone(stage: Stage) -> None:
    """The methods of AsyncSession are awaited, and its `add` is not."""
    stage.alone(
        """
        from collections.abc import AsyncIterator
        from contextlib import asynccontextmanager
        from typing import Annotated

        from fastapi import Depends, FastAPI
        from sqlalchemy import select
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
        from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


        class Base(DeclarativeBase):
            pass


        class Item(Base):
            __tablename__ = "item"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str]


        engine = create_async_engine("sqlite+aiosqlite:///shop.db")
        sessions = async_sessionmaker(engine, expire_on_commit=False)


        @asynccontextmanager
        async def lifespan(app: FastAPI):
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            yield
            await engine.dispose()


        app = FastAPI(lifespan=lifespan)


        async def get_db() -> AsyncIterator[AsyncSession]:
            async with sessions() as db:
                yield db


        def count(db: Session, prefix: str) -> int:
            return db.query(Item).filter(Item.name.startswith(prefix)).count()


        @app.post("/items/{name}")
        async def add(name: str, db: Annotated[AsyncSession, Depends(get_db)]) -> list[str]:
            db.add(Item(name=name))
            await db.commit()
            found = await db.scalars(select(Item))
            return [*(item.name for item in found), str(await db.run_sync(count, name[:1]))]
        """,
        post("/items/one"),
        post("/items/other"),
    )


def test_def_endpoints_over_a_session_are_left_alone(stage: Stage) -> None:
    """What FastAPI runs in a thread already has nothing to gain from a pool of the same size."""
    stage.alone(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import Depends, FastAPI
                from sqlalchemy.orm import Session

                from models import Author, get_db

                app = FastAPI()


                @app.post("/authors/{name}")
                def add(name: str, db: Session = Depends(get_db)) -> int:
                    author = Author(name=name)
                    db.add(author)
                    db.commit()
                    return author.id
                """,
        },
        post("/authors/ann"),
    )


def test_a_connection_of_one_thread_is_left_alone(stage: Stage) -> None:
    """A connection of sqlite3 that the module keeps must be used in the thread that opened it."""
    stage.alone(
        """
        import sqlite3
        from contextlib import asynccontextmanager

        from fastapi import FastAPI

        kept = {}


        @asynccontextmanager
        async def lifespan(app: FastAPI):
            global connection
            connection = sqlite3.connect(":memory:")
            connection.execute("CREATE TABLE item (name TEXT)")
            yield
            connection.close()


        app = FastAPI(lifespan=lifespan)


        @app.post("/items/{name}")
        async def add(name: str) -> int:
            connection.execute("INSERT INTO item VALUES (?)", (name,))
            return connection.execute("SELECT count(*) FROM item").fetchone()[0]
        """,
        post("/items/one"),
        post("/items/two"),
    )


def test_a_session_that_all_requests_share_is_left_alone(stage: Stage) -> None:
    """A Session serves one thread at a time, so what keeps one for all requests must stay on the loop."""
    stage.alone(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import FastAPI, Request
                from sqlalchemy import func, select

                from models import Author, SessionLocal

                app = FastAPI()
                session = SessionLocal()


                @app.post("/authors")
                async def add(request: Request) -> int:
                    session.add(Author(name=(await request.body()).decode()))
                    session.commit()
                    return session.scalar(select(func.count()).select_from(Author))


                @app.get("/authors")
                async def authors() -> list[str]:
                    return [author.name for author in session.query(Author).all()]
                """,
        },
        post("/authors", content=b"ann"),
        get("/authors"),
    )


def test_an_endpoint_whose_answer_is_loaded_lazily_is_left_alone(stage: Stage) -> None:
    """FastAPI reads the answer of `async def` on the loop, and that of `def` in its thread."""
    stage.alone(
        {
            "models.py": MODELS,
            "main.py": """
                from fastapi import Depends, FastAPI
                from pydantic import BaseModel, ConfigDict
                from sqlalchemy.orm import Session

                from models import Author, Book, SessionLocal, get_db

                app = FastAPI()
                with SessionLocal() as first:
                    first.merge(Author(id=1, name="ann", books=[Book(id=1, title="one")]))
                    first.commit()


                class BookOut(BaseModel):
                    model_config = ConfigDict(from_attributes=True)
                    title: str


                class AuthorOut(BaseModel):
                    model_config = ConfigDict(from_attributes=True)
                    name: str
                    books: list[BookOut]


                def current(db: Session = Depends(get_db)) -> Author:
                    return db.get_one(Author, 1)


                @app.get("/me", response_model=AuthorOut)
                def me(author: Author = Depends(current)):
                    return author
                """,
        },
        get("/me"),
    )
