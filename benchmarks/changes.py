"""Pull requests for benchmarks: changes to a repository's files, some of which block the event loop."""

import ast
from collections.abc import Iterator, Mapping
from random import Random
from typing import TypeGuard

VERBS = frozenset({"get", "post", "put", "patch", "delete"})
HARMLESS = b"\n\ndef _described(value: object) -> str:\n    return f'<{value!r}>'\n"


def change(files: Mapping[str, bytes], count: int, blocking: int) -> dict[str, bytes]:
    """`count` files with other texts; `blocking` of them, as far as there are endpoints, with `time.sleep` in one."""
    worse = dict(_blocked(files, blocking))
    others = [path for path in _spread(list(files), 4 * count) if path not in worse and files[path]]
    return worse | {path: files[path] + HARMLESS for path in others[: count - len(worse)]}


def drawn(files: Mapping[str, bytes], count: int, draw: int) -> dict[str, bytes]:
    """So many files, drawn at random: one with an endpoint that blocks, one is new, and the others change and do no harm."""
    random = Random(draw)
    endpoints = {path: line for path, text in files.items() if (line := _endpoint(path, text))}
    worse = dict(_worse(files, dict(random.sample(sorted(endpoints.items()), min(len(endpoints), 1)))))
    others = random.sample([path for path, text in files.items() if text and path not in worse], count - len(worse))
    changed = {path: files[path] + HARMLESS for path in others[:-1]}
    return worse | changed | {f"{path.removesuffix('.py')}_again.py": files[path] + HARMLESS for path in others[-1:]}


def addition(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A file that was not there: beside another, and much like it."""
    path = sorted(files)[len(files) // 2]
    return {f"{path.removesuffix('.py')}_again.py": files[path] + HARMLESS}


def _blocked(files: Mapping[str, bytes], count: int) -> Iterator[tuple[str, bytes]]:
    endpoints = {path: line for path, text in files.items() if (line := _endpoint(path, text))}
    yield from _worse(files, {path: endpoints[path] for path in _spread(list(endpoints), count)})


def _worse(files: Mapping[str, bytes], places: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Files in which a call that blocks stands before the line of a statement."""
    for path, line in places.items():
        lines = files[path].splitlines(keepends=True)
        first = lines[line - 1]
        indent = first[: len(first) - len(first.lstrip())]
        lines.insert(line - 1, indent + b"time.sleep(0.25)\n")
        yield path, b"".join(lines) + b"\n\nimport time\n"


def _endpoint(path: str, text: bytes) -> int:
    """The line of the first statement of the first `async def` endpoint; 0 where there is none."""
    if b"async def" not in text or "test" in path:
        return 0
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return 0
    return next((node.body[-1].lineno for node in tree.body if _is_endpoint(node)), 0)


def _is_endpoint(node: ast.stmt) -> TypeGuard[ast.AsyncFunctionDef]:
    return isinstance(node, ast.AsyncFunctionDef) and any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in VERBS
        for one in node.decorator_list
    )


def _spread(paths: list[str], count: int) -> list[str]:
    """So many of the paths, from all over."""
    return paths[:: max(1, len(paths) // count)][:count] if count else []
