"""Related rows that would be loaded where nothing can be awaited.

## What it does
Finds a collection of SQLAlchemy or SQLModel that is loaded lazily (`Mapped[list[...]]` with a plain `relationship`), where an
`async def` reads it of what an `AsyncSession` has just given it, or an `async def` endpoint returns that and its response
model has a field of that name. It speaks only where nothing in the project loads that collection eagerly, and nothing
derives from `AsyncAttrs`.

Where the project has synchronous sessions only, it speaks of an `async def` endpoint that waits for no database itself, but
returns an object with related rows, one or many, whose name is that of a field of the response model. Where everything is
asked for (`--all`, `/asyncify`), it speaks as well of related rows that an `async def` reads itself of what has just been
queried: the session may hold them already.

## Why is this bad?
Reading the collection sends a query. An `AsyncSession` can send one only while something is awaited, and reading an
attribute awaits nothing: `sqlalchemy.exc.MissingGreenlet` is raised, and the request ends with status 500. Where the response
is read of it, FastAPI raises `ResponseValidationError`, and names `MissingGreenlet` as the cause. A `Session` sends the query,
and for an `async def` endpoint FastAPI reads what it returns on the event loop: all other requests wait for the database then.

## Example
```python
from fastapi import Depends, FastAPI
from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

app = FastAPI()
make_session = async_sessionmaker(create_async_engine("postgresql+asyncpg://localhost/shop"))


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders: Mapped[list[Order]] = relationship()


async def get_session():
    async with make_session() as session:
        yield session


@app.get("/users/{id}/orders")
async def count(id: int, session: AsyncSession = Depends(get_session)) -> int:
    user = await session.get(User, id)
    return len(user.orders)
```

## Fix safety
There is no fix: the collection can be loaded with the rows (`selectinload`), for all queries (`lazy="selectin"`), or where it
is read (`await user.awaitable_attrs.orders`, with `AsyncAttrs`), and each costs queries elsewhere. With a `Session`, the endpoint
can be `def` as well, so that its response is read in a worker thread.

## References
- [SQLAlchemy: Preventing implicit IO when using AsyncSession](https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession)
- [SQLAlchemy: MissingGreenlet](https://docs.sqlalchemy.org/en/21/errors.html#error-xd2s)
- [FastAPI: Response model](https://fastapi.tiangolo.com/tutorial/response-model/)
"""

from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial

import msgspec

from rules.core.blocking import of_root, sinks_of
from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Binding,
    Call,
    Constant,
    Element,
    Expression,
    Function,
    Name,
    Site,
    Subscript,
    Typed,
    attributes_in,
    last_name,
    show,
)
from rules.core.findings import Severity
from rules.core.library import Role
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.roots import MODELS, VALIDATING, Root
from rules.core.rule import Rule
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
_RELATIONS = frozenset({"sqlalchemy.orm.relationship", "sqlmodel.Relationship", "sqlmodel.main.Relationship"})
_ASYNCHRONOUS = frozenset(
    {"AsyncSession", "async_sessionmaker", "create_async_engine", "AsyncEngine", "async_scoped_session"}
)
_SESSIONS = ("sqlalchemy.orm.Session.", "sqlalchemy.orm.Query.", "sqlmodel.Session.")
_COLLECTIONS = frozenset({"list", "List", "set", "Set"})
_SETTING = frozenset({"uselist", "sa_relationship", "sa_relationship_kwargs", ""})  # what may make it another kind
_EAGER = frozenset(
    {"selectinload", "joinedload", "subqueryload", "immediateload", "contains_eager", "refresh", "set_committed_value"}
)
_LOADING = _EAGER | {"options", "run_sync", "merge", "add", "add_all", "greenlet_spawn"}
_LOOKING = frozenset({".__dict__", ".unloaded", "MissingGreenlet"})
_ASKING = frozenset({"get", "get_one", "scalar", "scalars", "execute", "exec"})
_BUILDING = frozenset(
    {"where", "filter", "filter_by", "order_by", "limit", "offset", "distinct", "join", "outerjoin", "with_for_update"}
)
_OF_ROWS = frozenset({"scalar", "scalar_one", "scalar_one_or_none"})
_OF_SCALARS = frozenset({"first", "one", "one_or_none"})
_NARROWING = frozenset({"response_model_include", "response_model_exclude", "response_class", ""})
_PLAIN = frozenset({"default", "default_factory", "description", "title", "examples"})
_DEEPEST = 8  # steps from a name to the query that it comes from


