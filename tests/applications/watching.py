"""What stops the event loop, noted while it happens: an oracle that knows nothing of our rules.

blockbuster sees what Python itself does; a listener of SQLAlchemy sees statements, which C drivers send unseen.
"""

import asyncio
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from types import FrameType
from typing import Any

from blockbuster import BlockBuster, BlockBusterFunction
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

MORE = (
    "bcrypt.checkpw",
    "bcrypt.hashpw",
    "concurrent.futures.Future.result",
    "hashlib.pbkdf2_hmac",
    "hashlib.scrypt",
    "os.system",
    "os.waitpid",
    "psycopg.Connection.wait",
    "socket.getaddrinfo",
    "subprocess.Popen.communicate",
    "subprocess.Popen.wait",
)
"""What blocks and blockbuster leaves alone: https://github.com/cbornet/blockbuster#readme."""
ONCE = ("importlib", "mimetypes.py")
"""Parts of the paths of what is read once in the life of a process: modules, and the kinds of files."""
ALLOWED = {
    "os.stat": ("inspect.py", "getsourcefile"),  # FastAPI, once a route, for its messages
    "os.read": ("subprocess.py", "_execute_child"),  # a program starts at once
}


@dataclass(frozen=True, slots=True)
class Stop:
    """A call on the event loop's thread that may stop it: the nearest place in the application, or else in a library.

    `own` says which of the two it is; `line` is the text there.
    """

    name: str
    path: str
    line: str
    own: bool


@contextmanager
def watching(note: Callable[[Stop], object], directory: str) -> Iterator[None]:
    """Have each stop of a loop noted; what lies below the directory is the application."""
    oracle = BlockBuster()
    for name in MORE:
        if name.partition(".")[0] in sys.modules:
            oracle.functions[name] = BlockBusterFunction(None, name, can_block_predicate=_is_done)
    for name, (file, function) in ALLOWED.items():
        oracle.functions[name].can_block_in(file, {function})
    for one in oracle.functions.values():
        one.can_block_predicate = partial(_noted, one, one.can_block_predicate, note, directory)

    def statement(connection: Connection, *_: object) -> None:
        if not connection.dialect.is_async and _on_loop():
            note(_stop("SQL", directory))

    oracle.activate()
    event.listen(Engine, "before_cursor_execute", statement)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        oracle.deactivate()


def _noted(
    function: BlockBusterFunction,
    harmless: Callable[..., bool],
    note: Callable[[Stop], object],
    directory: str,
    *given: Any,
    **named: Any,
) -> bool:
    """Note a call unless it is harmless, and let it pass."""
    if not (harmless(*given, **named) or any(map(_is_allowed, _frames(), repeat(function)))):
        note(_stop(function.full_name, directory))
    return True


def _is_allowed(frame: FrameType, function: BlockBusterFunction) -> bool:
    path, name = frame.f_code.co_filename, frame.f_code.co_name
    allowed = any(path.endswith(file) and name in names for file, names in function.can_block_functions)
    return allowed or any(part in path for part in ONCE)


def _stop(name: str, directory: str) -> Stop:
    mine = next((frame for frame in _frames() if frame.f_code.co_filename.startswith(directory)), None)
    frame = mine or next(frame for frame in _frames() if frame.f_code.co_filename not in {__file__, *_OURS})
    path = frame.f_code.co_filename
    return Stop(name, path, linecache.getline(path, frame.f_lineno).strip(), own=mine is not None)


_OURS = frozenset({sys.modules[BlockBuster.__module__].__file__ or ""})


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_done(*given: object, **_: object) -> bool:
    """Whether what is waited for is there already."""
    return bool(given) and hasattr(given[0], "done") and given[0].done()


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
