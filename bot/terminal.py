"""Findings, fixes and diffs as a person reads them in a terminal.

Colour is used where the terminal has it (rich minds `NO_COLOR` and `FORCE_COLOR`); the words are the same without. What
comes from a repository is printed as text only: a control character in it never reaches the terminal.
"""

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rules import Applicability, Edit, Finding, Fix, Severity, Step, apply_edits, decode_source

SHOWN_LINES = 6  # of a finding that spans more

COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def open_console(*, stderr: bool = False) -> Console:
    """A console that prints lines as they are: not wrapped, without markup."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """`text` with tabs as four blanks, and for each control character a question mark that cannot act."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.expandtabs(4))


class Printer:
    """Prints findings about files whose texts are `sources`, with paths as seen from the current directory."""

    def __init__(self, console: Console, root: Path, sources: Mapping[str, bytes]) -> None:
        self._console = console
        self._root = root
        self._sources = sources
        self._fixes: dict[tuple[Edit, ...], str] = {}

    def finding(self, finding: Finding) -> None:
        span = finding.span
        colour = COLOURS[finding.severity]
        self._line(
            (f"{self.place(finding.path, span.line)}:{span.column}", "bold"),
            (f"  {finding.severity}  ", colour),
            (finding.rule, "cyan"),
        )
        self._line(f"  {printable(finding.message)}")
        for line in self._excerpt(finding):
            self._console.print(line)
        if finding.chain:
            self._line(("  " + self._chain(finding), "dim"))
        self._remedy(finding)
        self._line("")

    def place(self, path: str, line: int) -> str:
        return f"{printable(os.path.relpath(self._root / path))}:{line}"

    def _line(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble(*parts))

    def _excerpt(self, finding: Finding) -> Iterator[Text]:
        lines = _lines(self._sources.get(finding.path, b""))
        span = finding.span
        last = min(span.end_line, span.line + SHOWN_LINES - 1, len(lines))
        width = len(str(last))
        for number in range(span.line, last + 1):
            text = lines[number - 1].rstrip("\r")
            yield Text.assemble((f"  {number:>{width}} | ", "dim"), printable(text))
            start = span.column - 1 if number == span.line else len(text) - len(text.lstrip())
            end = span.end_column - 1 if number == span.end_line else len(text)
            blank = cell_len(printable(text[:start]))
            marks = "^" * max(1, cell_len(printable(text[:end])) - blank)
            yield Text.assemble((f"  {'':>{width}} | ", "dim"), " " * blank, (marks, COLOURS[finding.severity]))
        if last < span.end_line:
            yield Text(f"  {'':>{width}} | ... to line {span.end_line}", "dim")

    def _chain(self, finding: Finding) -> str:
        steps = " -> ".join(map(self._step, finding.chain))
        return f"{printable(finding.route)}: {steps}" if finding.route else steps

    def _step(self, step: Step) -> str:
        return f"{printable(step.name)} ({self.place(step.path, step.line)})"

    def _remedy(self, finding: Finding) -> None:
        if finding.fix:
            self._fix(finding.fix, f"{self.place(finding.path, finding.span.line)}:{finding.span.column}")
        elif finding.advice:
            self._line(("  Advice: ", "bold"), printable(finding.advice).replace("\n", "\n  "))

    def _fix(self, fix: Fix, place: str) -> None:
        """The fix with its diff; one that was shown already is only named."""
        colour = "green" if fix.applicability is Applicability.SAFE else "yellow"
        title: list[str | tuple[str, str]] = [("  Fix ", "bold"), (f"({fix.applicability})", colour)]
        shown_at = self._fixes.setdefault(fix.edits, place)
        if shown_at != place:
            self._line(*title, f": the same as for {shown_at}")
            return
        self._line(*title, f": {printable(fix.title)}")
        for note in fix.notes:
            self._line(f"    note: {printable(note)}")
        for requirement in fix.requires:
            self._line(f"    add to the requirements: {printable(requirement)}")
        for path, edits in groupby(sorted(fix.edits), key=lambda edit: edit.path):
            self._changes(path, list(edits))

    def _changes(self, path: str, edits: Sequence[Edit]) -> None:
        before = self._sources[path]
        for line in diff_lines(path, before, apply_edits(before, edits)):
            self._console.print(line)


def diff_lines(path: str, before: bytes, after: bytes) -> Iterator[Text]:
    """A unified diff, indented and coloured."""
    for line in difflib.unified_diff(_lines(before), _lines(after), path, path, lineterm=""):
        yield Text(f"    {line[0]}{printable(line[1:].rstrip())}", DIFF_COLOURS.get(line[0], ""))


def _lines(source: bytes) -> list[str]:
    try:
        text = decode_source(source)
    except (ValueError, SyntaxError):
        text = source.decode(errors="replace")
    return text.removesuffix("\n").split("\n")


# --- the closing line


def closing_line(findings: Sequence[Finding], *, files: int) -> str:
    """How many findings there are, and how many of them a command would fix."""
    if not files:
        return "There is no Python file to check."
    if not findings:
        return f"No findings in {_counted(files, 'file')}."
    by_severity = Counter(finding.severity for finding in findings)
    kinds = ", ".join(_counted(by_severity[one], str(one)) for one in reversed(Severity) if by_severity[one])
    where = _counted(len({finding.path for finding in findings}), "file")
    return f"{_counted(len(findings), 'finding')} ({kinds}) in {where}. {_fixable(findings)}"


def _fixable(findings: Iterable[Finding]) -> str:
    kinds = Counter(finding.fix.applicability for finding in findings if finding.fix)
    safe, unsafe = kinds[Applicability.SAFE], kinds[Applicability.UNSAFE]
    if not safe and not unsafe:
        return "None has a fix."
    if not unsafe:
        return f"--fix fixes {safe}."
    if not safe:
        return f"--fix --unsafe-fixes fixes {unsafe}."
    return f"--fix fixes {safe}, with --unsafe-fixes {unsafe} more."


def _counted(number: int, noun: str) -> str:
    plural = noun if number == 1 or noun == "info" else f"{noun}s"
    return f"{number} {plural}"
