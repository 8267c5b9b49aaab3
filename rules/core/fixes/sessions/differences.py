"""What is not the same once a session is exchanged, one sentence each."""

import ast
from collections.abc import Iterator

from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.sessions.stacks import Twins
from rules.core.fixes.sharing.hazards import difference_between
from rules.core.library import Sessions
from rules.core.syntax import walk
from rules.core.values import ProjectFunction

FLUSHING = "The two kinds of session differ in `autoflush`: in whether they write what is pending before they ask."
CONNECTING = "The two engines connect with other arguments (`connect_args`): timeouts and the like may differ."
STALE = (
    "What the database itself changes when a row is written (rounding, triggers) is not read again after the commit."
)


def differences(plan: Plan) -> Iterator[str]:
    """What differs afterwards, one sentence each."""
    yield from plan.others
    if not plan.twins.is_same_address:
        one, other = plan.twins.source.address.written, plan.twins.instead.address.written
        yield f"`{one}` and `{other}` must name the same database."
    yield from _of_drivers(plan.twins, plan.row)
    if plan.is_stale:
        yield STALE
    if "autoflush" in plan.twins.unlike and any(_changes(one, plan) for one in plan.functions):
        yield FLUSHING
    if "engine connect_args" in plan.twins.unlike:
        yield CONNECTING
    of_sharing = (difference_between(function, plan.contexts) for function in plan.functions)
    yield from dict.fromkeys(filter(None, of_sharing))


def _changes(function: ProjectFunction, plan: Plan) -> bool:
    """Whether a function leaves anything pending in the session, or a helper may."""
    nodes = [*walk(plan.definition(function))]
    called = {node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    is_set = any(isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) for node in nodes)
    return is_set or bool(called & {*plan.row.quick, "delete", "merge"}) or bool(plan.called)


def _of_drivers(twins: Twins, row: Sessions) -> Iterator[str]:
    """A sentence where another driver may take values in another way."""
    before, after = twins.source.address.drivers, twins.instead.address.drivers
    if twins.is_same_address and before == after:
        return
    pairs = {(one, other) for one in before for other in after}
    new = sorted(other for other in after if other not in before)
    unlike = [other for other in new if not any((one, other) in row.same for one in before)]
    if unlike:
        yield (
            f"Another driver, `{unlike[0]}`, takes the values: it may be stricter about their types, as asyncpg is "
            "(a text for a date is an error)."
        )
    elif not pairs:
        yield "Another driver takes the values, and may be stricter about their types."
