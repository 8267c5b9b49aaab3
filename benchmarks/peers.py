"""`asyncify check` beside hydroid (https://pypi.org/project/hydroid-cli/), which has to be installed apart from us.

python -m benchmarks.peers HYDROID [REPOSITORY...]

HYDROID is the program, for example `venv/bin/hydroid`. Both start cold in each repetition, as whole programs.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import megabytes, say, say_load, trees
from benchmarks.sample import write

SHARE = 0.5
"""The part of hydroid's wall time that a check may take."""
REPETITIONS = 3


def main(arguments: list[str]) -> None:
    """Compare wall and CPU time of both on the same trees."""
    if not arguments:
        raise SystemExit(__doc__)
    say_load()
    hydroid = str(Path(arguments[0]).resolve())
    for name, files in trees(arguments[1:], 5).items():
        print(f"{name}: {len(files)} files, {megabytes(files):.1f} MB")
        with TemporaryDirectory() as directory:
            write(files, Path(directory))
            _compare(hydroid, directory)


def _compare(hydroid: str, directory: str) -> None:
    ours, theirs = [sys.executable, "-m", "bot", "check", directory], [hydroid, "--no-cache", directory]
    measured = [(_run(ours), _run(theirs)) for _ in range(REPETITIONS)]
    for place, what in enumerate(("wall time", "CPU time")):
        own = statistics.median(mine[place] for mine, _ in measured)
        other = statistics.median(other[place] for _, other in measured)
        told = f"{own:.2f} / {other:.2f} s = {own / other:.2f} x"
        if what == "wall time":
            say(f"{what} / hydroid's", told, f"at most {SHARE} x", held=own <= SHARE * other)
        else:
            say(f"{what} / hydroid's", told)


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a program that remembers nothing of an earlier run."""
    with TemporaryDirectory() as cache:
        before, start = _children(), time.perf_counter()
        done = subprocess.run(command, env=_environ(cache), check=False, capture_output=True)
        wall, cpu = time.perf_counter() - start, _children() - before
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode()}")
    return wall, cpu


def _environ(cache: str) -> Mapping[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": cache}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
