"""Patches are read as GitHub writes them, and taken back to the byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diff import PatchMismatch, changes, hull, hunks, restore_base, unified
from rules import Edit, Span, apply_edits
from tests.bot.repository import Repository
from tests.bot.samples import git_patch, lines_of, position

PATCH = """\
@@ -1,4 +1,5 @@
 import time
+import anyio
 # next
-def a(): ...
+def b(): ...
 # end
@@ -10 +11,2 @@ def c():
 x
+y"""

# Everything that `str.splitlines` takes for a line end, and more that is awkward.
awkward = st.text(st.sampled_from("ab \t\r\n\x0b\x0c\x1c\x85\u2028é😀+-@\\"), max_size=60)


def test_hunks_hold_the_lines_of_the_new_file() -> None:
    """Context and added lines are shown, removed ones are not; an omitted count means one line."""
    first, second = hunks(PATCH)

    assert (first.lines, first.added) == (range(1, 6), frozenset({2, 4}))
    assert (second.lines, second.added) == (range(11, 13), frozenset({12}))


def test_a_header_without_counts_is_one_line() -> None:
    """`@@ -1 +1 @@` changes one line into one line."""
    (hunk,) = hunks("@@ -1 +1 @@\n-a\n+b")

    assert (hunk.lines, hunk.added) == (range(1, 2), frozenset({1}))


def test_a_deleted_file_shows_no_line() -> None:
    """There is nothing to comment on in the new file."""
    (hunk,) = hunks("@@ -1,2 +0,0 @@\n-a\n-b")

    assert len(hunk.lines) == 0
    assert restore_base(b"", "@@ -1,2 +0,0 @@\n-a\n-b") == b"a\nb\n"


def test_an_added_file_was_empty_before() -> None:
    """A new file goes back to nothing."""
    assert restore_base(b"a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b") == b""


def test_a_file_header_is_skipped() -> None:
    """`git diff` writes lines before the first hunk; GitHub does not."""
    patch = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"

    assert restore_base(b"b\n", patch) == b"a\n"


@pytest.mark.parametrize(
    ("head", "patch", "base"),
    [
        (b"a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file", b"a\nb\n"),
        (b"a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b", b"a\nb"),
        (b"a\nb", "@@ -1,2 +1,2 @@\n-x\n+a\n b\n\\ No newline at end of file", b"x\nb"),
        (b"a\r\nb\r\n", "@@ -1,2 +1,2 @@\n-x\r\n+a\r\n b\r", b"x\r\nb\r\n"),
        ("a\x0cb\u2028c\x85d\n".encode(), "@@ -1 +1 @@\n-z\n+a\x0cb\u2028c\x85d", b"z\n"),
        (b"a\n\nb\n", "@@ -1,3 +1,3 @@\n-x\n+a\n\n b", b"x\n\nb\n"),
    ],
)
def test_line_ends_come_back_as_they_were(head: bytes, patch: str, base: bytes) -> None:
    """A line ends at a line feed alone; a last line without one, and a carriage return before one, are kept."""
    assert restore_base(head, patch) == base


@pytest.mark.parametrize(
    ("head", "patch"),
    [
        (b"other\n", "@@ -1 +1 @@\n-a\n+b"),
        (b"b", "@@ -1 +1 @@\n-a\n+b"),
        (b"b\n", "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file"),
        (b"b\n", "@@ -3 +1 @@\n-a\n+b"),
        (b"b\n", "@@ -1 +1,2 @@\n-a\n+b"),
        (b"b\n", "@@ -1 +1 @@\n-a\n+b\n+c"),
        (b"b\n", "@@ -1 +1 @@\n+b\n+c"),
        (b"b\n", "@@ nonsense @@\n-a\n+b"),
        (b"b\n", "@@ -1 +1 @@\n?a\n+b"),
        (b"b\n", "@@ -1 +1 @@\n-a \ufffd\n+b"),
        (b"b\n# \xe9\n", "@@ -1,2 +1,2 @@\n-a\n+b\n # \ufffd"),
        (b"b\nx\xe9\n", "@@ -1 +1 @@\n-a\n+b"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(head: bytes, patch: str) -> None:
    """Another text, another encoding, a cut or crooked patch: the base must be fetched."""
    with pytest.raises(PatchMismatch):
        restore_base(head, patch)


def test_a_patch_that_is_no_text_is_refused() -> None:
    """JSON can hold half a surrogate pair, a file cannot."""
    with pytest.raises(PatchMismatch):
        restore_base(b"b\n", "@@ -1 +1 @@\n-a \ud800\n+b")


def test_a_replacement_character_of_the_head_itself_is_kept() -> None:
    """U+FFFD is suspicious only where the patch alone vouches for it."""
    assert restore_base("b\n\ufffd\n".encode(), "@@ -1 +1 @@\n-a\n+b") == "a\n\ufffd\n".encode()


@given(awkward, awkward)
def test_the_base_of_any_diff_is_restored(before: str, after: str) -> None:
    """Whatever the two texts are, going back from the second leads to the first."""
    assert restore_base(after.encode(), git_patch(before, after)) == before.encode()


@given(awkward, awkward)
def test_hunks_add_what_the_diff_adds(before: str, after: str) -> None:
    """Each added line is the line of the new file that a plus sign stands for."""
    patch = git_patch(before, after)
    lines = after.split("\n")
    added = [lines[line - 1] for hunk in hunks(patch) for line in sorted(hunk.added)]

    assert added == [row[1:] for row in patch.split("\n") if row.startswith("+")]


def test_what_git_itself_writes_is_taken_back(tmp_path: Path) -> None:
    """Git's own patch, with two hunks and no newline at the end, fits."""
    before = "".join(f"line {number}\n" for number in range(40)) + "end"
    after = before.replace("line 3\n", "").replace("line 30\n", "line 30\nmore\n").replace("end", "END")
    repository = Repository(tmp_path)
    repository.commit({"a.py": before})
    repository.write({"a.py": after})

    assert restore_base(after.encode(), repository.git("diff", "--", "a.py")) == before.encode()


