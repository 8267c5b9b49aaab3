"""Python's standard library, and AnyIO, on which FastAPI itself rests.

https://docs.python.org/3/library/ and https://anyio.readthedocs.io/en/stable/
"""

from rules.core.library import Blocking, Library, Offload, Twin, Weight

_SUBPROCESS = ("run", "call", "check_call", "check_output", "getoutput", "getstatusoutput")
_POPEN = ("wait", "communicate")
_TREES = ("copy", "copy2", "copyfile", "copyfileobj", "copytree", "rmtree", "move", "make_archive", "unpack_archive")
_PATH_TEXTS = ("read_text", "read_bytes", "write_text", "write_bytes")


library = Library(
    "Python",
    blocking=(
        Blocking("blocking/sleep", ("time.sleep",), twin=Twin("asyncio.sleep", instead=("anyio.sleep",))),
        Blocking(
            "blocking/subprocess",
            (
                *(f"subprocess.{name}" for name in _SUBPROCESS),
                *(f"subprocess.Popen.{name}" for name in _POPEN),
                "os.system",
                "os.wait",
                "os.waitpid",
            ),
        ),
        Blocking("blocking/files", ("builtins.open",), Weight.FILE, unknown=True),
        Blocking(
            "blocking/files",
            tuple(f"pathlib.Path.{name}" for name in _PATH_TEXTS),
            Weight.FILE,
            Twin("anyio.Path"),
            unknown=True,
        ),
        Blocking("blocking/files", ("pathlib.Path.open",), Weight.FILE, unknown=True),
        Blocking("blocking/files", tuple(f"shutil.{name}" for name in _TREES), Weight.FILE),
        Blocking(
            "blocking/files",
            ("os.walk", "os.fwalk", "pathlib.Path.rglob", "pathlib.Path.walk"),
            Weight.FILE,
            lazy=True,
        ),
    ),
    aliases={
        "io.open": "builtins.open",
        "pathlib.PosixPath": "pathlib.Path",
        "pathlib.WindowsPath": "pathlib.Path",
        "typing_extensions.Annotated": "typing.Annotated",
        "asyncio.tasks.create_task": "asyncio.create_task",
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
        "threading.local": "threading.local",
        "concurrent.futures.ThreadPoolExecutor": "concurrent.futures.ThreadPoolExecutor",
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
        Offload("concurrent.futures.ThreadPoolExecutor.submit", 0, "fn"),
    ),
    callers=frozenset(
        {
            *(f"builtins.{name}" for name in ("sorted", "min", "max", "map", "filter")),
            "functools.reduce",
            "contextvars.Context.run",
        }
    ),
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
