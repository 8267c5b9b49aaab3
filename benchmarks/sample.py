"""A FastAPI repository of any size, always the same: routers, services, repositories, models, schemas and their tests.

Half of its parts are asynchronous throughout, half are `def`; some of the asynchronous ones block, as in real life.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from string import Template

NOUNS = (
    "account",
    "address",
    "asset",
    "author",
    "basket",
    "booking",
    "branch",
    "budget",
    "campaign",
    "carrier",
    "category",
    "channel",
    "comment",
    "contract",
    "coupon",
    "course",
    "customer",
    "device",
    "document",
    "driver",
    "event",
    "gateway",
    "invoice",
    "lesson",
    "location",
    "member",
    "message",
    "order",
    "parcel",
    "payment",
    "plan",
    "product",
    "project",
    "refund",
    "report",
    "route",
    "shipment",
    "subscription",
    "supplier",
    "ticket",
)
KINDS = (
    "archived",
    "batch",
    "common",
    "daily",
    "digital",
    "external",
    "foreign",
    "global",
    "grouped",
    "internal",
    "linked",
    "local",
    "monthly",
    "open",
    "partial",
    "pending",
    "planned",
    "private",
    "recent",
    "shared",
)

COLUMNS = """\
    title: Mapped[str] = mapped_column(String(200), index=True)
    summary: Mapped[str | None] = mapped_column(Text, default=None)
    status: Mapped[str] = mapped_column(String(20), default="open")
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal(0))
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    priority: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), onupdate=func.now())
""".splitlines(keepends=True)

FIELDS = """\
    title: str = Field(min_length=1, max_length=200, description="What people see in lists.")
    summary: str | None = Field(default=None, max_length=4000)
    status: Literal["open", "closed", "archived"] = "open"
    amount: Decimal = Field(default=Decimal(0), ge=0, decimal_places=2)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$$")
    priority: int = Field(default=0, ge=0, le=9)
    active: bool = True
    owner_id: int | None = None
    due_at: datetime | None = None
    tags: list[str] = Field(default_factory=list, max_length=20)
""".splitlines(keepends=True)

MODELS = '''\
"""The tables of ${names}."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Boolean, DateTime, ForeignKey, Integer, Numeric, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import Base


class ${Name}(Base):
    """One ${name}, as it is stored."""

    __tablename__ = "${names}"

    id: Mapped[int] = mapped_column(primary_key=True)
${columns}
    notes: Mapped[list["${Name}Note"]] = relationship(back_populates="${name}", cascade="all, delete-orphan")

    def __repr__(self) -> str:
        return f"${Name}(id={self.id!r})"


class ${Name}Note(Base):
    __tablename__ = "${name}_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    ${name}_id: Mapped[int] = mapped_column(ForeignKey("${names}.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ${name}: Mapped[${Name}] = relationship(back_populates="notes")
'''

SCHEMAS = '''\
"""What the API takes and gives for ${names}."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ${Name}Create(BaseModel):
${fields}
    @field_validator("*", mode="before")
    @classmethod
    def without_spaces(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value


class ${Name}Update(BaseModel):
    title: str | None = None
    status: Literal["open", "closed", "archived"] | None = None
    priority: int | None = Field(default=None, ge=0, le=9)
    note: str | None = None


class ${Name}Read(${Name}Create):
    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime
    updated_at: datetime


class ${Name}Page(BaseModel):
    items: list[${Name}Read]
    total: int
    limit: int
    offset: int

    @property
    def has_more(self) -> bool:
        return self.offset + len(self.items) < self.total
'''

REPOSITORY = '''\
"""How ${names} are read and written."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
${import_session}

from app.${name}.models import ${Name}, ${Name}Note


class ${Name}Repository:
    """Everything that is asked of the table `${names}`."""

    def __init__(self, session: ${Session}) -> None:
        self.session = session
