"""Python's standard library, and AnyIO, on which FastAPI itself rests.

https://docs.python.org/3/library/ and https://anyio.readthedocs.io/en/stable/
"""

from rules.core.facts import (
    Attribute,
    Choice,
    Collection,
    Computed,
    Constant,
    Element,
    Entered,
    Expression,
    Function,
    Name,
    Site,
    last_name,
    names_in,
)
from rules.core.library import Blocking, Library, Offload, Twin, Weight, origins
from rules.core.needs import absent

_SUBPROCESS = ("run", "call", "check_call", "check_output", "getoutput", "getstatusoutput")
_OS_WAITS = ("waitpid", "waitid", "wait3", "wait4")
_SPAWN = tuple(f"os.spawn{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe"))
_TREES = ("copy", "copy2", "copyfile", "copyfileobj", "copytree", "rmtree", "move", "make_archive", "unpack_archive")
_PATH_TEXTS = ("read_text", "read_bytes", "write_text", "write_bytes")
_PATH_COPIES = ("copy", "copy_into", "move", "move_into")
_SHORTEST = 0.001  # seconds
LITTLE = 65_536
"""Bytes that are read of a file in less time than the hop to a worker thread takes."""


def waits_for_process(site: Site, function: Function) -> bool:
    """Whether `Popen.wait` may wait: it has time to, and the process was not asked with `poll` whether it has ended."""
    callee = site.call.callee
    limit = (*site.call.arguments[:1], dict(site.call.keywords).get("timeout"))
    if any(isinstance(given, Constant) and given.value == 0 for given in limit):
        return False
    polled = (other.call.callee for other in function.sites if last_name(other.call.callee) == "poll")
    return not any(
        isinstance(poll, Attribute) and isinstance(callee, Attribute) and poll.of == callee.of for poll in polled
    )


def waits_for_any_process(site: Site, _function: Function) -> bool:
    """Whether `os.waitpid` and its kin wait: not where `os.WNOHANG` is among the options."""
    return not any(_mentions(given, "WNOHANG") for given in site.call.arguments)


def waits_for_spawned(site: Site, _function: Function) -> bool:
    """Whether `os.spawnv` and its kin wait: in the mode `os.P_WAIT` only."""
    return any(_mentions(given, "P_WAIT") for given in site.call.arguments[:1])


def takes_time(site: Site, _function: Function) -> bool:
    """Whether `time.sleep` is given a millisecond at least: one that is shorter only lets other threads go first."""
    given = (*site.call.arguments[:1], dict(site.call.keywords).get("secs"))
    return not any(
        isinstance(one, Constant) and isinstance(one.value, (int, float)) and one.value < _SHORTEST for one in given
    )


def runs_more_than_once(site: Site, _function: Function) -> bool:
    """Whether a program is run that may be run again: not `pip install`, after which a package is there for good."""
    given = site.call.arguments[0] if site.call.arguments else dict(site.call.keywords).get("args")
    words = (
        {part.value for part in given.items if isinstance(part, Constant)} if isinstance(given, Collection) else set()
    )
    return not words >= {"pip", "install"}


def _mentions(given: Expression | None, name: str) -> bool:
    """Whether it is the name, or joins it to others with `|`."""
    parts = given.options if isinstance(given, Choice) else (given,)
    return any(last_name(part) == name for part in parts)


def is_used_here(site: Site, function: Function) -> bool:
    """Whether an opened file is read or written by the function itself: not where each such call is handed to a thread."""
    if site.use == ".close" or site.statement or not lies_on_disk(site, function):
        return False  # an empty file
    if any(site.call in _given(other) for other in function.sites if _responds(other)):
        return False  # a response reads it in threads
    opened = {site.call, Entered(site.call, asynchronous=False)}
    held = {name for name, bindings in function.bindings.items() for binding in bindings if binding.value in opened}
    if _is_read_little(held, function):
        return False
    return held.isdisjoint(_handed_over(function)) or not held.isdisjoint(_used(function))


def _is_read_little(held: set[str], function: Function) -> bool:
    """Whether all that is done with an opened file is to read a few bytes of it, as to tell of what kind it is."""
    uses = [site for site in function.sites if not held.isdisjoint(names_in(site.call))]
    return bool(uses) and all(map(_reads_little, uses)) and held.isdisjoint(_run_through(function))


def _reads_little(site: Site) -> bool:
    """Whether a few bytes are read, once."""
    callee, given = site.call.callee, site.call.arguments
    size = given[0].value if len(given) == 1 and isinstance(given[0], Constant) else None
    is_read = isinstance(callee, Attribute) and isinstance(callee.of, Name) and callee.name == "read"
    return is_read and not site.looped and isinstance(size, int) and 0 <= size <= LITTLE


def _copies(site: Site) -> bool:
    """Whether a call copies between two files that are open, or hands that over: a finding of its own, if it is one."""
    return any(last_name(one) == "copyfileobj" for one in (site.call.callee, *site.call.arguments))


