"""How things are measured here: by turns in one run, as CPU time, and told as ratios beside a bound.

Machines differ and are shared; a ratio of two medians of the same run says the same everywhere.
"""

import gc
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.sample import sample


def cpu_seconds(*works: Callable[[], object], repetitions: int = 5) -> list[float]:
    """The median of each work's CPU seconds in this process; in each repetition every work gets its turn."""
    measured = [[_once(work) for work in works] for _ in range(repetitions)]
    return [statistics.median(turns) for turns in zip(*measured, strict=True)]


def _once(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def say(what: str, measured: str, bound: str = "", *, held: bool | None = None) -> None:
    """One line: what, what was measured, the bound, and whether it held (None: there is no bound)."""
    verdict = "" if held is None else "held" if held else "NOT HELD"
    print(f"  {what:<66} {measured:>22}   {bound:<24} {verdict}", flush=True)


def say_load() -> None:
    """The machine's load, since a figure measured on a busy machine is worth less."""
    print(
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}", flush=True
    )


def trees(paths: Sequence[str], size: float) -> dict[str, dict[str, bytes]]:
    """The Python files of each given repository by its name, or those of a sample of `size` MB."""
    if not paths:
        return {f"sample of {size:g} MB": sample(size)}
    return {Path(path).resolve().name: read(Path(path)) for path in paths}


def read(directory: Path) -> dict[str, bytes]:
    """The Python files below a directory, by their path in it."""
    found = (path for path in sorted(directory.rglob("*.py")) if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def megabytes(files: dict[str, bytes]) -> float:
    return sum(map(len, files.values())) / 1e6
