"""Fixes on real repositories: make all of them, and look whether anything is broken that was not.

python -m benchmarks.fixes [--unsafe] REPOSITORY...

Nothing is written to the repositories. Every file still compiles, ruff finds no name undefined and no import unused that was
not, no `await` stands where it may not, and a second run changes nothing. Where basedpyright is installed, it finds no error in
the types that was not there.
"""

import ast
import json
import re
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import megabytes, read, say, say_load
from benchmarks.sample import write
from benchmarks.typing_errors import is_here, new_errors
from bot.fixing import Fixed, Project, fix_all
from rules import Options, read_facts
from rules.core.fixes import mending, reverse

CODES = "F401,F404,F502,F632,F701,F702,F704,F706,F811,F821,F822,F823,F841,PLE0100,PLE0116,PLE0117,PLE0118,PLE1142"
"""What ruff has to say of names, imports and misplaced words: https://docs.astral.sh/ruff/rules/."""

Texts = Mapping[str, bytes]


def main(arguments: list[str]) -> None:
    """Say what the fixes did to each repository. Exits with 1 where one of them broke something."""
    say_load()
    unsafe = "--unsafe" in arguments
    paths = [Path(one) for one in arguments if not one.startswith("--")]
    refused: Counter[str] = Counter()
    with _counted("objection", mending, refused), _counted("refusal", reverse, refused):
        wrong = [line for path in paths for line in _tried(path, unsafe=unsafe)]
    print("refused by the proof, and what may not lose its `async`")
    for reason, count in refused.most_common():
        say(reason, str(count))
    print("\n".join(wrong) or "nothing is broken")
    sys.exit(bool(wrong))


def _tried(directory: Path, *, unsafe: bool) -> list[str]:
    before, start = read(directory), time.process_time()
    fixed, seconds = _fixed(before, unsafe=unsafe), time.process_time() - start
    after = fixed.project.sources
    changed = {path: text for path, text in after.items() if text != before[path]}
    print(f"{directory.name}: {len(before)} files, {megabytes(before):.1f} MB, {seconds:.1f} s of CPU")
    for way, count in Counter(str(fix.way) for _, fix in fixed.done).most_common():
        say(f"fixed: {way}", str(count))
    say("not fixed", str(len(fixed.analysis.findings)))
    say("files changed", str(len(changed)))
    again = _fixed(after, unsafe=unsafe).done
    wrong = [f"{path}: {reason}" for path, text in changed.items() if (reason := _broken(before[path], text))]
    wrong += _linted({path: before[path] for path in changed}, changed)
    wrong += new_errors(before, after) if is_here() else ()
    wrong += [f"{finding.path}: a second run fixes {finding.rule}" for finding, _ in again]
    return [f"{directory.name}: {line}" for line in wrong]


def _fixed(sources: Texts, *, unsafe: bool) -> Fixed:
    facts = {path: read_facts(text) for path, text in sources.items()}
    project = Project(sources, facts, None, Options(everything=True))
    return fix_all(project, project.analyze(), wanted=lambda _: True, unsafe=unsafe)


def _broken(before: bytes, after: bytes) -> str:
    """Why a file does not compile that did."""
    with warnings.catch_warnings(action="ignore"):
        try:
            ast.parse(before)
        except SyntaxError:  # newer than this Python
            return ""
        try:
            compile(after, "<fixed>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return str(error)
    return ""


def _linted(before: Texts, after: Texts) -> Iterator[str]:
    """What ruff finds that it did not find before."""
    for (path, code, message), count in (_lints(after) - _lints(before)).items():
        yield f"{path}: {code} {message} ({count} times more)"


def _lints(files: Texts) -> Counter[tuple[str, str, str]]:
    with TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        write(dict(files), root)
        command = ["ruff", "check", "--isolated", "--preview", "--select", CODES, "--output-format", "json", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = json.loads(done.stdout)
        return Counter(
            (_place(one, root), str(one["code"]), re.sub("line [0-9]+", "line", one["message"])) for one in found
        )


def _place(found: Mapping[str, Any], root: Path) -> str:
    return Path(found["filename"]).relative_to(root).as_posix()


@contextmanager
def _counted(name: str, module: Any, reasons: Counter[str]) -> Iterator[None]:
    """Count the reasons that a function gives meanwhile."""
    asked: Callable[..., str] = getattr(module, name)

    def counting(*given: Any, **named: Any) -> str:
        reason = asked(*given, **named)
        reasons.update([reason] * bool(reason))
        return reason

    setattr(module, name, counting)
    try:
        yield
    finally:
        setattr(module, name, asked)


if __name__ == "__main__":
    main(sys.argv[1:])
