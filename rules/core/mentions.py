"""Where the files of a project speak of a function: by its name, as an attribute, or by the name that it is imported under."""

from collections.abc import Iterator, Sequence

from rules.core.facts import Attribute, Expression, Site, last_name
from rules.core.given import WIDEST
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.values import Module, ProjectFunction, Where


def may_be_called_unseen(function: ProjectFunction, project: Project) -> bool:
    """Whether served code calls a function, or may, in a way that nobody sees: it is handed on as a value, it has the name of a
    method of something unknown, or it stands for a method of a base class.
    """
    paths = _few_that_could_mean(function, project)
    if paths is None:  # somebody among so many may
        return True
    unseen = (None, *project.stood_for_by(function))
    for path in paths:
        names = names_of(function, path, project)
        if any(name in project.facts[path].outline.mentions for name in names):
            return True
        for name in {name.removeprefix(".") for name in names}:
            called = project.called_by_name(path, name)
            if any(as_named(callee) in names and value in unseen for callee, value in called):
                return True
    return False


def sites_of(path: str, project: Project) -> Iterator[tuple[Where, int, Site]]:
    """All calls of a file, each with where it stands and its place among those of its function."""
    for index, function in enumerate(project.facts[path].functions):
        for place, site in enumerate(function.sites):
            yield Where(path, index, site.line), place, site


def files_that_could_mean(function: ProjectFunction, project: Project) -> set[str]:
    """The files that have the function's name, and define it, or import it or its module; any file can name a method.

    Under a star import, and under another name, the function may go by without its own name being read there.
    """
    facts = project.function(function)
    if facts.owner >= 0:
        return set(project.naming.get(facts.name, ()))
    if facts.parent > 0:
        return {function.path}
    return {function.path} | project.importers_using(function.path, "name", facts.name)


def _few_that_could_mean(function: ProjectFunction, project: Project) -> Sequence[str] | None:
    """Those of them that may serve requests; None where they are many."""
    facts = project.function(function)
    if facts.owner >= 0:
        return project.few("name", facts.name, WIDEST, serving=True)
    paths = [path for path in files_that_could_mean(function, project) if not is_offline(path)]
    return paths if len(paths) <= WIDEST else None


def as_named(expression: Expression | None) -> str:
    """A name as mentions are counted: an attribute behind a dot."""
    return f".{last_name(expression)}" if isinstance(expression, Attribute) else last_name(expression)


def names_of(function: ProjectFunction, path: str, project: Project) -> set[str]:
    """The names under which a file may speak of the function: its own, as an attribute, or as it was imported there."""
    facts = project.function(function)
    names = {f".{facts.name}"}
    if path == function.path:
        names.add(facts.name)
    if facts.owner >= 0:
        return names
    for where, name, imported in project.imports_of(path):
        if imported.name == facts.name and project.value(imported, where) == function:
            names.add(name)
        if name == "*":
            value = project.value(imported, where)
            if isinstance(value, Module) and project.member(value, facts.name) == function:
                names.add(facts.name)
    return names
