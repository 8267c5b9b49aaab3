"""Programs of which no two may run at once in one folder, since they change that: `git pull`, `alembic upgrade head`."""

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Collection, Constant, Name
from rules.core.fixes.files.own_names import is_own_name
from rules.core.values import Outside, ProjectFunction, Where

_RUNNING = frozenset({"run", "call", "check_call", "check_output", "Popen"})
_CHANGING = {
    # https://git-scm.com/docs/gitrepository-layout: the index and each reference are locked by a file beside them
    "git": frozenset({"add", "checkout", "commit", "fetch", "merge", "pull", "rebase", "reset", "stash", "switch"}),
    "alembic": frozenset({"downgrade", "revision", "stamp", "upgrade"}),
}


def changes_its_folder(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call starts such a program, in a folder that others may name as well."""
    if not isinstance(call.callee, Attribute) or call.callee.name not in _RUNNING:
        return False
    value = contexts.project.value(call.callee, Where(function.path, function.index))
    command = next(iter(call.arguments), None)
    if isinstance(command, Name):
        bound = contexts.project.function(function).bindings.get(command.id, ())
        command = bound[0].value if len(bound) == 1 else None
    if not (isinstance(value, Outside) and value.name.startswith("subprocess.") and isinstance(command, Collection)):
        return False
    told = [str(one.value) if isinstance(one, Constant) else "" for one in command.items]
    if not told or _CHANGING.get(told[0], frozenset()).isdisjoint(told):
        return False
    folders = (*command.items, dict(call.keywords).get("cwd"))
    return not any(is_own_name(one, function, contexts) for one in folders if one is not None)
