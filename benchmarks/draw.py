"""Findings drawn at random over real repositories, with their code, to be judged by reading them one by one.

python -m benchmarks.draw SEED COUNT REPOSITORY...

The same seed draws the same findings while they exist. The repositories take turns, so that none dominates: one with
few findings gives all of them, before another gives its next.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from random import Random

from benchmarks.figures import read
from rules import Finding, analyze, read_facts

BEFORE, AFTER = 6, 3
"""Lines that are shown around a finding."""

Drawn = tuple[Path, Mapping[str, bytes], Finding]


def main(arguments: Sequence[str]) -> None:
    """Print the findings that the seed draws."""
    seed, count, *repositories = arguments
    places = [_shuffled(Path(path), Random(f"{seed} {Path(path).name}")) for path in sorted(repositories)]
    turns = chain.from_iterable(zip_longest(*places))
    for number, (repository, files, finding) in enumerate(islice(filter(None, turns), int(count)), 1):
        print(f"\n=== {number}. {repository.name} {finding.path}:{finding.span.line} {finding.rule} {finding.severity}")
        print("\n".join(_told(finding, files)))


def _shuffled(repository: Path, random: Random) -> list[Drawn]:
    files = read(repository)
    found = analyze({path: read_facts(text) for path, text in files.items()}, files).findings
    return [(repository, files, finding) for finding in random.sample(found, len(found))]


def _told(finding: Finding, files: Mapping[str, bytes]) -> Iterator[str]:
    yield finding.message
    for step in finding.chain:
        yield f"  {step.path}:{step.line} {step.name}: {''.join(_lines(files[step.path], step.line, step.line)).strip()}"
    yield from (
        f"  | {line}" for line in _lines(files[finding.path], finding.span.line - BEFORE, finding.span.end_line + AFTER)
    )
    yield from _fixed(finding, files)


def _fixed(finding: Finding, files: Mapping[str, bytes]) -> Iterator[str]:
    if finding.fix is None:
        yield f"  no fix: {finding.advice}"
        return
    yield f"  {finding.fix.applicability} fix: {finding.fix.title} {' '.join(finding.fix.notes)}"
    for edit in finding.fix.edits:
        old = " / ".join(_lines(files[edit.path], edit.span.line, edit.span.end_line)).strip()
        yield f"  - {edit.path}:{edit.span.line} {old}"
        yield f"  + {edit.span.column}: {edit.replacement!r}"


def _lines(source: bytes, first: int, last: int) -> list[str]:
    return source.decode(errors="replace").split("\n")[max(first, 1) - 1 : last]


if __name__ == "__main__":
    main(sys.argv[1:])
