"""A marker comes back from a body as it went in, and from nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markers import Marker, read_marker, write_marker

hexes = st.text("0123456789abcdef", min_size=4, max_size=40)
OURS = write_marker(["aa11", "bb22"], "c0ffee")


@given(st.lists(hexes, max_size=5), hexes, st.text(max_size=80))
def test_a_marker_comes_back(fingerprints: list[str], head: str, text: str) -> None:
    """Whatever the comment says above it, the marker at its end is read."""
    body = f"{text}\n\n{write_marker(fingerprints, head)}"

    assert read_marker(body) == Marker(tuple(fingerprints), head)


def test_a_marker_is_one_html_comment() -> None:
    """GitHub does not show it."""
    assert OURS == "<!-- asyncify v1 head=c0ffee findings=aa11,bb22 -->"


def test_a_quoted_marker_does_not_count() -> None:
    """Code in a suggestion may look like a marker; ours stands last."""
    assert read_marker(f"`<!-- asyncify v1 head=bad findings=dead -->`\n\n{OURS}") == Marker(("aa11", "bb22"), "c0ffee")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no marker",
        "<!-- asyncify -->",
        "<!-- asyncify v2 head=c0ffee -->",
        "<!-- asyncify v1 head= -->",
        "<!-- asyncify v1 head=c0ffee findings= -->",
        "<!-- asyncify v1 head=c0ffee findings=aa,,bb -->",
        "<!--asyncify v1 head=c0ffee -->",
        "<!-- asyncify v1 head=c0ffee\n-->",
        f"{OURS} <!-- asyncify v1 cut off",
    ],
)
def test_only_the_exact_grammar_is_read(body: str) -> None:
    """A look-alike is no marker, and the last one decides."""
    assert read_marker(body) is None


@pytest.mark.parametrize("word", ["", "a b", "a--b", "a,b", "-->", "a\n", "é"])
def test_what_could_not_be_read_back_is_not_written(word: str) -> None:
    """A fingerprint can neither end the comment nor look like two."""
    with pytest.raises(ValueError, match="not a marker's word"):
        write_marker([word, "aa"], "c0ffee")
    with pytest.raises(ValueError, match="not a marker's word"):
        write_marker([], word)
