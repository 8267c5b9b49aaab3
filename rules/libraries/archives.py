"""Archives and compressed files of the standard library. https://docs.python.org/3/library/archiving.html"""

from rules.core.facts import (
    Attribute,
    Call,
    Choice,
    Computed,
    Constant,
    Expression,
    Function,
    Name,
    Site,
    last_name,
)
from rules.core.library import Blocking, Library, Weight, origins

_FROM_DISK = (
    *(f"zipfile.ZipFile.{name}" for name in ("extract", "extractall", "write")),
    *(f"tarfile.TarFile.{name}" for name in ("extract", "extractall", "add")),
)
_INSIDE = (*(f"zipfile.ZipFile.{name}" for name in ("read", "writestr", "testzip")), "tarfile.TarFile.addfile")
_COMPRESSED = {"gzip": "gzip.GzipFile", "bz2": "bz2.BZ2File", "lzma": "lzma.LZMAFile"}
_PATHS = frozenset({"str", "Path", "PurePath", "PathLike", "FilePath"})
_MAKING_PATHS = _PATHS | {
    "join",
    "joinpath",
    "with_suffix",
    "with_name",
    "resolve",
    "absolute",
    "mkdtemp",
    "gettempdir",
}


def lies_on_disk(site: Site, function: Function) -> bool:
    """Whether the archive that a method is called on was opened in this function, by a path."""
    callee = site.call.callee
    return isinstance(callee, Attribute) and any(
        _opens_path(made, function) for made, _ in origins(callee.of, function, site.line)
    )


def is_read_whole(site: Site, function: Function) -> bool:
    """Whether a compressed file is read that no `with` has opened: of one that is, the opening is told."""
    callee = site.call.callee
    return isinstance(callee, Attribute) and any(
        _opens_path(made, function) and not entered for made, entered in origins(callee.of, function, site.line)
    )


def is_opened_for_block(site: Site, function: Function) -> bool:
    """Whether a `with` opens a compressed file by its path."""
    return site.entered and _opens_path(site.call, function)


def _opens_path(call: Call, function: Function) -> bool:
    named = dict(call.keywords)
    given = next((named[key] for key in ("file", "filename", "name") if key in named), None)
    return _is_path(call.arguments[0] if call.arguments else given, function)


def _is_path(given: Expression | None, function: Function, hops: int = 4) -> bool:
    """Whether it is a path by evidence; what may be an object in memory is none."""
    match given:
        case Constant(kind="str") | Computed():
            return True
        case Call(callee=callee):
            return last_name(callee) in _MAKING_PATHS
        case Name(id=name) if hops:
            bound = any(_is_path(binding.value, function, hops - 1) for binding in function.bindings.get(name, ()))
            return bound or any(p.name == name and _is_path_type(p.annotation) for p in function.parameters)
        case _:
            return False


def _is_path_type(annotation: Expression | None) -> bool:
    options = annotation.options if isinstance(annotation, Choice) else (annotation,)
    return any(last_name(option) in _PATHS for option in options)


library = Library(
    "Archives",
    blocking=(
        Blocking("blocking/archives", _FROM_DISK, Weight.FILE),
        Blocking("blocking/archives", _INSIDE, Weight.FILE, when=lies_on_disk),
        Blocking(
            "blocking/archives",
            (*(f"{module}.open" for module in _COMPRESSED), *_COMPRESSED.values()),
            Weight.FILE,
            unknown=True,
            when=is_opened_for_block,
        ),
        Blocking(
            "blocking/archives",
            tuple(f"{made}.{name}" for made in _COMPRESSED.values() for name in ("read", "readlines", "write")),
            Weight.FILE,
            when=is_read_whole,
        ),
    ),
    aliases={"tarfile.TarFile.open": "tarfile.open"},
    results={
        "tarfile.open": "tarfile.TarFile",
        **{f"{module}.open": made for module, made in _COMPRESSED.items()},
    },
)
