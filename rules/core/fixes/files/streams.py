"""Files that ffmpeg reads and writes: its streams only name them, until they are run.

https://kkroening.github.io/ffmpeg-python/
"""

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Expression, Function, last_name
from rules.core.fixes.files.names import parts_of
from rules.core.values import Outside, Where

RUN = "run"
_INPUT, _OUTPUT = "input", "output"
_PIPES = ("pipe:", "-")
_NOWHERE = Constant("null", "str")

Files = tuple[tuple[Expression, ...], tuple[Expression, ...]]


def files_of_run(call: Call, where: Where, contexts: Contexts) -> Files:
    """What names the files that a call has ffmpeg read, and those that it has it write: `ffmpeg.input(a).output(b).run()`."""
    value, facts = contexts.project.value(call.callee, where), contexts.project.function(where)
    name = value.name if isinstance(value, Outside) else ""
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
