"""Calls that read, write, copy, move, remove or send a file, and what names that."""

from typing import NamedTuple

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Constant, Expression, Site, last_name
from rules.core.fixes.files.moving import COPIED, INTO_FOLDERS, MOVED, names_folder, source_and_target
from rules.core.fixes.files.names import is_in_memory
from rules.core.fixes.files.streams import RUN, files_of_run
from rules.core.values import Outside, ProjectFunction, Where

_LOADED = frozenset({"read_csv", "read_excel", "read_json", "read_parquet", "read_pickle", "load_workbook"})
_SAVED = frozenset(
    {"to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "save", "write_csv", "write_parquet"}
    | {"savefig", "imwrite", "download_to_filename"}
)
_MADE_BY = {"export": "pydub.", "make_archive": "shutil."}
"""What writes a file where it is of this library, or of anything in a file that imports it."""
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
    | frozenset(_MADE_BY)
    | frozenset(_FETCHED)
    | _READ
    | _WRITTEN
    | COPIED
    | MOVED
    | _REMOVED
    | OPENED
    | FILLED
    | _SENT
    | {RUN}
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
    if word in _WRITTEN or word in _SAVED or word in FILLED:
        return Paths(written=_one(of if word in _WRITTEN else path))
    if word in _MADE_BY:
        value, package = contexts.project.value(call.callee, where), _MADE_BY[word]
        is_imported = any(
            f"{one.module}.".startswith(package) for one in contexts.project.facts[where.path].outline.imports
        )
        is_made = value.name.startswith(package) if isinstance(value, Outside) else value is None and is_imported
        return Paths(written=_one(path) if is_made else ())
    if word in _FETCHED:
        is_own = isinstance(contexts.project.value(call.callee, where), ProjectFunction)
        last = call.arguments[-1] if len(call.arguments) in {2, 3} else None
        return Paths(written=() if is_own else _one(dict(call.keywords).get(_FETCHED[word], last)))
    if word in _SENT:
        return Paths(sent=_one(first or dict(call.keywords).get("path")))
    if word == RUN:
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
