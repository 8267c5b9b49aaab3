"""A base that comes from a store is what it was."""

import pickle
from collections.abc import Mapping

import pytest

from rules import Base, Facts, decode_base, decode_facts, encode_base, encode_facts, read_base, read_facts
from rules.core import engine as engine_module
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.memory import Recalling
from rules.core.noting import recalling
from rules.core.options import Options
from rules.core.project import Project
from rules.core.repository import USES
from rules.core.stored import SEAL, _packed, _unpacked
from tests.rules.checking import encoded

FILES = {
    "app/main.py": """
        from fastapi import Depends, FastAPI

        from app.helpers import fetched, session

        app = FastAPI()

        @app.get("/")
        async def read(db=Depends(session)):
            return fetched()
        """,
    "app/helpers.py": """
        import time

        import requests

        def session():
            return requests.Session()

        def fetched():
            time.sleep(1)
            return session().get("https://example.org")
        """,
}
FACTS = {path: read_facts(encoded(text)) for path, text in FILES.items()}
EDITED = read_facts(encoded(FILES["app/helpers.py"].replace("time.sleep(1)", "pass")))


def from_store(base: Base) -> Base:
    """The base as another process knows it, which has read the facts anew."""
    return decode_base(encode_base(base), {path: decode_facts(encode_facts(one)) for path, one in base.facts.items()})


def found(project: Project, options: Options) -> list[object]:
    return list(engine()._found(Contexts(project), options))


@pytest.fixture(scope="module", params=[Options(), Options(everything=True, client="httpx")], ids=["usual", "all"])
def base(request: pytest.FixtureRequest) -> Base:
    return read_base(FACTS, options=request.param)


def test_all_that_was_kept_comes_back(base: Base) -> None:
    stored, kept = from_store(base), base.kept
    assert (stored.facts, stored.found, stored.options) == (base.facts, base.found, base.options)
    assert len(kept.answers["found"]) == 2, "or it would show nothing"
    for old, new in (
        (kept.answers, stored.kept.answers),
        (kept.in_dicts, stored.kept.in_dicts),
        (kept.tables, stored.kept.tables),
        (kept.places, stored.kept.places),
    ):
        assert {**new} == {**old}
    assert (stored.kept.dependents, stored.kept.kinds) == (kept.dependents, kept.kinds)


@pytest.mark.parametrize("head", [FACTS, {**FACTS, "app/helpers.py": EDITED}], ids=["nothing", "a helper"])
def test_what_is_recalled_of_it_is_what_is_found_anew(head: Mapping[str, Facts], base: Base) -> None:
    knowledge = engine()._knowledge(base.options)
    recalled = recalling(head, knowledge, from_store(base))
    assert isinstance(recalled.memory, Recalling)
    assert found(recalled, base.options) == found(Project(head, knowledge), base.options)


def test_which_files_use_a_name_is_not_gathered_again(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = from_store(base).repository
    monkeypatch.setattr(Project, "names", lambda *_: pytest.fail("the names of a file are gathered"))
    assert stored is not None
    assert base.repository is not None
    assert {use: stored.by_name(use) for use in USES} == {use: base.repository.by_name(use) for use in USES}


def test_of_much_code_only_what_was_found_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "MOST_REMEMBERED", 1)
    base = read_base(FACTS)
    stored = from_store(base)
    assert stored.found == base.found
    assert not stored.kept.answers


@pytest.mark.parametrize("place", [0, SEAL, -1])
def test_what_is_damaged_is_refused(place: int, base: Base) -> None:
    data = bytearray(encode_base(base))
    data[place] ^= 1
    with pytest.raises(ValueError, match="no base"):
        decode_base(bytes(data), FACTS)


@pytest.mark.parametrize("foreign", [print, pytest.fail], ids=["a builtin", "another package"])
def test_nothing_is_unpacked_that_is_none_of_ours(foreign: object) -> None:
    with pytest.raises(pickle.UnpicklingError):
        _unpacked(_packed(foreign))
