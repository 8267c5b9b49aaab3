"""The tests of another project, run in its own environment and watched: which passed, and what stopped the event loop."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import say

HERE = Path(__file__).parent
PLUGINS = (HERE / "stops.py", HERE.parent / "tests/applications/watching.py")
NEEDED = ("blockbuster", "sqlalchemy")
"""What the plugins import."""

Stop = tuple[str, str, str, str]
"""The test in which the loop was stopped, the function that did, and the path and the text of the line that called it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the tests said: the outcome of each, and for each what stopped the event loop."""

    outcomes: Mapping[str, str]
    stops: Counter[Stop]

    @property
    def passed(self) -> set[str]:
        return {test for test, outcome in self.outcomes.items() if outcome == "passed"}

    @property
    def sql(self) -> int:
        return sum(count for (_, name, _, _), count in self.stops.items() if name == "SQL")


def tested(
    python: Path, tests: Sequence[str], tree: Path, notes: Path, *, directory: str, variables: Mapping[str, str]
) -> Run:
    """Run tests with the pytest of an environment, in a directory of a tree of files; `notes` gets what they said.

    Raises:
        SystemExit: no test ran.
    """
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir(parents=True)
    for plugin in PLUGINS:
        shutil.copy(plugin, notes)
    paths = os.pathsep.join(filter(None, (str(notes), variables.get("PYTHONPATH"))))
    environment = {**os.environ, **variables, "PYTHONPATH": paths, "STOPS": str(notes), "STOPS_IN": str(tree)}
    command = [str(python), "-m", "pytest", *tests, "-q", "--no-header", "-p", "no:cacheprovider", "-p", "stops"]
    done = subprocess.run(command, cwd=tree / directory, env=environment, capture_output=True, text=True, check=False)
    (notes / "printed").write_text(done.stdout + done.stderr)
    return _read(notes, tree)


def _read(notes: Path, tree: Path) -> Run:
    outcomes: dict[str, str] = {}
    stops: Counter[Stop] = Counter()
    for file in notes.glob("*.jsonl"):
        for kind, test, *rest in map(json.loads, file.read_text().splitlines()):
            if kind == "test":
                outcomes[test] = rest[0]
            else:
                name, path, line, _ = rest
                stops[test, name, path.removeprefix(f"{tree}/"), line] += 1
    if not outcomes:
        raise SystemExit(f"No test ran: see {notes / 'printed'}.")
    return Run(outcomes, stops)


def fixed(tree: Path, *options: str) -> Counter[str]:
    """Make the fixes of `asyncify check --all --fix` in a tree of files; how many of which kind."""
    command = [sys.executable, "-m", "bot", "check", str(tree), "--all", "--fix", *options]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr)
    return Counter(line.split("  ", 1)[1] for line in done.stdout.splitlines() if line.startswith("Fixed "))


def compared(before: Run, after: Run) -> Iterator[str]:
    """Say what became of the tests and of the event loop in them; yields what is worse than it was.

    A stop is told by its place: which test comes first to a place depends on the workers that run the tests.
    """
    there = {stop[1:] for stop in before.stops}
    came = sorted(stop for stop in after.stops if stop[0] in after.passed and stop[1:] not in there)
    broken = sorted(before.passed - after.passed)
    say("tests passed before and after", f"{len(before.passed)}, {len(after.passed)}", "none lost", held=not broken)
    say("stops of the loop in them, before and after", f"{before.stops.total()}, {after.stops.total()}")
    say("stops that were not there before", str(len(came)), "none", held=not came)
    say("SQL on the loop, before and after", f"{before.sql}, {after.sql}", "none comes", held=after.sql <= before.sql)
    yield from (f"BROKEN {test}" for test in broken)
    yield from (f"STOPS {name} in {test}: {path}: {line}" for test, name, path, line in came)
