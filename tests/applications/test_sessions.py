"""Applications that have a synchronous and an asynchronous stack for the same database: what moves from one to the other."""

import pytest

from tests.applications.playing import Ask, Stage, get, post

MODELS = """
    import os
    from datetime import datetime

    from sqlalchemy import ForeignKey, create_engine, func
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker


    class Base(DeclarativeBase):
        pass


    class Author(Base):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(unique=True)
        made: Mapped[datetime] = mapped_column(server_default=func.now())
        books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.id")


    class Book(Base):
        __tablename__ = "book"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
        author: Mapped[Author] = relationship(back_populates="books")


    URL = os.environ.get("DATABASE_URL", "sqlite:///shop.db").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(URL)
    SessionLocal = sessionmaker(autoflush=False, bind=engine)
    async_engine = create_async_engine(URL.replace("sqlite:", "sqlite+aiosqlite:"))
    AsyncSessionLocal = async_sessionmaker(async_engine, autoflush=False, expire_on_commit=False)
    Base.metadata.create_all(engine)
    with SessionLocal() as first:
        first.merge(Author(id=1, name="ann"))
        first.flush()
        first.add_all([Book(title=title, author_id=1) for title in ("one", "two")])
        first.commit()
    engine.dispose()


    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()


    async def get_async_db():
        async with AsyncSessionLocal() as db:
            yield db
    """
SCHEMAS = """
    from pydantic import BaseModel, ConfigDict


    class Row(BaseModel):
        model_config = ConfigDict(from_attributes=True)


    class BookOut(Row):
        title: str


    class AuthorOut(Row):
        name: str
        books: list[BookOut]


    class Short(Row):
        name: str


    class AuthorIn(BaseModel):
        name: str
    """
HEAD = """
    from typing import Annotated

    from fastapi import Depends, FastAPI, HTTPException, Request
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError, NoResultFound
    from sqlalchemy.orm import Session

    from models import Author, Book, get_db
    from schemas import AuthorIn, AuthorOut, Short

    app = FastAPI()
    """