def lies_on_disk(site: Site, function: Function) -> bool:
    """Whether a file lies on a disk: not those below `/proc` and `/sys`, which the kernel makes in memory."""
    callee = site.call.callee
    receiver = [callee.of] if isinstance(callee, Attribute) else []
    given = (*site.call.arguments[:1], *receiver)
    made = [call.arguments[0] for one in receiver for call, _ in origins(one, function, site.line) if call.arguments]
    return not any(_begins_in_memory(one) for one in (*given, *made))


def _begins_in_memory(path: Expression | None) -> bool:
    first = path.parts[0] if isinstance(path, Computed) else path
    return isinstance(first, Constant) and str(first.value).startswith(("/proc/", "/sys/"))


def _responds(site: Site) -> bool:
    """Whether a call makes a response that runs in threads through what it is given."""
    return last_name(site.call.callee).endswith("StreamingResponse")


def _given(site: Site) -> tuple[Expression | None, ...]:
    return (*site.call.arguments, *(value for _, value in site.call.keywords))


def _handed_over(function: Function) -> set[str]:
    """The names whose methods the function gives to others, uncalled, and those that it gives to what copies them or runs
    through them in threads.
    """
    given = (argument for site in function.sites for argument in site.call.arguments)
    copied = (
        one.id
        for site in function.sites
        for one in (_given(site) if _copies(site) or _responds(site) else ())
        if isinstance(one, Name)
    )
    return {*copied, *(one.of.id for one in given if isinstance(one, Attribute) and isinstance(one.of, Name))}


def _run_through(function: Function) -> set[str]:
    """The names of what the function runs through."""
    values = (binding.value for bindings in function.bindings.values() for binding in bindings)
    return {value.of.id for value in values if isinstance(value, Element) and isinstance(value.of, Name)}


def _used(function: Function) -> set[str]:
    """The names that the function runs through, calls methods of, or gives away."""
    found = _run_through(function)
    for site in function.sites:
        if not (_copies(site) or _responds(site)):
            found |= names_in(site.call.callee) | {one.id for one in _given(site) if isinstance(one, Name)}
    return found


def asks_in_any_case(site: Site, function: Function) -> bool:
    """Whether a person is asked at the terminal of a server too: not where an object is asked first whether it was given
    somebody else to ask (`if self.websocket: ... else: input()`), nor where there has to be a terminal.
    """
    missing = [name for name in absent(site.needs) if "[" not in name]
    own = function.parameters[0].name if function.owner >= 0 and function.parameters else ""
    looked = any(last_name(other.call.callee) == "isatty" for other in function.sites)
    return not looked and not any(own and name.startswith(f"{own}.") for name in missing)


def is_recursive(site: Site, _function: Function) -> bool:
    """Whether `glob.glob` goes down into folders: only where it is told to."""
    said = dict(site.call.keywords).get("recursive")
    return said is not None and said != Constant(False, "bool")


def goes_down(site: Site, _function: Function) -> bool:
    """Whether `Path.glob` goes down into folders: by its pattern."""
    pattern = (*site.call.arguments[:1], dict(site.call.keywords).get("pattern"))
    return any(isinstance(given, Constant) and "**" in str(given.value) for given in pattern)


_WALKED = "how long depends on how many files lie below, and meanwhile this worker serves no other request"

