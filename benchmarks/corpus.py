"""How many endpoints of a repository come to a call that waits: for a network, a database, a process or the clock.

python -m benchmarks.corpus [--list] REPOSITORY...

A line for each repository: its `async def` and `def` endpoints, and how many of either wait somewhere, in themselves or in what they
call. With `--list`, the endpoints for which nothing is known to wait follow.
"""

import sys
from pathlib import Path

from benchmarks.figures import read
from rules import read_facts
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.library import Role, Weight
from rules.core.project import Project
from rules.core.roots import Root
from rules.core.values import ProjectFunction

LIST = "--list"


def main(arguments: list[str]) -> None:
    """Count the endpoints of each given checkout."""
    for name in arguments:
        if name != LIST:
            _say(Path(name), listed=LIST in arguments)


def _say(directory: Path, *, listed: bool) -> None:
    facts = {path: read_facts(text) for path, text in read(directory).items()}
    contexts = Contexts(Project(facts, engine().knowledge))
    endpoints = [root for root in contexts.roots if root.role is Role.ENDPOINT]
    quiet = [root for root in endpoints if not waits(root.function, contexts)]
    told = "".join(f"  {kind} {_counted(endpoints, quiet, contexts, kind):<12}" for kind in ("async def", "def"))
    print(f"{directory.resolve().name:<60}{told}", flush=True)
    for root in quiet if listed else ():
        function = contexts.project.function(root.function)
        print(f"    {root.function.path}:{function.line} {function.qualname}")


def _counted(endpoints: list[Root], quiet: list[Root], contexts: Contexts, kind: str) -> str:
    """`3 of 7`: how many of a kind wait, and how many there are."""
    of_kind = [r for r in endpoints if contexts.project.function(r.function).asynchronous == (kind == "async def")]
    return f"{len(of_kind) - sum(root in quiet for root in of_kind)} of {len(of_kind)}"


def waits(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or anything that it calls where it runs itself, has a call that waits."""
    seen, waiting = {function}, [function]
    while waiting:
        current = waiting.pop()
        if any(sink.row.weight is Weight.WAIT for sink in contexts.own_sinks(current)):
            return True
        called = set(contexts.callees(current)) - seen
        seen |= called
        waiting += called
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
