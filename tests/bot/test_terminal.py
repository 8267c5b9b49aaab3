"""What a person reads of findings: every one, but nothing twice."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bot.terminal import Printer, closing_line, printable
from rules import Applicability, Edit, Finding, Fix, Severity, Span, Way

SOURCE = b"async def f():\n    a(); b(\n        1,\n    )\n"
REVERSE = Fix("Drop `async`", Way.REVERSE, (Edit("a.py", Span(1, 1, 1, 7), ""),), notes=("It awaits nothing.",))


def finding(
    span: Span, fix: Fix | None = REVERSE, severity: Severity = Severity.ERROR, path: str = "a.py", advice: str = ""
) -> Finding:
    return Finding("blocking/sleep", severity, path, span, "It blocks.", "0", "f", fix=fix, advice=advice)


def shown(*findings: Finding) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    printer = Printer(console, Path.cwd(), {"a.py": SOURCE})
    for one in findings:
        printer.finding(one)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_fix_of_two_findings_is_shown_once() -> None:
    """The second one says where to look."""
    text = shown(finding(Span(2, 5, 2, 8)), finding(Span(2, 10, 4, 6)))

    assert text.count("+def f():") == 1
    assert text.count("note: It awaits nothing.") == 1
    assert "\n  Fix (safe): the same as for a.py:2:5\n" in text


def test_a_finding_of_several_lines_is_marked_on_each() -> None:
    """From where it starts to where it ends, without the indentation."""
    assert (
        "  2 |     a(); b(\n    |          ^^\n  3 |         1,\n    |         ^^\n  4 |     )\n    |     ^\n"
    ) in shown(finding(Span(2, 10, 4, 6)))


def test_a_long_finding_is_cut() -> None:
    """Its end is named."""
    source = b"f(\n" + b"    1,\n" * 20 + b")\n"
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    Printer(console, Path.cwd(), {"a.py": source}).finding(finding(Span(1, 1, 22, 2), fix=None))

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("    1,\n") == 5
    assert "\n    | ... to line 22\n" in console.file.getvalue()


def test_without_a_fix_the_advice_is_given() -> None:
    """And nothing is offered."""
    text = shown(finding(Span(2, 5, 2, 8), fix=None, advice="Use another client."))

    assert "\n  Advice: Use another client.\n" in text
    assert "Fix (" not in text


def test_control_characters_become_visible() -> None:
    """Nothing that a repository holds acts on the terminal; a tab is four blanks at most."""
    assert printable("a\tb\x1b[0m\u202e\r\x85\udcff\n") == "a   b\ufffd[0m\ufffd\ufffd\ufffd\ufffd\n"


UNSAFE = Fix("Convert", Way.CONVERT, REVERSE.edits, Applicability.UNSAFE)
HERE = Span(2, 5, 2, 8)


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([], "No findings in 1 file."),
        ([finding(HERE, None)], "1 finding (1 error) in 1 file. None has a fix."),
        ([finding(HERE)], "1 finding (1 error) in 1 file. --fix fixes 1."),
        ([finding(HERE, UNSAFE)], "1 finding (1 error) in 1 file. --fix --unsafe-fixes fixes 1."),
        (
            [
                finding(HERE),
                finding(HERE, UNSAFE, path="b.py"),
                finding(HERE, None, Severity.WARNING),
                finding(HERE, None, Severity.INFO),
                finding(HERE, None, Severity.INFO),
            ],
            "5 findings (2 errors, 1 warning, 2 info) in 2 files. --fix fixes 1, with --unsafe-fixes 1 more.",
        ),
    ],
    ids=["none", "no fix", "safe", "unsafe", "all kinds"],
)
def test_the_closing_line(findings: list[Finding], line: str) -> None:
    """Counts by severity, and what which option would fix."""
    assert closing_line(findings, files=1) == line
