"""What a type checker finds in files after their fixes that it did not find before."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.sample import write

CHECKER = "basedpyright"
"""https://docs.basedpyright.com, which brings its own Node."""
SETTINGS = {"typeCheckingMode": "basic", "reportMissingImports": False, "reportMissingModuleSource": False}
"""What a package that is not installed here gives is unknown, and nothing is said of it."""
MOST = 200
"""Files that one call of the checker names."""

Texts = Mapping[str, bytes]


def is_here() -> bool:
    return shutil.which(CHECKER) is not None


def new_errors(before: Texts, after: Texts) -> Iterator[str]:
    """The errors that came, of the files that changed, a line each.

    They are counted by file and rule: a message may name the new type of what was wrong before.
    """
    changed = [path for path, text in after.items() if text != before[path]]
    old, new = _errors(before, changed), _errors(after, changed)
    grown = Counter(kind[:2] for kind in new.elements()) - Counter(kind[:2] for kind in old.elements())
    for path, rule, message in sorted((new - old).elements()):
        if grown[path, rule]:
            yield f"{path}: {rule} {message}"


def _errors(files: Texts, wanted: list[str]) -> Counter[tuple[str, str, str]]:
    """The errors by path, rule and message."""
    with TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        write(files, root)
        (root / "pyrightconfig.json").write_text(json.dumps(SETTINGS))
        found: Counter[tuple[str, str, str]] = Counter()
        for start in range(0, len(wanted), MOST):
            command = [CHECKER, "--outputjson", "--pythonpath", sys.executable, *wanted[start : start + MOST]]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
            found.update(
                (Path(one["file"]).relative_to(root).as_posix(), one.get("rule", ""), one["message"])
                for one in json.loads(done.stdout)["generalDiagnostics"]
                if one["severity"] == "error"
            )
        return found
