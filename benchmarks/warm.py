"""Warm review: nine files change and one is new in a repository whose facts are in the store, and what was worked out of them.

The first three are chosen: none of them blocks, one does, nine do. In the draws the files are random, and one blocks.

python -m benchmarks.warm [REPOSITORY...]
"""

import statistics
import sys
from collections.abc import Mapping

from benchmarks.changes import addition, change, drawn
from benchmarks.cold import parse
from benchmarks.figures import cpu_seconds, megabytes, say, say_load, trees
from rules import (
    Analysis,
    Base,
    Facts,
    analyze,
    decode_base,
    decode_facts,
    encode_base,
    encode_facts,
    read_base,
    read_facts,
)

CHANGED = 10
DRAWS = 20
BEYOND = 150
"""Milliseconds of CPU beyond parsing the changed files."""


def main(arguments: list[str]) -> None:
    """Say what a review costs beyond parsing what changed, in a new process and in one that knows the repository."""
    say_load()
    for name, files in trees(arguments, 5).items():
        print(f"{name}: {len(files)} files, {megabytes(files):.1f} MB, {CHANGED} changed or new")
        stored = {path: encode_facts(read_facts(text)) for path, text in files.items()}
        for blocking in (0, 1, CHANGED - 1):
            _say(files, stored, change(files, CHANGED - 1, blocking) | addition(files))
        _say_draws(files, stored)


def _say(files: Mapping[str, bytes], stored: Mapping[str, bytes], changed: Mapping[str, bytes]) -> None:
    known = read_base(_decoded(stored))
    of_base = encode_base(known)
    introduced = sum(finding.introduced for finding in _review(known, changed).findings)
    forgetful, knowing, parsing, everything = cpu_seconds(
        lambda: _review(decode_base(of_base, _decoded(stored)), changed),
        lambda: _review(known, changed),
        lambda: parse(changed.values()),
        lambda: parse(files.values()),
        repetitions=3,
    )
    print(
        f"  {introduced} findings introduced; CPU beyond parsing the changed files, and that / ast.parse of all files"
    )
    _say_beyond("in a new process", forgetful - parsing, everything)
    _say_beyond("in a process that knows the base", knowing - parsing, everything)


def _say_draws(files: Mapping[str, bytes], stored: Mapping[str, bytes]) -> None:
    """What random reviews of one base cost."""
    known = read_base(_decoded(stored))
    beyond = []
    for draw in range(DRAWS):
        changed = drawn(files, CHANGED, draw)
        knowing, parsing = cpu_seconds(
            lambda changed=changed: _review(known, changed),  # type: ignore[misc]
            lambda changed=changed: parse(changed.values()),  # type: ignore[misc]
            repetitions=3,
        )
        beyond.append(knowing - parsing)
    (everything,) = cpu_seconds(lambda: parse(files.values()), repetitions=3)
    print(f"  {DRAWS} draws of {CHANGED} files, of which one blocks and one is new")
    _say_beyond("in a process that knows the base, the median of them", statistics.median(beyond), everything)
    _say_beyond("the worst of them", max(beyond), everything)


def _say_beyond(where: str, seconds: float, everything: float) -> None:
    measured = f"{seconds * 1000:.0f} ms, {seconds / everything:.2f} x"
    say(where, measured, f"at most {BEYOND} ms", held=seconds * 1000 <= BEYOND)


def _decoded(stored: Mapping[str, bytes]) -> dict[str, Facts]:
    return {path: decode_facts(one) for path, one in stored.items()}


def _review(base: Base, changed: Mapping[str, bytes]) -> Analysis:
    """What the analysis of one review does. Both sides share the facts of what did not change."""
    read = {path: decode_facts(encode_facts(read_facts(text))) for path, text in changed.items()}
    return analyze({**base.facts, **read}, changed, base=base)


if __name__ == "__main__":
    main(sys.argv[1:])
