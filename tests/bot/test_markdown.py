"""What is quoted stays where it was put."""

import re

import pytest
from hypothesis import given

from bot.markdown import code, fenced, prose
from tests.bot.hostile import HOSTILE, MARKDOWN


@given(HOSTILE)
def test_code_comes_back_as_one_span(text: str) -> None:
    """On one line, with nothing beside it."""
    (paragraph,) = (token for token in MARKDOWN.parse(f"x {code(text)} y") if token.type == "inline")

    assert [child.type for child in paragraph.children or []] == ["text", "code_inline", "text"]


@given(HOSTILE)
def test_a_fence_comes_back_with_its_text(text: str) -> None:
    """Whatever backticks it holds."""
    exact = re.sub("[\r\x00\ud800]", "", text) + "\n"
    (fence,) = MARKDOWN.parse(fenced("diff", exact))

    assert (fence.type, fence.info, fence.content) == ("fence", "diff", exact)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a` blocks `b`.", "`a` blocks `b`."),
        ("a `b", "a \\`b"),
        ("``a`b`` c", "``a`b`` c"),
        ("2 * 3 < 4_5", "2 \\* 3 \\< 4\\_5"),
        ("ask @ada\nabout #12", "ask @\u200bada about \\#\u200b12"),
        ("- no list", "\\- no list"),
        ("1. no list", "1\\. no list"),
        ("https://example.org", "https:\u200b//example.org"),
        ("`a|b` or c|d", "`a|b` or c&#124;d"),
    ],
)
def test_prose_keeps_code_and_escapes_the_rest(text: str, shown: str) -> None:
    """A sentence of ours looks as it was written."""
    assert prose(text) == shown
