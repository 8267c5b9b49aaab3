"""Files that ffmpeg reads and writes, as its streams or its command name them: https://kkroening.github.io/ffmpeg-python/,
https://ffmpeg.org/ffmpeg.html#Synopsis.
"""

from itertools import pairwise

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Collection, Constant, Expression, Function, Name, last_name
from rules.core.fixes.files.names import parts_of
from rules.core.values import Outside, Where

RUNS = frozenset({"run", "check_call", "check_output"})
_PROGRAM, _READ = "ffmpeg", Constant("-i", "str")
_INPUT, _OUTPUT = "input", "output"
_LEAST = 2  # the program, and what it writes
_PIPES = ("pipe:", "-")
_NOWHERE = Constant("null", "str")

Files = tuple[tuple[Expression, ...], tuple[Expression, ...]]


def files_of_run(call: Call, where: Where, contexts: Contexts) -> Files:
    """What names the files that a call has ffmpeg read, and those that it has it write: `ffmpeg.input(a).output(b).run()`, or
    `subprocess.run(["ffmpeg", "-i", a, b])`.
    """
    value, facts = contexts.project.value(call.callee, where), contexts.project.function(where)
    name = value.name if isinstance(value, Outside) else ""
    if name.startswith("subprocess."):
        return _files_of_command(call, facts)
    if not name.startswith("ffmpeg."):
        return (), ()
    is_method = name.count(".") > 1 and isinstance(call.callee, Attribute)
    stream = call.callee.of if is_method and isinstance(call.callee, Attribute) else next(iter(call.arguments), None)
    calls = [one for one in parts_of(stream, facts) if isinstance(one, Call)] if stream is not None else []
    read = (path for one in calls if last_name(one.callee) == _INPUT for path in _named_by(one))
    written = (path for one in calls if last_name(one.callee) == _OUTPUT for path in _named_by(one))
    return tuple(path for path in read if _is_file(path, facts)), tuple(
        path for path in written if _is_file(path, facts)
    )


def _files_of_command(call: Call, facts: Function) -> Files:
    command = next(iter(call.arguments), dict(call.keywords).get("args"))
    if isinstance(command, Name) and len(bound := facts.bindings.get(command.id, ())) == 1:
        command = bound[0].value
    items = command.items if isinstance(command, Collection) else ()
    if len(items) < _LEAST or items[0] != Constant(_PROGRAM, "str"):
        return (), ()
    read = (path for option, path in pairwise(items) if option == _READ and path is not None)
    last = () if items[-1] is None else (items[-1],)
    return tuple(path for path in read if _is_file(path, facts)), tuple(path for path in last if _is_file(path, facts))


def _named_by(call: Call) -> tuple[Expression, ...]:
    """What a call gives for a stream to be read from, or written to, and the streams that it is given."""
    given = dict(call.keywords)
    if _NOWHERE in (given.get("f"), given.get("format")):
        return ()
    return tuple(one for one in (*call.arguments, given.get("filename")) if one is not None)


def _is_file(path: Expression, facts: Function) -> bool:
    """Whether it names a file: it is no stream, no pipe and no address."""
    for part in parts_of(path, facts):
        match part:
            case Call(callee=callee) if last_name(callee) == _INPUT:
                return False
            case Constant(value=str(text)) if text.startswith(_PIPES) or "://" in text:
                return False
            case _:
                pass
    return True
