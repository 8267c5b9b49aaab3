"""Sessions that an application opens where it needs them, and the other packages and drivers that such are made with."""

import pytest
import sqlalchemy

from tests.applications.playing import Ask, Stage, get, post
from tests.applications.test_sessions import MODELS

SQLMODEL = """
    import os

    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlmodel import Field, Session, SQLModel, create_engine
    from sqlmodel.ext.asyncio.session import AsyncSession


    class Hero(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str
        age: int = 1


    class HeroIn(SQLModel):
        name: str
        age: int = 1


    class HeroOut(HeroIn):  # SQLAlchemy refreshes attributes in the order of a set: the order of an answer is the model's
        id: int


    URL = os.environ.get("DATABASE_URL", "sqlite:///shop.db").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(URL)
    async_engine = create_async_engine(URL.replace({driver}))
    AsyncLocal = async_sessionmaker(async_engine, class_=AsyncSession, expire_on_commit=False)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as first:
        first.add(Hero(name="ann", age=30))
        first.commit()
    engine.dispose()


    def get_session():
        with Session(engine) as session:
            yield session


    async def get_async_session():
        async with AsyncLocal() as session:
            yield session
    """
HEROES = """
    from fastapi import Depends, FastAPI, HTTPException
    from sqlmodel import Session, select

    from models import Hero, HeroIn, HeroOut, engine, get_session

    app = FastAPI()


    @app.post("/heroes", response_model=HeroOut, status_code=201)
    async def add(hero: HeroIn, session: Session = Depends(get_session)):
        new = Hero.model_validate(hero)
        session.add(new)
        session.commit()
        session.refresh(new)
        return new


    @app.get("/heroes")
    async def heroes(age: int = 0, session: Session = Depends(get_session)) -> list[str]:
        found = session.exec(select(Hero).where(Hero.age >= age).order_by(Hero.id)).all()
        return [hero.name for hero in found]


    @app.get("/heroes/{number}")
    async def hero(number: int) -> dict[str, object]:
        with Session(engine) as session:
            found = session.get(Hero, number)
            if found is None:
                raise HTTPException(404, "nobody")
            same = session.exec(select(Hero).where(Hero.age == found.age)).all()
            return {"name": found.name, "same": len(same)}


    @app.delete("/heroes/{number}")
    async def remove(number: int) -> None:
        with Session(engine) as session:
            found = session.exec(select(Hero).where(Hero.id == number)).one()
            session.delete(found)
            session.commit()
    """


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> None:
    """Each of the two databases."""
    if request.param == "postgresql":
        request.getfixturevalue("database")


def test_sessions_that_endpoints_and_tasks_open(stage: Stage, databases: None) -> None:
    """Each opens its own, and each is awaited; what is raised inside takes back what was not committed."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
            from fastapi import BackgroundTasks, FastAPI, HTTPException
            from sqlalchemy import func, select
            from sqlalchemy.exc import IntegrityError

            from models import Author, SessionLocal

            app = FastAPI()


            async def greet(name: str) -> None:
                with SessionLocal() as db:
                    db.add(Author(name=f"hello {name}"))
                    db.commit()


            @app.put("/authors/{name}")
            async def put(name: str, tasks: BackgroundTasks) -> int:
                with SessionLocal() as db:
                    author = Author(name=name)
                    db.add(author)
                    try:
                        db.commit()
                    except IntegrityError:
                        raise HTTPException(409, "known already") from None
                    db.refresh(author)
                    number = author.id
                tasks.add_task(greet, name)
                return number


            @app.get("/authors")
            async def authors() -> dict[str, object]:
                with SessionLocal() as db:
                    names = db.execute(select(Author.name).order_by(Author.id)).scalars().all()
                    return {"names": names, "count": db.query(func.count(Author.id)).scalar()}


            @app.get("/half")
            async def half() -> None:
                with SessionLocal() as db:
                    db.add(Author(name="half"))
                    db.flush()
                    raise HTTPException(418, "no")
            """,
        },
        Ask("PUT", "/authors/ben"),
        Ask("PUT", "/authors/ben"),
        get("/half"),
        get("/authors"),
        fixes=6,
        holds=("async with AsyncSessionLocal() as db:", "from models import AsyncSessionLocal, Author"),
    )


