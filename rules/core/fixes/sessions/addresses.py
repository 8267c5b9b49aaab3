"""What two engines are told of their database, compared without knowing it: the same words but for the driver."""

import re
from collections.abc import Iterator

import msgspec

from rules.core.facts import (
    Attribute,
    Call,
    Choice,
    Computed,
    Constant,
    Expression,
    Name,
    Subscript,
    show,
)
from rules.core.project import Project
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

Meaning = tuple[object, ...]
"""What an expression stands for, so far that two of them can be compared; the driver of an address is left out."""

_SCHEME = re.compile(r"(?P<dialect>postgresql|postgres|sqlite|mysql|mariadb|oracle|mssql)(\+(?P<driver>\w+))?(?=:|$)")
_PART = re.compile(r"[a-z0-9+]+(:(//)?)?")
_DRIVER = re.compile(r"\+[a-z0-9_]+")
_NAMES = frozenset({"asyncpg", "psycopg2", "psycopg", "aiosqlite", "pysqlite", "aiomysql", "asyncmy", "pymysql"})
_IN_MEMORY = frozenset({"://", ":///", ":///:memory:"})  # another database for each engine
_OF_DRIVERS = frozenset({"drivername", "scheme", "hide_password", "db_api", "driver"})
_AS_TEXT = frozenset({"render_as_string", "unicode_string"})
_KINDS = frozenset({"async", "asyncio", "sync", "asyncpg", "psycopg", "psycopg2", "aiosqlite", "aiomysql", "asyncmy"})
_DEEPEST = 12  # steps from an engine to what it is told; real code needs six


class Address(msgspec.Struct, frozen=True):
    """What an engine is told of its database, the drivers that are named there, and how that is written.

    It is not `precise` where a part of it is not seen: the text between the values of an f-string.
    """

    meaning: Meaning
    drivers: frozenset[str]
    written: str
    is_precise: bool


def is_alike(one: Address, other: Address) -> bool:
    """Whether both may well be the same: in all that is seen, or under names that differ in the kind of driver only."""
    return one.meaning == other.meaning or _plain(one.meaning) == _plain(other.meaning)