@st.composite
def texts_with_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """A text, and edits of it that do not overlap."""
    text = draw(st.text(st.sampled_from("abé\n\n\x0c\u2028"), max_size=40))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), unique=True, max_size=6)))
    edits = [
        Edit("a.py", Span(*position(text, start), *position(text, end)), draw(st.text("xy\n", max_size=4)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return text, edits


@given(texts_with_edits())
def test_changes_are_what_the_edits_do(case: tuple[str, list[Edit]]) -> None:
    """Replacing the lines of each change makes of the text what applying the edits makes of it."""
    before, edits = case
    after = apply_edits(before.encode(), edits).decode()
    old = lines_of(before)
    pieces, line = [], 1
    for change in changes(before, after, edits):
        assert tuple(old[change.start - 1 : change.lines.stop - 1]) == change.before
        pieces += [*old[line - 1 : change.start - 1], *change.after]
        line = change.lines.stop

    assert "".join([*pieces, *old[line - 1 :]]) == after


@given(texts_with_edits())
def test_a_hull_holds_all_edits(case: tuple[str, list[Edit]]) -> None:
    """One contiguous change does what all edits do."""
    before, edits = case
    if edits:
        after = apply_edits(before.encode(), edits).decode()
        old = lines_of(before)
        change = hull(before, after, edits)

        assert "".join([*old[: change.start - 1], *change.after, *old[change.lines.stop - 1 :]]) == after


@given(texts_with_edits())
def test_a_unified_diff_can_be_taken_back(case: tuple[str, list[Edit]]) -> None:
    """The diff that people see is a patch that fits."""
    before, edits = case
    after = apply_edits(before.encode(), edits).decode()

    assert restore_base(after.encode(), unified("a.py", before, after, edits)) == before.encode()


def test_a_unified_diff_shows_three_lines_around() -> None:
    """Changes far apart are hunks of their own, near ones share one."""
    before = "".join(f"{number}\n" for number in range(1, 21))
    edits = [Edit("a.py", Span(line, 1, line, 1 + len(str(line))), "x") for line in (1, 8, 18)]
    after = apply_edits(before.encode(), edits).decode()

    assert unified("a.py", before, after, edits) == (
        "--- a/a.py\n+++ b/a.py\n"
        "@@ -1,11 +1,11 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+x\n 9\n 10\n 11\n"
        "@@ -15,6 +15,6 @@\n 15\n 16\n 17\n-18\n+x\n 19\n 20\n"
    )