'''

QUERIES = (
    """
    ${def_} get(self, ${name}_id: int) -> ${Name} | None:
        return ${await_}self.session.get(${Name}, ${name}_id)

    ${def_} add(self, values: dict[str, Any]) -> ${Name}:
        ${name} = ${Name}(**values)
        self.session.add(${name})
        ${await_}self.session.flush()
        ${await_}self.session.refresh(${name})
        return ${name}

    ${def_} remove(self, ${name}: ${Name}) -> None:
        ${await_}self.session.execute(delete(${Name}Note).where(${Name}Note.${name}_id == ${name}.id))
        ${await_}self.session.delete(${name})
        ${await_}self.session.flush()
""",
    '''
    ${def_} page(self, *, limit: int = 50, offset: int = 0, search: str | None = None) -> tuple[Sequence[${Name}], int]:
        """Some ${names}, the youngest first, and how many there are."""
        conditions = [${Name}.id > 0]
        if search:
            pattern = f"%{search.lower()}%"
            conditions.append(or_(func.lower(${Name}.title).like(pattern), ${Name}.status == search))
        total = ${await_}self.session.scalar(select(func.count()).select_from(${Name}).where(and_(*conditions)))
        statement = select(${Name}).where(and_(*conditions)).order_by(${Name}.id.desc()).limit(limit).offset(offset)
        rows = ${await_}self.session.scalars(statement)
        return rows.all(), total or 0
''',
    """
    ${def_} overdue(self, *, days: int = 7) -> list[${Name}]:
        before = datetime.now(UTC) - timedelta(days=days)
        rows = ${await_}self.session.scalars(
            select(${Name}).where(${Name}.status == "open", ${Name}.created_at < before).order_by(${Name}.created_at)
        )
        return [row for row in rows if row.status != "archived"]
""",
    """
    ${def_} close_all(self, ids: Sequence[int]) -> int:
        if not ids:
            return 0
        result = ${await_}self.session.execute(
            update(${Name}).where(${Name}.id.in_(ids)).values(status="closed").execution_options(synchronize_session=False)
        )
        ${await_}self.session.commit()
        return result.rowcount
""",
    '''
    ${def_} counts(self) -> dict[str, int]:
        """How many ${names} there are of each status."""
        rows = ${await_}self.session.execute(select(${Name}.status, func.count(${Name}.id)).group_by(${Name}.status))
        return {status: count for status, count in rows.all()}
''',
    """
    ${def_} note(self, ${name}_id: int, text: str) -> ${Name}Note:
        note = ${Name}Note(${name}_id=${name}_id, text=text)
        self.session.add(note)
        ${await_}self.session.commit()
        return note
""",
)

SERVICE = '''\
"""What can be done with ${names}, whoever asks."""

import json
import logging
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import requests

from app.${name}.models import ${Name}
from app.${name}.repository import ${Name}Repository
from app.${name}.schemas import ${Name}Create, ${Name}Page, ${Name}Read, ${Name}Update
from app.core.config import settings
from app.core.errors import Conflict, NotFound

logger = logging.getLogger(__name__)

RATES = {"EUR": Decimal("1"), "USD": Decimal("1.08"), "GBP": Decimal("0.85"), "CHF": Decimal("0.96")}


class ${Name}Service:
    def __init__(self, repository: ${Name}Repository, client: httpx.AsyncClient | None = None) -> None:
        self.repository = repository
        self.client = client
        self.endpoint = f"{settings.partner_url}/${names}"