library = Library(
    "Python",
    wrappers=frozenset({"functools.partial"}),
    blocking=(
        Blocking(
            "blocking/sleep", ("time.sleep",), twin=Twin("asyncio.sleep", instead=("anyio.sleep",)), when=takes_time
        ),
        Blocking("blocking/subprocess", tuple(f"subprocess.{name}" for name in _SUBPROCESS), when=runs_more_than_once),
        Blocking(
            "blocking/subprocess",
            (
                *(f"os.popen.{name}" for name in ("read", "readlines", "close")),
                "subprocess.Popen.communicate",
                "os.system",
                "os.wait",
            ),
        ),
        Blocking("blocking/subprocess", ("subprocess.Popen.wait",), when=waits_for_process),
        Blocking("blocking/subprocess", tuple(f"os.{name}" for name in _OS_WAITS), when=waits_for_any_process),
        Blocking("blocking/subprocess", _SPAWN, when=waits_for_spawned),
        Blocking("blocking/input", ("builtins.input", "getpass.getpass"), when=asks_in_any_case),
        Blocking("blocking/files", ("builtins.open",), Weight.FILE, opens=True, unknown=True, when=is_used_here),
        Blocking(
            "blocking/files",
            tuple(f"pathlib.Path.{name}" for name in _PATH_TEXTS),
            Weight.FILE,
            Twin("anyio.Path"),
            unknown=True,
            when=lies_on_disk,
        ),
        Blocking("blocking/files", ("pathlib.Path.open",), Weight.FILE, opens=True, unknown=True, when=is_used_here),
        Blocking("blocking/files", tuple(f"shutil.{name}" for name in _TREES), Weight.FILE),
        Blocking("blocking/files", tuple(f"pathlib.Path.{name}" for name in _PATH_COPIES), Weight.FILE),
        Blocking("blocking/files", ("hashlib.file_digest",), Weight.FILE, unknown=True),
        Blocking(
            "blocking/files",
            ("os.walk", "os.fwalk", "pathlib.Path.rglob", "pathlib.Path.walk"),
            Weight.FILE,
            lazy=True,
            cost=_WALKED,
        ),
        Blocking("blocking/files", ("glob.glob",), Weight.FILE, when=is_recursive, cost=_WALKED),
        Blocking("blocking/files", ("glob.iglob",), Weight.FILE, lazy=True, when=is_recursive, cost=_WALKED),
        Blocking("blocking/files", ("pathlib.Path.glob",), Weight.FILE, lazy=True, when=goes_down, cost=_WALKED),
    ),
    aliases={
        "io.open": "builtins.open",
        "codecs.open": "builtins.open",
        "pathlib._local.Path": "pathlib.Path",
        "pathlib.PosixPath": "pathlib.Path",
        "pathlib.WindowsPath": "pathlib.Path",
        "typing_extensions.Annotated": "typing.Annotated",
        "asyncio.tasks.create_task": "asyncio.create_task",
        "asyncio.runners.run": "asyncio.run",
        "asyncio.threads.to_thread": "asyncio.to_thread",
    },
    results={
        "builtins.open": "io.TextIOWrapper",
        "pathlib.Path.open": "io.TextIOWrapper",
        "pathlib.Path.joinpath": "self",
        "pathlib.Path.with_suffix": "self",
        "pathlib.Path.with_name": "self",
        "pathlib.Path.resolve": "self",
        "pathlib.Path.absolute": "self",
        "pathlib.Path.expanduser": "self",
        "subprocess.Popen": "subprocess.Popen",
        "os.popen": "os.popen",
        "threading.local": "threading.local",
        "asyncio.get_running_loop": "asyncio.AbstractEventLoop",
        "asyncio.get_event_loop": "asyncio.AbstractEventLoop",
    },
    attributes={"pathlib.Path.parent": "pathlib.Path"},
    coroutines=frozenset(
        {
            "asyncio.sleep",
            "asyncio.to_thread",
            "asyncio.wait_for",
            "asyncio.open_connection",
            "asyncio.create_subprocess_exec",
            "asyncio.create_subprocess_shell",
            "anyio.sleep",
            "anyio.open_file",
            "anyio.run_process",
            "anyio.to_thread.run_sync",
            *(f"anyio.Path.{name}" for name in _PATH_TEXTS),
        }
    ),
    offloads=(
        Offload("asyncio.to_thread", 0, "func"),
        Offload("anyio.to_thread.run_sync", 0, "func"),
        Offload("asyncio.AbstractEventLoop.run_in_executor", 1, "func"),
    ),
    thread_bound=frozenset({"sqlite3.Connection", "sqlite3.Cursor", "threading.local"}),
    process_wide=frozenset(
        {
            *(f"os.{name}" for name in ("chdir", "environ.update", "fchdir", "putenv", "umask", "unsetenv")),
            *(f"contextlib.{name}" for name in ("chdir", "redirect_stderr", "redirect_stdout")),
            *("locale.setlocale", "random.seed", "socket.setdefaulttimeout", "warnings.catch_warnings"),
        }
    ),
    main_thread=frozenset(f"signal.{name}" for name in ("alarm", "set_wakeup_fd", "setitimer", "signal")),
    callers=frozenset(
        {
            *(f"builtins.{name}" for name in ("sorted", "min", "max", "map", "filter")),
            "functools.reduce",
            "contextvars.Context.run",
        }
    ),
    operators={
        **{f"builtins.{name}": f"__{name}__" for name in ("len", "str", "repr", "bool", "int", "float", "hash", "abs")},
        **{f"builtins.{name}": f"__{name}__" for name in ("next", "format", "round")},
    },
    quick=frozenset(
        {
            *(
                f"builtins.{name}"
                for name in (
                    *("len", "str", "int", "float", "bool", "dict", "list", "set", "tuple", "frozenset", "bytes"),
                    *("isinstance", "issubclass", "getattr", "hasattr", "type", "repr", "abs", "round", "min", "max"),
                    *(
                        "range",
                        "enumerate",
                        "zip",
                        "sorted",
                        "sum",
                        "any",
                        "all",
                        "reversed",
                        "ValueError",
                        "TypeError",
                    ),
                    *("KeyError", "RuntimeError", "Exception", "LookupError", "PermissionError"),
                )
            ),
            *(f"builtins.{kind}.*" for kind in ("str", "dict", "list", "set", "tuple", "bytes", "int")),
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.timedelta",
            "time.time",
            "time.monotonic",
            "time.perf_counter",
            "uuid.uuid4",
            "uuid.UUID",
            "secrets.compare_digest",
            "hmac.compare_digest",
        }
    ),
)
