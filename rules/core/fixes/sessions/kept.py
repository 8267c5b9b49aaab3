"""The session that the objects of a class keep, where a method of it blocks: exchanged for one that is awaited."""

import ast
from collections.abc import Callable, Iterator

from rules.core.findings import Fix
from rules.core.fixes.sessions.desk import Desk, Held, given_by
from rules.core.fixes.sessions.exchange import Exchange
from rules.core.fixes.sessions.keepers import Keeper, Keepers
from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.turning import Refused
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.values import ProjectClass, ProjectFunction, Where

_DEEPEST = 3  # objects that hand their session to others


def exchange_kept(remark: Remark, desk: Desk, refuse: Callable[[str], None]) -> Fix | None:
    """The session that the objects of a class keep, where a method of it blocks, exchanged for one that is awaited."""
    blocks = remark.sink.through[-1] if remark.sink is not None else None
    owner = desk.contexts.project.function(blocks).owner if blocks is not None else -1
    if blocks is None or owner < 0 or not desk.stacks.asynchronous:
        return None
    of = ProjectClass(blocks.path, owner)
    init = ProjectFunction(of.path, desk.contexts.project.class_(of).methods.get("__init__", -1))
    return desk.made_once((init, "self"), lambda: _kept(of, desk), refuse)


def _kept(of: ProjectClass, desk: Desk) -> Fix:
    keepers = Keepers(desk.contexts, desk.texts)
    held = next(_sources(keepers.keeper(of), keepers, desk), None)
    if held is None:
        raise Refused("where a class has its session from is not seen")
    exchange = Exchange(Plan(desk, held.row, desk.stacks.twins(held.dependency)))
    exchange.classes.keep(of)
    name = desk.contexts.project.class_(of).name
    return exchange.fix(f"Await the session that `{name}` keeps, in {len(exchange.plan.functions)} functions")


def _sources(keeper: Keeper, keepers: Keepers, desk: Desk, depth: int = 0) -> Iterator[Held]:
    """The dependencies that give the sessions which the objects of a class keep."""
    project = desk.contexts.project
    made = keepers.constructions(keeper) if depth < _DEEPEST else ()
    for function in (keeper.init, *(one.function for one in made)):
        facts = project.function(function)
        where = Where(function.path, facts.parent, facts.line)
        yield from filter(None, (given_by(parameter, where, desk) for parameter in facts.parameters))
    for one in made:
        facts = project.function(one.function)
        names = {node.id for node in walk(one.call) if isinstance(node, ast.Name)}
        given = [parameter.name for parameter in facts.parameters[1:] if parameter.name in names]
        if facts.owner >= 0 and (facts.name != "__init__" or given):
            owner = keepers.keeper(ProjectClass(one.function.path, facts.owner), *given[:1])
            yield from _sources(owner, keepers, desk, depth + 1)