'''

ACTIONS = (
    """
    ${def_} read(self, ${name}_id: int) -> ${Name}:
        ${name} = ${await_}self.repository.get(${name}_id)
        if ${name} is None:
            raise NotFound("${name}", ${name}_id)
        return ${name}

    ${def_} create(self, wanted: ${Name}Create, *, by: int | None = None) -> ${Name}:
        values = wanted.model_dump(exclude={"tags"}) | {"owner_id": by}
        if values.get("currency", "EUR") not in RATES:
            raise Conflict(f"no rate for {values['currency']}")
        ${name} = ${await_}self.repository.add(values)
        logger.info("${name} created", extra={"id": ${name}.id, "by": by})
        return ${name}
""",
    """
    ${def_} list(self, *, limit: int, offset: int, search: str | None) -> ${Name}Page:
        found, total = ${await_}self.repository.page(limit=min(limit, 200), offset=max(offset, 0), search=search)
        items = [${Name}Read.model_validate(one) for one in found]
        return ${Name}Page(items=items, total=total, limit=limit, offset=offset)
""",
    """
    ${def_} change(self, ${name}_id: int, wanted: ${Name}Update) -> ${Name}:
        ${name} = ${await_}self.read(${name}_id)
        for key, value in wanted.model_dump(exclude_unset=True, exclude={"note"}).items():
            if value is not None and getattr(${name}, key) != value:
                logger.debug("%s: %s becomes %r", ${name}, key, value)
                setattr(${name}, key, value)
        if wanted.note:
            ${await_}self.repository.note(${name}_id, wanted.note)
        return ${name}
""",
    '''
    ${def_} total(self, currency: str = "EUR") -> Decimal:
        """What all open ${names} are worth, in one currency."""
        worth = Decimal(0)
        for one in ${await_}self.repository.overdue(days=0):
            rate = RATES.get(getattr(one, "currency", "EUR"), Decimal(1))
            worth += getattr(one, "amount", Decimal(0)) / rate * RATES[currency]
        return worth.quantize(Decimal("0.01"))
''',
    """
    async def publish(self, ${name}: ${Name}) -> dict[str, Any]:
        payload = {"id": ${name}.id, "title": getattr(${name}, "title", ""), "sent": datetime.now(UTC).isoformat()}
        async with httpx.AsyncClient(timeout=10, headers={"x-service": "${names}"}) as client:
            for attempt in range(3):
                response = await client.post(self.endpoint, json=payload)
                if response.status_code < 500:
                    break
                logger.warning("attempt %d for %s: %d", attempt, ${name}, response.status_code)
        response.raise_for_status()
        return response.json()
""",
    """
    def describe(self, ${name}: ${Name}, *, verbose: bool = False) -> str:
        parts = [f"#{${name}.id}", str(getattr(${name}, "title", "") or "untitled")]
        if verbose:
            parts += [f"{key}={value!r}" for key, value in sorted(vars(${name}).items()) if not key.startswith("_")]
        try:
            parts.append(json.dumps(getattr(${name}, "settings", {}), sort_keys=True))
        except (TypeError, ValueError) as error:
            parts.append(f"unreadable settings: {error}")
        return " ".join(parts) if verbose else ", ".join(parts[:2])
""",
    """
    @staticmethod
    def grouped(found: list[${Name}], key: str = "status") -> dict[str, list[${Name}]]:
        groups: dict[str, list[${Name}]] = {}
        for one in sorted(found, key=lambda one: (getattr(one, key, ""), one.id)):
            groups.setdefault(str(getattr(one, key, "")), []).append(one)
        return {name: members for name, members in groups.items() if members}
""",
)

SIN = '''
    def notify(self, ${name}: ${Name}) -> bool:
        """Tell the partner, three times if need be."""
        for attempt in range(3):
            response = requests.post(self.endpoint, json={"id": ${name}.id}, timeout=5)
            if response.ok:
                return True
            time.sleep(2**attempt)
        return False
'''

ROUTER = '''\
"""The routes of ${names}."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query, Response, status
${import_session}

from app.${name}.repository import ${Name}Repository
from app.${name}.schemas import ${Name}Create, ${Name}Page, ${Name}Read, ${Name}Update
from app.${name}.service import ${Name}Service
from app.core.database import ${get_session}
from app.core.errors import Conflict, NotFound
from app.core.security import User, current_user, require

router = APIRouter(prefix="/${names}", tags=["${names}"])


def get_service(session: ${Session} = Depends(${get_session})) -> ${Name}Service:
    return ${Name}Service(${Name}Repository(session))


Service = Annotated[${Name}Service, Depends(get_service)]
CurrentUser = Annotated[User, Depends(current_user)]
'''

ROUTES = (
    '''

@router.get("/{${name}_id}", response_model=${Name}Read)
${def_} read_${name}(${name}_id: Annotated[int, Path(ge=1)], service: Service, user: CurrentUser) -> ${Name}Read:
    """One ${name}."""
    try:
        found = ${await_}service.read(${name}_id)
    except NotFound as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    return ${Name}Read.model_validate(found)


@router.post("", response_model=${Name}Read, status_code=status.HTTP_201_CREATED)
${def_} create_${name}(wanted: ${Name}Create, service: Service, user: CurrentUser) -> ${Name}Read:
    try:
        created = ${await_}service.create(wanted, by=user.id)
    except Conflict as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
${sin}    return ${Name}Read.model_validate(created)
''',
    '''

@router.get("", response_model=${Name}Page)
${def_} list_${names}(
    service: Service,
    user: CurrentUser,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    search: str | None = None,
) -> ${Name}Page:
    """Some ${names}, the youngest first."""
    if search is not None and not search.strip():
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "an empty search finds nothing")
    return ${await_}service.list(limit=limit, offset=offset, search=search)
''',
    """

