"""Who asks for the application that is current, as Celery has one in the thread that made it: in a worker thread there is none."""

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Site
from rules.core.values import Outside, ProjectFunction, Where

CURRENT = "another thread has no current application"
_TELLING = "app"
_SET_FOR_ALL = "set_default"


@told_once
def asks_for_current(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function asks for the application that is current in its thread, where none is set for all."""
    if contexts.project.calling.get(_SET_FOR_ALL):
        return False
    return any(_asks(site, function, contexts) for site in contexts.project.function(function).sites)


def _asks(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call does, and is not told which application is meant."""
    project, where, callee = contexts.project, Where(function.path, function.index, site.line), site.call.callee
    if any(name == _TELLING for name, _ in site.call.keywords):
        return False
    owner = project.value(callee.of, where) if isinstance(callee, Attribute) else None
    decorating = project.decorators(owner) if isinstance(owner, ProjectFunction) else ()
    asking = (project.value(callee, where), *decorating)
    return any(isinstance(one, Outside) and project.knowledge.is_current(one.name) for one in asking)
