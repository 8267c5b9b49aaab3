"""Which file of a repository an import means."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from posixpath import dirname, normpath


class Modules:
    """The modules of a repository, found from the file that imports them.

    A repository may hold several roots (`backend/`, `src/`, a script's own folder); no configuration names them. So an
    absolute import is looked for in the folders around the importing file, nearest first, leaving out those that are
    packages themselves; then in the only other folder that has such a package. A folder without `__init__.py` is no rival
    to an installed package of the name (`libraries`); and where a repository holds a framework itself, the framework's names
    mean what they always do.

    `before` are those of the repository before files came or went, with the same libraries: most that was found there is so still.
    """

    def __init__(
        self,
        paths: Iterable[str],
        libraries: Collection[str] = (),
        frameworks: Collection[str] = (),
        before: Modules | None = None,
    ) -> None:
        self._libraries = libraries
        self._frameworks = frameworks
        self._paths = frozenset(paths)
        self._found: dict[tuple[str, str], str | None] = {}
        if before is None or not self._add_to(before):
            self._gather()
        self.renewed: AbstractSet[str] | None = None
        """An import means what it did before, unless the first or the last name of its module is one of these, and at a place there
        is what was, unless its last name is; None: any may not."""
        self._known: Mapping[tuple[str, str], str | None] = {}
        if before is not None:
            self._compare(before)

    def _compare(self, before: Modules) -> None:
        if self._packages == before._packages:
            places = (self._files.keys() ^ before._files.keys()) | (self._folders ^ before._folders)
            self.renewed = frozenset(place.rpartition("/")[2] for place in places)
            self._known = before._found

    def _gather(self) -> None:
        ordered = sorted(self._paths, key=_is_package)  # a package comes before a module
        self._files = {_place(path): path for path in ordered}
        self._packages = frozenset(dirname(path) for path in self._files.values() if _is_package(path))
        self._folders = frozenset(folder for path in self._files.values() for folder in _ancestors(dirname(path)))
        self._roots: dict[str, frozenset[str]] = {}
        self._add_roots(self._files.keys() | self._folders)

    def _add_to(self, before: Modules) -> bool:
        """Gather what there was before, and modules that have come; False where anything else has come or gone."""
        came = {_place(path): path for path in self._paths - before._paths}
        if (
            not before._paths <= self._paths
            or any(map(_is_package, came.values()))
            or came.keys() & before._files.keys()
        ):
            return False
        self._files = before._files | came
        self._packages = before._packages
        self._folders = before._folders.union(*(_ancestors(dirname(path)) for path in came.values()))
        self._roots = before._roots.copy()
        self._add_roots(came.keys() | (self._folders - before._folders))
        return True

    def _add_roots(self, places: Iterable[str]) -> None:
        for place in places:
            parent, _, last = place.rpartition("/")
            if parent not in self._packages:
                self._roots[last] = self._roots.get(last, frozenset()) | {parent}

    def path(self, folder: str) -> str | None:
        """The file of the module or package at a place without suffix ("app/main")."""
        return self._files.get(folder)

    def is_folder(self, folder: str) -> bool:
        return folder in self._folders

    def find(self, importer: str, level: int, module: str) -> str | None:
        """The place ("backend/app/db", no suffix) that an import means, or None where it is none of the repository."""
        if level:
            return self._relative(importer, level, module)
        key = (seen_from(importer, module), module)
        if key not in self._found:
            is_known = key in self._known and not self.is_renewed(module)
            self._found[key] = self._known[key] if is_known else self._absolute(importer, module)
        return self._found[key]

    def is_renewed(self, module: str) -> bool:
        """Whether an import of a module may mean another one than before."""
        return self.renewed is None or not self.renewed.isdisjoint(ends_of(module))

    def _relative(self, importer: str, level: int, module: str) -> str | None:
        folder = importer
        for _ in range(level):
            folder = dirname(folder)
        return self._existing(folder, module.replace(".", "/")) if module else folder

    def _absolute(self, importer: str, module: str) -> str | None:
        inner = module.replace(".", "/")
        top = inner.partition("/")[0]
        around = [
            folder
            for folder in _ancestors(dirname(importer))
            if top not in self._libraries or self._is_rival(folder, top, importer)
        ]
        roots = [folder for folder in around if folder not in self._packages]
        spare = [] if top in self._libraries else around  # a root may have an `__init__.py` that nobody needs
        for folder in (*roots, *spare):
            if (found := self._existing(folder, inner)) is not None:
                return found
        if "/" not in inner or top in self._libraries:
            return None
        candidates = {found for root in self._roots.get(top, ()) if (found := self._existing(root, inner)) is not None}
        return candidates.pop() if len(candidates) == 1 else None

    def _is_rival(self, folder: str, name: str, importer: str) -> bool:
        """Whether a module of the repository hides the library of its name. None hides what it imports itself."""
        if name in sys.stdlib_module_names:
            return False
        place = f"{folder}/{name}" if folder else name
        if place not in self._files or self._files[place] == importer:
            return False
        return not (place in self._packages and name in self._frameworks)

    def _existing(self, folder: str, inner: str) -> str | None:
        place = normpath(f"{folder}/{inner}") if folder else inner
        return place if place in self._files or place in self._folders else None


def ends_of(module: str) -> tuple[str, str]:
    """The first and the last name of a dotted one."""
    return module.partition(".")[0], module.rpartition(".")[2]


def _place(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__")


def _is_package(path: str) -> bool:
    return path.endswith("/__init__.py")


def seen_from(importer: str, module: str) -> str:
    """The folder of a file, with a slash, since all files there mean the same by an import; the file itself if it has the name."""
    is_named_so = importer.removesuffix(".py").rpartition("/")[2] == module.partition(".")[0]
    return importer if is_named_so else importer[: importer.rfind("/") + 1]


def _ancestors(folder: str) -> list[str]:
    """The folder, those around it, and the top (the empty name)."""
    found = [folder]
    while (outer := dirname(found[-1])) != found[-1]:
        found.append(outer)
    return found