@router.patch("/{${name}_id}", dependencies=[Depends(require("${names}:write"))])
${def_} change_${name}(${name}_id: int, wanted: ${Name}Update, service: Service, response: Response) -> ${Name}Read:
    try:
        changed = ${await_}service.change(${name}_id, wanted)
    except NotFound as error:
        raise HTTPException(status_code=404, detail={"reason": str(error), "id": ${name}_id}) from error
    response.headers["x-changed"] = ",".join(sorted(wanted.model_fields_set))
    return ${Name}Read.model_validate(changed)
""",
    """

@router.get("/total/{currency}")
${def_} total_${name}(currency: str, service: Service) -> dict[str, str]:
    try:
        worth = ${await_}service.total(currency.upper())
    except KeyError as error:
        raise HTTPException(404, f"no such currency: {currency}") from error
    return {"currency": currency.upper(), "total": str(worth)}
""",
    '''

@router.post("/{${name}_id}/labels")
${def_} label_${name}(${name}_id: int, labels: Annotated[list[str], Body(embed=True)], user: CurrentUser) -> dict[str, object]:
    """Labels are kept in lower case, each once."""
    kept = sorted({label.strip().lower() for label in labels if label.strip()})
    if len(kept) > 20:
        raise HTTPException(422, f"at most 20 labels, not {len(kept)}")
    return {"id": ${name}_id, "labels": kept, "by": user.name}
''',
)

TESTS = '''\
"""${Name}: what the API promises."""

import time

import pytest
from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)


@pytest.fixture
def ${name}() -> dict[str, object]:
    response = client.post("/${names}", json={"title": "A ${name}", "priority": 3})
    assert response.status_code == 201, response.text
    return response.json()
'''

CASES = (
    """

def test_read(${name}: dict[str, object]) -> None:
    response = client.get(f"/${names}/{${name}['id']}")
    assert response.status_code == 200
    assert response.json()["title"] == "A ${name}"
    assert set(response.json()) >= {"id", "title", "created_at", "updated_at"}
""",
    """

@pytest.mark.parametrize(("field", "value"), [("priority", 11), ("amount", -1), ("currency", "euro"), ("title", "")])
def test_wrong_values(field: str, value: object) -> None:
    response = client.post("/${names}", json={"title": "A ${name}", field: value})
    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [field]
""",
    """

def test_change(${name}: dict[str, object]) -> None:
    time.sleep(0.01)
    response = client.patch(f"/${names}/{${name}['id']}", json={"status": "closed", "note": "done"})
    assert response.json()["status"] == "closed"
    assert response.headers["x-changed"] == "note,status"
    assert response.json()["updated_at"] > ${name}["updated_at"]
""",
)

CORE = {
    "app/__init__.py": "",
    "app/core/__init__.py": "",
    "app/core/config.py": """\
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "postgresql+psycopg://localhost/app"
    partner_url: str = "https://partner.example"


settings = Settings()
""",
    "app/core/database.py": """\
from collections.abc import AsyncIterator, Iterator

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from app.core.config import settings

