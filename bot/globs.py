"""Globs as in `.gitignore`: https://git-scm.com/docs/gitignore#_pattern_format.

Pure. Whoever writes them may want them to be slow, so no glob is tried one way after another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate

DEEPEST = 100
"""Directories above a file that are looked at."""

Part = re.Pattern[str] | None
"""What one name of a path must be; None stands for any number of names."""

_ESCAPED = re.compile(r"\\(.)|\[\^")


@dataclass(frozen=True, slots=True)
class Glob:
    """One line. The last one that fits a path decides; one that `keeps` takes it back in."""

    parts: tuple[Part, ...]
    keeps: bool
    only_directories: bool

    def fits(self, names: Sequence[str], *, directory: bool) -> bool:
        """Whether a path, given by its names, is meant."""
        return (directory or not self.only_directories) and _fit(self.parts, names)


class Globs:
    """The globs of some lines; blank lines and comments say nothing."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._globs = [glob for line in reversed(lines) if (glob := _read(line))]
        self._directories: dict[tuple[str, ...], bool] = {}

    def match(self, path: str) -> bool:
        """Whether they mean a file, or a directory that it lies in: of that nothing is taken back."""
        names = tuple(path.split("/"))
        above = range(1, min(len(names), DEEPEST + 1))
        return any(self._means_directory(names[:end]) for end in above) or self._mean(names, directory=False)

    def _means_directory(self, names: tuple[str, ...]) -> bool:
        if names not in self._directories:
            self._directories[names] = self._mean(names, directory=True)
        return self._directories[names]

    def _mean(self, names: Sequence[str], *, directory: bool) -> bool:
        last = next((glob for glob in self._globs if glob.fits(names, directory=directory)), None)
        return last is not None and not last.keeps


def _read(line: str) -> Glob | None:
    text = re.sub(r"(?<!\\) +\Z", "", line)
    pattern = text.removeprefix("!")
    names = pattern.removesuffix("/").split("/")
    if text.startswith("#") or not names[-1]:
        return None
    if len(names) == 1:
        names = ["**", *names]
    parts = [_part(name) for name in (names if names[0] else names[1:])]
    if parts[-1] is None:  # what lies within, not the directory itself
        parts.append(_part("*"))
    return Glob(tuple(parts), pattern != text, pattern.endswith("/"))


def _part(name: str) -> Part:
    if re.fullmatch(r"\*{2,}", name):
        return None
    return re.compile(translate(_ESCAPED.sub(lambda found: _literal(found[1]) if found[1] else "[!", name)))


def _literal(letter: str) -> str:
    return f"[{letter}]" if letter in "*?[" else letter


def _fit(parts: Sequence[Part], names: Sequence[str]) -> bool:
    """Where a name does not fit, only the last `**` can take one more: what is before it fits as early as it can."""
    place = name = 0
    last: tuple[int, int] | None = None
    while name < len(names):
        part = parts[place] if place < len(parts) else _NOTHING
        if part is None:
            place += 1
            last = place, name
        elif part.fullmatch(names[name]):
            place, name = place + 1, name + 1
        elif last:
            place, name = last[0], last[1] + 1
            last = place, name
        else:
            return False
    return all(part is None for part in parts[place:])


_NOTHING = re.compile(r"(?!)")
