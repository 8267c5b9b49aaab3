"""A project on this machine: its working tree, and its revisions as Git knows them.

Texts are bytes, exactly as they are stored. Paths are those of the repository: relative to its root, with `/` between.
Git is run by name and without a shell; what a person types never reaches it in a place where it could be an option.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha1
from pathlib import Path

import msgspec

from bot.sources import SKIPPED, is_source

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", ".github")
FILE_MODES = frozenset({b"100644", b"100755"})  # neither symbolic links nor submodules


class CheckoutError(Exception):
    """What a person asked for cannot be read; the message says why in one sentence."""


class Tree(msgspec.Struct, frozen=True):
    """The files of a working tree that could be read, and for each other one the reason why not."""

    root: Path
    files: Mapping[str, bytes]
    unreadable: Mapping[str, str]


# --- the working tree


def find_root(given: Sequence[Path]) -> Path:
    """The root of the one project that all `given` paths belong to.

    That is the top of the Git repository; without Git the nearest directory that holds a project file, else the
    directory given. Raises CheckoutError where the paths belong to different repositories.
    """
    tops = {path: _top_level_or_none(path.resolve()) for path in given}
    roots = set(tops.values())
    if len(roots) > 1:
        named = " and ".join(sorted(str(root or path) for path, root in tops.items()))
        raise CheckoutError(f"The paths belong to different projects ({named}): check them one at a time.")
    return roots.pop() or _root_without_git(given)


def _top_level_or_none(path: Path) -> Path | None:
    try:
        return top_level(path if path.is_dir() else path.parent)
    except CheckoutError:
        return None


def _root_without_git(given: Sequence[Path]) -> Path:
    common = Path(os.path.commonpath([path.resolve() for path in given]))
    start = common if common.is_dir() else common.parent
    for directory in (start, *start.parents):
        if any((directory / name).exists() for name in PROJECT_FILES):
            return directory
    here = Path.cwd()
    relative = not any(path.is_absolute() for path in given)
    if relative and start.is_relative_to(here) and here not in {home(), Path(here.anchor)}:
        return here
    return _above_packages(start)


def home() -> Path | None:
    """The user's own directory; None for a user whom the system does not know, as in many containers."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _above_packages(directory: Path) -> Path:
    while (directory / "__init__.py").exists() and directory.parent != directory:
        directory = directory.parent
    return directory


def read_tree(root: Path, given: Sequence[Path] = ()) -> Tree:
    """Read the Python files of the project at `root`.

    Files that Git ignores are left out, except those beneath a path that was `given` by name and holds no other.
    """
    names = set(_list_files(root))
    for path in given:
        names.update(_named_outright(root, path.resolve(), names))
    files: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    for name in sorted(names):
        if not name.endswith(".py"):
            unreadable[name] = "It is no Python file: its name does not end in .py."
            continue
        try:
            files[name] = (root / name).read_bytes()
        except OSError as error:
            unreadable[name] = f"It cannot be read: {error.strerror}."
    return Tree(root, files, unreadable)


def _named_outright(root: Path, path: Path, listed: set[str]) -> Iterable[str]:
    name = repository_path(root, path)
    if path.is_file():
        return (name,)
    return () if any(is_beneath(one, name) for one in listed) else _walk(root, path)


def _list_files(root: Path) -> Iterator[str]:
    try:
        listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
    except CheckoutError:
        yield from _walk(root, root)
        return
    for name in fields(listed):
        path = root / name
        if is_source(name) and path.is_file() and not path.is_symlink():
            yield name


def _walk(root: Path, start: Path) -> Iterator[str]:
    for directory, directories, names in os.walk(start):
        directories[:] = sorted(set(directories) - SKIPPED)
        for name in names:
            path = Path(directory, name)
            if name.endswith(".py") and path.is_file() and not path.is_symlink():
                yield repository_path(root, path)


def repository_path(root: Path, path: Path) -> str:
    """`path` as the repository at `root` names it; the root itself is the empty string."""
    name = path.relative_to(root).as_posix()
    return "" if name == "." else name


def is_beneath(name: str, directory: str) -> bool:
    """Whether the file `name` is `directory`, or lies in it."""
    return not directory or name == directory or name.startswith(f"{directory}/")


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in place of the file in one step: a reader sees the old text or the new one, never a part."""
    name = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if path.exists():
                name.chmod(path.stat().st_mode & 0o7777)
        name.replace(path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


# --- revisions


def top_level(directory: Path) -> Path:
    """The root of the working tree around `directory`. Raises CheckoutError where there is none."""
    return Path(os.fsdecode(git(directory, "rev-parse", "--show-toplevel")).removesuffix("\n"))


def resolve(repository: Path, revision: str) -> str:
    """The SHA of the commit that `revision` names. Raises CheckoutError where there is none."""
    if not revision.startswith("-"):
        try:
            return git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        except CheckoutError:
            top_level(repository)  # where the repository itself is missing, that is the reason
    raise CheckoutError(f"There is no commit `{revision}` here.")


def merge_base(repository: Path, one: str, other: str) -> str:
    """The SHA of the commit from which both went their ways. Raises CheckoutError where they have none in common."""
    ours, theirs = resolve(repository, one), resolve(repository, other)
    try:
        return git(repository, "merge-base", ours, theirs).decode().split()[0]
    except CheckoutError:
        raise CheckoutError(f"`{one}` and `{other}` have no commit in common.") from None


def list_blobs(repository: Path, commit: str) -> dict[str, str]:
    """Path -> blob SHA of every regular file at `commit` (a SHA)."""
    blobs: dict[str, str] = {}
    for entry in git(repository, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        about, name = entry.split(b"\t", 1)
        mode, _, sha = about.split()
        if mode in FILE_MODES:
            blobs[os.fsdecode(name)] = sha.decode()
    return blobs


def python_blobs(blobs: Mapping[str, str]) -> dict[str, str]:
    """Those of `blobs` that an analysis reads."""
    return {name: sha for name, sha in blobs.items() if is_source(name)}


def read_blobs(repository: Path, shas: Iterable[str]) -> dict[str, bytes]:
    """Blob SHA -> its bytes."""
    wanted = sorted(set(shas))
    if not wanted:
        return {}
    answer = git(repository, "cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in wanted).encode())
    blobs: dict[str, bytes] = {}
    position = 0
    for sha in wanted:
        end = answer.index(b"\n", position)
        header = answer[position:end].split()
        if header[1:2] != [b"blob"]:
            raise CheckoutError(f"Git has no blob {sha}: is the clone complete?")
        size = int(header[2])
        blobs[sha] = answer[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return blobs


def blob_sha(source: bytes) -> str:
    """The SHA under which Git stores `source`: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    return sha1(b"blob %d\0" % len(source) + source, usedforsecurity=False).hexdigest()


# --- Git itself


def fields(output: bytes) -> Iterator[str]:
    """The names in what Git writes with `-z`."""
    return map(os.fsdecode, output.split(b"\0")[:-1])


def git(directory: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """What `git` writes when it is run in a directory. Raises CheckoutError with what it says where it fails."""
    command = ["git", "-c", "core.quotepath=false", "-C", str(directory), *arguments]
    environment = os.environ | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)  # noqa: S603 -- no shell; arguments are ours or checked
    except FileNotFoundError:
        raise CheckoutError("Git is not installed.") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise CheckoutError(reason[-1] if reason else f"`git {arguments[0]}` failed.")
    return done.stdout