def files(endpoints: str, **others: str) -> dict[str, str]:
    """An application with these endpoints."""
    return {"models.py": MODELS, "schemas.py": SCHEMAS, "main.py": HEAD + endpoints} | {
        f"{name}.py": text for name, text in others.items()
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> None:
    """Each of the two databases."""
    if request.param == "postgresql":
        request.getfixturevalue("database")


def test_a_session_with_statements(stage: Stage, databases: None) -> None:
    """What is executed is awaited, and results are taken as before; an error of the database is caught as before."""
    stage.same(
        files(
            """

    @app.post("/authors", status_code=201, response_model=Short)
    async def add(author: AuthorIn, db: Session = Depends(get_db)):
        new = Author(name=author.name)
        db.add(new)
        try:
            db.commit()
        except IntegrityError:
            db.rollback()
            raise HTTPException(409, "known already") from None
        db.refresh(new)
        return new


    @app.get("/authors/{number}", response_model=Short)
    async def author(number: int, db: Session = Depends(get_db)):
        found = db.get(Author, number)
        if found is None:
            raise HTTPException(404)
        return found


    @app.get("/names")
    async def names(db: Session = Depends(get_db)) -> list[str]:
        return db.execute(select(Author.name).order_by(Author.id)).scalars().all()


    @app.delete("/authors/{name}")
    async def remove(name: str, db: Annotated[Session, Depends(get_db)]) -> None:
        found = db.scalars(select(Author).where(Author.name == name)).one()
        db.delete(found)
        db.commit()
    """
        ),
        post("/authors", json={"name": "ben"}),
        post("/authors", json={"name": "ben"}),
        post("/authors", json={}),
        get("/authors/1"),
        get("/authors/9"),
        get("/names"),
        Ask("DELETE", "/authors/ben"),
        Ask("DELETE", "/authors/ben"),
        get("/names"),
        fixes=6,
        holds=("await db.commit()", "await db.refresh(new)", "db: AsyncSession = Depends(get_async_db)"),
    )


def test_a_session_with_queries(stage: Stage, databases: None) -> None:
    """A query becomes a statement, with what it asks for at its end."""
    stage.same(
        files(
            """
    Db = Annotated[Session, Depends(get_db)]


    @app.get("/all")
    async def all_of_them(db: Db, skip: int = 0, limit: int = 10):
        return [book.title for book in db.query(Book).order_by(Book.id).offset(skip).limit(limit).all()]


    @app.get("/first")
    async def first(db: Db, name: str):
        found = db.query(Author).filter(Author.name == name).first()
        return found.id if found else None


    @app.get("/one")
    async def one(db: Db, name: str):
        try:
            return db.query(Author).filter_by(name=name).one().id
        except NoResultFound:
            raise HTTPException(404) from None


    @app.get("/joined")
    async def joined(db: Db):
        return [author.name for author in db.query(Author).join(Author.books).filter(Book.id > 0).all()]


    @app.get("/rows")
    async def rows(db: Db):
        return [tuple(row) for row in db.query(Author.name, Book.title).join(Book).order_by(Book.id).all()]


    @app.get("/scalar")
    async def scalar(db: Db, name: str):
        return db.query(Author.id).filter(Author.name == name).scalar()


    @app.get("/loop")
    async def loop(db: Db):
        found = []
        for book in db.query(Book).order_by(Book.id):
            found.append(book.title)
        return found


    @app.get("/get/{number}")
    async def by_key(db: Db, number: int):
        found = db.query(Author).get(number)
        return found and found.name


    @app.get("/kept")
    async def kept(db: Db, title: str | None = None):
        query = db.query(Book)
        if title:
            query = query.filter(Book.title.contains(title))
        total = query.count()
        return {"total": total, "titles": [book.title for book in query.order_by(Book.id).limit(1)]}


    @app.put("/books/{number}")
    async def rename(db: Db, number: int, title: str):
        changed = db.query(Book).filter(Book.id == number).update({"title": title})
        db.commit()
        return changed


    @app.delete("/books/{number}")
    async def remove(db: Db, number: int):
        db.query(Book).filter(Book.id == number).delete(synchronize_session=False)
        db.commit()
        return db.query(
            Book
        ).filter(
            Book.id > 0,  # all of them
        ).count()
    """
        ),
        get("/all"),
        get("/all?skip=1&limit=1"),
        get("/first?name=ann"),
        get("/first?name=x"),
        get("/one?name=ann"),
        get("/one?name=x"),
        get("/joined"),
        get("/rows"),
        get("/scalar?name=ann"),
        get("/scalar?name=x"),
        get("/loop"),
        get("/get/1"),
        get("/get/7"),
        get("/kept"),
        get("/kept?title=w"),
        Ask("PUT", "/books/1?title=three"),
        Ask("PUT", "/books/9?title=three"),
        Ask("DELETE", "/books/2"),
        get("/all"),
        fixes=14,
        holds=("(await db.scalars(select(Author).filter(Author.name == name).limit(1))).first()", ".unique().all()"),
    )


def test_related_rows_that_the_response_shows(stage: Stage, databases: None) -> None:
    """They are loaded with the statement, for nothing could be awaited where the response is made."""
    stage.same(
        files(
            """

    @app.get("/authors", response_model=list[AuthorOut])
    async def authors(db: Session = Depends(get_db)):
        return db.query(Author).order_by(Author.id).all()


    @app.get("/titles")
    async def titles(db: Session = Depends(get_db)):
        return {one.name: [book.title for book in one.books] for one in db.scalars(select(Author))}


    @app.get("/by")
    async def by(db: Session = Depends(get_db)):
        return [f"{book.title} by {book.author.name}" for book in db.execute(select(Book)).scalars()]
    """
        ),
        get("/authors"),
        get("/titles"),
        get("/by"),
        fixes=3,
        holds=("selectinload(Author.books)", "selectinload(Book.author)"),
    )


def test_helpers_that_are_handed_the_session(stage: Stage, databases: None) -> None:
    """One that nobody else calls becomes asynchronous; one that others call is run with a session of its own kind."""
    stage.same(
        files(
            """

    @app.post("/authors/{name}", response_model=Short)
    async def add(name: str, request: Request, db: Session = Depends(get_db)):
        await request.body()
        return crud.create(db, name=name)


    @app.get("/authors/{name}", response_model=Short)
    async def author(name: str, request: Request, db: Session = Depends(get_db)):
        await request.body()
        found = crud.find(db, name)
        if found is None:
            raise HTTPException(404)
        return found


    @app.get("/plain/{name}", response_model=Short)
    def plain(name: str, db: Session = Depends(get_db)):
        return crud.find(db, name)
    """.replace("@app.post", "import crud\n\n    @app.post", 1),
            crud="""
    from sqlalchemy.orm import Session

    from models import Author


    def find(db: Session, name: str) -> Author | None:
        return db.query(Author).filter(Author.name == name).first()


    def create(db: Session, name: str) -> Author:
        author = Author(name=name)
        db.add(author)
        db.commit()
        db.refresh(author)
        return author
    """,
        ),
        post("/authors/ben"),
        post("/authors/ben"),
        get("/authors/ben"),
        get("/authors/x"),
        get("/plain/ben"),
        fixes=2,
        holds=(
            "await crud.create(db, name=name)",
            "await db.run_sync(crud.find, name)",
            "async def create(db: AsyncSession",
        ),
    )


def test_objects_that_keep_a_session(stage: Stage, databases: None) -> None:
    """A class over a session, however its objects are made: its methods are awaited with all that call them."""
    stage.same(
        files(
            """
    from shelves import Catalogue, Shelf


    def get_shelf(db: Session = Depends(get_db)) -> Shelf:
        return Shelf(db, limit=3)


    def get_catalogue(shelf: Shelf = Depends(get_shelf)) -> Catalogue:
        return Catalogue(shelf)


    @app.get("/books")
    async def books(shelf: Annotated[Shelf, Depends(get_shelf)], word: str = "") -> list[str]:
        return shelf.titles(word)


    @app.post("/books/{title}", status_code=201)
    async def add(title: str, shelf: Annotated[Shelf, Depends(get_shelf)]) -> dict[str, object]:
        if shelf.titles(title):
            raise HTTPException(409, shelf.refusal(title))
        return {"number": shelf.put(title), "all": shelf.count()}


    @app.get("/summary")
    async def summary(catalogue: Catalogue = Depends(get_catalogue)) -> str:
        return catalogue.summary()


    @app.delete("/books/{number}")
    async def remove(number: int, db: Session = Depends(get_db)) -> bool:
        db.execute(select(Author.id)).all()
        return Shelf(db).drop(number)
    """,
            shelves="""
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from models import Book


    class Shelf:
        def __init__(self, db: Session, limit: int = 10) -> None:
            self.db = db
            self.limit = limit

        def titles(self, word: str) -> list[str]:
            query = self.db.query(Book.title).filter(Book.title.contains(word)).order_by(Book.id)
            return [title for (title,) in query.limit(self.limit).all()]

        def count(self) -> int:
            return self.db.query(Book).count()

        def put(self, title: str) -> int:
            book = Book(title=title, author_id=1)
            self.db.add(book)
            self.db.flush()
            number = book.id
            self.db.commit()
            return number

        def drop(self, number: int) -> bool:
            book = self.db.get(Book, number)
            if book is None:
                return False
            self.db.delete(book)
            self.db.commit()
            return self.count() > 0

        def refusal(self, title: str) -> str:
            return f"{title} is there, of at most {self.limit}"


    class Catalogue:
        def __init__(self, shelf: Shelf) -> None:
            self.shelf = shelf

        def summary(self) -> str:
            return f"{self.shelf.count()}: {', '.join(self.shelf.titles('o'))}"
    """,
        ),
        get("/books"),
        get("/books?word=tw"),
        post("/books/three"),
        post("/books/three"),
        get("/summary"),
        Ask("DELETE", "/books/2"),
        Ask("DELETE", "/books/9"),
        get("/books"),
        get("/summary"),
        fixes=8,
        holds=("async def put(", "await self.shelf.count()", "(await self.db.execute("),
    )
