"""Which file of a repository an import means."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
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
        ordered = sorted(paths, key=lambda path: path.endswith("/__init__.py"))  # a package comes before a module
        self._files = {path.removesuffix(".py").removesuffix("/__init__"): path for path in ordered}
        self._packages = {dirname(path) for path in self._files.values() if path.endswith("/__init__.py")}
        self._folders = {folder for path in self._files.values() for folder in _ancestors(dirname(path))}
        self._roots: dict[str, set[str]] = {}
        for name in self._files.keys() | self._folders:
            parent, _, last = name.rpartition("/")
            if parent not in self._packages:
                self._roots.setdefault(last, set()).add(parent)
        self._found = self._found_still(before) if before is not None else {}

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
            self._found[key] = self._absolute(importer, module)
        return self._found[key]

    def _found_still(self, before: Modules) -> dict[tuple[str, str], str | None]:
        """What was found before and could not be found elsewhere now: by the first name of a module, or by its last."""
        if self._packages != before._packages:
            return {}
        places = (self._files.keys() | self._folders) ^ (before._files.keys() | before._folders)
        names = {place.rpartition("/")[2] for place in places}
        return {
            (importer, module): found
            for (importer, module), found in before._found.items()
            if module.partition(".")[0] not in names and module.rpartition(".")[2] not in names
        }

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
