"""Cold analysis: every file of a repository is read for the first time, in one process.

python -m benchmarks.cold [REPOSITORY...]
"""

import ast
import subprocess
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import cpu_seconds, megabytes, read, say, say_load, trees
from benchmarks.sample import sample, write
from rules import Analysis, analyze, decode_facts, encode_facts, read_base, read_facts

SLOWER = 4
"""Times `ast.parse` that a cold analysis may take."""
RESIDENT = 250
"""MB of memory that may be resident for a repository of up to `LARGE` MB."""
LARGE = 20
FROM_TEXT, FROM_STORE = "--memory-from-text", "--memory-from-store"


def main(arguments: list[str]) -> None:
    """Say how a cold analysis compares to `ast.parse`, and how much memory a large repository takes."""
    if arguments and arguments[0] in {FROM_TEXT, FROM_STORE}:
        print(_peak(arguments[0], Path(arguments[1])))
        return
    say_load()
    for name, files in trees(arguments, 5).items():
        _say_time(name, files)
    if not arguments:
        with TemporaryDirectory() as directory:
            write(sample(LARGE), Path(directory))
            _say_memory(f"sample of {LARGE} MB", directory)
    for path in arguments:
        _say_memory(Path(path).resolve().name, path)


def _say_time(name: str, files: dict[str, bytes]) -> None:
    print(f"{name}: {len(files)} files, {megabytes(files):.1f} MB")
    parsing, finding, fixing = cpu_seconds(
        lambda: parse(files.values()), lambda: _analyze(files, {}), lambda: _analyze(files, files), repetitions=3
    )
    say("findings / ast.parse", f"{finding / parsing:.2f} x", f"at most {SLOWER} x", held=finding <= SLOWER * parsing)
    say("findings, and a fix written for each / ast.parse", f"{fixing / parsing:.2f} x")


def parse(sources: Iterable[bytes]) -> None:
    """Parse each file with `ast`, and keep nothing."""
    with warnings.catch_warnings(action="ignore"):
        for source in sources:
            _parse(source)


def _parse(source: bytes) -> None:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return


def _analyze(files: Mapping[str, bytes], sources: Mapping[str, bytes]) -> Analysis:
    return analyze({path: read_facts(text) for path, text in files.items()}, sources)


def _say_memory(name: str, directory: str) -> None:
    print(f"{name}, a process of its own")
    for how, what in ((FROM_TEXT, "all texts and facts in memory"), (FROM_STORE, "facts from the store, two sides")):
        mine = [sys.executable, "-m", "benchmarks.cold", how, directory]
        peak = int(subprocess.run(mine, check=True, capture_output=True, text=True).stdout)
        say(f"peak resident memory, {what}", f"{peak} MB", f"at most {RESIDENT} MB", held=peak <= RESIDENT)


def _peak(how: str, directory: Path) -> int:
    """Analyse the directory here; the largest resident size meanwhile, in MB."""
    if how == FROM_TEXT:
        files = read(directory)
        _analyze(files, {})
    else:
        found = sorted(directory.rglob("*.py"))
        _analyze_stored({path.relative_to(directory).as_posix(): _encoded(path) for path in found})
    return _largest()


def _encoded(path: Path) -> bytes:
    return encode_facts(read_facts(path.read_bytes()))


def _analyze_stored(stored: Mapping[str, bytes]) -> Analysis:
    facts = {path: decode_facts(one) for path, one in stored.items()}
    return analyze(facts, {}, base=read_base(dict(facts)))


def _largest() -> int:
    """MB. Linux only: `ru_maxrss` would also tell of the process that started this one (proc_pid_status(5))."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main(sys.argv[1:])
