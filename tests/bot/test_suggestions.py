"""What GitHub commits with one click is the whole fix, or is not offered."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.diff import hunks
from bot.models import Suggestion
from bot.suggestions import combined, shown_as_diff, suggest
from rules import Applicability, Edit, Fix, Span, Way, apply_edits
from tests.bot.samples import commit, edit, fix, git_patch, position, unsafe


@pytest.mark.parametrize(
    ("text", "edits", "lines", "replacement"),
    [
        ("a\nb\nc\n", [Edit("main.py", Span(2, 1, 3, 1), "")], range(1, 3), "a\n"),
        ("a\nb\nc\n", [Edit("main.py", Span(1, 1, 2, 1), "")], range(1, 3), "b\n"),
        ("a\nb\nc\n", [Edit("main.py", Span(2, 1, 2, 1), "x\n")], range(1, 2), "a\nx\n"),
        ("a\nb\nc\n", [Edit("main.py", Span(1, 1, 1, 1), "x\n")], range(1, 2), "x\na\n"),
        ("a\n\nb\n\n", [Edit("main.py", Span(3, 1, 4, 1), "")], range(1, 4), "a\n\n"),
        ("a\nb\nc\n", [Edit("main.py", Span(4, 1, 4, 1), "x\n")], range(3, 4), "c\nx\n"),
        (
            "a\nb\nc\n",
            [Edit("main.py", Span(1, 1, 1, 2), "x"), Edit("main.py", Span(3, 1, 3, 2), "y")],
            range(1, 4),
            "x\nb\ny\n",
        ),
    ],
)
def test_a_suggestion_is_never_empty(text: str, edits: list[Edit], lines: range, replacement: str) -> None:
    """A kept line goes along where lines are only added or only removed; kept lines join edits that are apart."""
    diff = {"main.py": hunks(git_patch("", text))}

    assert suggest(fix(*edits), {"main.py": text.encode()}, diff) == Suggestion(lines, replacement)


LONG = "".join(f"{number}\n" for number in range(60))


@pytest.mark.parametrize(
    ("source", "edits", "obstacle"),
    [
        (b"a\r\nb\r\n", [Edit("main.py", Span(1, 1, 1, 2), "x")], "the file has a byte-order mark or carriage returns"),
        (
            b"\xef\xbb\xbfa\nb\n",
            [Edit("main.py", Span(1, 1, 1, 2), "x")],
            "the file has a byte-order mark or carriage returns",
        ),
        (b"# coding: latin-1\n\xe9\n", [Edit("main.py", Span(2, 1, 2, 2), "x")], "the file is not UTF-8"),
        (
            b"a\nb",
            [Edit("main.py", Span(2, 1, 2, 2), "x")],
            "it reaches the last line of the file, which has no line end",
        ),
        (b"a\nb\n", [Edit("main.py", Span(1, 1, 1, 2), "a")], "it changes nothing"),
        (b"a\nb\n", [Edit("main.py", Span(1, 1, 1, 2), "a\x0c")], "its lines hold control characters"),
        (b"a\nb\n", [Edit("main.py", Span(1, 1, 1, 2), "x" * 20_000)], "it spans more than 40 lines"),
        (
            LONG.encode(),
            [Edit("main.py", Span(line, 1, line, 2), "x") for line in (1, 41)],
            "it spans more than 40 lines",
        ),
        (
            b"a\nb\n",
            [Edit("main.py", Span(1, 1, 1, 2), "x"), Edit("other.py", Span(1, 1, 1, 2), "x")],
            "it changes 2 files",
        ),
        (b"a\nb\n", [Edit("other.py", Span(1, 1, 1, 2), "x")], "it changes a file that this pull request does not"),
        (b"a\nb\n", [], "it changes a file that this pull request does not"),
    ],
)
def test_what_github_could_not_commit_exactly_is_no_suggestion(source: bytes, edits: list[Edit], obstacle: str) -> None:
    """Each obstacle is named."""
    shown = source.decode(errors="replace").count("\n") + 1
    diff = {"main.py": hunks(f"@@ -0,0 +1,{shown} @@\n" + "\n".join("+x" for _ in range(shown)))}

    assert suggest(fix(*edits), {"main.py": source}, diff) == obstacle


@st.composite
def diffs_with_fixes(draw: st.DrawFn) -> tuple[str, str, Fix]:
    """A file before and after a pull request, and a fix for the latter."""
    before = draw(st.lists(st.sampled_from("abcdef"), max_size=30).map("\n".join))
    after = draw(st.lists(st.sampled_from(["a", "b", "c", "", "é"]), min_size=3, max_size=30).map("\n".join))
    cuts = sorted(draw(st.lists(st.integers(0, len(after)), unique=True, min_size=2, max_size=4)))
    edits = [
        Edit("main.py", Span(*position(after, start), *position(after, end)), draw(st.text("xy\n", max_size=3)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return before, after, fix(*edits)


@given(diffs_with_fixes())
def test_committing_the_suggestion_is_applying_the_fix(case: tuple[str, str, Fix]) -> None:
    """Whatever the diff and the edits, GitHub makes of the file what the rule wrote, inside one hunk."""
    before, after, one = case
    diff = {"main.py": hunks(git_patch(before, after))}
    suggestion = suggest(one, {"main.py": after.encode()}, diff)
    assume(isinstance(suggestion, Suggestion))
    assert isinstance(suggestion, Suggestion)

    assert commit(after, suggestion) == apply_edits(after.encode(), one.edits).decode() != after
    assert suggestion.replacement.strip()
    assert any(set(suggestion.lines) <= set(hunk.lines) for hunk in diff["main.py"])


def test_fixes_that_take_names_out_of_one_import_are_not_combined() -> None:
    """Each leaves a name, both would leave `from x import ()`."""
    text = "from x import (\n    a,\n    # and\n    b,\n)\na()\nb()\n"
    both = [
        fix(edit("main.py", text, f"    {name},\n", ""), edit("main.py", text, f"{name}()", f"await {name}s()"))
        for name in "ab"
    ]

    assert combined(both) is None


def test_combined_fixes_are_as_safe_as_the_least_safe() -> None:
    """Notes and requirements are those of all."""
    one = fix(Edit("a.py", Span(1, 1, 1, 2), "x"), title="One", requires=("httpx2>=2",))
    other = unsafe(fix(Edit("a.py", Span(2, 1, 2, 2), "y"), title="Other"), "It differs.")
    both = combined([one, other])

    assert both is not None
    assert (both.title, both.applicability) == ("One; Other", Applicability.UNSAFE)
    assert (both.notes, both.requires) == (("It differs.",), ("httpx2>=2",))
    assert combined([one, fix(Edit("a.py", Span(2, 1, 2, 2), "y"), way=Way.REVERSE)]) is None


def test_a_fix_without_its_texts_has_no_diff() -> None:
    """Nothing is guessed."""
    one = fix(Edit("main.py", Span(1, 1, 1, 2), "x"))

    assert shown_as_diff(one, {}) == ""
    assert shown_as_diff(one, {"main.py": b"# coding: nonsense\n"}) == ""