engine = create_engine(settings.database_url, pool_pre_ping=True)
SessionLocal = sessionmaker(engine, expire_on_commit=False)
async_engine = create_async_engine(settings.database_url)
AsyncSessionLocal = async_sessionmaker(async_engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


async def get_async_session() -> AsyncIterator[AsyncSession]:
    async with AsyncSessionLocal() as session:
        yield session
""",
    "app/core/errors.py": """\
class Conflict(Exception):
    pass


class NotFound(Exception):
    def __init__(self, kind: str, number: int) -> None:
        super().__init__(f"no {kind} {number}")
""",
    "app/core/security.py": """\
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, HTTPException


@dataclass
class User:
    id: int
    name: str
    scopes: frozenset[str] = frozenset()


async def current_user(authorization: Annotated[str, Header()] = "") -> User:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token.isalnum():
        raise HTTPException(401, "who are you?", headers={"www-authenticate": "Bearer"})
    return User(len(token), token, frozenset({"read"}))


def require(scope: str) -> Callable[[User], None]:
    def check(user: Annotated[User, Depends(current_user)]) -> None:
        if scope not in user.scopes:
            raise HTTPException(403, f"{scope} is needed")

    return check
""",
}


def sample(size: float) -> dict[str, bytes]:
    """The files of a repository of about `size` MB of Python, by path."""
    texts: dict[str, str] = dict(CORE)
    written = 0
    names: list[str] = []
    for name in _names():
        part = _part(name, len(names))
        texts |= part
        names.append(name)
        written += sum(map(len, part.values()))
        if written >= size * 1_000_000:
            break
    texts["app/main.py"] = _main(names)
    return {path: text.encode() for path, text in texts.items()}


def write(files: Mapping[str, bytes], directory: Path) -> None:
    """Write the files below a directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def _names() -> Iterator[str]:
    yield from NOUNS
    for kind in KINDS:
        yield from (f"{kind}_{noun}" for noun in NOUNS)
    for number in range(1, 1000):
        yield from (f"{noun}_{number}" for noun in NOUNS)


def _main(names: list[str]) -> str:
    imports = "".join(f"from app.{name}.router import router as {name}_router\n" for name in names)
    included = "".join(f'app.include_router({name}_router, prefix="/api")\n' for name in names)
    return f'from fastapi import FastAPI\n\n{imports}\napp = FastAPI(title="Sample")\n{included}'


def _part(name: str, place: int) -> dict[str, str]:
    """The files of one resource: the even ones are asynchronous, each tenth of those blocks the loop."""
    random = Random(place)
    words = _words(name, asynchronous=place % 2 == 0, sinful=place % 20 == 0)
    words |= {"columns": "".join(_some(random, COLUMNS)), "fields": "".join(_some(random, FIELDS))}
    sin = SIN if words["sin"] else ""
    texts = {
        "models": MODELS,
        "schemas": SCHEMAS,
        "repository": REPOSITORY + "".join(_some(random, QUERIES)),
        "service": SERVICE + "".join(_some(random, ACTIONS)) + sin,
        "router": ROUTER + "".join(_some(random, ROUTES)),
    }
    written = {f"app/{name}/{file}.py": _filled(text, words) for file, text in texts.items()}
    tests = {f"tests/test_{name}.py": _filled(TESTS + "".join(_some(random, CASES)), words)}
    return {f"app/{name}/__init__.py": "", **written, **tests}


def _words(name: str, *, asynchronous: bool, sinful: bool) -> dict[str, str]:
    return {
        "name": name,
        "names": f"{name}s",
        "Name": name.title().replace("_", ""),
        "def_": "async def" if asynchronous else "def",
        "await_": "await " if asynchronous else "",
        "Session": "AsyncSession" if asynchronous else "Session",
        "get_session": "get_async_session" if asynchronous else "get_session",
        "import_session": f"from sqlalchemy.{'ext.asyncio import Async' if asynchronous else 'orm import '}Session",
        "sin": "    service.notify(created)\n" if sinful else "",
    }


def _some(random: Random, choices: Sequence[str]) -> list[str]:
    """The first one and most of the rest, in their order."""
    return [choices[0], *(one for one in choices[1:] if random.random() < 0.8)]


def _filled(text: str, words: Mapping[str, str]) -> str:
    return Template(Template(text).safe_substitute(words)).substitute(words)
