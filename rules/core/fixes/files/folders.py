"""Folders that a call fills, with what an archive holds or with copies, or removes with all that lies in them."""

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Constant, Expression, Site, last_name
from rules.core.fixes.files.told import file_of
from rules.core.values import Outside, ProjectFunction, Where

_FOLDERS = {"extractall": (0, "path"), "unpack_archive": (1, "extract_dir"), "copytree": (1, "dst")}
"""The place of the folder among the arguments, and its keyword."""
_LIBRARIES = ("shutil.", "tarfile.", "zipfile.")
_REFUSING = "copytree"
_ALSO_THERE = "dirs_exist_ok"
"""What is not copied to a folder that is there: https://docs.python.org/3/library/shutil.html#shutil.copytree."""
_REMOVING = "rmtree"
_NO = Constant(value=False, kind="bool")


@told_once
def filled_by(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Expression], ...]:
    """The calls of a function that fill a folder which may be there already, each with what names it, unless the program alone does."""
    found = list[tuple[Site, Expression]]()
    for site in contexts.project.function(function).sites:
        word = last_name(site.call.callee)
        if word not in _FOLDERS:
            continue
        where = Where(function.path, function.index, site.line)
        value, (place, keyword) = contexts.project.value(site.call.callee, where), _FOLDERS[word]
        is_filling = isinstance(value, Outside) and value.name.startswith(_LIBRARIES)
        given = dict(site.call.keywords)
        path = next(iter(site.call.arguments[place : place + 1]), given.get(keyword))
        is_refused = word == _REFUSING and given.get(_ALSO_THERE, _NO) == _NO
        if is_filling and not is_refused and path is not None and file_of(path, where, contexts) is None:
            found.append((site, path))
    return tuple(found)


@told_once
def emptied_by(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Expression], ...]:
    """The calls of a function that remove a folder file by file, each with what names it."""
    removing = [one for one in contexts.project.function(function).sites if last_name(one.call.callee) == _REMOVING]
    found = list[tuple[Site, Expression]]()
    for site in removing:
        value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
        path = next(iter(site.call.arguments), dict(site.call.keywords).get("path"))
        if isinstance(value, Outside) and value.name.startswith(_LIBRARIES) and path is not None:
            found.append((site, path))
    return tuple(found)
