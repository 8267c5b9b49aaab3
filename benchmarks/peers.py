"""`asyncify check --all` beside other programs that look for blocking calls: what each finds, and what that costs.

python -m benchmarks.peers PROGRAMS REPOSITORY... [--repetitions N] [--only PEER]... [--list]

PROGRAMS is the `bin` of a virtual environment, apart from ours, in which the peers lie: ruff, flake8-async,
hydroid (`hydroid-cli`), blockpath, and evloop-lint (https://github.com/agusmdev/evloop-lint). Install there what the
repositories import as well, since hydroid sees no call of a library that it cannot import. A peer that is absent is
left out. All start cold, as whole programs, by turns, ours with its modules compiled, as an installation leaves them; the best
of the repetitions counts.

A peer's claim is ours too if one of the calls that it names, from the loop down to the one that blocks, is in one of our
findings. What a peer alone claims was read: `verdicts.toml` keeps what that showed, and `--list` prints it with its code.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bot
import rules
from benchmarks.claims import PEERS, US, Claim, Mark, Peer, verdict_of
from benchmarks.figures import megabytes, read, say, say_load

SHARE = 0.5
"""The part of hydroid's wall time that a check may take."""
WHATS = ("both", "ours only", "theirs only, true", "theirs only, false", "theirs only, unread")


@dataclass(frozen=True, slots=True)
class Run:
    """What one program says of a repository, and the seconds that it takes."""

    claims: Sequence[Claim]
    wall: float
    cpu: float


def main(arguments: Sequence[str]) -> None:
    """Print what all find and take for each repository, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=lambda path: Path(path).absolute())
    parser.add_argument("repositories", nargs="+", type=lambda path: Path(path).resolve())
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="PEER")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args(arguments)
    found = [peer for peer in PEERS if (given.programs / peer.name).exists()]
    peers = {given.programs / peer.name: peer for peer in found if peer.name in (given.only or [peer.name])}
    say_load()
    for package in (bot, rules):
        compile_dir(Path(package.__file__ or "").parent, quiet=1)
    sums = {peer.name: Counter[str]() for peer in peers.values()}
    for repository in given.repositories:
        runs = _runs({Path(sys.executable).with_name(US.name): US, **peers}, repository, given.repetitions)
        for name, counts in _compare(repository, runs, listed=given.list).items():
            sums[name] += counts
    print(f"all {len(given.repositories)} repositories")
    for name, counts in sums.items():
        print(f"  {name:<13} {_told(counts)}")


def _runs(programs: Mapping[Path, Peer], repository: Path, repetitions: int) -> dict[str, Run]:
    """By name, those that did not fail, with the least time that each took."""
    os.chdir(repository)
    turns = [
        {peer.name: _run(program, peer, repository) for program, peer in programs.items()} for _ in range(repetitions)
    ]
    runs = {name: [turn[name] for turn in turns] for name in turns[0]}
    if not all(runs[US.name]):
        raise SystemExit(1)
    return {name: _least([run for run in some if run]) for name, some in runs.items() if all(some)}


def _least(runs: Sequence[Run]) -> Run:
    return Run(runs[0].claims, min(run.wall for run in runs), min(run.cpu for run in runs))


def _run(program: Path, peer: Peer, repository: Path) -> Run | None:
    """A program that remembers nothing of an earlier run; None if it fails, which is said."""
    command = [str(program), *peer.arguments(program.parent, repository)]
    with TemporaryDirectory() as directory:
        before, start = _children(), time.perf_counter()
        environ = {**os.environ, "XDG_CACHE_HOME": directory}
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
        wall, cpu = time.perf_counter() - start, _children() - before
    try:
        return Run(list(peer.claims(done.stdout)), wall, cpu)
    except (ValueError, IndexError):
        print(f"  {peer.name} failed with status {done.returncode}: {(done.stderr or done.stdout)[-200:]!r}")
        return None


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compare(repository: Path, runs: Mapping[str, Run], *, listed: bool) -> dict[str, Counter[str]]:
    files = read(repository)
    own = runs[US.name]
    marks = _marks(own.claims)
    print(f"{repository.name}: {len(files)} files, {megabytes(files):.1f} MB")
    print(f"  {US.name:<13} {len(own.claims)} findings; {own.wall:.2f} s wall, {own.cpu:.2f} s CPU")
    told = {}
    for name, run in list(runs.items())[1:]:
        whats = [_what(claim, repository.name, marks, files) for claim in run.claims]
        told[name] = Counter(whats) + Counter({"ours only": _alone(own.claims, run.claims)})
        ratios = f"we take {own.wall / run.wall:.2f} x the wall time, {own.cpu / run.cpu:.2f} x the CPU time"
        print(f"  {name:<13} {_told(told[name])}; {run.wall:.2f} s wall, {run.cpu:.2f} s CPU; {ratios}", flush=True)
        if listed:
            _list(whats, run.claims, files)
    if "hydroid" in runs:
        share = own.wall / runs["hydroid"].wall
        say("wall time / hydroid's", f"{share:.2f} x", f"at most {SHARE} x", held=share <= SHARE)
    return told


def _what(claim: Claim, repository: str, own: frozenset[Mark], files: Mapping[str, bytes]) -> str:
    if not own.isdisjoint(claim.marks):
        return "both"
    verdict = verdict_of(claim, repository, _code(claim, files))
    return "theirs only, " + ("unread" if verdict is None else "true" if verdict.true else "false")


def _alone(own: Sequence[Claim], others: Sequence[Claim]) -> int:
    marks = _marks(others)
    return sum(marks.isdisjoint(claim.marks) for claim in own)


def _marks(claims: Sequence[Claim]) -> frozenset[Mark]:
    return frozenset(mark for claim in claims for mark in claim.marks)


def _code(claim: Claim, files: Mapping[str, bytes]) -> str:
    lines = files.get(claim.path, b"").decode(errors="replace").splitlines()
    return lines[claim.line - 1].strip() if claim.line <= len(lines) else ""


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts.get(what, 0)} {what}" for what in WHATS)


def _list(whats: Sequence[str], claims: Sequence[Claim], files: Mapping[str, bytes]) -> None:
    for what, claim in zip(whats, claims, strict=True):
        if what.startswith("theirs"):
            way = " <- ".join(f"{path}:{line}" for path, line in reversed(claim.places))
            print(f"    {what}: {claim.call}: {_code(claim, files)}\n      {way}")


if __name__ == "__main__":
    main(sys.argv[1:])