class _Rows(msgspec.Struct, frozen=True):
    """What a query has given: instances of a class, in a result that is still to be run through, or one by itself."""

    of: ProjectClass
    query: Call
    kind: str  # `rows`, `scalars`, `many` or `one`


@rule.check
def lazy(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every collection that is read, or returned, though nothing has loaded it."""
    about = contexts.table("loaded lazily", lambda: _about(contexts))
    relations = contexts.table("relations", lambda: _relations(contexts), _path_of) if about["relations"] else {}
    endpoints = {root.function: root for root in contexts.roots_in(path) if root.role is Role.ENDPOINT}
    if not about["relations"]:
        return
    if about["synchronous"]:
        for root in endpoints.values():
            yield from _Reading(root.function, relations, contexts).read_for_response(root)
        for place in contexts.on_loop(path):
            yield from _Reading(place, relations, contexts).read_on_loop(contexts.loop[place].root, about)
        return
    facts = contexts.project.facts[path]
    if is_offline(path) or not facts.outline.coroutines or not facts.outline.called & _ASKING:
        return
    for index, function in enumerate(facts.functions):
        if function.asynchronous and _asks(function) and not _loads(function):
            place = ProjectFunction(path, index)
            yield from _Reading(place, relations, contexts).remarks(endpoints.get(place))


def _about(contexts: Contexts) -> Mapping[str, bool]:
    """Whether all sessions of the project are synchronous, whether it has relations that are loaded lazily, and `.name` for each."""
    names = frozenset().union(*_relations(contexts).values())
    named = {f".{name}": True for name in names}
    return {"synchronous": _is_synchronous(contexts), "relations": bool(names), **named}


def _path_of(model: ProjectClass) -> str:
    return model.path


def _asks(function: Function) -> bool:
    return any(site.awaited and last_name(site.call.callee) in _ASKING for site in function.sites)


def _is_synchronous(contexts: Contexts) -> bool:
    """Whether all sessions of the project are synchronous."""
    importing = contexts.project.importing
    return "Session" in importing and not any(name in importing for name in _ASYNCHRONOUS)


def _loads(function: Function) -> bool:
    """Whether a function may load related rows itself, or looks whether they are loaded."""
    called = {last_name(site.call.callee) for site in function.sites}
    return bool(called & _LOADING or set(function.reads) & _LOOKING)


# What is loaded lazily


_Test = Callable[[tuple[Binding, ...], Where, Contexts], bool]


def _relations(contexts: Contexts) -> Mapping[ProjectClass, frozenset[str]]:
    """The classes of the project with what is loaded lazily, and eagerly nowhere."""
    eager, synchronous = set(_eager(contexts)), _is_synchronous(contexts)
    calling = contexts.project.calling
    paths = {path for name in ("relationship", "Relationship") for path in calling.get(name, ())}
    found: dict[ProjectClass, frozenset[str]] = {}
    for path in sorted(path for path in paths if not is_offline(path) and "*" not in eager):
        own = partial(_relations_in, path, _is_loaded_late if synchronous else _is_lazy, contexts)
        for model, names in contexts.project.memory.answer("relations", path, synchronous, own).items():
            if names - eager:
                found[model] = names - eager
    return found


def _relations_in(path: str, is_lazy: _Test, contexts: Contexts) -> Mapping[ProjectClass, frozenset[str]]:
    """The classes of a file with what passes a test."""
    found: dict[ProjectClass, frozenset[str]] = {}
    for index, class_ in enumerate(contexts.project.facts[path].classes):
        where = Where(path, class_.parent, class_.line)
        names = frozenset(n for n, bindings in class_.bindings.items() if is_lazy(bindings, where, contexts))
        found |= {ProjectClass(path, index): names} if names else {}
    return found


def _is_lazy(bindings: tuple[Binding, ...], where: Where, contexts: Contexts) -> bool:
    """Whether it is a collection that is always loaded lazily. One row may be at hand already."""
    declared = [b.value.annotation for b in bindings if isinstance(b.value, Typed)]
    return len(declared) == 1 and _is_collection(declared[0]) and _is_loaded_late(bindings, where, contexts)


def _is_loaded_late(bindings: tuple[Binding, ...], where: Where, contexts: Contexts) -> bool:
    made = [b.value for b in bindings if isinstance(b.value, Call)]
    if len(made) != 1:
        return False
    keywords = dict(made[0].keywords)
    how = keywords.get("lazy", Constant("select", "str"))
    is_plain = isinstance(how, Constant) and how.value in {"select", True} and not keywords.keys() & _SETTING
    return is_plain and contexts.project.is_called(made[0], where, _RELATIONS)


def _is_collection(annotation: Expression) -> bool:
    """`list[...]`, as it stands or in `Mapped[...]`."""
    match annotation:
        case Subscript(of=of, items=(Subscript() as inner,)) if last_name(of) == "Mapped":
            return last_name(inner.of) in _COLLECTIONS
        case Subscript(of=of):
            return last_name(of) in _COLLECTIONS
        case _:
            return False


def _eager(contexts: Contexts) -> Iterator[str]:
    """The attributes that anything in the project loads eagerly; `*` where that is not to be seen."""
    for path in contexts.project.calling_or_importing(_EAGER | {"AsyncAttrs"}):
        if not is_offline(path):
            yield from contexts.project.memory.each("eager", path, "", partial(_eager_in, path, contexts))


def _eager_in(path: str, contexts: Contexts) -> Iterator[str]:
    facts = contexts.project.facts[path]
    if "AsyncAttrs" in facts.outline.imported:
        yield "*"
    for function in facts.functions if facts.outline.called & _EAGER else ():
        for site in function.sites:
            if last_name(site.call.callee) in _EAGER:
                yield from _loaded_by(site.call)


def _loaded_by(call: Call) -> Iterator[str]:
    given = (*call.arguments, *(value for _, value in call.keywords))
    if last_name(call.callee) == "refresh":
        if len(given) > 1:
            yield "*"
        return
    named = [attribute.name for argument in given for attribute in attributes_in(argument)]
    yield from named or ["*"]


# What is read


class _Reading(msgspec.Struct, frozen=True):
    """A function that asks a session for rows, and what it does with them."""

    place: ProjectFunction
    relations: Mapping[ProjectClass, frozenset[str]]
    contexts: Contexts

    @property
    def function(self) -> Function:
        return self.contexts.project.function(self.place)

    def remarks(self, root: Root | None) -> Iterator[Remark]:
        said: set[tuple[Call, str]] = set()
        for rows, name, how in (*self._read(), *(self._returned(root) if root else ())):
            if (rows.query, name) not in said:
                said.add((rows.query, name))
                yield self._remark(rows, name, how)

    def read_for_response(self, root: Root) -> Iterator[Remark]:
        """The collections that FastAPI reads of what an `async def` endpoint without a blocking call of its own returns."""
        fields = self._fields() if self.function.asynchronous and not _loads(self.function) else frozenset()
        if not fields or next(sinks_of(self.place, self.contexts), None) is not None:
            return
        for model in dict.fromkeys(filter(None, map(self._model_of, self.function.results))):
            for name in sorted(self.relations[model] & fields):
                yield self._remark_on_response(root, f"{self.contexts.project.class_(model).name}.{name}")

    def read_on_loop(self, root: Root, about: Container[str]) -> Iterator[Remark]:
        """The related rows that an `async def` reads of what has just been queried."""
        function = self.function
        if not function.asynchronous or _loads(function):
            return
        inner = sorted(function.sites, key=lambda one: one.span.start, reverse=True)  # the innermost call first
        stated: list[tuple[Expression, Site | None]] = [(site.call, site) for site in inner]
        stated += [(one, None) for one in (*function.results, *function.yields)]
        said = set[Attribute]()
        for expression, site in stated:
            for read in attributes_in(expression):
                if f".{read.name}" in about and read not in said and self._is_related(read):
                    said.add(read)
                    yield self._remark_on_read(root, site, read)

    def _is_related(self, read: Attribute) -> bool:
        """Whether it is a row, or rows, related to what a session was asked for, here or in a function that is called."""
        function, project = self.function, self.contexts.project
        bound = function.bindings.get(read.of.id, ()) if isinstance(read.of, Name) else ()
        if len(bound) != 1 or f"{show(read.of)}.{read.name}" in function.bindings:
            return False
        model, made = self._model_of(read.of), bound[0].value
        if model is None or read.name not in self.relations[model] or not isinstance(made, Call):
            return False
        callee = project.value(made.callee, Where(self.place.path, self.place.index, bound[0].line))
        asked = project.called_function(callee)
        sink = self.contexts.sink(asked) if asked is not None else None
        name = callee.name if isinstance(callee, Outside) else sink.name if sink is not None else ""
        return name.startswith(_SESSIONS)

    def _remark_on_read(self, root: Root, site: Site | None, read: Attribute) -> Remark:
        return Remark(
            rule.name,
            Severity.INFO,
            self.place,
            Remedy.NONE,
            f"`{show(read)}` is loaded when it is read, on the event loop {of_root(root, self.contexts)}, unless the session holds it "
            "already: while that waits for the database, this worker serves no other request.",
            site=site,
            root=root,
            way=self.contexts.loop[self.place].way,
            optional=True,
            advice="Load it with the rows, or read it where they are queried, in a worker thread.",
        )

    def _model_of(self, result: Expression) -> ProjectClass | None:
        value = self.contexts.project.value(result, Where(self.place.path, self.place.index, self.function.end_line))
        value = value.item if isinstance(value, Iterated) else value
        found = value.of if isinstance(value, Object) else None
        return found if isinstance(found, ProjectClass) and found in self.relations else None

    def _remark_on_response(self, root: Root, collection: str) -> Remark:
        return Remark(
            rule.name,
            rule.severity,
            self.place,
            Remedy.NONE,
            f"The response of `{root.route}` has `{collection}`, which is loaded when FastAPI reads it, on the event loop: while "
            "that waits for the database, this worker serves no other request.",
            root=root,
            advice=f"Make the endpoint `def`, or load the collection with the rows: `.options(selectinload({collection}))`.",
        )

    def _remark(self, rows: _Rows, name: str, how: str) -> Remark:
        model = self.contexts.project.class_(rows.of).name
        option = f"selectinload({model}.{name})"
        is_get = last_name(rows.query.callee) in {"get", "get_one"}
        way = f"give the query `options=[{option}]`" if is_get else f"put `.options({option})` on the statement"
        return Remark(
            rule.name,
            rule.severity,
            self.place,
            Remedy.NONE,
            f"This query does not load `{model}.{name}`, and {how}, which ends in `MissingGreenlet`.",
            site=next((site for site in self.function.sites if site.call == rows.query), None),
            advice=f"Load it with the rows: {way}.",
        )

    def _read(self) -> Iterator[tuple[_Rows, str, str]]:
        function = self.function
        values = [binding.value for bindings in function.bindings.values() for binding in bindings]
        calls = [site.call for site in function.sites]
        for expression in (*calls, *values, *function.results, *function.yields):
            for attribute in attributes_in(expression):
                if isinstance(attribute.of, Name) and f"{attribute.of.id}.{attribute.name}" not in function.bindings:
                    rows = self._rows(attribute.of)
                    if rows and rows.kind == "one" and attribute.name in self.relations.get(rows.of, ()):
                        yield rows, attribute.name, f"`{attribute.of.id}.{attribute.name}` is read below it"

    def _returned(self, root: Root) -> Iterator[tuple[_Rows, str, str]]:
        fields = self._fields()
        for result in self.function.results if fields else ():
            rows = self._rows(result)
            if rows and rows.kind in {"one", "many"} and fields.isdisjoint(self._own(rows)):
                for name in sorted(self.relations.get(rows.of, frozenset()) & fields):
                    yield rows, name, f"the response of `{root.route}` has it"

    def _own(self, rows: _Rows) -> set[str]:
        """The relations that the function sets itself."""
        return {key.rpartition(".")[2] for key in self.function.bindings if "." in key} & self.relations.get(
            rows.of, set()
        )

    def _fields(self) -> frozenset[str]:
        """The fields that the response model of an endpoint reads of what is returned, as they are called."""
        project, function = self.contexts.project, self.function
        calls = [decorator for decorator in function.decorators if isinstance(decorator, Call)]
        if len(function.decorators) != 1 or not calls or dict(calls[0].keywords).keys() & _NARROWING:
            return frozenset()
        told = dict(calls[0].keywords).get("response_model", function.returns)
        value = project.annotated(told, Where(self.place.path, function.parent, function.line))
        value = value.item if isinstance(value, Iterated) else value
        model = value.of if isinstance(value, Object) and isinstance(value.of, ProjectClass) else None
        return self._fields_of(model) if model and model not in self.relations else frozenset()

    def _fields_of(self, model: ProjectClass) -> frozenset[str]:
        project = self.contexts.project
        family = project.family(model)
        own = [one for one in family if isinstance(one, ProjectClass)]
        if not any(isinstance(one, Outside) and one.name in MODELS for one in family) or any(map(self._validates, own)):
            return frozenset()
        return frozenset(
            name
            for one in own
            for name, bindings in project.class_(one).bindings.items()
            if any(isinstance(b.value, Typed) for b in bindings) and all(_keeps_name(b.value) for b in bindings)
        )

    def _validates(self, model: ProjectClass) -> bool:
        methods = self.contexts.project.class_(model).methods.values()
        decorators = (
            d for index in methods for d in self.contexts.project.facts[model.path].functions[index].decorators
        )
        return any(last_name(d.callee if isinstance(d, Call) else d) in VALIDATING for d in decorators)

    # Where it comes from

    def _rows(self, expression: Expression | None, depth: int = 0) -> _Rows | None:
        """What an expression holds of the rows of a query, None where that is not certain."""
        if depth > _DEEPEST:
            return None
        match expression:
            case Name(id=name):
                return self._rows(self._bound(name), depth + 1)
            case Element(of=of):
                rows = self._rows(of, depth + 1)
                return _Rows(rows.of, rows.query, "one") if rows and rows.kind in {"many", "scalars"} else None
            case Awaited(of=Call(callee=Attribute(of=session, name=name)) as call) if name in _ASKING:
                return self._asked(call, name) if self._is_session(session) and not call.keywords else None
            case Call(callee=Name(id="list"), arguments=(given,)):
                rows = self._rows(given, depth + 1)
                return _Rows(rows.of, rows.query, "many") if rows and rows.kind in {"many", "scalars"} else None
            case Call(callee=Attribute(of=of, name=name), arguments=()):
                rows = self._rows(of, depth + 1)
                return _taken(rows, name) if rows else None
            case _:
                return None

    def _asked(self, call: Call, name: str) -> _Rows | None:
        first = call.arguments[0] if call.arguments else None
        if name in {"get", "get_one"}:
            model = self._class(first) if len(call.arguments) == 2 else None
            return _Rows(model, call, "one") if model else None
        model = self._selected(first) if len(call.arguments) == 1 else None
        kind = {"scalar": "one", "execute": "rows"}.get(name, "scalars")
        return _Rows(model, call, kind) if model else None

    def _selected(self, statement: Expression | None, depth: int = 0) -> ProjectClass | None:
        """The one class that a statement selects, where it says nothing of what to load with it."""
        match statement:
            case Name(id=name) if depth < _DEEPEST:
                return self._selected(self._bound(name), depth + 1)
            case Call(callee=Attribute(of=of, name=name)) if name in _BUILDING:
                return self._selected(of, depth + 1)
            case Call(callee=callee, arguments=(model,)) if last_name(callee) == "select":
                return self._class(model)
            case _:
                return None

    def _bound(self, name: str) -> Expression | None:
        """What a local name is given, if it is given one thing only."""
        function = self.function
        bindings = [b for b in function.bindings.get(name, ()) if not isinstance(b.value, Typed)]
        is_given = any(parameter.name == name for parameter in function.parameters)
        return bindings[0].value if len(bindings) == 1 and not is_given else None

    def _class(self, expression: Expression | None) -> ProjectClass | None:
        value = self.contexts.project.value(expression, Where(self.place.path, self.place.index, self.function.line))
        return value if isinstance(value, ProjectClass) and value in self.relations else None

    def _is_session(self, expression: Expression) -> bool:
        value = self.contexts.project.value(
            expression, Where(self.place.path, self.place.index, self.function.end_line)
        )
        if not (isinstance(value, Object) and isinstance(value.of, Outside)):
            return False
        return _SESSION in self.contexts.project.knowledge.family(value.of.name)


def _keeps_name(value: Expression) -> bool:
    """Whether what a field of a model is given leaves it its name, and lets it be read."""
    return not isinstance(value, Call) or (last_name(value.callee) == "Field" and dict(value.keywords).keys() <= _PLAIN)


def _taken(rows: _Rows, name: str) -> _Rows | None:
    """What a method of a result gives."""
    if name == "unique":
        return rows
    if name == "scalars" and rows.kind == "rows":
        return _Rows(rows.of, rows.query, "scalars")
    if name == "all" and rows.kind == "scalars":
        return _Rows(rows.of, rows.query, "many")
    single = _OF_ROWS if rows.kind == "rows" else _OF_SCALARS if rows.kind == "scalars" else frozenset()
    return _Rows(rows.of, rows.query, "one") if name in single else None
