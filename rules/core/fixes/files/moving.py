"""Files that are copied, or moved: from where, to where, and whether they are there whole at once."""

import re

from rules.core.facts import FAILURE, Attribute, Call, Constant, Expression, Function, Name, Site, last_name
from rules.core.fixes.files.names import parts_of, unwrapped

COPIED = frozenset({"copy", "copy2", "copyfile"})
MOVED = frozenset({"move", "rename", "replace"})
INTO_FOLDERS = frozenset({"copy", "copy2", "move"})
"""Those that take a folder as well for the place: https://docs.python.org/3/library/shutil.html#shutil.copy."""
_FOLDERS = ("dir", "folder")
_NOBODY = Constant(None, "NoneType")
_HERE = frozenset({"", ".", ".."})
_TEMPORARY = frozenset({"NamedTemporaryFile", "TemporaryDirectory", "gettempdir", "mkdtemp", "mkstemp", "mktemp"})
_TEMPORARY_FOLDERS = re.compile(r"/(?:(?:var/)?tmp|dev/shm)(?:/|$)")


def source_and_target(call: Call) -> tuple[Expression | None, Expression | None]:
    """What names the file that is copied or moved, and the one that comes to be there: `copy(a, b)`, `a.rename(b)`."""
    given, of = dict(call.keywords), call.callee.of if isinstance(call.callee, Attribute) else None
    first, second = (*call.arguments, None, None)[:2]
    source, target = first or given.get("src"), second or given.get("dst")
    return (source, target) if target is not None else (of, first or given.get("target"))


def names_folder(path: Expression, *scopes: Function) -> bool:
    """Whether a path is one of a folder, as far as its words tell, or those that it is bound to: `UPLOAD_DIR`, `"kept/"`."""
    path = unwrapped(path)
    bound = (
        next((one.bindings[path.id] for one in scopes if path.id in one.bindings), ()) if isinstance(path, Name) else ()
    )
    return any(_tells_folder(one) for one in (path, *(unwrapped(one.value) for one in bound)))


def _tells_folder(path: Expression) -> bool:
    match path:
        case Constant(value=str(text)):
            last = text.rpartition("/")[2]
            return last in _HERE or "." not in last
        case Name() | Attribute():
            return any(word in last_name(path).lower() for word in _FOLDERS)
        case _:
            return False


def comes_at_once(site: Site, facts: Function) -> bool:
    """Whether what a call writes is there whole from the beginning, since a file that is whole is given its name.

    What comes from another file system is copied: https://docs.python.org/3/library/shutil.html#shutil.move.
    """
    word = last_name(site.call.callee)
    return word in MOVED and not (word == "move" and _comes_from_afar(site, facts))


def _comes_from_afar(site: Site, facts: Function) -> bool:
    """Whether a file may come from another file system: from a folder for what is temporary, or since it could not be renamed."""
    if FAILURE in site.needs and any(one.guarded and _renames(one.call) for one in facts.sites):
        return True
    source, target = source_and_target(site.call)
    return _is_temporary(source, facts) and not _is_temporary(target, facts)


def _renames(call: Call) -> bool:
    """Whether a call gives a file another name: `os.replace(a, b)`, `a.rename(b)`, not a text another word."""
    is_of_paths = isinstance(call.callee, Attribute) and (call.callee.of == Name("os") or len(call.arguments) == 1)
    return is_of_paths and last_name(call.callee) in {"rename", "replace"}


def _is_temporary(path: Expression | None, facts: Function) -> bool:
    """Whether a path lies in a folder for what is temporary."""
    return path is not None and any(map(_tells_temporary, parts_of(path, facts)))


def _tells_temporary(part: Expression) -> bool:
    match part:
        case Constant(value=str(text)):
            return bool(_TEMPORARY_FOLDERS.match(text))
        case Call(callee=callee, keywords=keywords) if last_name(callee) in _TEMPORARY:
            folder = dict(keywords).get("dir", _NOBODY)
            return folder == _NOBODY or (isinstance(folder, Constant) and _tells_temporary(folder))
        case _:
            return False
