"""Calls that read, write, copy, move, remove or send a file, and what names that."""

from typing import NamedTuple

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Constant, Expression, Site, last_name
from rules.core.fixes.files.moving import COPIED, INTO_FOLDERS, MOVED, names_folder, source_and_target
from rules.core.fixes.files.names import is_in_memory
from rules.core.fixes.files.streams import RUNS, files_of_run
from rules.core.values import Outside, ProjectFunction, Where

_LOADED = frozenset(
    {"read_csv", "read_excel", "read_json", "read_parquet", "read_pickle", "load_workbook"}
    | {"load_local", "load_model", "read_index"}
)
_SAVED = frozenset(
    {"to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "save", "write_csv", "write_parquet"}
    | {"savefig", "imwrite", "download_to_filename", "savez", "savez_compressed", "save_local", "save_model"}
    | {"stream_to_file", "write_videofile", "write_audiofile", "write_to_file", "VideoWriter"}
)
_SAVED_AS = {
    "save_to_file": (1, "filename"),
    "tts_to_file": (None, "file_path"),
    "urlretrieve": (1, "filename"),
    "write_index": (1, "fname"),
}
"""What writes a file: the place of its name among the arguments, and its keyword."""
_EXPORTED = {"export": "pydub."}
"""What writes a file where it is of this library, or of nobody knows what in a file that imports it."""
_MADE_BY = {"make_archive": "shutil.", "write": "soundfile."}
"""What writes the file that its first argument names, where it is of this library."""
_DUMPED = {"dump": "joblib.", "save": "torch."} | dict.fromkeys(("from_file", "from_string", "from_url"), "pdfkit.")
"""What writes its first argument to the file that its second one names, where it is of this library."""
_FETCHED = {"fget_object": "file_path", "download_file": "Filename"}
"""What fetches an object of a store as a file, the last that it is told: https://min.io/docs/minio/linux/developers/python/API.html#fget_object,
https://docs.aws.amazon.com/boto3/latest/reference/services/s3/client/download_file.html.
"""
_READ = frozenset({"read_text", "read_bytes"})
_WRITTEN = frozenset({"write_text", "write_bytes"})
_REMOVED = frozenset({"remove", "unlink"})
OPENED = frozenset({"open", "ZipFile", "TarFile", "PyZipFile"})
FILLED = frozenset({"ExcelWriter", "HDFStore", "Workbook"})
_SENT = frozenset({"FileResponse"})
WORDS = (
    _LOADED
    | _SAVED
    | frozenset(_SAVED_AS)
    | frozenset(_EXPORTED)
    | frozenset(_MADE_BY)
    | frozenset(_DUMPED)
    | frozenset(_FETCHED)
    | _READ
    | _WRITTEN
    | COPIED
    | MOVED
    | _REMOVED
    | OPENED
    | FILLED
    | _SENT
    | RUNS
)
_KEYWORDS = frozenset(
    {"base_name", "excel_writer", "filename", "filepath_or_buffer", "fname", "fp", "io", "out_f", "path", "path_or_buf"}
)
"""Those by which what reads or writes a file is told its name."""
_DATABASES = ("shelve.", "dbm.")


class Paths(NamedTuple):
    """What names the files that a call reads, those that it writes, those that are not there any longer, and those that it sends."""

    read: tuple[Expression, ...] = ()
    written: tuple[Expression, ...] = ()
    gone: tuple[Expression, ...] = ()
    sent: tuple[Expression, ...] = ()


def paths_of(site: Site, where: Where, contexts: Contexts) -> Paths:
    """What names the files that a call touches, none of which are streams in memory."""
    facts = contexts.project.function(where)
    found = _paths_of(site, where, contexts)
    return (
        Paths(*(tuple(path for path in paths if not is_in_memory(path, facts)) for paths in found))
        if any(found)
        else found
    )


def _paths_of(site: Site, where: Where, contexts: Contexts) -> Paths:
    call, word = site.call, last_name(site.call.callee)
    first = next(iter(call.arguments), None)
    path = first or next((value for name, value in call.keywords if name in _KEYWORDS), None)
    of = call.callee.of if isinstance(call.callee, Attribute) else None
    if word in OPENED:
        opened, mode = _opened(call, where, contexts)
        return Paths(_one(opened if set(mode) & set("r+") else None), _one(opened if set(mode) & set("w+") else None))
    if word in _READ or word in _LOADED:
        return Paths(read=_one(of if word in _READ else path))
    if word in _DUMPED and _is_known_of(_DUMPED[word], call, where, contexts):
        return Paths(written=_argument(call, 1, "filename"))
    if word in _SAVED_AS:
        return Paths(written=_argument(call, *_SAVED_AS[word]))
    if word in _WRITTEN or word in _SAVED or word in FILLED:
        return Paths(written=_one(of if word in _WRITTEN else path))
    if word in _MADE_BY:
        return Paths(written=_one(path) if _is_known_of(_MADE_BY[word], call, where, contexts) else ())
    if word in _EXPORTED:
        return Paths(written=_one(path) if _is_of(_EXPORTED[word], call, where, contexts) else ())
    if word in _FETCHED:
        is_own = isinstance(contexts.project.value(call.callee, where), ProjectFunction)
        last = call.arguments[-1] if len(call.arguments) in {2, 3} else None
        return Paths(written=() if is_own else _one(dict(call.keywords).get(_FETCHED[word], last)))
    if word in _SENT:
        return Paths(sent=_one(first or dict(call.keywords).get("path")))
    if word in RUNS:
        return Paths(*files_of_run(call, where, contexts))
    if not is_of_files(call, where, contexts):
        return Paths()
    if word in _REMOVED:
        return Paths(gone=_one(first or of))
    source, target = source_and_target(call)
    if word in INTO_FOLDERS and target is not None:
        scopes = (contexts.project.function(where), contexts.project.facts[where.path].functions[0])
        target = None if names_folder(target, *scopes) else target
    return Paths(**{"read" if word in COPIED else "gone": _one(source)}, written=_one(target))


def _is_of(package: str, call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a call is one of a library, or of nobody knows what in a file that imports it."""
    if contexts.project.value(call.callee, where) is not None:
        return _is_known_of(package, call, where, contexts)
    return any(f"{one.module}.".startswith(package) for one in contexts.project.facts[where.path].outline.imports)


def _is_known_of(package: str, call: Call, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(call.callee, where)
    return isinstance(value, Outside) and value.name.startswith(package)


def _argument(call: Call, place: int | None, keyword: str) -> tuple[Expression, ...]:
    """What a call is given at a place, or under a keyword."""
    placed = call.arguments[place : place + 1] if place is not None else ()
    return _one(next(iter(placed), dict(call.keywords).get(keyword)))


def _one(path: Expression | None) -> tuple[Expression, ...]:
    return () if path is None else (path,)


def is_of_files(call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a call copies, moves or removes a file: not a text, a list or a date, which have methods of these names."""
    value = contexts.project.value(call.callee, where)
    if isinstance(value, Outside):
        return value.name.startswith(("os.", "shutil.", "pathlib."))
    return value is None and last_name(call.callee) in {"rename", "unlink"}


def _opened(call: Call, where: Where, contexts: Contexts) -> tuple[Expression | None, str]:
    """What names the file that a call opens, and in which mode: `open(path, "w")`, `path.open("w")`."""
    value = contexts.project.value(call.callee, where)
    name = value.name if isinstance(value, Outside) else ""
    path, mode = (*call.arguments, None, None)[:2]
    path = path or dict(call.keywords).get("file")
    if isinstance(call.callee, Attribute) and (not name or name.startswith("pathlib.")):
        path, mode = call.callee.of, path
    mode = dict(call.keywords).get("mode", dict(call.keywords).get("flag", mode))
    usual = "w" if name.startswith(_DATABASES) else "r"
    return path, str(mode.value) if isinstance(mode, Constant) else usual


@told_once
def read_by(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Expression], ...]:
    """The calls of a function that read a file, each with what names it."""
    sites = contexts.project.function(function).sites
    words = (site for site in sites if last_name(site.call.callee) in WORDS)
    paths = ((site, paths_of(site, Where(function.path, function.index, site.line), contexts).read) for site in words)
    return tuple((site, path) for site, found in paths for path in found)


@told_once
def written_by(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Expression], ...]:
    """The calls of a function that write a file, each with what names it."""
    sites = contexts.project.function(function).sites
    words = (site for site in sites if last_name(site.call.callee) in WORDS)
    paths = (
        (site, paths_of(site, Where(function.path, function.index, site.line), contexts).written) for site in words
    )
    return tuple((site, path) for site, found in paths for path in found)