class Addresses(msgspec.Struct):
    """Reads the addresses of engines."""

    project: Project
    _drivers: set[str] = msgspec.field(default_factory=set)
    _is_precise: bool = True
    _is_in_memory: bool = False

    def address(self, engine: Call, where: Where) -> Address | None:
        """What an engine is told of its database; None where that is not seen."""
        given = dict(engine.keywords).get("url", engine.arguments[0] if engine.arguments else None)
        meaning = self._meaning(given, where, 0)
        if meaning is None or self._is_in_memory:
            return None
        return Address(meaning, frozenset(self._drivers), show(given), self._is_precise)

    def is_in_memory(self, engine: Call, where: Where) -> bool:
        """Whether an engine may be told of a database that lies in memory only."""
        self.address(engine, where)
        return self._is_in_memory

    def _meaning(self, expression: Expression | None, where: Where, depth: int) -> Meaning | None:
        if depth > _DEEPEST:
            return None
        match expression:
            case Constant(value=str(text)):
                return self._text(text, is_whole=True)
            case Constant(value=value, kind=kind) if kind != "unknown":
                return ("constant", value)
            case Name() | Attribute():
                return self._named(expression, where, depth)
            case Call():
                return self._call(expression, where, depth)
            case Subscript(of=of, items=items):
                return self._all("item", (of, *items), where, depth)
            case Choice(options=options):
                found = [self._meaning(option, where, depth + 1) for option in options]
                return found[0] if len({*found}) == 1 else self._all("choice", options, where, depth)
            case Computed(parts=parts):
                self._is_precise = False
                return self._all("computed", parts, where, depth)
            case _:
                return None

    def _all(self, kind: str, parts: tuple[Expression | None, ...], where: Where, depth: int) -> Meaning | None:
        found = [self._meaning(part, where, depth + 1) for part in parts]
        return None if None in found else (kind, *found)

    def _text(self, text: str, *, is_whole: bool = False) -> Meaning:
        if (match := _SCHEME.match(text)) is None:
            return ("text", text)
        self._drivers.add(match["driver"] or match["dialect"])
        self._is_in_memory |= is_whole and match["dialect"] == "sqlite" and text[match.end() :] in _IN_MEMORY
        dialect = "postgresql" if match["dialect"] == "postgres" else match["dialect"]
        return ("text", dialect + text[match.end() :])

    def _note(self, old: str, new: str) -> None:
        """Which driver an address is given in place of the one that it names."""
        if new[:1] == "+" or new in _NAMES:
            self._drivers.add(new.removeprefix("+"))
        elif new:
            self._text(new)
        else:
            self._drivers.add(f"not {old[1:]}")

    def _named(self, expression: Name | Attribute, where: Where, depth: int) -> Meaning | None:
        project = self.project
        value = project.value(expression, where)
        if isinstance(value, Outside):
            return ("outside", value.name)
        if (local := self._local(expression, where)) is not None:
            return self._meaning(local, where, depth + 1)
        if isinstance(expression, Attribute):
            owner = project.value(expression.of, where)
            if isinstance(owner, Object) and isinstance(owner.of, ProjectClass):
                return self._of_object(owner, owner.of, expression.name, depth)
        origin = project.origin(expression, where)
        if origin is not None:
            return self._global(origin, depth)
        inner = self._meaning(expression.of, where, depth + 1) if isinstance(expression, Attribute) else None
        return ("attribute", inner, expression.name) if inner and isinstance(expression, Attribute) else None

    def _local(self, expression: Name | Attribute, where: Where) -> Expression | None:
        """What a function binds a name of its own to, if it does so once."""
        function = self.project.function(where)
        bindings = function.bindings.get(expression.id, ()) if isinstance(expression, Name) and where.function else ()
        return bindings[0].value if len(bindings) == 1 else None

    def _of_object(self, owner: Object, of: ProjectClass, name: str, depth: int) -> Meaning | None:
        """An attribute of an object of the project: what a property gives, else that attribute itself."""
        run = self.project.property(owner, name)
        if run is None:
            for binding in self.project.class_(of).bindings.get(name, ()):
                usual = Addresses(self.project)
                usual._meaning(binding.value, Where(of.path), depth + 1)
                self._is_in_memory |= usual._is_in_memory
            return ("attribute", (of.path, of.index), name)
        function = self.project.function(run)
        if len(function.results) != 1:
            return ("attribute", (of.path, of.index), name)
        return self._meaning(function.results[0], Where(run.path, run.index, function.end_line), depth + 1)

    def _global(self, origin: tuple[str, str], depth: int) -> Meaning | None:
        path, name = origin
        bindings = self.project.facts[path].bound(name)
        found = None
        if bindings and all(_is_respelled(binding.value, name) for binding in bindings[1:]):
            found = self._meaning(bindings[0].value, Where(path, 0, max(bindings[0].line - 1, 1)), depth + 1)
        return found or ("global", path, name)

    def _call(self, call: Call, where: Where, depth: int) -> Meaning | None:
        callee = self.project.value(call.callee, where)
        match call:
            case Call(callee=Attribute(of=of), arguments=(Constant(value=str(old)), Constant(value=str(new)), *_)) if (
                _is_respelling(call)
            ):
                self._note(old, new)
                return self._meaning(of, where, depth + 1)
            case Call(callee=Attribute(of=of, name="set")) if _are_of_drivers(call):
                return self._meaning(of, where, depth + 1)
            case Call(callee=Attribute(of=of, name=name)) if name in _AS_TEXT:
                return self._meaning(of, where, depth + 1)
            case Call(arguments=(given,)) if _is_text_of(callee):
                return self._meaning(given, where, depth + 1)
        if isinstance(callee, ProjectFunction) and not (call.arguments or call.keywords):
            return self._result(callee, depth)
        if isinstance(callee, (Outside, ProjectFunction)):
            return self._made(callee, call, where, depth)
        return None

    def _result(self, function: ProjectFunction, depth: int) -> Meaning | None:
        facts = self.project.function(function)
        if len(facts.results) != 1:
            return ("result", function.path, function.index)
        found = self._meaning(facts.results[0], Where(function.path, function.index, facts.end_line), depth + 1)
        return found or ("result", function.path, function.index)

    def _made(self, callee: Outside | ProjectFunction, call: Call, where: Where, depth: int) -> Meaning | None:
        """A call by what is called and what it is given, but for what names a driver."""
        name = callee.name if isinstance(callee, Outside) else f"{callee.path}:{callee.index}"
        name = "os.getenv" if name == "os.environ.get" else name
        keywords = sorted((key, value) for key, value in call.keywords if key not in _OF_DRIVERS)
        for key, value in call.keywords:
            if key in _OF_DRIVERS:
                self._meaning(value, where, depth + 1)  # which driver it is
        given = self._all(name, (*call.arguments, *(value for _, value in keywords)), where, depth)
        return (*given, *(key for key, _ in keywords)) if given is not None else None


def _is_respelled(value: Expression, name: str) -> bool:
    """Whether a name is given what it had before, with another driver: `url = url.replace("postgres://", ...)`."""
    return isinstance(value, Call) and _is_respelling(value) and getattr(value.callee, "of", None) == Name(name)


def _is_respelling(call: Call) -> bool:
    """Whether a text is given another driver, and nothing else: `.replace("postgres://", "postgresql://", 1)`."""
    match call:
        case Call(
            callee=Attribute(name="replace"), arguments=(Constant(value=str(old)), Constant(value=str(new)), *rest)
        ) if not call.keywords:
            is_scheme = bool(_PART.fullmatch(old) and _PART.fullmatch(new) and _SCHEME.match(new))
            is_dropped = bool(_DRIVER.fullmatch(old)) and (not new or bool(_DRIVER.fullmatch(new)))
            is_other = {old, new} <= _NAMES
            return (is_scheme or is_dropped or is_other) and all(one == Constant(1, "int") for one in rest)
        case _:
            return False


def _are_of_drivers(call: Call) -> bool:
    return not call.arguments and {key for key, _ in call.keywords} <= _OF_DRIVERS


def _is_text_of(callee: object) -> bool:
    return isinstance(callee, Outside) and callee.name in {
        "builtins.str",
        "sqlalchemy.make_url",
        "sqlalchemy.engine.make_url",
        "sqlalchemy.engine.url.make_url",
    }


def _plain(meaning: object) -> object:
    """The same with names that do not tell the kind of driver."""
    if isinstance(meaning, tuple):
        return tuple(map(_plain, meaning))
    return "_".join(_words(meaning)) if isinstance(meaning, str) else meaning


def _words(name: str) -> Iterator[str]:
    yield from (word for word in name.lower().split("_") if word not in _KINDS)
