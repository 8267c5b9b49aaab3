"""Edits change what they span and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import Edit, Span, apply_edits, decode_source, go_together
from rules.core.edits import EditConflictError

PATH = "a.py"


def edit(line: int, column: int, end_line: int, end_column: int, text: str) -> Edit:
    return Edit(PATH, Span(line, column, end_line, end_column), text)


def test_a_replacement() -> None:
    assert apply_edits(b"a = 1\nb = 2\n", [edit(2, 5, 2, 6, "3")]) == b"a = 1\nb = 3\n"


def test_an_insertion_and_a_deletion() -> None:
    edits = [edit(1, 1, 1, 1, "x"), edit(1, 2, 1, 3, "")]
    assert apply_edits(b"abc", edits) == b"xac"


def test_a_deletion_over_lines() -> None:
    assert apply_edits(b"a\nb\nc\n", [edit(1, 1, 3, 1, "")]) == b"c\n"


def test_the_order_of_edits_does_not_matter() -> None:
    edits = [edit(2, 1, 2, 2, "B"), edit(1, 1, 1, 2, "A")]
    assert apply_edits(b"a\nb\n", edits) == apply_edits(b"a\nb\n", edits[::-1]) == b"A\nB\n"


def test_edits_may_touch() -> None:
    assert apply_edits(b"abc", [edit(1, 1, 1, 2, "x"), edit(1, 2, 1, 3, "y")]) == b"xyc"


def test_an_insertion_may_touch_a_replacement() -> None:
    assert apply_edits(b"abc", [edit(1, 2, 1, 2, "x"), edit(1, 2, 1, 3, "y")]) == b"axyc"


def test_no_edits_change_nothing() -> None:
    assert apply_edits(b"abc\r\n", []) == b"abc\r\n"


def test_the_same_edit_twice_is_made_once() -> None:
    """Two fixes may need the same import."""
    assert apply_edits(b"b\n", [edit(1, 1, 1, 1, "a\n")] * 2) == b"a\nb\n"


@pytest.mark.parametrize(
    "edits",
    [
        [edit(1, 1, 1, 3, "x"), edit(1, 2, 1, 4, "y")],
        [edit(1, 1, 1, 4, "x"), edit(1, 2, 1, 3, "y")],
        [edit(1, 1, 1, 3, "x"), edit(1, 1, 1, 3, "y")],
        [edit(1, 1, 1, 1, "x"), edit(1, 1, 1, 1, "y")],
        [edit(1, 1, 1, 4, "x"), edit(1, 2, 1, 2, "y")],
    ],
)
def test_overlapping_edits_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(EditConflictError):
        apply_edits(b"abcdef", edits)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (b"a = 1\n", "a = 1\n"),
        (b"\xef\xbb\xbfa = 1\n", "a = 1\n"),
        ("# größe\n".encode(), "# größe\n"),
        ("# coding: latin-1\n# größe\n".encode("latin-1"), "# coding: latin-1\n# größe\n"),
        (
            "#!/x\n# vim: set fileencoding=cp1252 :\n# €\n".encode("cp1252"),
            "#!/x\n# vim: set fileencoding=cp1252 :\n# €\n",
        ),
        (b"a\r\nb\r\n", "a\r\nb\r\n"),
        (b"a\r\nb\n", "a\r\nb\n"),
        (b"", ""),
    ],
)
def test_a_source_is_read_as_python_reads_it(source: bytes, text: str) -> None:
    assert decode_source(source) == text


@pytest.mark.parametrize(
    "source", [b"\xff\xfe", b"# coding: nothing\n", b"x = '\xe9'\n", b"\xef\xbb\xbf# coding: latin-1\n"]
)
def test_a_source_that_is_no_text_is_refused(source: bytes) -> None:
    with pytest.raises((ValueError, SyntaxError, LookupError)):
        decode_source(source)


def test_encoding_mark_and_line_ends_stay() -> None:
    source = "\ufeff# größe\r\na = 1\r\n".encode()
    assert apply_edits(source, [edit(2, 5, 2, 6, "2")]) == "\ufeff# größe\r\na = 2\r\n".encode()
    latin = "# coding: latin-1\nä = 'ö'\n".encode("latin-1")
    assert apply_edits(latin, [edit(2, 6, 2, 7, "ü")]) == "# coding: latin-1\nä = 'ü'\n".encode("latin-1")


def test_a_replacement_that_the_encoding_cannot_hold_is_refused() -> None:
    with pytest.raises(UnicodeError):
        apply_edits(b"# coding: latin-1\na\n", [edit(2, 1, 2, 2, "€")])


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_a_newline_ends_a_line(end: str) -> None:
    """As on GitHub and in Python, and other than `str.splitlines`."""
    source = f"a = '{end}'\nb = 1\n"
    assert apply_edits(source.encode(), [edit(2, 5, 2, 6, "2")]) == source.replace("1", "2").encode()


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=8), min_size=1, max_size=6)


@given(LINES, st.data())
def test_what_no_edit_spans_stays(lines: list[str], data: st.DataObject) -> None:
    """The property by slicing: for any text and any cuts, the rest is as before."""
    text = "\n".join(["# ", *lines])
    cuts = sorted(
        data.draw(st.lists(st.integers(2, len(text)), min_size=2, max_size=8).filter(lambda c: len(c) % 2 == 0))
    )
    pairs = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if a < b]
    edits = [Edit(PATH, Span(*_place(text, a), *_place(text, b)), f"<{n}>") for n, (a, b) in enumerate(pairs)]
    expected, position = "", 0
    for n, (a, b) in enumerate(pairs):
        expected += text[position:a] + f"<{n}>"
        position = b
    source = text.encode()
    if source.startswith(b"#") and b"coding" in source:
        return
    assert apply_edits(source, edits) == (expected + text[position:]).encode()


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def test_fixes_go_together_where_they_touch_other_text() -> None:
    """Also where one of them ends as the next begins, and where two make the same edit."""
    import_ = edit(1, 1, 1, 1, "import anyio\n")
    assert go_together([[import_, edit(2, 1, 2, 3, "x")], [import_, edit(2, 3, 2, 4, "y")], [edit(2, 4, 2, 4, "z")]])
    assert go_together([[import_], [edit(1, 1, 2, 1, "")]])
    assert go_together([[edit(2, 1, 2, 1, "await "), edit(2, 1, 2, 5, "f")]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (edit(2, 1, 2, 1, "await "), edit(2, 1, 2, 5, "await run_in_threadpool(f, ")),
        (edit(2, 1, 2, 1, "await "), edit(2, 1, 2, 1, "(await ")),
        (edit(2, 1, 2, 5, "f"), edit(2, 1, 2, 5, "g")),
        (edit(2, 1, 4, 5, "f"), edit(3, 2, 3, 3, "g")),
    ],
)
def test_fixes_that_do_not_go_together(one: Edit, other: Edit) -> None:
    """`await await f()` is Python, and fails."""
    assert not go_together([[one], [other]])
    assert not go_together([[other], [one], [edit(9, 1, 9, 2, "h")]])