def test_sessions_that_are_closed_by_hand_or_in_a_transaction(stage: Stage, databases: None) -> None:
    """What a `finally` closes is closed, what is raised in a transaction takes it back."""
    stage.same(
        {
            "models.py": MODELS,
            "main.py": """
            from fastapi import FastAPI, HTTPException
            from sqlalchemy import select
            from sqlalchemy.orm import Session

            from models import Author, SessionLocal

            app = FastAPI()


            @app.put("/authors/{name}")
            async def put(name: str, fail: bool = False) -> str:
                with SessionLocal.begin() as db:
                    if db.scalar(select(Author).where(Author.name == name)) is not None:
                        raise HTTPException(409, "known already")
                    db.add(Author(name=name))
                    if fail:
                        raise HTTPException(418, "no")
                return name


            @app.get("/authors")
            async def authors() -> list[str]:
                db: Session = SessionLocal()
                try:
                    return [author.name for author in db.query(Author).order_by(Author.id).all()]
                finally:
                    db.close()


            @app.delete("/authors/{name}")
            async def remove(name: str) -> None:
                db = SessionLocal()
                try:
                    db.delete(db.query(Author).filter(Author.name == name).one())
                    db.commit()
                except ValueError:
                    db.rollback()
                    raise
                finally:
                    db.close()
            """,
        },
        Ask("PUT", "/authors/ben"),
        Ask("PUT", "/authors/ben"),
        Ask("PUT", "/authors/eve?fail=1"),
        Ask("PUT", "/authors/eve"),
        get("/authors"),
        Ask("DELETE", "/authors/ben"),
        Ask("DELETE", "/authors/ben"),
        get("/authors"),
        fixes=4,
        way="twin",
        holds=(
            "async with AsyncSessionLocal.begin() as db:",
            "db: AsyncSession = AsyncSessionLocal()",
            "await db.close()",
        ),
    )


def test_sqlmodel_over_its_asynchronous_session(stage: Stage, databases: None) -> None:
    """Its own `exec` is awaited, of a session that a dependency gives and of one that an endpoint opens."""
    stage.same(
        {"models.py": SQLMODEL.format(driver='"sqlite:", "sqlite+aiosqlite:"'), "main.py": HEROES},
        post("/heroes", json={"name": "ben", "age": 30}),
        post("/heroes", json={"age": "x"}),
        get("/heroes"),
        get("/heroes?age=9"),
        get("/heroes/1"),
        get("/heroes/9"),
        Ask("DELETE", "/heroes/2"),
        Ask("DELETE", "/heroes/2"),
        get("/heroes"),
        fixes=6,
        holds=("await session.exec(", "async with AsyncLocal() as session:"),
    )


def test_another_driver_takes_the_values(stage: Stage, database: None) -> None:
    """With asyncpg beside psycopg the fixes are unsafe, since it is stricter about types; here nothing is."""
    url = sqlalchemy.make_url(stage.environment["DATABASE_URL"]).set(password="any")  # else it looks for a file of them
    stage.environment["DATABASE_URL"] = url.render_as_string(hide_password=False)
    stage.same(
        {"models.py": SQLMODEL.format(driver='"postgresql+psycopg://", "postgresql+asyncpg://"'), "main.py": HEROES},
        post("/heroes", json={"name": "ben", "age": 30}),
        get("/heroes?age=9"),
        get("/heroes/1"),
        Ask("DELETE", "/heroes/2"),
        get("/heroes"),
        fixes=6,
        way="twin",
        holds=("await session.exec(", "async with AsyncLocal() as session:"),
    )
