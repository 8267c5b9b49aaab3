"""Sessions that are told to let rows keep what they hold: by whatever factory, and wherever that is kept."""

import pytest

from tests.rules.core.fixes.sessions.test_exchange import HEAD, app
from tests.rules.core.fixes.sessions.test_forgetting import FILES, commits

KEPT = """
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    engine = create_engine("postgresql://")
    Local = sessionmaker(engine{option})


    class Manager:
        def __init__(self):
            self._factory = None
            self._factory = sessionmaker(bind=engine{option})

        @property
        def factory(self):
            return self._factory

        @contextmanager
        def opened(self):
            session = self._factory()
            try:
                yield session
            finally:
                session.close()

        def made(self) -> Session:
            return self.factory()


    manager = Manager()


    def local():
        return Local()
    """
READ = "item = db.get(Item, 1)\n{indent}db.commit()\n{indent}return item.name"
WITH = READ.format(indent="        ")
BARE = READ.format(indent="    ")
BODIES = [
    f"with manager.opened() as db:\n        {WITH}",
    f"with Local() as db:\n        {WITH}",
    f"db = manager.made()\n    {BARE}",
    f"db = local()\n    {BARE}",
]
OFF = ", expire_on_commit=False"


def applicability(body: str, option: str) -> set[str]:
    source = f"from .kept import Local, engine, local, manager\n{HEAD}" + app(
        f"await wait()\n    {body}", parameters=""
    ).removeprefix(HEAD)
    return {str(fix.applicability) for fix in commits(source, {**FILES, "app/kept.py": KEPT.format(option=option)})}


@pytest.mark.parametrize("body", [*BODIES, f"with Session(engine{OFF}) as db:\n        {WITH}"])
def test_rows_of_a_session_that_is_told_so_keep_what_they_hold(body: str) -> None:
    assert applicability(body, OFF) == {"safe"}


@pytest.mark.parametrize("body", [*BODIES, f"with Session(engine) as db:\n        {WITH}"])
def test_rows_of_all_other_sessions_are_read_again(body: str) -> None:
    assert applicability(body, "") == {"unsafe"}


def test_a_session_that_is_told_otherwise_than_its_factory_loses_what_rows_hold() -> None:
    assert applicability(f"with Local(expire_on_commit=True) as db:\n        {WITH}", OFF) == {"unsafe"}
