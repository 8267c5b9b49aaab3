"""All libraries together, asked by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from rules.core.library import Blocking, Borrower, Counterpart, Library, Offload, Registration, Rows, Twin

_Row = TypeVar("_Row")
DECLARED = "blocking/declared"
WELCOME = ("httpx2", "aiohttp", "httpx")  # the packages of HTTP clients where a file has several


class Knowledge:
    """All libraries together, asked by name."""

    def __init__(self, libraries: Iterable[Library], client: str = "") -> None:
        known = self._libraries = tuple(libraries)
        self._declared: dict[str, Blocking] = {}
        self.results = _merged(library.results for library in known)
        self.factories = _merged(library.factories for library in known)
        self.attributes = _merged(library.attributes for library in known)
        self.singletons = frozenset().union(*(library.singletons for library in known))
        self._rows = _merged(library.rows for library in known)
        self.bases = _merged(library.bases for library in known)
        self.offloads = {offload.name: offload for library in known for offload in library.offloads}
        self.registrations = _grouped(row for library in known for row in library.registrations)
        self.thread_bound = frozenset().union(*(library.thread_bound for library in known))
        self.exclusive = frozenset().union(*(library.exclusive for library in known))
        self._current = frozenset().union(*(library.current for library in known))
        self.per_thread = frozenset().union(*(library.per_thread for library in known))
        self.transactional = frozenset().union(*(library.transactional for library in known))
        self.pooled = frozenset().union(*(library.pooled for library in known))
        self.failing = _merged(library.failing for library in known)
        self._process_wide = frozenset().union(*(library.process_wide for library in known))
        self._main_thread = frozenset().union(*(library.main_thread for library in known))
        self._unthreaded = frozenset().union(*(library.unthreaded for library in known))
        self._concurrent = frozenset().union(*(library.concurrent for library in known))
        self._unproven = frozenset().union(*(library.unproven for library in known))
        self._changing = frozenset().union(*(library.changing for library in known))
        self.remembering = _merged(library.remembering for library in known)
        self.twins = _merged(library.twins for library in known)
        self.counterparts = {one.of: one for library in known for one in library.counterparts}
        self.lasting = {one.of: one for library in known for one in library.lasting}
        self.borrowers = [one for library in known for one in library.borrowers]
        self._successors = [one for library in known for one in library.successors]
        self.client = client
        self.sessions = {one.of: one for library in known for one in library.sessions}
        self.makers = {name: one for one in self.counterparts.values() for name in (one.of, *one.makers)}
        self._aliases = _merged(library.aliases for library in known)
        self._coroutines = frozenset().union(
            *(library.coroutines for library in known), self.twins.values(), *map(_awaited, self.counterparts.values())
        )
        self._quick = frozenset().union(*(library.quick for library in known))
        self._callers = frozenset().union(*(library.callers for library in known))
        self.schedulers = _merged(library.schedulers for library in known)
        self.operators = _merged(library.operators for library in known)
        self.wrappers = frozenset().union(*(library.wrappers for library in known))
        self._canonical: dict[str, str] = {}
        self._members: dict[tuple[str, str], str] = {}
        self._blocking = {name: row for library in known for row in library.blocking for name in row.names}
        self._known = frozenset().union(
            *(self._blocking, self._coroutines, self._quick, self.results, self.attributes),
            *(self.registrations, self.offloads),
        )

    def declared(self, name: str) -> Blocking | None:
        """The row by which a repository declares a function of its own, here by its whole dotted path, to block."""
        return next((row for own, row in self._declared.items() if f".{name}".endswith(f".{own}")), None)

    def with_declared(self, blocking: Mapping[str, str | None], offloads: Mapping[str, int]) -> Knowledge:
        """The same, and what a repository declares: its blocking functions, each with its awaitable twin if it has one,
        and its functions that run the argument at a place in a worker thread.
        """
        rows = {name: Blocking(DECLARED, (name,), twin=Twin(twin) if twin else None) for name, twin in blocking.items()}
        own = Library(
            "declared",
            blocking=tuple(rows.values()),
            offloads=tuple(Offload(name, argument) for name, argument in offloads.items()),
        )
        more = Knowledge((*self._libraries, own), self.client)
        more._declared = rows
        return more

    def with_client(self, package: str) -> Knowledge:
        """The same, where calls over HTTP are to go through clients of this package only (empty: any)."""
        more = Knowledge(self._libraries, package)
        more._declared = self._declared
        return more

    def borrowers_of(self, name: str) -> list[Borrower]:
        """By whose methods a call can be made, the most welcome client first."""
        rows = (one for one in self.borrowers if one.name == name and self.client in {"", one.package})
        return sorted(rows, key=lambda one: WELCOME.index(one.package))

    def successors_of(self, maker: str) -> list[Counterpart]:
        """The classes of other packages for one that is made so, the most welcome first."""
        rows = (one for one in self._successors if maker == one.of and self.client in {"", one.package})
        return sorted(rows, key=lambda one: WELCOME.index(one.package))

    @cached_property
    def client_classes(self) -> Mapping[str, str]:
        """The classes of clients that may stand for each other, each with one whose methods block."""
        found = {name: one.of for one in self._successors for name in (one.of, one.instead)}
        for one in self.counterparts.values():
            found[one.of] = found[one.instead] = found.get(one.instead, one.of)
        return found

    def is_offload(self, name: str) -> bool:
        """Whether a function, by its whole dotted path, hands a callable to a worker thread."""
        parts = name.split(".")
        if parts[-1] not in self._offload_names:
            return False
        return any(".".join(parts[first:]) in self.offloads for first in range(len(parts)))

    @cached_property
    def _offload_names(self) -> frozenset[str]:
        return frozenset(name.rpartition(".")[2] for name in self.offloads)

    @cached_property
    def frameworks(self) -> frozenset[str]:
        """The top-level names of the packages that functions are registered with."""
        return frozenset(name.partition(".")[0] for name in self.registrations)

    @cached_property
    def registering(self) -> frozenset[str]:
        """The last names of all registrations."""
        return frozenset(name.rpartition(".")[2] for name in self.registrations)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The top-level names of all packages that any row names."""
        named = (*self._blocking, *self._coroutines, *self._quick, *self.results, *self.bases, *self.offloads)
        return frozenset(name.partition(".")[0] for name in named)

    @cached_property
    def coroutine_names(self) -> frozenset[str]:
        """The last names of all coroutine functions of libraries."""
        return frozenset(name.rpartition(".")[2] for name in self._coroutines)

    def is_known(self, name: str) -> bool:
        """Whether any row speaks of a callable."""
        return _holds(self._known, name)

    def is_named(self, name: str) -> bool:
        """Whether any row names a callable or a class, or one of its members."""
        return self.canonical(name) in self._named

    @cached_property
    def _named(self) -> frozenset[str]:
        names = (*self._blocking, *self._coroutines, *self._quick, *self.results, *self.bases, *self._aliases)
        owners = {name.rpartition(".")[0] for name in names}
        return frozenset(names) | owners

    def canonical(self, name: str) -> str:
        """The name that the rows use: `sqlalchemy.orm.session.Session.get` is `sqlalchemy.orm.Session.get`."""
        found = self._canonical.get(name)
        if found is None:
            found = self._aliases.get(name)
            if found is None:
                owner, dot, member = name.rpartition(".")
                found = f"{self.canonical(owner)}.{member}" if dot else name
            self._canonical[name] = found
        return found

    def blocking(self, name: str) -> Blocking | None:
        """The row of a callable that blocks. A row for a whole class leaves out the members that others speak of."""
        if name in self._blocking:
            return self._blocking[name]
        return None if name in self._plain else _row(self._blocking, name)

    @cached_property
    def _plain(self) -> frozenset[str]:
        """The members of classes that rows speak of otherwise than that they block."""
        return frozenset().union(self._quick, self._coroutines, self.results, self.attributes)

    def exactly(self, name: str) -> Blocking | None:
        """The row that names just this callable."""
        return self._blocking.get(name)

    def is_coroutine(self, name: str) -> bool:
        return _holds(self._coroutines, name)

    def is_quick(self, name: str) -> bool:
        return _holds(self._quick, name)

    def is_process_wide(self, name: str) -> bool:
        """Whether a callable changes what all threads of the process share, as the folder that it works in."""
        return _holds(self._process_wide, name)

    def is_for_main_thread(self, name: str) -> bool:
        """Whether a callable belongs to the main thread of the process."""
        return _holds(self._main_thread, name)

    def is_unthreaded(self, name: str) -> bool:
        """Whether no two threads may run a callable at once."""
        return _holds(self._unthreaded, name)

    def is_current(self, name: str) -> bool:
        """Whether a callable asks for the application that is current in its thread."""
        return _holds(self._current, name)

    def is_concurrent(self, name: str) -> bool:
        """Whether several threads may use one object of a class at once, as far as anybody says."""
        if self.is_unproven(name):
            return False
        return name.partition(".")[0] in self._concurrent or _holds(self._concurrent, name) or self.is_named(name)

    def is_unproven(self, name: str) -> bool:
        """Whether nobody says of a class that is known that several threads may use one object of it at once."""
        return _holds(self._unproven, name)

    def is_changing(self, name: str) -> bool:
        """Whether a method changes the object that it is called on for all that use it."""
        return _holds(self._changing, name)

    @cached_property
    def changing(self) -> frozenset[str]:
        """The last names of such methods."""
        return frozenset(name.rpartition(".")[2] for name in self._changing)

    def calls_its_argument(self, name: str) -> bool:
        return name in self._callers

    def result(self, name: str) -> str | None:
        """The class of what a callable returns."""
        found = _row(self.results, name)
        return name.rpartition(".")[0] if found == "self" else found

    def rows(self, name: str) -> Rows | None:
        """What a callable makes of the rows of a query."""
        return self._rows.get(name)

    def family(self, name: str) -> tuple[str, ...]:
        """A class and all that it inherits from, nearest first."""
        found = [name]
        for base in self.bases.get(name, ()):
            found += [known for known in self.family(base) if known not in found]
        return tuple(found)

    def member(self, owner: str, name: str) -> str:
        """The dotted name of a member of a class, at the class that defines it where rows tell."""
        found = self._members.get((owner, name))
        if found is None:
            found = self._members[owner, name] = self._member(owner, name)
        return found

    def _member(self, owner: str, name: str) -> str:
        family = self.family(owner)
        for wanted in (name, "*"):
            for known in family:
                if f"{known}.{wanted}" in self._known:
                    return f"{known}.{name}"
        return f"{owner}.{name}"


def _awaited(counterpart: Counterpart) -> Iterable[str]:
    """The dotted names of what is awaited of the other class."""
    return (f"{counterpart.instead}.{counterpart.renamed.get(name, name)}" for name in counterpart.awaited)


def _row(table: Mapping[str, _Row], name: str) -> _Row | None:
    found = table.get(name)
    return found if found is not None else table.get(f"{name.rpartition('.')[0]}.*")


def _holds(names: frozenset[str], name: str) -> bool:
    return name in names or f"{name.rpartition('.')[0]}.*" in names


def _grouped(rows: Iterable[Registration]) -> Mapping[str, tuple[Registration, ...]]:
    found: dict[str, tuple[Registration, ...]] = {}
    for row in rows:
        found[row.name] = (*found.get(row.name, ()), row)
    return MappingProxyType(found)


def _merged(tables: Iterable[Mapping[str, _Row]]) -> Mapping[str, _Row]:
    return MappingProxyType({name: value for table in tables for name, value in table.items()})
